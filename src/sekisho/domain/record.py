"""What one audit record is: its canonical bytes, its place in a chain, its search columns.

A record is one JSON object in the subset of RFC 8785 (JCS) that needs no number formatting: keys are
ASCII identifiers in sorted order, no white space, strings in UTF-8 with the shortest escapes, integers
within ±(2^53 - 1), no floats, no control characters at all. The bytes are written once, stored and
hashed verbatim and never serialised again, so that no later library decides what was signed. Without
control characters a record is also one line of NDJSON as it stands.

Every record belongs to a *writer* (one process run) and carries

``v``
    Version of this layout, 1.
``id``
    UUIDv7 (RFC 9562), or the release id that its caller chose.
``seq``
    Gap-free sequence in the whole log.
``writer``, ``wseq``
    The writer, and the record's place in the writer's chain, from 0.
``prev``
    Chain value before this record, in hexadecimal.
``at``
    UTC with microseconds, ``2026-11-05T01:02:03.000004Z``.
``kind``
    What happened: ``access.release``, ``consent.withdraw``, ``writer.heartbeat`` …

and the fields of its entry beside them. With ``leaf_i = SHA-256(0x00 || record_i)`` (the leaf hash of
RFC 6962, 2.1) the chain is ``chain_i = SHA-256(chain_{i-1} || leaf_i)``, begun from the writer's name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, cast

import orjson

from sekisho.domain.keyed_hash import KeyedHash

VERSION = 1
MAX_RECORD_BYTES = 32_768
"""Upper bound of one record; the tile format of transparency logs ends at 65,535 bytes."""

REF_BYTES = 16
"""Length of a keyed reference of a person."""

MAX_SUBJECT_REFS = 65_536
"""Records about more people keep a digest of the references only; no page has more rows."""

RESERVED_FIELDS = frozenset({"v", "id", "seq", "writer", "wseq", "prev", "at", "kind"})
"""Fields that the log sets itself."""

_MAX_INTEGER = 2**53 - 1  # what every JSON reader keeps exact (RFC 8259, 6)
_MAX_DEPTH = 8
_QUICK_DEPTH = 3
_KEY = re.compile(r"[A-Za-z0-9_.:/*-]{1,160}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_KIND = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z_-]{1,36}", re.ASCII)
_REF = re.compile(r"[0-9a-f]{32}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIMPLE = frozenset({str, int, bool, type(None)})
_NOT_JSON = "the field %s of an audit record is none of: string, integer, boolean, null, list, object"


class UnrecordableError(ValueError):
    """A field that the canonical form does not know; the text names the field, never its value."""


@dataclass(frozen=True, slots=True)
class SubjectSet:
    """The people that a record is about, as keyed references.

    Attributes
    ----------
    count:
        Number of distinct people.
    digest:
        SHA-256 over the sorted references, in hexadecimal: the only trace of them in the record, so that
        the references beside it can be checked, and could be erased without breaking the chain.
    refs:
        The references in ascending order, 16 bytes each, one after another; empty when there are more
        than :data:`MAX_SUBJECT_REFS`.
    """

    count: int
    digest: str
    refs: bytes


class Indexed(NamedTuple):
    """The columns by which records are searched, always derived from the record itself.

    ``at`` is in microseconds since 1970-01-01 UTC.
    """

    at: int
    kind: str
    requester: str | None
    purpose: str | None
    decision: str | None


class StoredRecord(NamedTuple):
    """A row of the table of records, in the order of its columns; a tuple, because databases speak in them."""

    seq: int
    id: str
    writer: str
    wseq: int
    at: int
    kind: str
    requester: str | None
    purpose: str | None
    decision: str | None
    record: bytes
    chain: bytes


def stands_at(record: bytes) -> tuple[str, int] | None:
    """Return the id and the sequence that a record says of itself, ``None`` when it says none."""
    try:
        said = orjson.loads(record)
        found = said["id"], said["seq"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if type(found[0]) is str and type(found[1]) is int else None


def subject_ref(key: bytes, number: int) -> str:
    """Return the keyed reference of a data subject: HMAC-SHA-256 of the number, 16 bytes in hexadecimal.

    *key* is derived for this use alone; without it a reference names nobody.
    """
    return subject_refs(key, (number,))[0]


def subject_refs(key: bytes, numbers: Iterable[int]) -> list[str]:
    """Return :func:`subject_ref` of each of *numbers*."""
    digest = _keyed(key).digest
    return [digest(number.to_bytes(8, "big", signed=True))[:REF_BYTES].hex() for number in numbers]


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> KeyedHash:
    return KeyedHash(key)


def subject_digest(refs: bytes) -> str:
    """Return the digest of ascending, distinct references that stand one after another."""
    return hashlib.sha256(refs).hexdigest()


def ascending_subjects(refs: bytes) -> SubjectSet:
    """Return the set of people of references that are ascending and distinct already."""
    count = len(refs) // REF_BYTES
    return SubjectSet(count, subject_digest(refs), refs if count <= MAX_SUBJECT_REFS else b"")


def subject_set(refs: object) -> SubjectSet:
    """Return the set of people named by keyed references, in any order, repeated or not.

    Parameters
    ----------
    refs:
        A list of references in hexadecimal, or their bytes one after another, 16 bytes each.

    Raises
    ------
    UnrecordableError
        When it is neither, or one of the list is not 16 bytes in lower-case hexadecimal.
    """
    if isinstance(refs, bytes) and len(refs) == REF_BYTES:  # one person, as most records are about
        return ascending_subjects(refs)
    return ascending_subjects(b"".join(sorted(set(_references(refs)))))


def _references(refs: object) -> list[bytes]:
    if isinstance(refs, bytes):
        if len(refs) % REF_BYTES:
            raise UnrecordableError("subjects in bytes must be keyed references of 16 bytes each")
        return [refs[at : at + REF_BYTES] for at in range(0, len(refs), REF_BYTES)]
    if not isinstance(refs, list | tuple):
        raise UnrecordableError("subjects must be a list of keyed references, or their bytes")
    for ref in refs:
        if not isinstance(ref, str) or not _REF.fullmatch(ref):
            raise UnrecordableError("subjects must be keyed references: 32 lower-case hexadecimal digits")
    return [bytes.fromhex(ref) for ref in refs]


def _text(value: str, where: str) -> str:
    if value.isascii() and value.isprintable():  # nearly all of them
        return str(value)
    if _CONTROL.search(value):
        raise UnrecordableError(f"the field {where} of an audit record holds a control character")
    if _SURROGATE.search(value):
        raise UnrecordableError(f"the field {where} of an audit record is not well-formed Unicode")
    return str(value)


def _plain(value: object, where: str, depth: int) -> object:
    """Return a copy of *value* in plain JSON values: whoever holds the original may go on changing it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        if not -_MAX_INTEGER <= value <= _MAX_INTEGER:
            raise UnrecordableError(f"the field {where} of an audit record is beyond 2^53 - 1")
        return int(value)
    if depth >= _MAX_DEPTH:
        raise UnrecordableError(f"the field {where} of an audit record is nested deeper than {_MAX_DEPTH}")
    if isinstance(value, Mapping):
        copy: dict[str, object] = {}
        for key, item in value.items():
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                raise UnrecordableError(f"a key below {where} of an audit record is not an ASCII name")
            copy[str(key)] = _plain(item, f"{where}.{key}", depth + 1)
        return copy
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[]", depth + 1) for item in value]
    raise UnrecordableError(_NOT_JSON % where)


@lru_cache(maxsize=1_024)
def _are_names(keys: tuple[str, ...]) -> bool:
    return all(map(_KEY.fullmatch, keys))


def _is_sure(values: Iterable[object], depth: int = _QUICK_DEPTH) -> bool:
    """Return whether *values* are plain to the letter: names for keys, no floats, no foreign types, little depth."""
    for value in values:
        if type(value) in _SIMPLE:
            continue
        if type(value) is not list and not (type(value) is dict and _are_names(tuple(value))):
            return False
        inner = value.values() if type(value) is dict else value
        if not _SIMPLE.issuperset(map(type, inner)) and (depth == 0 or not _is_sure(inner, depth - 1)):
            return False
    return True


def _quick_copy(fields: Mapping[str, object]) -> dict[str, object] | None:
    """Return the copy of nearly every entry without a look at each of its texts, or ``None`` where in doubt.

    It only saves time: what is doubtful goes to :func:`_plain`, which decides. Where all types are plain, the way
    through JSON copies, and strict orjson refuses wide integers and surrogates.
    """
    try:
        data = orjson.dumps(fields, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:  # also where a key is no text
        return None
    if not _are_names(tuple(fields)) or not _is_sure(fields.values()):
        return None
    # A backslash is an escape: of a control character, perhaps.
    if not data.isascii() or b"\\" in data or b"\x7f" in data:
        return None
    return cast("dict[str, object]", orjson.loads(data))


def plain_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Return a checked deep copy of an entry's fields.

    Raises
    ------
    UnrecordableError
        For a float, a NaN, bytes, a key that is not an ASCII name, a control character, an integer beyond
        2^53 - 1, or a field that the log sets itself.
    """
    if not RESERVED_FIELDS.isdisjoint(fields):
        taken = RESERVED_FIELDS & fields.keys()
        raise UnrecordableError(f"the log sets these fields itself: {', '.join(sorted(taken))}")
    quick = _quick_copy(fields)
    if quick is not None:
        return quick
    copy = _plain(fields, "fields", 0)
    assert isinstance(copy, dict)  # noqa: S101 - a mapping is copied to a dict
    return copy


@lru_cache(maxsize=256)
def check_kind(kind: str) -> str:
    """Return *kind* when it is dotted lower-case words of at most 32 characters, or raise ``UnrecordableError``."""
    if len(kind) > 32 or not _KIND.fullmatch(kind):
        raise UnrecordableError("the kind of a record must be dotted lower-case words of at most 32 letters")
    return kind


def check_id(record_id: str) -> str:
    """Return *record_id* when it is 1 to 36 letters, digits, ``-`` or ``_``, or raise ``UnrecordableError``."""
    if not _ID.fullmatch(record_id):
        raise UnrecordableError("the id of an audit record must be 1 to 36 letters, digits, - or _")
    return record_id


def canonical(record: Mapping[str, object]) -> bytes:
    """Return the canonical bytes of a record whose fields came through :func:`plain_fields`.

    Raises
    ------
    UnrecordableError
        When the record is larger than :data:`MAX_RECORD_BYTES`.
    """
    # Over checked fields orjson writes what RFC 8785 asks for: the difference is in floats alone.
    data = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    if len(data) > MAX_RECORD_BYTES:
        raise UnrecordableError(f"an audit record may hold at most {MAX_RECORD_BYTES} bytes")
    return data


def micros(instant: datetime) -> int:
    """Return whole microseconds since 1970-01-01 UTC."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at: str) -> int:
    """Return the microseconds since 1970-01-01 UTC of a time as records spell it. Raises ``ValueError``."""
    return micros(datetime.fromisoformat(at))


def timestamp(instant: datetime) -> str:
    """Return *instant* as records spell it: UTC, six decimals, ``Z``."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[:26] + "Z"


def indexed(record: Mapping[str, object]) -> Indexed:
    """Return the search columns of a record, cut to the width of their columns.

    Raises
    ------
    ValueError
        When ``at`` or ``kind`` is not what the log writes.
    """
    kind = record.get("kind")
    if type(kind) is not str:
        raise ValueError("the record has no kind")
    return _columns(record, instant(record.get("at")), kind)


def instant(at: object) -> int:
    """Return the time that a record spells *at*, as :func:`micros`. Raises ``ValueError`` for another spelling."""
    if type(at) is not str or len(at) != 27 or at[-1] != "Z" or at[19] != ".":
        raise ValueError("the record has no time")
    digits = at[17:19] + at[20:26]
    if not (digits.isascii() and digits.isdigit()) or digits >= "60":
        raise ValueError("the time of the record is spelled otherwise than the log spells it")
    return _minute(at[:17]) + int(digits)


@lru_cache(maxsize=1_024)
def _minute(text: str) -> int:
    """Return a whole minute, in UTC and with its last colon, as :func:`micros`. Raises ``ValueError``."""
    return micros(datetime.fromisoformat(text + "00+00:00"))


def search_columns(fields: Mapping[str, object], at: datetime, kind: str) -> Indexed:
    """Return the search columns of a record about to be written: its fields, time and kind."""
    return _columns(fields, micros(at), kind)


def _columns(fields: Mapping[str, object], at: int, kind: str) -> Indexed:
    requester, purpose, decision = fields.get("requester"), fields.get("purpose"), fields.get("decision")
    return Indexed(
        at,
        kind,
        requester[:64] if isinstance(requester, str) else None,
        purpose[:64] if isinstance(purpose, str) else None,
        decision[:16] if isinstance(decision, str) else None,
    )


def genesis(writer: str) -> bytes:
    """Return the chain value before a writer's first record."""
    return hashlib.sha256(b"sekisho/audit/" + writer.encode("utf-8")).digest()


def leaf_hash(record: bytes) -> bytes:
    """Return the leaf hash of a record (RFC 6962, 2.1: the prefix keeps leaves apart from inner nodes)."""
    return hashlib.sha256(b"\x00" + record).digest()


def next_link(chain: bytes, record: bytes) -> bytes:
    """Return the chain value after *record* when it was *chain* before it."""
    return hashlib.sha256(chain + hashlib.sha256(b"\x00" + record).digest()).digest()


def chain_of(writer: str, records: Iterable[bytes]) -> list[bytes]:
    """Return the chain values of a writer's records, one for each, from the first record on."""
    chain, values = genesis(writer), []
    for record in records:
        chain = next_link(chain, record)
        values.append(chain)
    return values
