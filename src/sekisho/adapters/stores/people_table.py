"""The people tables beside the data: raw key and person number of everybody who agrees to some cells.

A table is brought up to date in place from the changes of the consent view; the whole table is written
only the first time, when people were added, or when the changes are too old to be known.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sekisho.domain.identifiers import whole_number
from sekisho.domain.terms import ColumnType
from sekisho.ports import ConsentView, PeopleKeys


@dataclass(frozen=True, slots=True)
class Version:
    """What a people table holds: the versions of the identifiers and of the consent view."""

    people: int
    consent: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """How to bring a table to a version.

    ``whole`` holds all rows (``k``, ``n``, or ``n`` alone) when the table is written anew; else ``removed``
    and ``added`` are person numbers to take out and rows to put in.
    """

    version: Version
    whole: pa.Table | None
    removed: NDArray[np.int64]
    added: pa.Table | None


def refresh(
    known: Version | None, keys: PeopleKeys, consent: ConsentView | None, key_type: ColumnType
) -> Refresh | None:
    """Return what must change in a table at version *known*, or ``None`` when it is as new or newer.

    Parameters
    ----------
    known:
        The table's version, ``None`` when it does not exist.
    keys:
        All identifiers of the table's kind.
    consent:
        Who may be listed; ``None`` lists everybody.
    key_type:
        Type of the raw key in the store.
    """
    version = Version(keys.version, consent.version if consent is not None else 0)
    if known is not None and (known.consent, known.people) >= (version.consent, version.people):
        # Never back: another statement may have brought the table further meanwhile, and may be reading it.
        # Who came or went since this statement's view is met by its recheck, which reads at least as far.
        return None
    nobody = np.empty(0, dtype=np.int64)
    if known is not None and known.people == version.people and consent is not None:
        changes = consent.changes_since(known.consent)
        if changes is not None:
            numbers, allowed = changes
            return Refresh(version, None, numbers, rows_of(keys, np.isin(keys.numbers, numbers[allowed]), key_type))
    chosen = np.ones(len(keys.numbers), dtype=bool) if consent is None else consent.allowed(keys.numbers)
    return Refresh(version, rows_of(keys, chosen, key_type), nobody, None)


def rows_of(keys: PeopleKeys, chosen: NDArray[np.bool_], key_type: ColumnType) -> pa.Table:
    """Return the rows (``k``, ``n``) of those identifiers that *chosen* (shape (n,)) says, ``k`` in its own type.

    An identifier that a column of that type cannot hold has no row.
    """
    places = np.flatnonzero(chosen)
    values = keys.values.take(pa.array(places))
    if key_type is not ColumnType.INTEGER:
        return pa.table({"k": values.cast(pa.string()), "n": pa.array(keys.numbers[places])})
    held, numbers = whole_numbers(values)
    return pa.table({"k": numbers, "n": pa.array(keys.numbers[places[held]])})


def whole_numbers(values: pa.LargeStringArray) -> tuple[NDArray[np.intp], pa.Int64Array]:
    """Return which of *values* a column of whole numbers can hold, ascending places, and what it holds for them.

    Arrow's own reading is kinder than ``whole_number``: it takes ``017`` for 17, who is somebody else.
    """
    with suppress(pa.ArrowException):  # as mostly: no text among them, and none that Arrow reads too kindly
        numbers = values.cast(pa.int64())
        if not any(pc.any(pc.starts_with(values, zero)).as_py() for zero in ("0", "-0")):
            return np.arange(len(values)), numbers
    plain = pc.match_substring_regex(values, r"^(0|-?[1-9][0-9]{0,17})$").to_numpy(zero_copy_only=False)
    if not plain.all():
        for place in np.flatnonzero(pc.match_substring_regex(values, r"^-?[1-9][0-9]{18}$")).tolist():
            plain[place] = whole_number(values[place].as_py()) is not None  # of 19 digits some are beyond 64 bits
    places = np.flatnonzero(plain)
    return places, values.take(pa.array(places)).cast(pa.int64())


def refresh_numbers(known: Version | None, consent: ConsentView) -> Refresh | None:
    """Return what must change in a table of person numbers alone; see :func:`refresh`.

    No identifier is needed: the view itself says who its members are. Each number stands in it once, however
    many keys a person has, so that a join with it never doubles a row.
    """
    version = Version(0, consent.version)
    if known is not None and known.consent >= version.consent:
        return None
    nobody = np.empty(0, dtype=np.int64)
    changes = None if known is None else consent.changes_since(known.consent)
    if changes is None:
        return Refresh(version, pa.table({"n": pa.array(consent.members(), pa.int64())}), nobody, None)
    numbers, allowed = changes
    return Refresh(version, None, numbers, pa.table({"n": pa.array(numbers[allowed], pa.int64())}))
