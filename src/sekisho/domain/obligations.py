"""What the gateway must do besides, and the proof that it did.

A permit lists obligations; one that the gateway does not know means no (XACML 3.0, 7.18). Of each release a
:class:`Discharges` is kept: a step that did something says what it did, and an obligation that no step discharged,
or that what was done does not fulfil, lets nothing leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sekisho.domain.limits import OutputClass, ReleaseFormat
from sekisho.domain.read_json import as_list, as_mapping, as_string, as_whole
from sekisho.errors import PolicyUnavailable


class ObligationKind(StrEnum):
    """What can be asked of the gateway, each with one kind of value.

    ``max_rows``, ``max_data_subjects`` and ``min_group`` are limits in rows, persons, and persons a group;
    ``retention`` the days after which the recipient has deleted what it received. ``rate_limit`` is an
    :class:`Allowance` of answers, ``budget`` one of rows. ``output_class`` is the most that may leave, ``formats``
    the forms in which it may, ``watermark`` what each row carries (``release_id``), and ``record`` the kind of a
    further audit record (``access.break_glass``).
    """

    MAX_ROWS = "max_rows"
    MAX_DATA_SUBJECTS = "max_data_subjects"
    MIN_GROUP = "min_group"
    RATE_LIMIT = "rate_limit"
    BUDGET = "budget"
    OUTPUT_CLASS = "output_class"
    RETENTION = "retention"
    FORMATS = "formats"
    WATERMARK = "watermark"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Allowance:
    """So much in each window of so many seconds, counted for one requester and purpose over all workers."""

    amount: int
    seconds: int


ObligationValue = int | str | Allowance | OutputClass | tuple[ReleaseFormat, ...]


@dataclass(frozen=True, slots=True)
class Obligation:
    """One obligation with its value."""

    kind: ObligationKind
    value: ObligationValue

    def value_json(self) -> object:
        """Return the value as the policy writes it."""
        if isinstance(self.value, Allowance):
            return {"amount": self.value.amount, "seconds": self.value.seconds}
        if isinstance(self.value, tuple):
            return [each.value for each in self.value]
        return str(self.value) if isinstance(self.value, str) else self.value


WATERMARKS = frozenset({"release_id"})
"""What a row may have to carry."""
RECORDS = frozenset({"access.break_glass"})
"""Kinds of further audit records that a policy may ask for."""

_OUTPUT_ORDER = tuple(OutputClass)  # from the least that is told of a person to the most


def obligation_from_json(value: object) -> Obligation:
    """Read ``{"kind", "value"}``. Raises ``ValueError`` for what is not a known obligation."""
    item = as_mapping(value, "obligation")
    if set(item) != {"kind", "value"}:
        raise ValueError("an obligation that is not {kind, value}")
    kind = ObligationKind(as_string(item["kind"], "kind"))
    return Obligation(kind, _READ[kind](item["value"]))


def _whole(value: object) -> int:
    return as_whole(value, "obligation")


def _allowance(value: object) -> Allowance:
    item = as_mapping(value, "allowance")
    if set(item) != {"amount", "seconds"}:
        raise ValueError("an allowance that is not {amount, seconds}")
    return Allowance(as_whole(item["amount"], "amount"), as_whole(item["seconds"], "seconds", most=31_622_400))


def _formats(value: object) -> tuple[ReleaseFormat, ...]:
    formats = [ReleaseFormat(as_string(each, "format")) for each in as_list(value, "formats")]
    if not formats:
        raise ValueError("no format at all")
    return tuple(sorted(set(formats)))


def _word(words: frozenset[str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        word = as_string(value, "obligation")
        if word not in words:
            raise ValueError("an obligation to do what is not known")
        return word

    return read


_READ: Mapping[ObligationKind, Callable[[object], ObligationValue]] = {
    ObligationKind.MAX_ROWS: _whole,
    ObligationKind.MAX_DATA_SUBJECTS: _whole,
    ObligationKind.MIN_GROUP: _whole,
    ObligationKind.RATE_LIMIT: _allowance,
    ObligationKind.BUDGET: _allowance,
    ObligationKind.OUTPUT_CLASS: lambda value: OutputClass(as_string(value, "output class")),
    ObligationKind.RETENTION: _whole,
    ObligationKind.FORMATS: _formats,
    ObligationKind.WATERMARK: _word(WATERMARKS),
    ObligationKind.RECORD: _word(RECORDS),
}


# -- proof -------------------------------------------------------------------------------------------


def _at_most(asked: ObligationValue, done: object) -> bool:
    return isinstance(asked, int) and isinstance(done, int) and done <= asked


def _at_least(asked: ObligationValue, done: object) -> bool:
    return isinstance(asked, int) and isinstance(done, int) and done >= asked


def _equal(asked: ObligationValue, done: object) -> bool:
    return asked == done


def _no_more_than(asked: ObligationValue, done: object) -> bool:
    return (
        isinstance(asked, OutputClass)
        and isinstance(done, OutputClass)
        and _OUTPUT_ORDER.index(done) <= _OUTPUT_ORDER.index(asked)
    )


def _one_of(asked: ObligationValue, done: object) -> bool:
    return isinstance(asked, tuple) and done in asked


_FULFILS: Mapping[ObligationKind, Callable[[ObligationValue, object], bool]] = {
    ObligationKind.MAX_ROWS: _at_most,
    ObligationKind.MAX_DATA_SUBJECTS: _at_most,
    ObligationKind.MIN_GROUP: _at_least,
    ObligationKind.RATE_LIMIT: _equal,
    ObligationKind.BUDGET: _equal,
    ObligationKind.OUTPUT_CLASS: _no_more_than,
    ObligationKind.RETENTION: _at_most,
    ObligationKind.FORMATS: _one_of,
    ObligationKind.WATERMARK: _equal,
    ObligationKind.RECORD: _equal,
}


@dataclass(slots=True)
class Discharges:
    """Which obligations of one release, or of one of its pages, were discharged so far."""

    obligations: tuple[Obligation, ...]
    _open: set[Obligation] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with everything to be done."""
        self._open = set(self.obligations)

    def did(self, kind: ObligationKind, what: object) -> None:
        """Say what was done: every obligation of *kind* that it fulfils is discharged.

        *what* is the fact: rows that left so far, persons in the answer, the smallest group, the allowance that was
        taken from, the class that was shown, the days after which the deadline stands, the form, the mark, the kind
        of the record that is durable.
        """
        fulfils = _FULFILS[kind]
        self._open = {o for o in self._open if o.kind is not kind or not fulfils(o.value, what)}

    def take_over(self, done: Discharges) -> None:
        """Count as discharged what *done*, of the same obligations, has discharged."""
        self._open &= done._open

    def is_open(self, kind: ObligationKind) -> bool:
        """Return whether an obligation of *kind* is still to be discharged."""
        return any(each.kind is kind for each in self._open)

    def prove(self) -> None:
        """Let nothing leave while an obligation is open. Raises ``PolicyUnavailable``."""
        if self._open:
            raise PolicyUnavailable("The policy asks for something that this answer cannot fulfil.")


def obligations_of(obligations: Iterable[Obligation], kind: ObligationKind) -> list[ObligationValue]:
    """Return the values of the obligations of one kind."""
    return [each.value for each in obligations if each.kind is kind]


def strictest(obligations: Iterable[Obligation], kind: ObligationKind) -> int | None:
    """Return the strictest value of the obligations of one kind, ``None`` where there is none."""
    limits = obligations_of(obligations, kind)
    return min((limit for limit in limits if isinstance(limit, int)), default=None)
