"""The audit log on the own database: the port of :class:`sekisho.ports.AuditLog`.

``append`` checks the entry, hands it to the one writer (see ``audit_writer``) and waits until that
says *durable*. It never answers anything else: a full queue, a database that is away, read-only or full,
and a writer that takes too long are all ``AuditUnavailable``, and the caller releases nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from sekisho.adapters.records.audit_queue import Order, Pending
from sekisho.adapters.records.audit_search import find_record, search_records
from sekisho.adapters.records.audit_subjects import extend_index, people_of
from sekisho.adapters.records.audit_writer import UNAVAILABLE, AuditWriter
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.domain.record import UnrecordableError, check_id, check_kind, plain_fields
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry, AuditQuery, AuditReceipt, Clock, KeyRing

_INDEX_PAUSE = 0.002  # seconds between steps of the index, in which the writer gets the database

_MANY = 64 << 10  # bytes of references from which they are looked at in a thread

_ORDER_S = 5.0  # for the opening of the log, its end, and whether it is well: no page waits for those

MAX_WAITING = 4_096
"""Records that may wait for the writer before it says no at once."""

MAX_WAITING_BYTES = 64 << 20
"""And bytes of the references of people beside them: a full page has a megabyte of those."""


class SqlAuditLog:
    """The log that proves itself, on SQLite or PostgreSQL.

    Parameters
    ----------
    database:
        The own database; its schema must be there.
    keyring:
        Signs the heads of the chain.
    clock:
        Times and identifiers of records.
    heads_folder:
        Where the signed heads are saved, one file per writer: a folder outside the database, best on
        another disk or under another owner.
    heartbeat_seconds:
        How often the writer records that it is there.
    patience_seconds:
        How long ``append`` waits for durability before it says no.

    Call :meth:`start` before the first ``append``, and :meth:`close` after the last.
    """

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        clock: Clock,
        heads_folder: Path,
        *,
        heartbeat_seconds: float = 10.0,
        patience_seconds: float = 2.0,
    ) -> None:
        self.database = database
        self.keyring = keyring
        self.heads_folder = heads_folder
        self._clock = clock
        self._heartbeat = heartbeat_seconds
        self._patience = patience_seconds
        self._writer: AuditWriter | None = None

    @property
    def writer_name(self) -> str | None:
        """The name of this process's chain, once started."""
        return None if self._writer is None else self._writer.name

    async def start(self) -> AuditReceipt:
        """Begin a chain of this process: check that commits are durable, and record ``writer.open``.

        Raises
        ------
        AuditUnavailable
            When the database is set up so that it may lose what it acknowledged, or does not answer.
        """
        if self._writer is not None:
            raise AuditUnavailable("the audit log was started already")
        writer = AuditWriter(
            self.database.engine,
            self.keyring,
            self._clock,
            self.heads_folder,
            heartbeat_seconds=self._heartbeat,
        )
        writer.start()
        try:
            receipt = await self._hand_over(writer, writer.opening(), _ORDER_S)
        except BaseException:
            await self._stop(writer)
            raise
        self._writer = writer
        return receipt

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Record *entry*; it is durable when this returns.

        ``fields["subjects"]`` may name people by keyed references (``subject_ref``), as a list in hexadecimal or
        as bytes, 16 for each, one after another: the record keeps their number and digest, and up to 65,536
        of them are kept beside it for the search by person.

        Raises
        ------
        AuditUnavailable
            When the record is not known to be durable, or cannot be written as a record at all (a float, a
            control character, more than 32 KiB). A call that is cancelled may leave a record.
        ConsentMoved
            When the entry's ground does not hold; then there is no record.
        """
        writer = self._writer
        if writer is None or writer.stopped:
            raise AuditUnavailable(UNAVAILABLE)
        subjects = entry.fields.get("subjects")
        if isinstance(subjects, bytes) and len(subjects) > _MANY:  # some milliseconds to sort and hash
            pending = await asyncio.to_thread(self._checked, entry)
        else:
            pending = self._checked(entry)
        if _full(writer):
            writer.refuse(pending.kind)
            raise AuditUnavailable(UNAVAILABLE)
        return await self._hand_over(writer, pending, self._patience)

    def _checked(self, entry: AuditEntry) -> Pending:
        if entry.kind == "gap" or entry.kind.startswith("writer."):
            raise AuditUnavailable("this kind of record is the log's own")
        try:
            kind = check_kind(entry.kind)
            fields: Mapping[str, object] = entry.fields
            refs = b""
            if fields.get("subjects") is not None:
                people = people_of(fields["subjects"])
                refs = people.refs
                fields = {**fields, "subjects": {"n": people.count, "digest": people.digest}}
            record_id = self._clock.new_id() if entry.id is None else check_id(entry.id)
            return Pending(kind, record_id, self._clock.now(), plain_fields(fields), refs, ground=entry.ground)
        except UnrecordableError as error:
            raise AuditUnavailable(f"this cannot be recorded, so it may not happen: {error}") from None

    async def _hand_over(self, writer: AuditWriter, pending: Pending, seconds: float) -> AuditReceipt:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[AuditReceipt] = loop.create_future()
        pending.done = done
        writer.given += len(pending.refs)
        writer.queue.put(pending)
        if writer.stopped:  # it ended between the check and the put
            writer.fail_waiting()
        limit = loop.call_later(seconds, _give_up, done)
        try:
            return await done
        finally:
            limit.cancel()

    async def search(self, query: AuditQuery) -> list[dict[str, object]]:
        """Return records in order of sequence, each with its ``seq``.

        A search by person first brings the index of people up to date: the first one after a long time
        takes longer.

        Raises
        ------
        AuditUnavailable
            When the database does not answer.
        """
        try:
            if query.data_subject is not None:
                await self.extend_index()
            return await self.database.read(lambda connection: search_records(connection, query))
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None

    async def extend_index(self) -> None:
        """Bring the index of people up to date, in short steps. Raises ``DatabaseFailed``."""
        behind = True
        while behind:
            behind = await self.database.run(extend_index)
            await asyncio.sleep(_INDEX_PAUSE)

    async def get(self, record_id: str) -> dict[str, object] | None:
        """Return one record, or ``None``. Raises ``AuditUnavailable`` like :meth:`search`."""
        try:
            return await self.database.read(lambda connection: find_record(connection, record_id))
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None

    async def settled(self) -> bool:
        """Wait until a signed head over all that was acknowledged so far is saved outside the database.

        Returns ``False`` when the log is not running or cannot do it now.
        """
        writer = self._writer
        if writer is None or writer.stopped:
            return False
        return await self._order(writer, "settle")

    async def healthy(self) -> bool:
        """Return whether a record could be made durable now.

        After a failure this tries to write the ``gap`` record: a log that is back is healthy at once.
        """
        writer = self._writer
        if writer is None or writer.stopped or _full(writer):
            return False
        if not writer.failed:
            return True
        return await self._order(writer, "probe")

    async def close(self) -> None:
        """Write the closing record and stop. Closing twice is harmless."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await self._stop(writer)

    async def _stop(self, writer: AuditWriter) -> None:
        await self._order(writer, "close")

    async def _order(self, writer: AuditWriter, word: str) -> bool:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        writer.queue.put(Order(word, done))
        if writer.stopped:
            writer.fail_waiting()
        try:
            return await asyncio.wait_for(done, _ORDER_S)
        except TimeoutError:
            return False


def _full(writer: AuditWriter) -> bool:
    return writer.queue.qsize() >= MAX_WAITING or writer.given - writer.taken >= MAX_WAITING_BYTES


def _give_up(done: asyncio.Future[AuditReceipt]) -> None:
    if not done.done():
        done.set_exception(AuditUnavailable(UNAVAILABLE))
