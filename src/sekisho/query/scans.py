"""Statements over several stores: each foreign table is read by a governed scan of its own store, DuckDB joins.

A scan is the governed subquery that the same rules write for a statement of that store alone, in its dialect:
the columns that the statement uses and no other, masked, of people who agree, with the permit's row filters.
Conjuncts that cannot leak, and that both engines read alike, are copied into it. Its rows stand in a temporary
table of DuckDB, where the statement is governed as any other: what is masked is masked already, keys are person
numbers, consent is joined once more, and nothing of the requester's runs below the fence.

A store into which the gateway may write no people tables hands over the key of each row in place of the person
number, and the rows of everybody; who agrees is decided in DuckDB alone, below the fence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from sekisho.domain.access import Permit, TransformKind
from sekisho.domain.governed import NUMBER, Output, Shape
from sekisho.domain.terms import ColumnType, Dataset, Store
from sekisho.domain.transforms import MASKED_TYPES, Above, kinds_above
from sekisho.errors import StatementRefused
from sekisho.query import rules
from sekisho.query.conjuncts import conjuncts, inside, is_clear
from sekisho.query.consent import projection_of, restrict
from sekisho.query.dialects import DIALECTS, Dialect
from sekisho.query.draft import Draft, Rule
from sekisho.query.form import has_number
from sekisho.query.kinds import PERSON, Kinds, Sort
from sekisho.query.leakproof import hoistable
from sekisho.query.names import Physical, Relation, Statement
from sekisho.query.parameters import number_parameters
from sekisho.query.plan import Plan, PlannedScan
from sekisho.query.rules import (
    RULES,
    counts_only,
    governed_table,
    put_in_place,
)

KEY = "__key"
"""Column of a scan that holds the raw key, where the store knows no person numbers."""

_BLANK = kinds_above(Above.NOTHING)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")


@dataclass(eq=False)
class Scanned:
    """A governed table whose rows another store reads: the draft of the scan, and the node that names its rows."""

    dataset: Dataset
    draft: Draft
    select: exp.Select
    rows: exp.Table


@dataclass(eq=False)
class JoinedDraft(Draft):
    """The draft of a statement over several stores."""

    stores: Mapping[str, Store] = field(default_factory=dict)
    scanned: dict[int, Scanned] = field(default_factory=dict)
    scans: list[PlannedScan] = field(default_factory=list)


def rewrite(
    statement: Statement,
    dialect: Dialect,
    permit: Permit,
    copies: frozenset[str],
    by_bits: frozenset[str],
    few: frozenset[str],
    stores: Mapping[str, Store],
    *,
    large: bool = False,
) -> Plan:
    """Return the plan of *statement*, which reads some of *stores*; see ``rules.rewrite``."""
    if not any(_is_foreign(relation, dialect, stores) for relation in statement.relations):
        return rules.rewrite(statement, dialect, permit, copies, by_bits, few, large=large)
    draft = JoinedDraft(
        statement, dialect, permit, Kinds(statement, permit.transforms), copies, few=few, stores=stores
    )
    plan = rules.planned(draft, JOINED)
    shown = [plan.shown_sql, *(scan.plan.shown_sql for scan in draft.scans)]
    fingerprint = hashlib.sha256("\n".join(shown).encode()).hexdigest()
    return replace(plan, scans=tuple(draft.scans), fingerprint=fingerprint)


def _is_foreign(relation: Relation, dialect: Dialect, stores: Mapping[str, Store]) -> bool:
    store = stores[_dataset(relation).store]
    return store.kind is not dialect.kind or not store.writes


def _dataset(relation: Relation) -> Dataset:
    if relation.dataset is None:
        raise StatementRefused("A dataset could not be bound.")
    return relation.dataset


# -- rules -------------------------------------------------------------------------------------------


def scan_tables(draft: Draft) -> Draft:
    """Replace every governed table: those of other stores by the rows of their scans."""
    joined = _joined(draft)
    for relation in draft.statement.relations:
        if _is_foreign(relation, draft.dialect, joined.stores):
            scanned = _scan(relation, joined)
            joined.scanned[id(relation)] = scanned
            select = _over(relation, scanned, joined)
        else:
            select = governed_table(relation, draft)
        put_in_place(relation, select, draft)
    return draft


def hoist_into_scans(draft: Draft) -> Draft:
    """Copy leak-proof conjuncts into the governed tables, and into a scan where its engine reads them alike.

    What a store's engine reads otherwise than DuckDB would drop rows that belong to the answer.
    """
    joined = _joined(draft)
    for conjunct, relation in conjuncts(draft):
        scanned = joined.scanned.get(id(relation))
        if scanned is None:
            for copy in inside(conjunct, relation, draft):
                draft.governed[id(relation)].where(copy, copy=False)
        elif _reads_alike(conjunct, relation, scanned.draft):
            if draft.shows_in_plans(relation, scanned.draft.dialect) and is_clear(conjunct, draft):
                continue
            for copy in _inside_scan(conjunct, relation, scanned):
                scanned.select.where(copy, copy=False)
    return draft


def share_scans(draft: Draft) -> Draft:
    """Plan the scans; tables that read the same of one store share one."""
    joined = _joined(draft)
    known: dict[object, str] = {}
    for scanned in joined.scanned.values():
        name = f"__scan{len(joined.scans)}"
        scan = _planned(scanned, name, draft.given)
        said = (scan.plan.stores, scan.plan.sql, scan.plan.slots)
        if said not in known:
            known[said] = name
            joined.scans.append(scan)
        scanned.rows.set("this", exp.to_identifier(known[said], quoted=True))
        draft.reads |= {(f"main.{known[said]}", column) for column, _ in scan.types}
    return draft


_INSTEAD: Mapping[Rule, tuple[Rule, ...]] = {
    rules.govern_tables: (scan_tables,),
    rules.hoist_conjuncts: (hoist_into_scans, share_scans),
}
JOINED: tuple[Rule, ...] = tuple(each for rule in RULES for each in _INSTEAD.get(rule, (rule,)))
"""The rules of a statement over several stores: the same, but for tables that are not here."""


def _joined(draft: Draft) -> JoinedDraft:
    if not isinstance(draft, JoinedDraft):
        raise TypeError("these rules are for statements over several stores")
    return draft


# -- in the store ------------------------------------------------------------------------------------


def _scan(relation: Relation, draft: JoinedDraft) -> Scanned:
    """Return the scan that reads *relation*, in the dialect of its store."""
    whole = dataset = _dataset(relation)
    store, transforms = draft.stores[dataset.store], draft.permit.transforms[dataset.name]
    permit, key = draft.permit, dataset.data_subject
    if not store.writes and key is not None:
        # Whose row it is is found out in DuckDB: here it is data of nobody that has the key as a column.
        dataset, permit = replace(dataset, data_subject=None), replace(permit, consent_required=False, cells=())
    # What shows nothing is not read, and the person comes as a number or a key of its own.
    used = {name for name in relation.used if transforms[name] not in _BLANK | {TransformKind.PSEUDONYM}}
    # The slots of the statement: conjuncts that are copied into the scan name them.
    inner = Draft(draft.statement, DIALECTS[store.kind], permit, draft.kinds, slots=dict(draft.slots))
    select = governed_table(Relation(relation.alias, relation.columns, dataset, used=used), inner)
    if key is not None and not store.writes:
        if select.expressions[0].alias == "__row":
            select.set("expressions", [])
        for shown in select.expressions:
            # Rows of everybody leave the store: that one cannot would tell of somebody who is withheld.
            kind = _type(shown.alias, whole, draft.permit)
            shown.set("this", inner.dialect.held_elsewhere(shown.this, kind))
        select.append("expressions", exp.Alias(this=_column(key.column), alias=exp.to_identifier(KEY, quoted=True)))
        inner.reads.add((inner.dialect.reads(*inner.dialect.physical(dataset)), key.column))
    rows = exp.Table(
        db=exp.to_identifier("main", quoted=True), catalog=exp.to_identifier("temp", quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier("t", quoted=True)),
    )  # fmt: skip
    return Scanned(whole, inner, select, rows)


def _reads_alike(conjunct: exp.Expr, relation: Relation, scan: Draft) -> bool:
    """Return whether the engine of *scan* reads *conjunct* as DuckDB does, and cannot fail on a row by it."""
    if hoistable(conjunct, scan.statement, scan.kinds, scan.dialect.comparisons) is not relation:
        return False
    definition = scan.statement.definitions[id(next(iter(conjunct.find_all(exp.Column))))]
    if scan.kinds.of_definition(definition).sort is Sort.KEYED:
        return True
    kind = definition.column.type if isinstance(definition, Physical) else None
    if kind not in scan.dialect.scanned_by:
        return False
    if kind is ColumnType.STRING:
        return isinstance(conjunct, exp.EQ | exp.In)  # the order of texts is the engine's own
    if kind in {ColumnType.DATE, ColumnType.TIMESTAMP}:
        literals = list(conjunct.find_all(exp.Literal))
        return conjunct.find(exp.Placeholder) is None and all(_INSTANT.fullmatch(str(each.this)) for each in literals)
    return True


def _inside_scan(conjunct: exp.Expr, relation: Relation, scanned: Scanned) -> list[exp.Expr]:
    copies = inside(conjunct, relation, scanned.draft)
    definition = scanned.draft.statement.definitions[id(next(iter(conjunct.find_all(exp.Column))))]
    person = scanned.draft.kinds.of_definition(definition).domain == PERSON
    return copies if has_number(scanned.select) or not person else copies[1:]  # the key alone


def _planned(scanned: Scanned, table: str, given: int) -> PlannedScan:
    draft, select = scanned.draft, scanned.select
    dialect, dataset = draft.dialect, scanned.dataset
    types = tuple((name, _type(name, dataset, draft.permit)) for name in select.named_selects)
    named = {str(node.this) for node in select.find_all(exp.Placeholder)}
    slots = {name: slot for name, slot in draft.slots.items() if name in named}
    if dialect.numbered_parameters:
        number_parameters(select, slots)
    hidden = int(has_number(select))
    plan = Plan(
        engine=dialect.kind,
        stores=(dataset.store,),
        sql=dialect.generate(select),
        slots=tuple(slots.values()),
        parameters=given,
        outputs=tuple(Output(name, kind, TransformKind.CLEAR) for name, kind in types if name != NUMBER),
        hidden=hidden,
        rowwise=True,
        projections=tuple(draft.projections.values()),
        reads=frozenset(draft.reads),
        order_by_token=False,
        fenced=False,
        fingerprint="",
    )
    return PlannedScan(table, types, plan)


def _type(name: str, dataset: Dataset, permit: Permit) -> ColumnType:
    column = dataset.column(dataset.data_subject.column if name == KEY and dataset.data_subject else name)
    if column is None:  # the number of a person, or of the row
        return ColumnType.INTEGER
    return column.type if name == KEY else MASKED_TYPES.get(permit.transforms[dataset.name][name], column.type)


# -- in DuckDB ---------------------------------------------------------------------------------------


def _over(relation: Relation, scanned: Scanned, draft: JoinedDraft) -> exp.Select:
    """Return the subquery that stands for *relation* in DuckDB: the rows of its scan, and whose they are."""
    dataset, transforms = scanned.dataset, draft.permit.transforms[scanned.dataset.name]
    key, cells = dataset.data_subject, draft.permit.cells if draft.permit.consent_required else ()
    by_key = KEY in scanned.select.named_selects
    number = _column("n", "g") if by_key else _column(NUMBER)
    columns: list[exp.Expr] = []
    for column in dataset.columns:
        if column.name not in relation.used:
            continue
        kind = transforms[column.name]
        value: exp.Expr = _column(column.name)
        if kind is TransformKind.PSEUDONYM:
            if key is None or key.column != column.name:
                raise StatementRefused("Only the data-subject key of a dataset can be pseudonymised.")
            value = number.copy()
        elif kind in _BLANK:
            value = draft.dialect.mask(kind, value, column.type, column.mask)
        columns.append(exp.Alias(this=value, alias=exp.to_identifier(column.name, quoted=True)))
    if key is not None:
        columns.append(exp.Alias(this=number.copy(), alias=exp.to_identifier(NUMBER, quoted=True)))
    if not columns:
        columns.append(exp.Alias(this=exp.Literal.number(1), alias=exp.to_identifier("__row", quoted=True)))
    select = exp.Select(expressions=columns)
    select.set("from_", exp.From(this=scanned.rows))
    if key is not None and (cells or by_key):
        people = projection_of(key.identifier, cells, Shape.KEYS if by_key else Shape.NUMBERS)
        draft.projections[people.table] = people
        # As in a store of one's own: the rows of nobody count in statistics alone.
        optional = counts_only(draft.permit) and not cells
        restrict(select, people, _column(KEY), number, draft.dialect, key_type=dataset.key_type, optional=optional)
    return select


def _column(name: str, table: str = "t") -> exp.Column:
    return exp.Column(this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True))
