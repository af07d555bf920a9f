"""Statements as they are asked again and again: parsed once, planned once for each permit."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sekisho.domain.access import AccessRequest, DatasetUse, Permit
from sekisho.domain.terms import Catalogue, Dataset, Purpose, Requester, StatisticsView, Store
from sekisho.query.dialects import Dialect
from sekisho.query.form import is_rowwise
from sekisho.query.lift import lift
from sekisho.query.names import Statement
from sekisho.query.parse import parse
from sekisho.query.plan import Plan
from sekisho.query.resolve import resolve
from sekisho.query.scans import rewrite
from sekisho.query.variants import Variant

_REMEMBERED = 2_048
_CHANGEABLE = 4_000  # characters up to which a statement is changed to see what would help
_PLANS = 4  # of one statement under one permit: what stores offer changes rarely
_Offered = tuple[frozenset[str], frozenset[str], frozenset[str], bool]


@dataclass(eq=False)
class Question:
    """One statement of one requester for one purpose: the policy's question, and the plans made for it.

    Attributes
    ----------
    request:
        The question to the policy.
    fingerprint:
        SHA-256 of the text and the catalogue's revision.
    sql:
        The text; it holds literals, so that it goes into no answer, record or log.
    rowwise:
        Whether each row of the answer is made of one row of each dataset, and so has its people.
    stores:
        The stores of the catalogue.
    """

    request: AccessRequest
    fingerprint: str
    sql: str = field(repr=False)
    rowwise: bool
    _visible: dict[str, Dataset] = field(repr=False)
    stores: Mapping[str, Store] = field(repr=False)
    _fresh: tuple[Statement, Dialect] | None = field(default=None, repr=False)
    _permit: Permit | None = field(default=None, repr=False)
    _plans: dict[_Offered, Plan] = field(default_factory=dict, repr=False)

    def plan(
        self,
        permit: Permit,
        copies: frozenset[str] = frozenset(),
        by_bits: frozenset[str] = frozenset(),
        few: frozenset[str] = frozenset(),
        *,
        large: bool = False,
    ) -> Plan:
        """Return the plan under *permit*, made once. Raises ``MaskedColumnUse`` or ``StatementRefused``.

        *copies* names the datasets of which a copy with person numbers may be read now, *by_bits* those whose keys
        may have a bit each, *few* those of so few rows that each may show in how the store plans; *large* is
        whether many rows may be asked for.
        """
        offered = (copies, by_bits, few, large)
        if self._permit is not permit and self._permit != permit:
            self._plans.clear()
        plan = self._plans.get(offered)
        if plan is not None:
            return plan
        # Rewriting uses a statement up; the first plan takes the one that resolution left.
        statement, dialect = self._fresh or read(self.sql, self._visible, self.stores)
        self._fresh = None
        plan = rewrite(statement, dialect, permit, copies, by_bits, few, self.stores, large=large)
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        self._permit, self._plans[offered] = permit, plan
        return plan

    def varied(self, variant: Variant, dataset: str, column: str) -> str | None:
        """Return the text as *variant* changes it, or ``None``."""
        return variant(*read(self.sql, self._visible, self.stores), dataset, column)


def read(sql: str, visible: dict[str, Dataset], stores: Mapping[str, Store]) -> tuple[Statement, Dialect]:
    """Parse and resolve *sql*. Raises the refusals of both."""
    kinds = {store.name: store.kind for store in stores.values()}
    tree, dialect = parse(sql, visible, kinds, {store.name for store in stores.values() if not store.writes})
    return resolve(lift(tree), visible, lateral=dialect.lateral_aliases, standard=dialect.standard_names), dialect


class Statements:
    """All statements that this process remembers, over the catalogue in force.

    Parameters
    ----------
    catalogue:
        As it is declared.
    in_force:
        Answers how reviews leave it now; ``None``: as it is declared.
    """

    def __init__(self, catalogue: Catalogue, in_force: Callable[[], Awaitable[Catalogue]] | None = None) -> None:
        self._catalogue = catalogue
        self._in_force = in_force
        self._visible: dict[str, dict[str, Dataset]] = {}
        self._known: OrderedDict[tuple[str, str, str], Question] = OrderedDict()
        self._changing = threading.Lock()  # long statements are read in threads of their own

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue by which statements are read."""
        return self._catalogue

    async def bring_up(self) -> None:
        """Forget what was read by another catalogue than the one in force. Raises ``PolicyUnavailable``."""
        if self._in_force is None or (catalogue := await self._in_force()) is self._catalogue:
            return
        with self._changing:
            self._catalogue, self._visible = catalogue, {}
            self._known.clear()

    def known(self, requester: Requester, purpose: Purpose, sql: str) -> Question | None:
        """Return the question when it was read before."""
        key = (requester.name, purpose.name, sql)
        with self._changing:
            question = self._known.get(key)
            if question is not None:
                self._known.move_to_end(key)
        return question

    def read(self, requester: Requester, purpose: Purpose, sql: str) -> Question:
        """Return the question that *sql* asks. Raises what parsing and resolution refuse."""
        question = self.known(requester, purpose, sql)
        if question is None:
            catalogue = self._catalogue
            question = self._question(requester, purpose, sql, None)
            with self._changing:
                if catalogue is self._catalogue:  # else it was read by one that is in force no more
                    self._known[(requester.name, purpose.name, sql)] = question
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return question

    def under(self, question: Question, purpose: Purpose) -> Question:
        """Return what *question* would ask under another *purpose*, without remembering it."""
        return self._question(question.request.requester, purpose, question.sql, None)

    def changed(self, question: Question, variant: Variant, dataset: str, column: str) -> Question | None:
        """Return *question* as *variant* changes it, without remembering it; ``None`` where it cannot be changed.

        Raises what parsing and resolution refuse of the changed statement.
        """
        if len(question.sql) > _CHANGEABLE:
            return None
        text = question.varied(variant, dataset, column)
        if text is None:
            return None
        return self._question(question.request.requester, question.request.purpose, text, None)

    def view(self, requester: Requester, purpose: Purpose, view: StatisticsView) -> Question:
        """Return the question that a published view asks."""
        return self._question(requester, purpose, view.sql, view)

    def _question(self, requester: Requester, purpose: Purpose, sql: str, view: StatisticsView | None) -> Question:
        with self._changing:
            catalogue, seen = self._catalogue, self._visible
        visible = seen.get(requester.name)
        if visible is None:
            visible = seen[requester.name] = catalogue.visible_to(requester)
        statement, dialect = read(sql, visible, catalogue.stores)
        uses = tuple(
            DatasetUse(visible[name], {column: frozenset(kinds) for column, kinds in columns.items()})
            for name, columns in sorted(statement.uses.items())
        )
        request = AccessRequest(
            requester,
            purpose,
            uses,
            "query" if view is None else "view",
            None if view is None else view.name,
            catalogue.place,
        )
        fingerprint = hashlib.sha256(f"{catalogue.revision}\n{sql}".encode()).hexdigest()
        rowwise = is_rowwise(statement)
        return Question(request, fingerprint, sql, rowwise, visible, catalogue.stores, (statement, dialect))
