"""Published statistics views: each statement is held against the catalogue when the file is read.

This is a first look, so that a slip is found with its line; the full governance of a statement is the
rewriter's, and applies to views as to every other.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sekisho.domain.terms import Dataset, Purpose, StatisticsView
from sekisho.settings.faults import nearest, shown
from sekisho.settings.section import Section

_LEAST_GROUP = 3  # with two people in a group, each learns the other's value


def views(
    root: Section,
    purposes: Mapping[str, Purpose],
    datasets: Mapping[str, Dataset],
) -> dict[str, StatisticsView]:
    """Return the views by name."""
    found: dict[str, StatisticsView] = {}
    for name, section in root.named("views", "view"):
        purpose, people = section.name("purpose"), section.name("people")
        sql = section.text("sql", 20_000)
        min_group = section.whole("min_group", 10, _LEAST_GROUP, 1_000_000)
        title = section.titles("title")
        if purpose is not None:
            _check_purpose(root, section, purpose, purposes)
        if sql is not None:
            _check_statement(root, section, sql, people, purpose, datasets, purposes)
        if purpose and people and sql:
            found[name] = StatisticsView(name, purpose, sql, people, min_group, title)
    return found


def _check_purpose(root: Section, section: Section, purpose: str, purposes: Mapping[str, Purpose]) -> None:
    known = purposes.get(purpose)
    if known is None and purpose in root.keys_of("purposes"):
        return
    if known is None:
        section.wrong("purpose", f"unknown purpose {shown(purpose)}", nearest(purpose, purposes))
    elif known.output != "statistics":
        section.wrong("purpose", f"the purpose {purpose} releases rows", "name one with `output: statistics`")


def _check_statement(
    root: Section,
    section: Section,
    sql: str,
    people: str | None,
    purpose: str | None,
    datasets: Mapping[str, Dataset],
    purposes: Mapping[str, Purpose],
) -> None:
    try:
        statements = sqlglot.parse(sql, dialect="duckdb")
    except (SqlglotError, RecursionError):
        section.wrong("sql", "the statement cannot be parsed", "run it in the store's own shell first")
        return
    query = statements[0] if len(statements) == 1 else None
    if not isinstance(query, exp.Query):
        section.wrong("sql", "not one SELECT", "write one, without a semicolon")
        return
    if query.is_star:
        section.wrong("sql", "a view with `*` changes when a table does", "list the columns")
    elif people is not None and people not in query.named_selects:
        section.wrong(
            "people", f"{shown(people)} is no output column of the view", nearest(people, query.named_selects)
        )
    defined = {cte.alias for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        name = f"{table.db}.{table.name}" if table.db else table.name
        dataset = datasets.get(name)
        if not table.db and name in defined:
            continue
        if dataset is None and not table.catalog and name in root.keys_of("datasets"):
            continue
        if dataset is None or table.catalog:
            section.wrong("sql", f"unknown dataset {shown(name)}", nearest(name, datasets))
            continue
        if purpose is not None and dataset.purposes.isdisjoint(_with_wider(purpose, purposes)):
            section.wrong("sql", f"{name} is not for the purpose {purpose}", f"add it to the purposes of {name}")


def _with_wider(purpose: str, purposes: Mapping[str, Purpose]) -> frozenset[str]:
    known = purposes.get(purpose)
    return frozenset({purpose} if known is None else {purpose, *known.ancestors})
