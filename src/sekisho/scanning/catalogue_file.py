"""``catalogue.yaml``: the reviewed classes as a file to commit, compared with what is known, and applied to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from sekisho.domain.classification import ReviewState
from sekisho.domain.scans import Decision, KnownColumn
from sekisho.domain.terms import ColumnClass
from sekisho.errors import InvalidRequest
from sekisho.scanning.reviews import Verdict

_HEAD: Final = "# Reviewed classes of columns: `sekisho scan diff` compares, `sekisho scan apply` takes over.\n"
_MOST_BYTES: Final = 8_000_000
_SETTLED: Final = frozenset({ReviewState.CONFIRMED, ReviewState.REJECTED, ReviewState.OVERRIDDEN})

Place = tuple[str, str, str]
"""Store, relation, column."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the file says of a column; ``column_class`` is ``None`` where nobody has reviewed it."""

    column_class: ColumnClass | None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One column about which file and gateway disagree; ``None`` where one of them does not have it."""

    place: Place
    file: Entry | None
    known: Entry | None


def entries_of(known: Sequence[KnownColumn]) -> dict[Place, Entry]:
    """Return what the file says of *known*: not of columns whose class stands in ``sekisho.yaml`` and is enough."""
    return {place_of(column): _entry(column) for column in known if column.review or column.scanned.declared is None}


def place_of(column: KnownColumn) -> Place:
    """Return where a column stands."""
    place = column.scanned.place
    return place.store, place.relation, place.name


def written(entries: Mapping[Place, Entry]) -> str:
    """Return the file; the same entries are the same bytes."""
    stores: dict[str, dict[str, dict[str, Any]]] = {}
    for (store, relation, name), entry in sorted(entries.items()):
        told: dict[str, str] = {"class": "unreviewed" if entry.column_class is None else entry.column_class.value}
        if entry.category is not None:
            told["category"] = entry.category
        stores.setdefault(store, {}).setdefault(relation, {})[name] = told
    body = yaml.safe_dump({"columns": stores}, allow_unicode=True, sort_keys=True, default_flow_style=None, width=118)
    return _HEAD + body


def read(raw: bytes) -> dict[Place, Entry]:
    """Return the entries of a file. Raises ``InvalidRequest``, which quotes nothing of it."""
    if len(raw) > _MOST_BYTES:
        raise InvalidRequest("The file is too large.")
    try:
        document = yaml.safe_load(raw.decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("The file is no YAML in UTF-8.") from None
    if not isinstance(document, Mapping) or set(document) != {"columns"}:
        raise InvalidRequest("The file has one key, `columns`: store, relation, column.")
    found: dict[Place, Entry] = {}
    for store, relations in _mapping(document["columns"]).items():
        for relation, columns in _mapping(relations).items():
            for name, told in _mapping(columns).items():
                found[str(store), str(relation), str(name)] = _read_entry(_mapping(told))
    return found


def differences(file: Mapping[Place, Entry], known: Mapping[Place, Entry]) -> list[Difference]:
    """Return where both disagree, in order."""
    places = sorted(file.keys() | known.keys())
    return [Difference(p, file.get(p), known.get(p)) for p in places if file.get(p) != known.get(p)]


def verdicts(file: Mapping[Place, Entry], known: Sequence[KnownColumn]) -> list[tuple[KnownColumn, Verdict]]:
    """Return the reviews by which *known* comes to say what *file* says.

    A column that has drifted since it was reviewed as the file says is left alone: the file is older than the drift,
    and somebody has to look (``sekisho scan review``).

    Raises ``InvalidRequest`` when the file has a column that no scan has found.
    """
    columns = {place_of(column): column for column in known}
    missing = sum(place not in columns for place in file)
    if missing:
        raise InvalidRequest(f"{missing} columns of the file were found by no scan; scan first, or take them out.")
    found = []
    for place, wanted in sorted(file.items()):
        column = columns[place]
        if wanted.column_class is None or wanted == _entry(column) or _older_than_drift(column, wanted):
            continue  # a file takes no review back
        found.append((column, _verdict(column, wanted.column_class, wanted.category)))
    return found


def _older_than_drift(column: KnownColumn, wanted: Entry) -> bool:
    review = column.review
    return (
        review is not None and column.state not in _SETTLED and wanted == Entry(review.column_class, review.category)
    )


def _verdict(column: KnownColumn, column_class: ColumnClass, category: str | None) -> Verdict:
    proposal = column.scanned.proposal
    if proposal is not None and (column_class, category) == (proposal.column_class, proposal.category):
        return Verdict(Decision.CONFIRM)
    if (column_class, category) == (ColumnClass.NONE, None):
        return Verdict(Decision.REJECT)
    return Verdict(Decision.OVERRIDE, column_class, category)


def _entry(column: KnownColumn) -> Entry:
    if column.review is None or column.state not in _SETTLED:
        return Entry(None)
    return Entry(column.review.column_class, column.review.category)


def _mapping(value: object) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise InvalidRequest("The file is `columns`: store, relation, column, each a mapping.")
    return value


def _read_entry(told: Mapping[Any, Any]) -> Entry:
    spelled, category = told.get("class"), told.get("category")
    if not set(told) <= {"class", "category"} or (category is not None and not isinstance(category, str)):
        raise InvalidRequest("A column of the file has `class`, and maybe `category`.")
    if spelled == "unreviewed":
        return Entry(None)
    try:
        return Entry(ColumnClass(str(spelled)), category)
    except ValueError:
        raise InvalidRequest("A column of the file has a class that is none.") from None
