"""Rewriting: an ordered tuple of rules, each of which may only narrow what the statement can see.

Every rule has the same signature, takes the draft that the rules before it left and changes it. The
order is part of the meaning: masks are checked on the statement as it was written, tables are replaced
before conjuncts are copied into them, the fence comes last.
"""

from __future__ import annotations

import hashlib

from sqlglot import exp

from sekisho.domain.access import ObligationKind, Permit, TransformKind
from sekisho.domain.governed import COPIES, MARKED, NUMBER, Projection, Shape
from sekisho.domain.row_filters import columns_of
from sekisho.domain.terms import Dataset
from sekisho.errors import StatementRefused
from sekisho.query.asked import keys_stand_for_people
from sekisho.query.conjuncts import conjuncts, drop, inside, is_clear, reads_one
from sekisho.query.consent import column_of, projection_of, restrict
from sekisho.query.dialects import Dialect
from sekisho.query.draft import Draft, Rule
from sekisho.query.filters import filtered
from sekisho.query.form import has_number, is_rowwise, only_shown, without_literals
from sekisho.query.instants import compare_instants
from sekisho.query.kinds import Kinds, Sort
from sekisho.query.leakproof import leak_proof
from sekisho.query.names import Relation, Statement
from sekisho.query.order import SEEDS, drop_order_by_key, end_ties, names_people, numbers_rows
from sekisho.query.outputs import outputs_of
from sekisho.query.parameters import bind_values, number_parameters
from sekisho.query.plan import Plan, Slot
from sekisho.query.shown import check_looks


def check_masks(draft: Draft) -> Draft:
    """Refuse every use of a masked column that only its raw value could answer."""
    drop_order_by_key(draft.statement, draft.kinds)
    draft.output_kinds = draft.kinds.check()
    draft.looks = check_looks(draft.statement, draft.permit.transforms, draft.dialect)
    draft.rowwise = is_rowwise(draft.statement)
    draft.fenced = not leak_proof(draft.statement, draft.kinds, draft.dialect.comparisons)
    return draft


def govern_tables(draft: Draft) -> Draft:
    """Replace every governed table by a subquery that masks, filters and knows whose row it is."""
    for relation in draft.statement.relations:
        put_in_place(relation, governed_table(relation, draft), draft)
    return draft


def hoist_conjuncts(draft: Draft) -> Draft:
    """Copy leak-proof conjuncts on clear columns and keys into the governed tables.

    The store can then use its indexes although the table is fenced. A copied conjunct is a comparison
    that is false for NULL, so copying it below an outer join changes nothing. Where there is no join it needs not be
    asked once more outside: that takes time for each row, and lets the store expect far too few of them.
    """
    for conjunct, relation in list(conjuncts(draft)):
        if draft.shows_in_plans(relation, draft.dialect) and is_clear(conjunct, draft):
            continue
        for copy in inside(conjunct, relation, draft):
            draft.governed[id(relation)].where(copy, copy=False)
        select = conjunct.find_ancestor(exp.Select)
        if select is not None and reads_one(select) and is_clear(conjunct, draft):
            drop(conjunct, select)
    return draft


def fence_tables(draft: Draft) -> Draft:
    """Fence every governed table, unless nothing in the statement could leak; conceal those that show in plans."""
    for relation in draft.statement.relations:
        select = draft.governed[id(relation)]
        if draft.shows_in_plans(relation, draft.dialect) and isinstance(select.parent, exp.Subquery):
            place = select.parent
            place.set("this", draft.dialect.conceal(select))
        elif draft.fenced:
            draft.dialect.fence(select)
    return draft


def carry_people(draft: Draft) -> Draft:
    """Append the person numbers of a row-wise statement as hidden columns, for the recheck.

    A key that is handed over and shown is not asked for twice: it is an eighth of what a large answer takes.
    """
    if not draft.rowwise or not isinstance(draft.statement.tree, exp.Select):
        return draft
    handed = any(projection.shape is Shape.HANDED for projection in draft.projections.values())
    if handed and any(kind.transform is TransformKind.PSEUDONYM for kind in draft.output_kinds):
        draft.hidden = 1
        return draft
    for relation in draft.statement.relations:
        if has_number(draft.governed[id(relation)]):
            draft.statement.tree.append(
                "expressions",
                exp.Alias(
                    this=exp.column(exp.to_identifier(NUMBER, quoted=True), table=relation.alias),
                    alias=exp.to_identifier(f"{NUMBER}_{draft.hidden}", quoted=True),
                ),
            )
            draft.hidden += 1
    return draft


def end_all_ties(draft: Draft) -> Draft:
    """Let no cut, sort or numbering show the order in which rows lie in the store."""
    draft.ordered = draft.statement.tree.args.get("order") is not None
    relations = draft.statement.relations
    numbered = {id(relation): NUMBER for relation in relations if has_number(draft.governed[id(relation)])}
    if end_ties(draft.statement, draft.kinds, draft.dialect, numbered):
        draft.slots.update((name, Slot(name, None, seed=True)) for name in SEEDS)
    return draft


RULES: tuple[Rule, ...] = (
    check_masks,
    compare_instants,
    bind_values,
    govern_tables,
    hoist_conjuncts,
    fence_tables,
    carry_people,
    end_all_ties,
)


def rewrite(
    statement: Statement,
    dialect: Dialect,
    permit: Permit,
    copies: frozenset[str] = frozenset(),
    by_bits: frozenset[str] = frozenset(),
    few: frozenset[str] = frozenset(),
    *,
    large: bool = False,
) -> Plan:
    """Apply :data:`RULES` to *statement* and generate the plan. The statement is used up.

    *copies* names the datasets of which a copy with person numbers may be read in place of the files, *by_bits* those
    for whose keys one bit each may travel with it, *few* those of few rows; *large* is whether many rows may be asked
    for. Raises ``MaskedColumnUse`` or ``StatementRefused``.
    """
    draft = Draft(statement, dialect, permit, Kinds(statement, permit.transforms), copies, by_bits, few, large)
    return planned(draft, RULES)


def planned(draft: Draft, rules: tuple[Rule, ...]) -> Plan:
    """Apply *rules* to *draft* and generate the plan."""
    for rule in rules:
        draft = rule(draft)
    statement, dialect, permit = draft.statement, draft.dialect, draft.permit
    if any(o.kind is ObligationKind.MAX_DATA_SUBJECTS for o in permit.obligations) and not draft.hidden:
        raise StatementRefused(
            "This purpose shows one person at a time: select rows of one dataset, without grouping or subqueries."
        )
    tree = statement.tree
    keyed = any(kind.sort is Sort.KEYED for kind in draft.output_kinds)
    if dialect.numbered_parameters:
        number_parameters(tree, draft.slots)
    reads = frozenset(draft.reads | dialect.counted(tree))
    cut = tree.args.get("limit") is not None or tree.args.get("offset") is not None
    stores = tuple(sorted({r.dataset.store for r in statement.relations if r.dataset is not None}))
    if len(stores) > 1 and not dialect.joins_stores:
        raise StatementRefused(f"The statement reads several {dialect.title} stores; read each by its own statement.")
    sql = dialect.generate(tree)
    return Plan(
        engine=dialect.kind,
        stores=stores,
        sql=sql,
        slots=tuple(draft.slots.values()),
        parameters=draft.given,
        outputs=outputs_of(draft),
        hidden=draft.hidden,
        rowwise=draft.rowwise,
        projections=tuple(draft.projections.values()),
        reads=reads,
        order_by_token=keyed and not draft.ordered,
        fenced=draft.fenced,
        fingerprint=hashlib.sha256(without_literals(sql).encode()).hexdigest(),
        cut=cut,
        joined=any(len(scope.sources) > 1 or scope.parent is not None for scope in statement.scopes),
    )


# -- governed tables -------------------------------------------------------------------------------


def put_in_place(relation: Relation, select: exp.Select, draft: Draft) -> None:
    """Let *select* stand in the statement where *relation*'s table stood, under the same name."""
    draft.governed[id(relation)] = select
    if relation.table is None:
        raise StatementRefused("A dataset could not be bound.")
    relation.table.replace(
        exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(relation.alias, quoted=True)))
    )


def governed_table(relation: Relation, draft: Draft) -> exp.Select:
    """Return the subquery that stands for *relation* in the words of its store."""
    dataset, dialect = relation.dataset, draft.dialect
    if dataset is None:
        raise StatementRefused("A dataset could not be bound.")
    transforms = draft.permit.transforms[dataset.name]
    key = dataset.data_subject
    people = _people(relation, draft)
    listed = people is not None and people.shape not in (Shape.BITS, Shape.ROWS)
    marked = people is not None and people.shape is Shape.ROWS
    handed = people is not None and people.shape is Shape.HANDED
    number = column_of(key.column, "t") if handed and key is not None else draft.number(dataset)
    place = (MARKED, people.table) if people is not None and marked else _place(dataset, draft)
    table = dialect.reads(*place)
    columns: list[exp.Expr] = []
    for column in dataset.columns:
        if column.name not in relation.used:
            continue
        kind = transforms[column.name]
        if kind is TransformKind.PSEUDONYM:
            if people is None or marked or key is None or key.column != column.name:
                raise StatementRefused("Only the data-subject key of a dataset can be pseudonymised.")
            value: exp.Expr = number if listed else column_of(key.column, "t")
        else:
            value = dialect.mask(kind, column_of(column.name, "t"), column.type, column.mask)
            if value.find(exp.Column) is not None:  # a blank reads nothing
                draft.reads.add((table, column.name))
        columns.append(exp.Alias(this=value, alias=exp.to_identifier(column.name, quoted=True)))
    if listed:
        columns.append(exp.Alias(this=number.copy(), alias=exp.to_identifier(NUMBER, quoted=True)))
    if not columns:  # COUNT(*) over a dataset of nobody: some column must stand there
        columns.append(exp.Alias(this=exp.Literal.number(1), alias=exp.to_identifier("__row", quoted=True)))
        draft.reads.add((table, ""))
    select = exp.Select(expressions=columns)
    select.set("from_", exp.From(this=_physical(*place)))
    if people is not None and key is not None:
        # Nobody's rows count in statistics, whose groups are checked; as rows they are never released.
        optional = counts_only(draft.permit) and not people.cells
        given = restrict(
            select, people, column_of(key.column, "t"), number, dialect, key_type=dataset.key_type, optional=optional
        )
        draft.slots.update((slot.name, slot) for slot in given)
        if not marked:
            draft.reads.add((table, NUMBER if people.shape is Shape.NUMBERS else key.column))
        if listed and not handed:
            draft.reads |= {(dialect.people_name(people.table), name) for name in ("k", "n")}
    elif draft.permit.consent_required and not dataset.about_nobody:
        raise StatementRefused("A dataset about people that names nobody cannot be covered by consent.")
    for condition in draft.permit.row_filters.get(dataset.name, ()):
        select.where(filtered(condition, dataset, draft), copy=False)
        draft.reads.update((table, column) for column in columns_of(condition))
    return select


def counts_only(permit: Permit) -> bool:
    """Return whether the rows of nobody count: in statistics, whose groups are checked."""
    return any(obligation.kind is ObligationKind.MIN_GROUP for obligation in permit.obligations)


def _people(relation: Relation, draft: Draft) -> Projection | None:
    """Return the people table that a governed table joins, or ``None`` for data about nobody."""
    dataset = relation.dataset
    if dataset is None or dataset.data_subject is None:
        return None
    cells = draft.permit.cells if draft.permit.consent_required else ()
    shape = Shape.NUMBERS if draft.copied(dataset) else Shape.KEYS
    # Bits say that a row may be read and not whose it is: nothing above may ask for the person of a row.
    asks_who = draft.rowwise or dataset.data_subject.column in relation.used
    asks_who = asks_who or any(kind.sort is Sort.KEYED for kind in draft.output_kinds)
    asks_who = asks_who or numbers_rows(draft.statement, draft.kinds)
    if cells and dataset.name in draft.by_bits and (draft.dialect.consent_travels or draft.dialect.marks_rows):
        if draft.dialect.consent_travels and (not asks_who or keys_stand_for_people(draft)):
            shape = Shape.BITS
        elif not asks_who and draft.dialect.marks_rows:
            shape = Shape.ROWS if _whole_alone(dataset, draft) else shape
        elif _hands_keys(draft) and only_shown(dataset.data_subject.column, draft.statement):
            shape = Shape.HANDED
    copied = shape is Shape.ROWS and draft.copied(dataset)
    projection = projection_of(dataset.data_subject.identifier, cells, shape, dataset.name, copied=copied)
    draft.projections[projection.table] = projection
    return projection


def _hands_keys(draft: Draft) -> bool:
    """Return whether rows may come with their keys.

    Where many are asked for, or the engine looks nothing up by an index, and nothing puts them in an order of their
    people.
    """
    many = draft.large or draft.dialect.marks_rows
    return draft.rowwise and many and not names_people(draft.statement, draft.kinds)


def _whole_alone(dataset: Dataset, draft: Draft) -> bool:
    """Return whether the statement reads nothing but all rows of one dataset.

    Files that lie beside marks are read from end to end: what narrows a scan is better read by a join.
    """
    narrowed = draft.permit.row_filters.get(dataset.name) or any(True for _ in conjuncts(draft))
    return len(draft.statement.relations) == 1 and not narrowed


def _physical(schema: str, table: str) -> exp.Table:
    alias = exp.TableAlias(this=exp.to_identifier("t", quoted=True))
    return exp.Table(
        this=exp.to_identifier(table, quoted=True), db=exp.to_identifier(schema, quoted=True), alias=alias
    )


def _place(dataset: Dataset, draft: Draft) -> tuple[str, str]:
    """Return the schema and the table that a dataset, or its copy with person numbers, is read from."""
    return (COPIES, dataset.name) if draft.copied(dataset) else draft.dialect.physical(dataset)
