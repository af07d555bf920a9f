r"""Records in ArcSight's Common Event Format, version 0, one event a line.

``CEF:0|vendor|product|version|event class|name|severity|extension``. In the header a pipe and a backslash are escaped
with a backslash, in the extension an equals sign and a backslash; a line break would end the event, and is written
``\n`` or ``\r`` there and a blank in the header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from sekisho import __version__
from sekisho.adapters.records.exports.ocsf import event_time

_SEVERITIES: Final = {"gap": 8, "access.deny": 4, "access.void": 4, "auth.fail": 6}
_HEADER: Final = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " "})
_VALUE: Final = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"})
_LABELS: Final = (
    "cs1Label=purpose cs2Label=datasets cs3Label=queryFingerprint cs4Label=policyRevision cs5Label=writer "
    "cs6Label=leafHash cn1Label=sequence cn2Label=rows cn3Label=people "
)


def header_text(text: str) -> str:
    """Return *text* as it may stand in a field of the header."""
    return text.translate(_HEADER)


def value_text(text: str) -> str:
    """Return *text* as it may stand as a value of the extension."""
    return text.translate(_VALUE)


def cef_lines(records: Sequence[bytes]) -> bytes:
    """Return an event for each of *records*, one a line."""
    return "".join([cef_event(orjson.loads(record), record) + "\n" for record in records]).encode()


def cef_event(fields: dict[str, Any], record: bytes) -> str:
    """Return the event of the record with these *fields*, whose bytes are *record*."""
    policy, subjects = fields.get("policy"), fields.get("subjects")
    values: tuple[tuple[str, object], ...] = (
        ("externalId", fields["id"]),
        ("suser", fields.get("requester")),
        ("act", fields.get("decision") or fields.get("action")),
        ("outcome", "failure" if fields.get("decision") == "deny" or fields["kind"] == "gap" else "success"),
        ("reason", fields.get("code", fields.get("reason"))),
        ("cs1", fields.get("purpose")),
        ("cs2", _listed(fields.get("datasets"))),
        ("cs3", fields.get("query_fp")),
        ("cs4", policy.get("revision") if isinstance(policy, dict) else None),
        ("cs5", fields["writer"]),
        ("cs6", hashlib.sha256(b"\x00" + record).hexdigest()),
        ("cn1", fields["seq"]),
        ("cn2", fields.get("rows")),
        ("cn3", subjects.get("n") if isinstance(subjects, dict) else None),
    )
    extension = " ".join(
        [f"{name}={value_text(str(value))}" for name, value in values if isinstance(value, str | int)]
    )
    return f"{_header(fields['kind'])}rt={event_time(fields['at'])} {_LABELS}{extension}"


@lru_cache(maxsize=256)
def _header(kind: str) -> str:
    name = kind.replace(".", " ").replace("_", " ")
    parts = ("Sekisho", "Sekisho", __version__, kind, name, str(_SEVERITIES.get(kind, 1)))
    return "CEF:0|" + "|".join(map(header_text, parts)) + "|"


def _listed(value: object) -> str | None:
    return ",".join(map(str, value)) if isinstance(value, list) else None
