"""One interpreter of rego-cpp with the policies it compiled; used by the thread that made it and by no other.

Questions are written, and answers read, by the C interface beneath ``regopy``'s classes, for two reasons that
were measured. The classes' own way takes as long as the evaluation itself. And it lets go of Python's lock
around each of some five hundred tiny calls: while the event loop works, each may wait for the lock again.
Evaluation itself lets go of it.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

import orjson
from regopy import Bundle, Interpreter, LogLevel, RegoError
from regopy.rego_shared import path as _library_path
from regopy.rego_shared import rego as _unlocked

from sekisho.errors import PolicyUnavailable

_ENTRYPOINT: Final = "sekisho/access/decision"
_ENTRYPOINT_BYTES: Final = _ENTRYPOINT.encode()
_OK: Final = 0
_UNDEFINED: Final = b"undefined"

_locked = ctypes.PyDLL(_library_path)  # keeps Python's lock: for calls that take less time than letting go of it


def _call(name: str, *arguments: type, result: type | None = ctypes.c_uint32) -> Any:
    function = getattr(_locked, name)
    function.argtypes, function.restype = arguments, result
    return function


_new = _call("regoNewInput", result=ctypes.c_void_p)
_free = _call("regoFreeInput", ctypes.c_void_p, result=None)
_text = _call("regoInputString", ctypes.c_void_p, ctypes.c_char_p)
_flag = _call("regoInputBoolean", ctypes.c_void_p, ctypes.c_bool)
_null = _call("regoInputNull", ctypes.c_void_p)
_whole = _call("regoInputInt", ctypes.c_void_p, ctypes.c_int64)
_number = _call("regoInputFloat", ctypes.c_void_p, ctypes.c_double)
_item = _call("regoInputObjectItem", ctypes.c_void_p)
_object = _call("regoInputObject", ctypes.c_void_p, ctypes.c_uint32)
_array = _call("regoInputArray", ctypes.c_void_p, ctypes.c_uint32)
_set_input = _call("regoSetInput", ctypes.c_void_p, ctypes.c_void_p)
_answered = _call("regoOutputOk", ctypes.c_void_p, result=ctypes.c_bool)
_size = _call("regoOutputJSONSize", ctypes.c_void_p)
_json = _call("regoOutputJSON", ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32)
_forget = _call("regoFreeOutput", ctypes.c_void_p, result=None)


class CompiledPolicies:
    """The policies of one folder, compiled.

    Parameters
    ----------
    files:
        Name to source.

    Raises
    ------
    PolicyUnavailable
        When they do not compile.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        where = ""
        try:
            self._interpreter = Interpreter()
            self._interpreter.log_level = LogLevel.NONE  # else it writes to the standard error of the process
            self._interpreter.strict_built_in_errors = True
            for name, source in files.items():
                where = f" ({name})"
                self._interpreter.add_module(name, source.decode())
            where = ""
            self._bundle: Bundle = self._interpreter.build(None, [_ENTRYPOINT])
            compiled = self._bundle.ok()
        except (RegoError, UnicodeDecodeError):
            compiled = False
        if not compiled:
            raise PolicyUnavailable(
                f"The policies do not compile{where}. Run `opa check --strict` on them."
            ) from None

    def answer(self, question: dict[str, object]) -> object:
        """Return what the policies answer to *question*.

        After an exception this object must not be asked again: it may be left with half a question.

        Raises
        ------
        PolicyUnavailable
            When they answer nothing, or more than one thing.
        """
        self._put(question)
        output = _unlocked.regoBundleQueryEntrypoint(self._interpreter._impl, self._bundle._impl, _ENTRYPOINT_BYTES)  # noqa: SLF001 - no public name
        if not output:
            raise PolicyUnavailable("The policy failed while it was evaluated.")
        try:
            if not _answered(output):  # a conflict between rules, an error of a built-in function
                raise PolicyUnavailable("The policy failed while it was evaluated.")
            text = ctypes.create_string_buffer(_size(output))
            if _json(output, text, len(text)) != _OK:
                raise PolicyUnavailable("The policy failed while it was evaluated.")
        finally:
            _forget(output)
        if text.value == _UNDEFINED:
            raise PolicyUnavailable("The policy gives no answer to this question.")
        body = orjson.loads(text.value)
        expressions = body.get("expressions") if isinstance(body, dict) else None
        if not isinstance(expressions, list) or len(expressions) != 1:
            raise PolicyUnavailable("The policy gives no answer to this question.")
        only: object = expressions[0]
        return only

    def _put(self, question: dict[str, object]) -> None:
        text = orjson.dumps(question)
        if b"\\" in text:
            # The quick way writes strings into JSON unescaped, so that a quote in a name would add keys of its own;
            # JSON without a backslash has no character for which that matters.
            self._interpreter.set_input_term(text.decode())
            return
        written = _new()
        try:
            if _write(written, question) or _set_input(self._interpreter._impl, written):  # noqa: SLF001 - no public name
                raise PolicyUnavailable("The question cannot be put to the policy.")
        finally:
            _free(written)


def _write(to: int, value: Any) -> int:
    """Put *value* on the stack *to* of an input that is being written; return 0, or another number if that failed."""
    kind = type(value)
    failed: int
    if kind is str:
        failed = _text(to, value.encode())
    elif kind is dict:
        failed = 0
        for key, inner in value.items():
            failed |= _text(to, key.encode()) | _write(to, inner) | _item(to)
        failed |= _object(to, len(value))
    elif kind is list:
        failed = 0
        for inner in value:
            failed |= _write(to, inner)
        failed |= _array(to, len(value))
    elif value is None:
        failed = _null(to)
    elif kind is bool:
        failed = _flag(to, value)
    elif kind is int and -(2**63) <= value < 2**63:
        failed = _whole(to, value)
    elif kind is float:
        failed = _number(to, value)
    else:
        failed = _write(to, orjson.loads(orjson.dumps(value)))  # an enumeration, a tuple: what JSON makes of it
    return failed
