"""Masked columns are used as what they show.

A mask at the scan may give another type than the column has: a date is shown as its year, a number as the name of a
group. Whoever writes the statement as if the column stood there unmasked (``birth_date > '1990-01-01'``) asks for
what only the raw value could answer. Engines with loose types answer all the same, and wrongly: it is refused here.

Where a literal or parameter means the mask and is only written in another type (``'1990'``, ``'2025-04-01T00:00'``),
it becomes a value of the mask's type: SQLite would compare it by its letters.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sqlglot import exp

from sekisho.domain.masks import TransformKind
from sekisho.domain.terms import StoreKind
from sekisho.domain.transforms import TRANSFORMS, Above
from sekisho.query.allowlist import construct
from sekisho.query.beside import Part, bare, beside
from sekisho.query.dialects import Dialect
from sekisho.query.looks import (
    ARITHMETIC,
    NAMED,
    OF_DATES,
    OF_NUMBERS,
    OF_TEXTS,
    Family,
    Look,
    Looks,
    Transforms,
    cast_family,
    operands,
)
from sekisho.query.names import Statement, fold

_TIMES = frozenset({Family.DATE, Family.INTERVAL})


def check_looks(statement: Statement, transforms: Transforms, dialect: Dialect) -> dict[int, Look]:
    """Return what each parameter that stands against a mask must look like, by identity of its node.

    Literals against masks are written anew in the mask's type. Raises ``MaskedColumnUse``.
    """
    if not any(
        TRANSFORMS[kind].above is Above.ANYTHING and kind is not TransformKind.CLEAR
        for relation in statement.relations
        if relation.dataset is not None
        for kind in (transforms[relation.dataset.name][name] for name in relation.used)
    ):
        return {}
    return _Check(statement, transforms, dialect).run()


@cache
def _takes_a_kind(kind: type) -> bool:
    """Return whether a node of this type may take values of one kind alone."""
    return (
        kind in OF_DATES or kind in OF_TEXTS or issubclass(kind, (exp.Cast, exp.Anonymous, *OF_NUMBERS, *ARITHMETIC))
    )


class _Check:
    """One statement's check."""

    def __init__(self, statement: Statement, transforms: Transforms, dialect: Dialect) -> None:
        self._statement = statement
        self._looks = Looks(statement, transforms)
        self._dates_are_texts = dialect.kind is StoreKind.SQLITE
        self._parameters: dict[int, Look] = {}
        self._written: list[tuple[exp.Expr, str | int | float]] = []

    def run(self) -> dict[int, Look]:
        for node in self._statement.tree.walk():
            kind: type = type(node)
            if not _takes_a_kind(kind):
                continue
            if isinstance(node, exp.Cast):
                self._cast(node)
            else:
                self._function(node)
        for parts, where in beside(self._statement):
            self._alike(parts, where)
        for node, value in self._written:
            literal = exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)
            node.replace(literal)
            self._statement.kept.append(node)
        return self._parameters

    # -- values beside each other ---------------------------------------------------------------

    def _alike(self, parts: Iterable[Part], where: str) -> None:
        """Hold those of *parts* that are masked against the others."""
        looks = [(part, self._looks.of(part)) for part in parts]
        for part, look in looks:
            if look is not None and look.masked:
                for other, shown in looks:
                    if other is not part:
                        self._beside(look, other, shown, where)

    def _beside(self, look: Look, other: Part, shown: Look | None, where: str) -> None:
        node = bare(other) if isinstance(other, exp.Expr) else other
        if isinstance(node, exp.Placeholder):
            self._parameters[id(node)] = look
        elif isinstance(node, exp.Literal) and node.is_string:
            value = look.read(str(node.this), where)
            if value != node.this:
                self._written.append((node, value))
        elif shown is not None and not self._agree(look, shown):
            raise look.refusal(where)

    def _agree(self, look: Look, other: Look) -> bool:
        if look.family is other.family:
            return True
        return self._dates_are_texts and {look.family, other.family} == {Family.DATE, Family.TEXT}

    # -- what takes a number, a text or a date ----------------------------------------------------

    def _cast(self, node: exp.Cast) -> None:
        look, family = self._looks.of(node.this), cast_family(node)
        if look is None or not look.masked or look.family is family:
            return
        times = look.family is not Family.DATE and (family is None or family in _TIMES)
        counts = look.other and look.family is Family.TEXT and family is Family.NUMBER
        letters = self._dates_are_texts and look.family is Family.DATE and family is not Family.TEXT
        if times or counts or letters:
            raise look.refusal(construct(node))

    def _function(self, node: exp.Expr) -> None:
        kind = type(node)
        if kind in OF_DATES:
            self._takes((node.args.get(key) for key in OF_DATES[kind][1]), Family.DATE, node)
        elif kind in OF_TEXTS:
            self._takes((node.this,), Family.TEXT, node)
        elif isinstance(node, exp.Anonymous):
            known = NAMED.get(fold(str(node.this)))
            if known is not None:
                self._takes((each for n, each in enumerate(node.expressions) if n in known[2]), known[1], node)
        elif isinstance(node, OF_NUMBERS):
            self._takes(operands(node), Family.NUMBER, node)
        elif isinstance(node, ARITHMETIC):
            self._arithmetic(node)

    def _takes(self, arguments: Iterable[object], family: Family, node: exp.Expr) -> None:
        for argument in arguments:
            look = self._looks.of(argument) if isinstance(argument, exp.Expr) else None
            if look is None or not look.masked or look.family is family:
                continue
            if family is Family.TEXT and not (look.other and look.family is Family.NUMBER):
                continue  # the letters of a number are those of its mask; dates are texts in SQLite
            raise look.refusal(construct(node))

    def _arithmetic(self, node: exp.Expr) -> None:
        looks = [self._looks.of(operand) for operand in operands(node)]
        for look in looks:
            if look is None or not look.masked:
                continue
            meant_as_date = look.other and any(each and each.family in _TIMES for each in looks if each is not look)
            letters = look.family is Family.TEXT or (look.family is Family.DATE and self._dates_are_texts)
            if letters or (look.family is Family.NUMBER and meant_as_date):
                raise look.refusal(construct(node))
