"""What was asked, kept so that it can be decided again: each different question once, and how often on which day.

It is written in batches, some seconds after the fact, and never by the request itself. It holds names of the
catalogue and counts (:class:`~sekisho.domain.asked.AskedQuestion`), so that no growth of customers or traffic makes
it grow: only new kinds of questions do, up to a number for each requester, and what nobody asks any more goes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from sekisho.adapters.records.asked_tables import asked_day, asked_question, policy_set, shadow_difference
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.domain.asked import AskedQuestion
from sekisho.domain.record import micros
from sekisho.errors import PolicyUnavailable
from sekisho.ports.policies import Recorded, ShadowDifference

_T = TypeVar("_T")
_Rows = dict[bytes, dict[str, Any]]

KEPT_DAYS: Final = 90
MOST_OF_A_REQUESTER: Final = 2_000
"""Different questions that are kept of one requester, so that none can push out another's."""
MOST_ANSWERED: Final = 20_000
"""Different questions that one reading answers, the most frequent first."""
_MOST_POLICIES = 50
_MOST_DIFFERENCES = 5_000
_CHUNK = 500
_EPOCH = date(1970, 1, 1)
_NO_ROOM = b""
_UNREADABLE = "What was asked cannot be read now. Try again."

_KEEP_QUESTION = (
    "INSERT INTO asked_question (fingerprint, requester, last_day, question) VALUES (:fingerprint, :requester, :day,"
    " :question) ON CONFLICT (fingerprint) DO UPDATE SET last_day = excluded.last_day"
    " WHERE asked_question.last_day < excluded.last_day"
)
_COUNT = (
    "INSERT INTO asked_day (day, fingerprint, count) VALUES (:day, :fingerprint, :count)"
    " ON CONFLICT (day, fingerprint) DO UPDATE SET count = asked_day.count + excluded.count"
)
_DIFFERS = (
    "INSERT INTO shadow_difference (shadow, live, fingerprint, question, changes, count, last_at) VALUES (:shadow,"
    " :live, :fingerprint, :question, :changes, :count, :last_at) ON CONFLICT (shadow, live, fingerprint) DO UPDATE"
    " SET count = shadow_difference.count + excluded.count, last_at = excluded.last_at, changes = excluded.changes"
)


class SqlAskedQuestions:
    """The questions in the gateway's own database; implements ``ports.policies.AskedQuestions``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(
        self,
        asked: Iterable[tuple[AskedQuestion, int]],
        day: date,
        *,
        left_out: int = 0,
        differences: Sequence[ShadowDifference] = (),
    ) -> None:
        """Add to the counts of *day*. Raises ``PolicyUnavailable``; then nothing was added."""
        number = (day - _EPOCH).days
        rows: _Rows = {}
        for question, count in asked:
            fingerprint = question.fingerprint()
            if fingerprint in rows:
                rows[fingerprint]["count"] += count
                continue
            rows[fingerprint] = {
                "fingerprint": fingerprint,
                "requester": question.requester,
                "day": number,
                "question": question.canonical().decode("ascii"),
                "count": count,
            }
        told = [_row(difference) for difference in differences]

        def write(connection: sa.Connection) -> None:
            if connection.dialect.name == "postgresql":
                # What a crash of the database forgets here is a count that nobody relies on.
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            kept, no_room = _with_room(connection, rows)
            # In one order everywhere, so that two workers never wait for each other.
            ordered = [kept[fingerprint] for fingerprint in sorted(kept)]
            if ordered:
                connection.execute(sa.text(_KEEP_QUESTION), ordered)
                connection.execute(sa.text(_COUNT), ordered)
            if no_room + left_out:
                counted = {"day": number, "fingerprint": _NO_ROOM, "count": no_room + left_out}
                connection.execute(sa.text(_COUNT), [counted])
            if told:
                connection.execute(sa.text(_DIFFERS), sorted(told, key=lambda row: row["fingerprint"]))
            _sweep(connection, number)

        await self._run(write)

    async def keep_policy(self, revision: str, modules: Mapping[str, str], at: datetime) -> None:
        """Keep the modules that are in force as *revision*, once; the oldest go. Raises ``PolicyUnavailable``."""
        packed = zlib.compress(json.dumps(dict(modules), sort_keys=True).encode())
        row = {"revision": revision, "modules": packed, "at": micros(at)}
        statement = sa.text(
            "INSERT INTO policy_set (revision, modules, first_at) VALUES (:revision, :modules, :at)"
            " ON CONFLICT (revision) DO NOTHING"
        )
        newest = sa.select(policy_set.c.revision).order_by(policy_set.c.first_at.desc()).limit(_MOST_POLICIES)

        def write(connection: sa.Connection) -> None:
            connection.execute(statement, row)
            kept = list(connection.execute(newest).scalars())
            connection.execute(sa.delete(policy_set).where(policy_set.c.revision.not_in(kept)))

        await self._run(write)

    async def recorded(self, since: date, until: date) -> Recorded:
        """See the port."""
        between = asked_day.c.day.between((since - _EPOCH).days, (until - _EPOCH).days)
        total = sa.func.sum(asked_day.c.count)
        counted = sa.select(asked_day.c.fingerprint, total.label("count")).where(between)
        sums = counted.group_by(asked_day.c.fingerprint).subquery()
        statement = (
            sa.select(asked_question.c.question, sums.c.count)
            .join(sums, sums.c.fingerprint == asked_question.c.fingerprint)
            .order_by(sums.c.count.desc(), asked_question.c.fingerprint)
            .limit(MOST_ANSWERED)
        )
        no_room = sa.select(total).where(between, asked_day.c.fingerprint == _NO_ROOM)

        def find(connection: sa.Connection) -> Recorded:
            found = [(_question(text), int(count)) for text, count in connection.execute(statement)]
            return Recorded(found, int(connection.execute(no_room).scalar() or 0))

        return await self._read(find)

    async def policy(self, revision: str) -> dict[str, str] | None:
        """See the port."""
        statement = sa.select(policy_set.c.modules).where(policy_set.c.revision.startswith(revision, autoescape=True))
        found = await self._read(lambda connection: list(connection.execute(statement.limit(2)).scalars()))
        if len(found) != 1:
            return None
        modules: dict[str, str] = json.loads(zlib.decompress(bytes(found[0])))
        return modules

    async def differences(self, since: date) -> list[ShadowDifference]:
        """Return what the shadow policy said otherwise since *since*, the most frequent first."""
        table = shadow_difference.c
        at = micros(datetime(since.year, since.month, since.day, tzinfo=UTC))
        statement = (
            sa.select(table.shadow, table.live, table.question, table.changes, table.count, table.last_at)
            .where(table.last_at >= at)
            .order_by(table.count.desc(), table.fingerprint)
            .limit(_MOST_DIFFERENCES)
        )

        def find(connection: sa.Connection) -> list[ShadowDifference]:
            return [
                ShadowDifference(
                    shadow, live, _question(question), json.loads(changes), int(count), _instant(last_at)
                )
                for shadow, live, question, changes, count, last_at in connection.execute(statement)
            ]

        return await self._read(find)

    async def _run(self, work: Callable[[sa.Connection], None]) -> None:
        try:
            await self._database.run(work)
        except DatabaseFailed:
            raise PolicyUnavailable("What was asked cannot be written now.") from None

    async def _read(self, work: Callable[[sa.Connection], _T]) -> _T:
        try:
            return await self._database.read(work)
        except DatabaseFailed:
            raise PolicyUnavailable(_UNREADABLE) from None


def _with_room(
    connection: sa.Connection, rows: Mapping[bytes, dict[str, Any]]
) -> tuple[dict[bytes, dict[str, Any]], int]:
    """Return the rows that there is room for, and how often the others were asked."""
    known: set[bytes] = set()
    names = sorted(rows)
    for start in range(0, len(names), _CHUNK):
        found = sa.select(asked_question.c.fingerprint).where(
            asked_question.c.fingerprint.in_(names[start : start + _CHUNK])
        )
        known.update(bytes(fingerprint) for fingerprint in connection.execute(found).scalars())
    kept = {fingerprint: rows[fingerprint] for fingerprint in known}
    requesters = sorted({row["requester"] for name, row in rows.items() if name not in known})
    counts = sa.select(asked_question.c.requester, sa.func.count()).group_by(asked_question.c.requester)
    found_counts = connection.execute(counts.where(asked_question.c.requester.in_(requesters)))
    taken: dict[str, int] = {requester: int(count) for requester, count in found_counts}
    no_room = 0
    for name in names:
        if name in known:
            continue
        requester = rows[name]["requester"]
        if taken.get(requester, 0) >= MOST_OF_A_REQUESTER:
            no_room += rows[name]["count"]
            continue
        taken[requester] = taken.get(requester, 0) + 1
        kept[name] = rows[name]
    return kept, no_room


def _sweep(connection: sa.Connection, today: int) -> None:
    """Let go of what was last asked too long ago."""
    before = today - KEPT_DAYS
    connection.execute(sa.delete(asked_day).where(asked_day.c.day < before))
    connection.execute(sa.delete(asked_question).where(asked_question.c.last_day < before))
    at = micros(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=before))
    connection.execute(sa.delete(shadow_difference).where(shadow_difference.c.last_at < at))


def _row(difference: ShadowDifference) -> dict[str, Any]:
    return {
        "shadow": difference.shadow,
        "live": difference.live,
        "fingerprint": difference.question.fingerprint(),
        "question": difference.question.canonical().decode("ascii"),
        "changes": json.dumps(difference.changes, sort_keys=True),
        "count": difference.count,
        "last_at": 0 if difference.last_at is None else micros(difference.last_at),
    }


def _question(text: str) -> AskedQuestion:
    return AskedQuestion.read(json.loads(text))


def _instant(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000_000, UTC)
