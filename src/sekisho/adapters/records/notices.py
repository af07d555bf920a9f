"""Versions of notices and of purposes: written once, brought into force once, never changed.

A version names one text for each of its purposes (the key of ``notice_purpose``), and what is published of a
purpose or a key only ever goes up: "published later" and "higher version" are the same order, whatever the
clocks say. No statement here changes what a version says; publishing fills in when that was, once.

A major publication and the event that makes earlier answers outdated are one transaction, the ledger's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection, and_, insert, select, text

from sekisho.adapters.records.consent_tables import notice_version, purpose_version
from sekisho.adapters.records.database import Database, DatabaseFailed, Row
from sekisho.adapters.records.grouped import GroupedReads
from sekisho.adapters.records.notice_rows import (
    ACCEPTED,
    ALL_IN_FORCE,
    COLUMNS,
    FACTS,
    IN_FORCE,
    LAST_PUBLISHED,
    NEWEST,
    ONE,
    PUBLISHED,
    TEXTS,
    AlreadyPublished,
    facts_of_row,
    fill_in,
    insert_notice,
    newest_by,
    next_version,
    notices_of,
    one_notice,
)
from sekisho.domain.consent import ActorType, Provenance
from sekisho.domain.notices import SYSTEM, Change, Notice, PurposeVersion, Status, version_number
from sekisho.domain.purpose_facts import facts_json, facts_sha256
from sekisho.domain.terms import Cell, LegalBasis, Purpose
from sekisho.errors import ConsentUnavailable, InvalidRequest, NotFound

Also: TypeAlias = Callable[[Connection, int, int], None]
"""What is done in the ledger's transaction: connection, its last sequence, the time in microseconds."""
Cells: TypeAlias = dict[str, tuple[Cell, ...]]
_Plan: TypeAlias = Callable[[Connection], Cells]
_T = TypeVar("_T")

_ATTEMPTS = 5
_UNREADABLE = "What people are asked could not be read or written. Try again."
_NO_NOTICE = "There is no such version of this notice."
_NO_FACTS = "There is no such version of this purpose."
_SEQ = "SELECT value, {now} FROM ledger_counter WHERE name = 'consent'"
_OVERTAKEN = "A newer version is in force; draft this one anew, over what people are told now."


class Clearing(Protocol):
    """The part of the ledger that a publication needs; see ``ports.ConsentLedger.publish``."""

    async def publish(
        self, cells: Mapping[str, tuple[Cell, ...]], actor: str, provenance: Provenance, *, also: Also | None = None
    ) -> int:
        """Make every earlier yes to the *cells* of each purpose outdated; *also* runs in the same transaction."""


class _Overtaken(Exception):
    """Another publication came in between: plan again."""


class SqlNotices:
    """The registry in the gateway's own database; implements ``ports.NoticeRegistry``.

    Every read asks the database: what another worker has published counts at once.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    ledger:
        Where a major publication makes earlier answers outdated.
    purposes:
        The catalogue's purposes by name.
    """

    def __init__(self, database: Database, ledger: Clearing, purposes: Mapping[str, Purpose]) -> None:
        self._database = database
        self._ledger = ledger
        self._purposes = purposes
        # Asked for with every yes: one read is enough for all who wait.
        self._in_force = self._shared(IN_FORCE, one_notice)
        self._accepted = self._shared(ACCEPTED, one_notice)
        self._facts = self._shared(FACTS, lambda rows: [facts_of_row(row) for row in rows])

    # Notices ----------------------------------------------------------------------------------------

    async def in_force(self, purpose: str) -> Notice | None:
        """Return the notice that tells of *purpose* now. Raises ``ConsentUnavailable``, as every method does."""
        return await self._in_force.of((purpose,))

    async def all_in_force(self) -> dict[str, Notice]:
        """Return the notice in force by purpose."""
        by_purpose: dict[str, list[Row]] = {}
        for purpose, *row in await self._peek(ALL_IN_FORCE):
            by_purpose.setdefault(purpose, []).append(tuple(row))
        return {purpose: notices_of(rows)[0] for purpose, rows in sorted(by_purpose.items())}

    async def notice(self, key: str, version: int | None = None) -> Notice | None:
        """Return a version of notice *key*, draft or not; by default the newest published one."""
        if version is None:
            return one_notice(await self._peek(NEWEST, (key, key)))
        return one_notice(await self._peek(ONE, (key, version)))

    async def notices(self) -> list[Notice]:
        """Return every version of every notice, in the order in which they were drafted."""

        def read(connection: Connection) -> list[Notice]:
            order = " ORDER BY v.drafted_at, v.key, v.version"
            rows = connection.execute(text(f"SELECT {COLUMNS} FROM notice_version v {TEXTS}{order}"))
            return notices_of([tuple(row) for row in rows])

        return await self._read(read)

    async def draft(
        self, key: str, change: Change, purposes: tuple[str, ...], texts: Mapping[str, str], by: str
    ) -> Notice:
        """Keep a new draft and return it; its version is above all that share its key or one of its purposes.

        What the gateway writes by itself is kept once: the same again is the version that is there, so that
        four workers that start together make one.
        """

        def write(connection: Connection) -> Notice:
            now = self._lock(connection)
            if by == SYSTEM:
                newest = newest_by(connection, key, by)
                if newest is not None and (newest.purposes, dict(newest.texts)) == (purposes, dict(texts)):
                    return newest
            draft = Notice(
                key, next_version(connection, key, purposes), change, Status.DRAFT, purposes, texts, drafted_by=by
            )
            insert_notice(connection, draft, now)
            return draft

        return await self._run(write)

    async def accepts(self, purpose: str, version: str) -> Notice | None:
        """Return the notice of *purpose* with this version, when no major one was published after it."""
        number = version_number(version)
        return None if number is None else await self._accepted.of((purpose, number))

    async def publish(self, key: str, version: int, by: str) -> Notice:
        """Bring a draft into force and return it; publishing it again changes nothing.

        A major one asks everybody again about those of its purposes that people were told of before, and that
        stand on consent. The first notice of a purpose asks nobody again.

        Raises
        ------
        NotFound
            When there is no such draft.
        InvalidRequest
            When a newer version under its key, or about one of its purposes, is in force.
        """

        def plan(connection: Connection) -> Cells:
            return self._to_clear_by_notice(connection, key, version)

        def mark(connection: Connection, seq: int, now: int) -> None:
            before = select(notice_version.c.version).where(
                notice_version.c.key == key, notice_version.c.published_at.is_not(None)
            )
            fill_in(
                connection,
                notice_version,
                and_(notice_version.c.key == key, notice_version.c.version == version),
                {
                    "published_by": by,
                    "published_at": now,
                    "published_seq": seq,
                    "supersedes": max(connection.scalars(before), default=None),
                },
            )

        # `reason` says which version made the answers outdated: the event itself has no notice of its own.
        told = Provenance(actor_type=_actor(by), notice_key=key, reason=f"notice_version_{version}")
        await self._bring_into_force(plan, mark, by, told)
        found = await self.notice(key, version)
        if found is None:
            raise NotFound(_NO_NOTICE)
        return found

    # Purposes ---------------------------------------------------------------------------------------

    async def purpose_versions(self, purpose: str) -> list[PurposeVersion]:
        """Return the versions of one purpose's facts, newest last."""
        return list(await self._facts.of((purpose,)))

    async def declare(
        self, purpose: str, change: Change, facts: Mapping[str, object], source: str, by: str
    ) -> PurposeVersion:
        """Keep a new draft of a purpose's facts; the same facts as the newest of this source are no new version."""
        digest = facts_sha256(facts)

        def write(connection: Connection) -> PurposeVersion:
            now = self._lock(connection)
            known = [facts_of_row(tuple(row)) for row in connection.execute(text(_named(FACTS)), {"p0": purpose})]
            newest = next((version for version in reversed(known) if version.source == source), None)
            last = max((version.version for version in known if version.status is Status.PUBLISHED), default=0)
            # A draft that was overtaken can no longer be published: the same facts need a new one.
            if newest is not None and newest.sha256 == digest:
                usable = newest.version > last and newest.change is change
                if usable or newest.version == last or (by == SYSTEM and newest.status is Status.PUBLISHED):
                    return newest
            number = 1 + (known[-1].version if known else 0)
            connection.execute(
                insert(purpose_version).values(
                    purpose=purpose,
                    version=number,
                    change=change.value,
                    facts=facts_json(facts),
                    sha256=digest,
                    source=source,
                    drafted_by=by,
                    drafted_at=now,
                )
            )
            return PurposeVersion(purpose, number, change, Status.DRAFT, dict(facts), digest, source)

        return await self._run(write)

    async def publish_purpose(self, purpose: str, version: int, by: str) -> PurposeVersion:
        """Bring a draft of a purpose's facts into force; the same rules as :meth:`publish`."""

        def plan(connection: Connection) -> Cells:
            return self._to_clear_by_facts(connection, purpose, version)

        def mark(connection: Connection, seq: int, now: int) -> None:
            fill_in(
                connection,
                purpose_version,
                and_(purpose_version.c.purpose == purpose, purpose_version.c.version == version),
                {"published_at": now, "published_seq": seq},
            )

        told = Provenance(actor_type=_actor(by), purpose_version=version, reason=f"purpose_version_{version}")
        await self._bring_into_force(plan, mark, by, told)
        versions = await self.purpose_versions(purpose)
        return next(found for found in versions if found.version == version)

    # Bringing into force ----------------------------------------------------------------------------

    def _to_clear_by_notice(self, connection: Connection, key: str, version: int) -> Cells:
        row = connection.execute(
            select(notice_version.c.change, notice_version.c.purposes, notice_version.c.published_at).where(
                notice_version.c.key == key, notice_version.c.version == version
            )
        ).one_or_none()
        if row is None:
            raise NotFound(_NO_NOTICE)
        if row.published_at is not None:
            raise AlreadyPublished
        purposes = tuple(json.loads(row.purposes))
        told_of = connection.execute(
            text(f"SELECT p.purpose, MAX(p.version) FROM notice_purpose p {PUBLISHED} GROUP BY p.purpose")
        )
        newest: dict[str, int] = {purpose: number for purpose, number in told_of if purpose in purposes}
        of_key = connection.scalar(
            text("SELECT MAX(version) FROM notice_version WHERE key = :key AND published_at IS NOT NULL"),
            {"key": key},
        )
        if version < max([of_key or 0, *newest.values()]):
            raise InvalidRequest(_OVERTAKEN)
        return self._cells(newest) if row.change == Change.MAJOR else {}

    def _to_clear_by_facts(self, connection: Connection, purpose: str, version: int) -> Cells:
        rows = connection.execute(
            select(purpose_version.c.version, purpose_version.c.change, purpose_version.c.published_at).where(
                purpose_version.c.purpose == purpose
            )
        ).all()
        row = next((row for row in rows if row.version == version), None)
        if row is None:
            raise NotFound(_NO_FACTS)
        if row.published_at is not None:
            raise AlreadyPublished
        published = [row.version for row in rows if row.published_at is not None]
        if version < max(published, default=0):
            raise InvalidRequest(_OVERTAKEN)
        return self._cells([purpose]) if published and row.change == Change.MAJOR else {}

    def _cells(self, purposes: Iterable[str]) -> Cells:
        """Return the cells to clear: what stands on legitimate interest stays active until somebody objects."""
        found = (self._purposes.get(name) for name in sorted(purposes))
        return {p.name: p.all_cells() for p in found if p is not None and p.legal_basis is LegalBasis.CONSENT}

    async def _bring_into_force(self, plan: _Plan, mark: Also, by: str, provenance: Provenance) -> None:
        """Clear what *plan* says and *mark* the version, in one transaction. Published already: do nothing."""
        try:
            for _ in range(_ATTEMPTS):
                cells = await self._read(plan)

                def together(connection: Connection, seq: int, now: int, planned: Cells = cells) -> None:
                    self._lock(connection)
                    if plan(connection) != planned:
                        raise _Overtaken
                    mark(connection, seq, max(now, 1 + (connection.scalar(LAST_PUBLISHED) or 0)))

                def alone(connection: Connection, step: Also = together) -> None:
                    self._lock(connection)
                    seq, now = connection.execute(text(_SEQ.format(now=self._database.now_sql))).one()
                    step(connection, seq, now)

                try:
                    if cells:
                        await self._ledger.publish(cells, by, provenance, also=together)
                    else:
                        await self._run(alone)
                except _Overtaken:
                    continue
                return
        except AlreadyPublished:
            return
        raise ConsentUnavailable(_UNREADABLE)

    def _lock(self, connection: Connection) -> int:
        """Let one writer at a time past here, until commit; return the database's time in microseconds."""
        if self._database.dialect == "postgresql":  # SQLite has one writer by nature
            connection.execute(text("SELECT pg_advisory_xact_lock(7371006)"))  # an arbitrary number, ours alone
        return int(connection.execute(text(f"SELECT {self._database.now_sql}")).scalar_one())

    def _shared(self, sql: str, made: Callable[[list[Row]], _T]) -> GroupedReads[tuple[object, ...], _T]:
        """Return reads of *sql*, by its parameters: once for all who ask with the same ones."""

        async def read(asked: Sequence[tuple[object, ...]]) -> dict[tuple[object, ...], _T]:
            if len(asked) == 1:
                return {asked[0]: made(await self._peek(sql, asked[0]))}
            rows = await asyncio.gather(*(self._peek(sql, parameters) for parameters in asked))
            return {parameters: made(found) for parameters, found in zip(asked, rows, strict=True)}

        return GroupedReads(read, inline=self._database.inline)

    async def _peek(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        try:
            return await self._database.peek(sql, parameters)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _read(self, work: Callable[[Connection], _T]) -> _T:
        try:
            return await self._database.read(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _run(self, work: Callable[[Connection], _T]) -> _T:
        try:
            return await self._database.run(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None


def _actor(by: str) -> ActorType:
    return ActorType.OPERATOR if by.startswith("requester:") else ActorType.SYSTEM


def _named(sql: str) -> str:
    """Return *sql*, which has one ``?``, as SQLAlchemy reads it."""
    return sql.replace("?", ":p0")
