"""From a resolved statement and a permit to a plan that can be run many times.

A plan holds everything but values: a literal or parameter that stands against a key is a *slot*, filled
by :func:`bind` with the decoded token. So a plan is reused for every run of the same question, and
neither raw keys nor tokens ever stand in SQL text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sekisho.domain.governed import GovernedQuery, Output, Projection, Scan
from sekisho.domain.identifiers import whole_number
from sekisho.domain.row_filters import Ago, instant_text
from sekisho.domain.terms import ColumnType, StoreKind
from sekisho.errors import InvalidRequest, MaskedColumnUse, PolicyUnavailable
from sekisho.query.dialects.dialect import Instants
from sekisho.query.form import without_literals
from sekisho.query.kinds import PERSON
from sekisho.query.looks import Look


class TokenCodec(Protocol):
    """Decodes what a requester received for a purpose; made by the gateway for one requester and purpose."""

    def person(self, token: str) -> int | None:
        """Return the person number of a pseudonym, or ``None`` when it was not made here."""

    def raw_key(self, identifier: str, number: int) -> str | None:
        """Return the raw identifier of a person as the stores hold it, or ``None``."""

    def token(self, domain: str, token: str) -> str | None:
        """Return the raw value of a linking identifier's token, or ``None`` when it was not made here."""

    def seed(self, name: str) -> int:
        """Return the seed *name* of the order of rows, from 1 to 2^30 - 1, of this requester and purpose."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One named parameter of a plan.

    Attributes
    ----------
    name:
        Name in the generated SQL.
    given:
        Index into the requester's parameters, or ``None`` for a literal of the statement.
    literal:
        The literal, when ``given`` is ``None``.
    domain:
        Token domain in which the value is decoded, or ``None`` for a plain value.
    identifier:
        Set when the slot wants the raw key of this identifier kind instead of the person number.
    key_type:
        Type of the raw identifier in the store.
    expects:
        Type that a plain value must have, because a leak-proof comparison relies on it.
    reads:
        Whether the engine reads a text as a value of that type, because the comparison relies on that, too.
    seed:
        Whether it is the seed, of this name, of the order of rows.
    pattern:
        Whether it is a LIKE pattern, which must not end in its escape character.
    of_store:
        SQL type of a value that the store itself puts in when it runs the statement: who may be read.
    ago:
        How long before the run the date or timestamp is that a row filter compares with.
    shown:
        What the masked column looks like that the value stands against.
    instant:
        How the instant is told that the value tells; ``None`` for any other value.
    days:
        How many days after that instant's own the day lies that is wanted in place of it.
    """

    name: str
    given: int | None
    literal: str | int | float | None = field(default=None, repr=False)
    domain: str | None = None
    identifier: str | None = None
    key_type: ColumnType | None = None
    expects: ColumnType | None = None
    reads: Callable[[str], bool] | None = None
    seed: bool = False
    pattern: bool = False
    of_store: str | None = None
    ago: Ago | None = None
    shown: Look | None = None
    instant: Instants | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A governed statement without its values. See :class:`~sekisho.domain.governed.GovernedQuery`."""

    engine: StoreKind
    stores: tuple[str, ...]
    sql: str = field(repr=False)
    slots: tuple[Slot, ...]
    parameters: int
    outputs: tuple[Output, ...]
    hidden: int
    rowwise: bool
    projections: tuple[Projection, ...]
    reads: frozenset[tuple[str, str]]
    order_by_token: bool
    fenced: bool
    fingerprint: str
    scans: tuple[PlannedScan, ...] = ()
    cut: bool = False
    joined: bool = False

    @property
    def shown_sql(self) -> str:
        """The statement without the requester's own literals."""
        return without_literals(self.sql)

    def all_slots(self) -> Iterator[Slot]:
        """Yield the slots of the statement and of its scans."""
        yield from self.slots
        for scan in self.scans:
            yield from scan.plan.slots


@dataclass(frozen=True, slots=True)
class PlannedScan:
    """A scan without its values. See :class:`~sekisho.domain.governed.Scan`."""

    table: str
    types: tuple[tuple[str, ColumnType], ...]
    plan: Plan


_WORD = 2**63
_PYTHON: dict[ColumnType, tuple[type, ...]] = {
    ColumnType.STRING: (str,),
    ColumnType.INTEGER: (int,),
    ColumnType.DOUBLE: (int, float),
    ColumnType.BOOLEAN: (bool,),
    ColumnType.DATE: (str,),
    ColumnType.TIMESTAMP: (str,),
}


def bind(plan: Plan, parameters: Sequence[object], codec: TokenCodec, now: datetime | None = None) -> GovernedQuery:
    """Fill the slots of *plan* and return the statement to run at *now*, in the time zone of the workspace.

    Raises
    ------
    InvalidRequest
        When the number or the type of the parameters does not fit.
    MaskedColumnUse
        When a value compared with a key is not a token that this requester received for this purpose.
    PolicyUnavailable
        When a row filter depends on the time, which is not told.
    """
    if len(parameters) != plan.parameters:
        raise InvalidRequest(f"The statement has {plan.parameters} parameters; {len(parameters)} were given.")
    values = {slot.name: _value(slot, parameters, codec, now) for slot in plan.slots}
    return GovernedQuery(
        engine=plan.engine,
        stores=plan.stores,
        sql=plan.sql,
        parameters=values,
        outputs=plan.outputs,
        hidden=plan.hidden,
        rowwise=plan.rowwise,
        projections=plan.projections,
        reads=plan.reads,
        order_by_token=plan.order_by_token,
        fingerprint=plan.fingerprint,
        scans=tuple(Scan(scan.table, scan.types, bind(scan.plan, parameters, codec, now)) for scan in plan.scans),
        cut=plan.cut,
        joined=plan.joined,
    )


def _long_before(now: datetime | None, slot: Slot, ago: Ago) -> str:
    """Return the date or timestamp so long before *now*, as every store reads it."""
    if now is None:
        raise PolicyUnavailable("A row filter depends on the time, which is not told.")
    instant = ago.before(now)
    if slot.expects is ColumnType.DATE:
        return instant.date().isoformat()
    text = instant_text(instant)
    return text if slot.instant is None else slot.instant.value(text) or text


def _told(value: object, words: Instants, days: int | None, which: str) -> str:
    told = words.value(value) if isinstance(value, str) else None
    if told is None:
        raise InvalidRequest(f"{which} must tell an instant or a day to be compared with one.")
    return told if days is None else words.day(told, days)


def _check_read(value: object, slot: Slot, which: str) -> None:
    """Refuse what the engine would fail to read when the first row comes so far: that would tell of this row."""
    if isinstance(value, int) and not -_WORD <= value < _WORD:
        raise InvalidRequest(f"{which} is a number outside of 64 bits.")
    if slot.reads is not None and isinstance(value, str) and not slot.reads(value):
        raise InvalidRequest(
            f"{which} must tell a day or an instant, as '2026-01-31' or '2026-01-31T10:00:00Z' do, to be compared"
            " with its column; one that is far away is written into the statement."
        )


def _value(slot: Slot, parameters: Sequence[object], codec: TokenCodec, now: datetime | None) -> object:
    if slot.seed:
        return codec.seed(slot.name)
    if slot.of_store is not None:
        return None  # and who reads it as NULL reads no row
    if slot.ago is not None:
        return _long_before(now, slot, slot.ago)
    value = parameters[slot.given] if slot.given is not None else slot.literal
    which = f"Parameter {slot.given + 1}" if slot.given is not None else "A literal"
    if value is not None and not isinstance(value, str | int | float | bool):
        raise InvalidRequest(f"{which} must be a string, number, boolean or null.")
    if isinstance(value, str) and not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
        raise InvalidRequest(f"{which} is no Unicode text: it holds half a surrogate pair.")
    if slot.domain is None:
        if slot.shown is not None and value is not None:
            value = slot.shown.read(value, f"a comparison with {which[0].lower()}{which[1:]}")
        if slot.expects is not None and value is not None:
            fits = isinstance(value, _PYTHON[slot.expects])
            if isinstance(value, bool) and slot.expects is not ColumnType.BOOLEAN:
                fits = False
            if not fits:
                raise InvalidRequest(f"{which} must be a {slot.expects.value} to be compared with its column.")
            _check_read(value, slot, which)
        if slot.instant is not None and value is not None:
            value = _told(value, slot.instant, slot.days, which)
        if slot.pattern and isinstance(value, str) and value.endswith("\\"):
            raise InvalidRequest(f"{which} is a LIKE pattern and must not end with a backslash.")
        return value
    if value is None:
        return None
    decoded: object = None
    if isinstance(value, str):
        if slot.domain == PERSON:
            number = codec.person(value.removeprefix("pseudonym:"))
            decoded = number
            if number is not None and slot.identifier is not None:
                raw = codec.raw_key(slot.identifier, number)
                # A person whose key this store does not hold matches nothing.
                return raw if raw is None or slot.key_type is not ColumnType.INTEGER else whole_number(raw)
        else:
            decoded = codec.token(slot.domain.removeprefix("id:"), value)
            if decoded is not None and slot.key_type is ColumnType.INTEGER:
                decoded = int(str(decoded))
    if decoded is None:
        raise MaskedColumnUse(
            f"{which} is compared with a pseudonymised key, but is no pseudonym that you received for this purpose."
        )
    return decoded
