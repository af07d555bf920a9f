"""Samples of columns: distinct values, counts, and the fields inside nested values by their path.

Values are held while a scan looks at them, as many as it asked for and cut to a length; nothing writes them down.
A path is kept, and a key of an object is part of it only where it is a field: one of many objects, spelled as
programs spell fields, and nothing that a recogniser takes for personal data. Where keys are data (a map from people
to something) the path says ``*``, and so it does where it would be too long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import orjson

from sekisho.detect.path_keys import ANY, is_field, is_personal
from sekisho.ports.scans import FoundColumn, SampledColumn

LONGEST: Final = 1_000
"""Characters of a value that are looked at; stores cut it."""
LONGEST_NESTED: Final = 16_384
"""Characters up to which a nested value is looked into."""
ROWS_A_VALUE: Final = 3
"""Rows that are read for each distinct value wanted."""
GROUP: Final = 50
"""Columns that are held at a time."""

_MOST_PATHS = 200  # of one column
_MOST_DEPTH = 8
_MOST_KEYS = 64  # of one object; more are data
_MOST_PATH = 256  # characters; a column's name may be longer by itself
_LEAST_SHARE = 0.2  # of the objects that have a key, for it to be a field
_LEAST_VALUES, _ENOUGH_VALUES = 2, 20  # objects that have it: as few, and as many as are enough whatever the share
_NESTED_SHARE = 0.9  # of the texts of a column that are JSON, for it to be one of nested values
_SCALARS = (str, int, float, bool)


@dataclass
class _Fold:
    """Takes the values of one column in, and keeps those of the lowest digests: any value is as likely as another.

    Rows come in the order of the store: the first values would be those of its oldest rows.
    """

    most: int
    rows: int = 0
    nulls: int = 0
    digests: dict[str, int] = field(default_factory=dict, repr=False)
    seen: set[int] = field(default_factory=set, repr=False)
    bound: int = 1 << 32

    def add(self, value: str | None) -> None:
        self.rows += 1
        if value is None:
            self.nulls += 1
            return
        if value in self.digests:
            return
        self.seen.add(hash(value))
        digest = crc32(value.encode("utf-8", "surrogatepass"))
        if digest < self.bound:
            self.digests[value] = digest
            if len(self.digests) > 2 * self.most:
                self._prune()

    def sampled(self, name: str, kind: str, comment: str | None = None) -> SampledColumn:
        self._prune()
        return SampledColumn(name, kind, tuple(self.digests), self.rows, self.nulls, len(self.seen), comment)

    def _prune(self) -> None:
        if len(self.digests) > self.most:
            kept = sorted(self.digests.items(), key=lambda item: item[1])[: self.most]
            self.digests, self.bound = dict(kept), kept[-1][1]


class Sampling:
    """The sample of some columns of one table, row by row.

    Parameters
    ----------
    columns:
        In the order of the values of a row.
    most:
        Distinct values of each that are kept.
    nested:
        Names of the columns that the store says hold nested values, as JSON.
    """

    def __init__(self, columns: Sequence[FoundColumn], most: int, nested: Iterable[str] = ()) -> None:
        self._columns = tuple(columns)
        self._most = most
        self._nested = frozenset(nested)
        self._folds = [_Fold(most) for _ in columns]

    def add(self, row: Sequence[object]) -> None:
        """Take one row in: a text or nothing for each column."""
        for fold, value in zip(self._folds, row, strict=True):
            fold.add(None if value is None else str(value))

    def done(self) -> list[SampledColumn]:
        """Return the columns, each followed by the paths inside its values."""
        found: list[SampledColumn] = []
        for column, fold in zip(self._columns, self._folds, strict=True):
            told = fold.sampled(column.name, column.type, column.comment)
            documents = _documents(told.values, sure=column.name in self._nested)
            if documents is None:
                found.append(told)
                continue
            # The texts of the documents say nothing as values; what is in them does.
            counts = SampledColumn(column.name, column.type, (), told.rows, told.nulls, told.distinct, column.comment)
            found.append(counts)
            found += _paths(column.name, documents, self._most)
        return found


def is_nested(texts: Sequence[str]) -> bool:
    """Return whether the texts of a column are JSON objects or lists."""
    return _documents(texts, sure=False) is not None


def _documents(texts: Sequence[str], *, sure: bool) -> list[object] | None:
    """Return the objects and lists that *texts* are, ``None`` where they are no such column."""
    if not texts:
        return [] if sure else None
    if not sure and texts[0].lstrip()[:1] not in {"{", "["}:
        return None
    found: list[object] = []
    for text in texts:
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if sure or isinstance(document, dict | list):
            found.append(document)
    if not sure and len(found) < _NESTED_SHARE * len(texts):
        return None
    return found


def _paths(name: str, documents: Sequence[object], most: int) -> Iterator[SampledColumn]:
    fields = _Fields(documents)
    folds: dict[str, _Fold] = {}
    kinds: dict[str, Counter[str]] = {}
    for document in documents:
        for path, value in fields.leaves(name, document):
            known = path in folds or len(folds) < _MOST_PATHS
            place = path if known else f"{name}.{ANY}"
            folds.setdefault(place, _Fold(most)).add(None if value is None else str(value)[:LONGEST])
            if value is not None:
                kinds.setdefault(place, Counter())[_kind(value)] += 1
    for path in sorted(folds):
        counted = kinds.get(path)
        yield folds[path].sampled(path, counted.most_common(1)[0][0] if counted else "null")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "text"


class _Fields:
    """Which keys are fields, at each place inside the documents."""

    def __init__(self, documents: Sequence[object]) -> None:
        self._seen: dict[str, Counter[str]] = {}
        self._objects: Counter[str] = Counter()
        for document in documents:
            self._count("", document, 0)
        self._fields = {place: self._chosen(place, keys) for place, keys in self._seen.items()}

    def leaves(self, name: str, document: object) -> Iterator[tuple[str, object]]:
        """Yield path and value of every value in *document*."""
        yield from self._walk(name, "", document, 0)

    def _count(self, place: str, value: object, depth: int) -> None:
        if depth > _MOST_DEPTH:
            return
        if isinstance(value, Mapping):
            self._objects[place] += 1
            seen = self._seen.setdefault(place, Counter())
            for key, inner in value.items():
                if is_field(key) and len(seen) < _MOST_KEYS * 16:
                    seen[key] += 1
                self._count(f"{place}.{key}" if is_field(key) else f"{place}.{ANY}", inner, depth + 1)
        elif isinstance(value, list):
            for inner in value:
                self._count(f"{place}[]", inner, depth + 1)

    def _chosen(self, place: str, keys: Counter[str]) -> frozenset[str]:
        if len(keys) > _MOST_KEYS:
            return frozenset()
        least = max(_LEAST_VALUES, min(_ENOUGH_VALUES, _LEAST_SHARE * self._objects[place]))
        return frozenset(key for key, count in keys.items() if count >= least and not is_personal(key))

    def _walk(self, path: str, place: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
        if depth > _MOST_DEPTH:
            yield path, str(value)
        elif isinstance(value, Mapping):
            fields = self._fields.get(place, frozenset())
            for key, inner in value.items():
                spelled = key if is_field(key) else ANY
                shown = key if key in fields and len(path) + len(key) < _MOST_PATH else ANY
                yield from self._walk(f"{path}.{shown}", f"{place}.{spelled}", inner, depth + 1)
                if shown == ANY:
                    yield f"{path}.{ANY}", key  # the key is data
        elif isinstance(value, list):
            for inner in value:
                yield from self._walk(f"{path}[]", f"{place}[]", inner, depth + 1)
        elif value is None or isinstance(value, _SCALARS):
            yield path, value


def groups(columns: Sequence[FoundColumn]) -> Iterator[tuple[FoundColumn, ...]]:
    """Yield the readable columns, :data:`GROUP` at a time."""
    readable = [column for column in columns if column.readable]
    for start in range(0, len(readable), GROUP):
        yield tuple(readable[start : start + GROUP])
