"""A small answer in one statement: one way to the server and back, and no transaction to begin and end.

What the people tables held when they were last looked at is compared in the statement itself, whose snapshot is that
of the rows. Where they hold something else, no row is read, and the caller looks at them first. The session itself is
read-only; see ``session.SETTINGS``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sekisho.adapters.stores.postgresql.people import APPLIED
from sekisho.adapters.stores.postgresql.session import Session

_COMPARED = ("projection", "people_sha256", "consent", "members_sha256")
_TYPES = ("text", "bytea", "bigint", "bytea")


def limited(sql: str, most: int, *, cut: bool) -> str:
    """Return *sql* with a limit of *most* rows; *cut* says that it has one of its own."""
    return f"SELECT * FROM ({sql}) AS answer LIMIT {most}" if cut else f"{sql} LIMIT {most}"


async def rows_at_once(
    session: Session, sql: str, arguments: Sequence[object], held: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]] | None:
    """Return the rows of *sql*; ``None`` when the people tables do not hold what *held* says.

    *sql* has a limit, and takes *arguments*.
    """
    if not held:
        whole = await (await session.prepared(sql)).fetch(*arguments)
        return [tuple(row) for row in whole]
    first = len(arguments) + 1
    given = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, first))
    alike = " AND ".join(f"a.{name} = g.{name}" for name in _COMPARED)
    statement = await session.prepared(
        f"SELECT held.same, answer.* FROM (SELECT count(*) = {len(held)} AS same FROM {APPLIED} AS a"
        f" JOIN unnest({given}) AS g({', '.join(_COMPARED)}) ON {alike}) AS held"
        f" LEFT JOIN (SELECT true AS there, whole.* FROM ({sql}) AS whole) AS answer ON held.same"
    )
    found = await statement.fetch(*arguments, *([row[name] for row in held] for name in _COMPARED))
    if not found[0][0]:
        return None
    return [tuple(row)[2:] for row in found if row[1]]
