"""What a function is called where the requester wrote it: the parser has names of its own for all engines."""

from __future__ import annotations

import re

from sqlglot import exp

_WRITTEN = "written"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# The parser does not say where these stand; what they may be called, and the first that the text holds is taken.
_CALLED: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.GroupConcat: ("string_agg", "group_concat", "listagg"),
    exp.StrPosition: ("position",),
    exp.JSONExtract: ("->",),
    exp.JSONExtractScalar: ("->>",),
    exp.RegexpLike: ("regexp", "rlike", "~"),
    exp.RegexpILike: ("~*",),
}


def keep_names(tree: exp.Expr, sql: str) -> None:
    """Note on each function of *tree*, read from *sql*, what it is called there."""
    for node in tree.find_all(exp.Func):
        start, end = node.meta.get("start"), node.meta.get("end")
        if isinstance(start, int) and isinstance(end, int):
            name = sql[start : end + 1]
            if _NAME.fullmatch(name):
                node.meta[_WRITTEN] = name
        else:
            names = _CALLED.get(type(node), ())
            node.meta[_WRITTEN] = next((name for name in names if _stands(name, sql)), None)


def _stands(name: str, sql: str) -> bool:
    return bool(re.search(rf"\b{name}\b", sql, re.IGNORECASE)) if _NAME.fullmatch(name) else name in sql


def written(node: exp.Func) -> str:
    """Return what *node* is called in the statement that it was read from, else what the parser calls it."""
    name = node.meta.get(_WRITTEN)
    return name if isinstance(name, str) else node.sql_name()
