"""The policies that come with the program, compiled to WebAssembly: the same answers in a twentieth of the time.

A module is made by ``opa build`` from the same files (``make compiled``) and names them by their digest. It
decides only where exactly those files are loaded; every other folder is interpreted, because compiled policies
take an error of a built-in function for a value that is missing. The questions of this program cannot cause one in
the policies that come with it, which the tests show; of other policies nobody knows.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson
import wasmtime

from sekisho.errors import PolicyUnavailable

MODULE_FILE: Final = "compiled.wasm"
"""Name of the module's file, beside the policies."""

_SECTION: Final = b"sekisho.sources"
_MAGIC: Final = b"\0asm\1\0\0\0"
_ABI: Final = (1, 2)  # from this version on, a question is put and answered in one call
_PAGE: Final = 65_536  # bytes
_MOST_PAGES: Final = 1_024
_ENTRYPOINT: Final = 0  # there is one
_JSON: Final = 0
_FAILED: Final = "The policy failed while it was evaluated."
_FAULTS: Final = (wasmtime.WasmtimeError, wasmtime.Trap)


def name_sources(module: bytes, digest: str) -> bytes:
    """Return *module* with a custom section that names the files that it was made of."""
    payload = bytes([len(_SECTION)]) + _SECTION + digest.encode()
    if len(payload) > 127:
        raise ValueError("the section's length takes one byte")
    return module + bytes([0, len(payload)]) + payload


def sources_of(module: bytes) -> str | None:
    """Return the digest that :func:`name_sources` put at the module's end, ``None`` where there is none."""
    before, found, digest = module.rpartition(bytes([len(_SECTION)]) + _SECTION)
    whole = found and module.startswith(_MAGIC) and name_sources(before[:-2], digest.decode("latin-1")) == module
    return digest.decode() if whole else None


class CompiledModule:
    """A module that was read and translated for this machine; any number of threads may make it ready.

    Raises ``PolicyUnavailable`` when it is not a module of policies.
    """

    def __init__(self, module: bytes) -> None:
        try:
            self.engine = wasmtime.Engine()
            self.module = wasmtime.Module(self.engine, module)
        except wasmtime.WasmtimeError:
            raise PolicyUnavailable("The compiled policies are not a WebAssembly module.") from None


def compiled_module(folder: Path, digest: str) -> CompiledModule | None:
    """Return the module in *folder* if it was made of the files with this digest, else ``None``."""
    try:
        module = (folder / MODULE_FILE).read_bytes()
    except OSError:
        return None
    return _translated(module) if sources_of(module) == digest else None


@lru_cache(maxsize=4)
def _translated(module: bytes) -> CompiledModule:
    """Return *module* translated, once a process: it takes a third of a second, and reloads find the same."""
    return CompiledModule(module)


class ModulePolicies:
    """The policies of a module, ready to answer; used by the thread that made it and by no other.

    Raises ``PolicyUnavailable`` when the module does not speak the interface of OPA's compiler.
    """

    def __init__(self, compiled: CompiledModule) -> None:
        self._store = wasmtime.Store(compiled.engine)
        try:
            self._memory = wasmtime.Memory(self._store, wasmtime.MemoryType(wasmtime.Limits(4, _MOST_PAGES)))
            imported = [self._imported(each) for each in compiled.module.imports]
            exports: Any = wasmtime.Instance(self._store, compiled.module, imported).exports(self._store)
            version = exports["opa_wasm_abi_version"], exports["opa_wasm_abi_minor_version"]
            if tuple(each.value(self._store) for each in version) < _ABI:
                raise PolicyUnavailable("The compiled policies were made by an OPA that is too old.")
            self._eval = exports["opa_eval"]
            self._top = exports["opa_heap_ptr_get"]
            self._data = self._parsed(exports, b"{}")
            self._heap: int = self._top(self._store)
        except (*_FAULTS, KeyError):
            raise PolicyUnavailable("The compiled policies are not what OPA's compiler makes.") from None

    def answer(self, question: dict[str, object]) -> object:
        """Return what the policies answer to *question*.

        After an exception this object must not be asked again.

        Raises
        ------
        PolicyUnavailable
            When they answer nothing, or more than one thing.
        """
        text = orjson.dumps(question)
        end = self._heap + len(text)
        try:
            missing = end - self._memory.data_len(self._store)
            if missing > 0:
                self._memory.grow(self._store, -(-missing // _PAGE))
            self._memory.write(self._store, text, self._heap)
            # Everything that it needs lies above the question, and is forgotten with the next one.
            place = self._eval(self._store, 0, _ENTRYPOINT, self._data, self._heap, len(text), end, _JSON)
            answers = orjson.loads(self._text(place))
        except (*_FAULTS, ValueError):  # out of memory, two values for one rule
            raise PolicyUnavailable(_FAILED) from None
        if not isinstance(answers, list) or len(answers) != 1 or set(answers[0]) != {"result"}:
            raise PolicyUnavailable("The policy gives no answer to this question.")
        only: object = answers[0]["result"]
        return only

    def _text(self, place: int) -> bytes:
        """Return the text at *place*, which lies below the top of the heap and ends with a zero."""
        top: int = self._top(self._store)
        return bytes(self._memory.read(self._store, place, max(top, place))).partition(b"\0")[0]

    def _parsed(self, exports: Any, text: bytes) -> int:
        place = exports["opa_malloc"](self._store, len(text))
        self._memory.write(self._store, text, place)
        parsed: int = exports["opa_json_parse"](self._store, place, len(text))
        return parsed

    def _imported(self, wanted: wasmtime.ImportType) -> wasmtime.Memory | wasmtime.Func:
        """Return what the module asks its host for: memory. Functions of the host end the evaluation."""
        if isinstance(wanted.type, wasmtime.MemoryType):
            return self._memory

        def refuse(*_: object) -> None:
            raise wasmtime.WasmtimeError(_FAILED)

        return wasmtime.Func(self._store, wanted.type, refuse)  # type: ignore[arg-type]  # a function: OPA imports no more
