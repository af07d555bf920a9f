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
_LOOK = (
    "coalesce((SELECT a.people_sha256 = ${1}::bytea AND a.consent = ${2}::bigint AND a.members_sha256 = ${3}::bytea"
    f" FROM {APPLIED} AS a WHERE a.projection = ${{0}}::text), false)"
)


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
    # One look by key for each table: a join would take the server longer to plan than the rows to read.
    # What stands beside the statement and reads none of its columns is found out before its first row is read: a
    # condition on a join is found out after, when an expression has met, and may have failed on, somebody withheld.
    looks = [_LOOK.format(*range(at, at + 4)) for at in range(len(arguments) + 1, len(arguments) + 4 * len(held), 4)]
    statement = await session.prepared(
        f"WITH __held AS MATERIALIZED (SELECT {' AND '.join(looks)} AS same) SELECT __held.same, answer.* FROM __held"
        f" LEFT JOIN (SELECT true AS there, whole.* FROM ({sql}) AS whole WHERE (SELECT same FROM __held)) AS answer"
        " ON true"
    )
    found = await statement.fetch(*arguments, *(row[name] for row in held for name in _COMPARED))
    if not found[0][0]:
        return None
    return [tuple(row)[2:] for row in found if row[1]]
