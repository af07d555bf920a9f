"""A statement on its way to a plan: what the rules hand on to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from sekisho.domain.access import Permit
from sekisho.domain.governed import NUMBER, Projection
from sekisho.domain.terms import Dataset
from sekisho.query.consent import column_of
from sekisho.query.dialects import Dialect
from sekisho.query.kinds import Kind, Kinds
from sekisho.query.looks import Look
from sekisho.query.names import Relation, Statement
from sekisho.query.plan import Slot


@dataclass(eq=False)
class Draft:
    """A statement on its way to a plan.

    ``copies``, ``by_bits``, ``few`` and ``large`` are as for ``rules.rewrite``; the rest is what the rules found out:
    ``compared`` the parameters, by identity, that stand beside an instant which the engine keeps as a text,
    ``instants`` the places of the output columns that are such instants.
    """

    statement: Statement
    dialect: Dialect
    permit: Permit
    kinds: Kinds
    copies: frozenset[str] = frozenset()
    by_bits: frozenset[str] = frozenset()
    few: frozenset[str] = frozenset()
    large: bool = False
    output_kinds: list[Kind] = field(default_factory=list)
    looks: dict[int, Look] = field(default_factory=dict)
    compared: set[int] = field(default_factory=set)
    instants: frozenset[int] = frozenset()
    slots: dict[str, Slot] = field(default_factory=dict)
    given: int = 0
    governed: dict[int, exp.Select] = field(default_factory=dict)
    projections: dict[str, Projection] = field(default_factory=dict)
    reads: set[tuple[str, str]] = field(default_factory=set)
    rowwise: bool = False
    hidden: int = 0
    fenced: bool = False
    ordered: bool = False

    def copied(self, dataset: Dataset) -> bool:
        """Return whether *dataset* is read from its copy with person numbers (``sekisho stores sync``).

        Only where consent decides: without it everybody is listed, and the copy does not know who came since.
        """
        return self.permit.consent_required and bool(self.permit.cells) and dataset.name in self.copies

    def number(self, dataset: Dataset) -> exp.Expr:
        """Return the person number of a row of *dataset*."""
        return column_of(NUMBER, "t") if self.copied(dataset) else column_of("n", "g")

    def shows_in_plans(self, relation: Relation, dialect: Dialect) -> bool:
        """Return whether what withheld rows of *relation* hold may show in how an engine of *dialect* plans.

        So few rows are all in the engine's statistics, by which it chooses plans, and by another plan rows come in
        another order. Then conjuncts on clear columns, whose values a requester chooses, stay outside of the governed
        table, and the engine does not learn what its columns hold. A key that is compared is one that the requester
        was given.
        """
        dataset, permit = relation.dataset, self.permit
        if dataset is None or dataset.name not in self.few or not dialect.plans_by_values:
            return False
        by_consent = permit.consent_required and not dataset.about_nobody
        return by_consent or bool(permit.row_filters.get(dataset.name))


Rule = Callable[[Draft], Draft]
"""Changes a draft, and returns it."""
