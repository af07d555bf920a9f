"""What the process says on standard error: JSON lines, and in none of them a value of anybody's data.

The program's own lines have the keys of a closed list. What libraries, the event loop and threads want to say is
told by its kind and its place alone: their words quote values, as in ``could not convert string to int: '…'``.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import PurePath
from types import TracebackType
from typing import Final

import structlog

from sekisho.transform.spans import REDACTED, replaced, resolve

LOGGED: Final = frozenset(
    {"event", "level", "timestamp", "trace_id", "code", "error", "part", "place", "count", "seconds", "revision"}
)
"""What a log line may say; every other key is dropped, because it could hold personal data."""

_WORDS: Final = frozenset({"event", "error", "part", "code"})
"""Keys whose values are words; they are constants of the program, and read as texts all the same."""

_log = structlog.get_logger("sekisho.log_lines")


def configure_logging(*, verbose: bool = False) -> None:
    """Set logging up for the whole process: structlog, the standard library's, and what ends without a catcher."""
    keep_statements_out_of_logs()

    def known_keys_only(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return {key: value for key, value in event.items() if key in LOGGED}

    def nothing_personal(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return {key: _masked(value) if key in _WORDS else value for key, value in event.items()}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            known_keys_only,
            nothing_personal,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if verbose else logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger().handlers[:] = [_Foreign()]
    logging.captureWarnings(capture=True)
    threading.excepthook = lambda ended: _uncaught("thread", ended.exc_type, ended.exc_traceback)
    sys.unraisablehook = lambda ended: _uncaught("unraisable", ended.exc_type, ended.exc_traceback)
    sys.excepthook = lambda kind, _error, trace: _uncaught("process", kind, trace)


def keep_statements_out_of_logs() -> None:
    """Silence the SQL parser's own logger: for syntax it does not know, it logs the requester's whole text."""
    logging.getLogger("sqlglot").disabled = True


def _masked(value: object) -> object:
    """Return *value* without numbers and addresses of people; ``[REDACTED]`` if nobody can tell."""
    if not isinstance(value, str) or value.replace("_", "").isalpha():
        return value
    try:
        from sekisho.detect.normalise import fold  # noqa: PLC0415 - few lines need it
        from sekisho.detect.patterns import find_patterns  # noqa: PLC0415 - few lines need it

        folded = fold(value)
        return replaced(
            value,
            resolve(value, [(*folded.original(s.start, s.end), s.kind, s.score) for s in find_patterns(folded.text)]),
        )
    except Exception:  # noqa: BLE001 - a line must not fail, nor tell what it could not read
        return REDACTED


class _Foreign(logging.Handler):
    """Tells of a line of the standard library's logging who wrote it, where, and the class of its exception."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line. The server's own sentences are constants, and are kept."""
        told = {"part": record.name, "place": f"{record.filename}:{record.lineno}"}
        if record.exc_info and record.exc_info[0] is not None:
            told |= {"error": record.exc_info[0].__name__, "place": _place(record.exc_info[2])}
        constant = record.name == "uvicorn.error" and isinstance(record.msg, str) and not record.args
        level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
        _log.log(level, record.msg.strip() if constant else "library", **told)


def _uncaught(part: str, kind: type[BaseException], trace: TracebackType | None) -> None:
    """Tell of an exception that nobody caught its class, and where it was raised."""
    _log.error("uncaught", part=part, error=kind.__name__, place=_place(trace))


def _place(trace: TracebackType | None) -> str:
    """Return the innermost line of a trace."""
    place = "unknown"
    while trace is not None:
        place, trace = f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}", trace.tb_next
    return place
