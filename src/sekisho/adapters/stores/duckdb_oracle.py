"""The second oracle of DuckDB: what a statement reads, as the engine itself understands it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sekisho.errors import StatementRefused

_NO_FILE = {"EMPTY_RESULT", "DUMMY_SCAN", "CTE_SCAN", "DELIM_SCAN", "COLUMN_DATA_SCAN", "EXPRESSION_SCAN"}
"""Leaves of a plan that read what the plan itself has found."""
_PLACES = r"file_row_number (>=|<) \d+"
_SAID = {"Function", "Projections", "Estimated Cardinality", "Total Files Read", "Filename(s)"}
_PLAIN = re.compile(r"#\d+|\d+")  # a column by its place, and the number that stands where no column is wanted
_BY_PLACE = re.compile(rf"{_PLACES}( AND {_PLACES})*")

# A write inside WITH is serialised like a SELECT; its node is not one of these.
_READING = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})


def tables(tree: object) -> set[str]:
    """Return ``schema.table`` of every table in a serialised statement; a WITH name has no schema.

    Raises ``StatementRefused`` for table functions and whatever else is no plain table.
    """
    found: set[str] = set()
    names: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            kind = node.get("type")
            if kind == "BASE_TABLE":
                found.add(
                    f"{node['schema_name']}.{node['table_name']}" if node["schema_name"] else node["table_name"]
                )
            elif kind in {"TABLE_FUNCTION", "SHOW_REF", "PIVOT", "COLUMN_DATA"}:
                raise StatementRefused("The statement reads something that is no table.")
            elif isinstance(kind, str) and kind.endswith("_NODE") and kind not in _READING:
                raise StatementRefused("The statement does something else than read.")
            if isinstance(node.get("cte_map"), dict):
                names |= {entry["key"] for entry in node["cte_map"]["map"]}
            stack.extend(node.values())
    return {table for table in found if "." in table or table not in names}


def in_step(plan: object) -> bool:
    """Return whether each file of a plan is read beside its marks, from one place to another, and nothing else is.

    Below a positional join a condition, a limit or another order would put a row beside the mark of another.
    """
    if isinstance(plan, list):
        return all(in_step(node) for node in plan)
    if not isinstance(plan, dict):
        return False
    children = plan.get("children") or []
    if str(plan.get("name", "")).strip() in {"POSITIONAL_SCAN", "POSITIONAL_JOIN"}:
        return len(children) == 2 and _is_file(_below(children[0])) and _is_marks(children[1])
    return in_step(children) if children else str(plan.get("name", "")).strip() in _NO_FILE


def _below(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a projection of columns reads; one that computes would do so for rows that may not be read."""
    named = set[str]()
    found = node
    while str(found.get("name", "")).strip() == "PROJECTION" and len(found["children"]) == 1:
        named |= _listed(found, "Projections")
        found = found["children"][0]
    columns = _listed(found, "Projections")
    return found if all(name in columns or _PLAIN.fullmatch(name) for name in named) else node


def _listed(node: Mapping[str, Any], name: str) -> set[str]:
    """Return what a plan says of a node, which is one text or several."""
    told = (node.get("extra_info") or {}).get(name, [])
    return {told} if isinstance(told, str) else set(told)


def _is_file(node: Mapping[str, Any]) -> bool:
    return (
        str(node.get("name", "")).strip() == "READ_PARQUET"
        and not node.get("children")
        and all(_BY_PLACE.fullmatch(re.sub(r"[()]", "", each)) for each in _listed(node, "Filters"))
        and (node.get("extra_info") or {}).keys() <= _SAID | {"Filters"}
    )


def _is_marks(node: Mapping[str, Any]) -> bool:
    told = node.get("extra_info") or {}
    return str(node.get("name", "")).strip() == "PANDAS_SCAN" and not node.get("children") and told.keys() <= _SAID
