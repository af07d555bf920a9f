"""One PostgreSQL store: governed statements in read-only snapshots, page by page, from a server-side cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

import asyncpg
import pyarrow as pa

from sekisho.adapters.stores.key_bits import BitsByKey, Keyed, Numbers, changed
from sekisho.adapters.stores.personal_data import Key
from sekisho.adapters.stores.postgresql import bulk, oracle, rows, small
from sekisho.adapters.stores.postgresql.connections import SETTLE_S, Connections
from sekisho.adapters.stores.postgresql.inspection import physical, quoted
from sekisho.adapters.stores.postgresql.members import Registries, Wanted
from sekisho.adapters.stores.postgresql.people import APPLIED, Judged, PeopleTables
from sekisho.adapters.stores.postgresql.session import FAULTS, Session, Time, in_step, own_error
from sekisho.adapters.stores.postgresql.sizes import Sizes
from sekisho.domain.governed import GovernedQuery, Projection, Shape
from sekisho.domain.terms import Cell, ColumnType, Dataset, Store, StoreKind
from sekisho.errors import ConsentUnavailable, SekishoError, StatementRefused, StoreUnavailable
from sekisho.ports import ConsentView, ConsentViews, PeopleIndex

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TRIES = 5  # to find a snapshot whose people tables are as new as the statement's view
_SMALL = 10_000  # rows of an answer that is asked for at once
_CHECKED = 10_000  # statements of which the oracle's answer is remembered
_HEAVY = 2_000  # rows from which a page is made in a thread
_PATIENT_S = 3600.0  # to write a table of all people

_THERE = "SELECT bool_and(to_regclass(given.name) IS NOT NULL) FROM unnest($1::text[]) AS given(name)"


class PostgresStore(Connections):
    """One store in a PostgreSQL database. Implements ``ports.DataStore``.

    Parameters
    ----------
    store:
        The store; its location is the URL.
    datasets:
        The catalogue's datasets; those of other stores are passed over.
    connections:
        How many statements may run at once.
    timeout:
        Seconds that the server may work on a statement. What the reader of an answer takes is not counted: between
        two pages a transaction may rest as long again.
    """

    def __init__(
        self, store: Store, datasets: Mapping[str, Dataset], *, connections: int = 8, timeout: float = 60.0
    ) -> None:
        super().__init__(
            store, [dataset for dataset in datasets.values() if dataset.store == store.name], connections, timeout
        )
        self._besides: set[str] = set()
        self._large: set[str] = set()
        self._checked: set[tuple[str, frozenset[tuple[str, str]]]] = set()
        self._tables = PeopleTables(store.name)
        self._sizes = Sizes()
        key_types = {
            dataset.data_subject.identifier: column.type
            for dataset in self._datasets
            if dataset.data_subject is not None
            for column in dataset.columns
            if column.name == dataset.data_subject.column
        }
        self._bits = BitsByKey(key_types, "little")
        self._registries = Registries(key_types)

    @property
    def kind(self) -> StoreKind:
        """The engine."""
        return StoreKind.POSTGRESQL

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: PeopleIndex, *, page_rows: int
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """See ``ports.DataStore.fetch``."""
        time = Time(self._timeout)
        session = await self._acquire(time)
        settled = failed = False
        try:
            started = await time.of(self._start(session, query, consent, people, page_rows))
            cursor, found = started.cursor, started.whole
            if cursor is not None and page_rows > bulk.LARGE:
                large = await time.of(bulk.begin(session, self._store, started, statement_s=max(self._timeout, 1.0)))
                if large is not None:
                    settled = True  # it is the other connection that goes on
                    async with aclosing(large.pages(started, page_rows, time.of)) as pages:
                        async for page in pages:
                            yield page
                    return
            if cursor is not None:
                found = await time.of(cursor.fetch(page_rows))
            schema = started.schema
            if started.numerics and found:
                schema = rows.decided(schema, started.numerics, list(zip(*found, strict=True)))
            while True:
                page = started.keyed.page(await _page(found, schema))
                settled = True  # while nobody asks for more, nothing runs on the server
                yield page
                settled = False
                if cursor is None or len(found) < page_rows:
                    break
                found = await time.of(cursor.fetch(page_rows))
                if not found:
                    break
            settled = True
        except FAULTS as fault:
            settled, failed = in_step(fault), True
            raise own_error(fault, self._store.name) from None
        except SekishoError:
            settled = failed = True
            raise
        finally:
            self._release(session, settled=settled, failed=failed)

    async def rows_with_key(self, dataset: Dataset, keys: Sequence[Key], most: int) -> list[tuple[object, ...]]:
        """See ``adapters.stores.personal_data.KeyedStore``; instants are naive and in UTC."""
        async with self._session(self._timeout) as (session, time):
            found = await time.of(_rows_with_key(session, dataset, keys, most))
        return [rows.plain(row) for row in found]

    async def healthy(self) -> bool:
        """Return whether the server answers, and has every governed table."""
        names = [quoted(*physical(dataset)) for dataset in self._datasets]
        try:
            async with self._session(min(self._timeout, SETTLE_S)) as (session, time):
                answer = await time.of(session.connection.fetchval(_THERE, names))
        except SekishoError:
            return False
        return answer is not False

    # -- people tables, by themselves ----------------------------------------------------------------

    async def consent_seq(self) -> int:
        """Return the highest sequence of the ledger that the store has seen; 0 when it has seen none."""
        found = await self._alone(f"SELECT max(consent) AS seq FROM {APPLIED}")
        return int(found[0]["seq"] or 0) if found else 0

    async def synchronise(
        self, consents: ConsentViews, people: PeopleIndex, known: Collection[Cell], *, anew: bool = True
    ) -> list[str]:
        """Bring every people table that is in use up to now; return the names of those that were written.

        *anew* compares what really stands in them; else their differences are written, as ``applied`` says. A table
        for cells that are not among the *known* ones is left: no statement can ask for it. Raises
        ``ConsentUnavailable`` when the store has seen a later sequence than the ledger has.
        """
        found = await self._alone(f"SELECT projection, identifier, cells FROM {APPLIED} ORDER BY 1")
        done = []
        for row in found:
            cells = tuple(Cell(cell) for cell in row["cells"])
            if not set(cells) <= set(known):
                continue
            projection = Projection(row["projection"], row["identifier"], cells)
            view = await consents.view(cells) if cells else None
            identifiers = await self._registries.of(await people.keys(projection.identifier))
            async with self._session(_PATIENT_S) as (session, time):
                wanted = Wanted(projection, identifiers, view)
                if await time.of(self._tables.bring_up(session, wanted, anew=anew)):
                    done.append(projection.table)
        return done

    async def applied_seq(self, known: Collection[Cell]) -> int | None:
        """Return the sequence of the ledger up to which every people table about the *known* cells is written.

        ``None`` when there are no such tables.
        """
        found = await self._alone(f"SELECT cells, consent FROM {APPLIED} WHERE cells <> '{{}}'")
        applied = [int(row["consent"]) for row in found if set(row["cells"]) <= set(known)]
        return min(applied, default=None)

    async def _alone(self, sql: str) -> Sequence[Any]:
        """Return the rows of a statement about the gateway's own tables; none when there are no tables yet."""
        async with self._session(self._timeout) as (session, time):
            try:
                found: Sequence[Any] = await time.of(session.connection.fetch(sql))
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                return ()
            return found

    # -- a statement ---------------------------------------------------------------------------------

    async def _start(
        self, session: Session, query: GovernedQuery, consent: ConsentView | None, people: PeopleIndex, page_rows: int
    ) -> bulk.Started:
        """Return what :meth:`_opened` does, in a snapshot whose people tables are as new as *consent*."""
        connection = session.connection
        gone = False
        for turn in range(_TRIES):
            listed, by_bits, numbers = await self._wanted(query, consent, people)
            if not turn:
                whole = await self._at_once(session, query, listed, by_bits, page_rows)
                if whole is not None:
                    return whole
            judged = Judged(late=listed)
            try:
                await connection.execute(_BEGIN)
                if listed:
                    judged = await self._tables.judge(session, listed, query.parameters)
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError):
                judged = Judged(late=listed)  # the gateway's schema: there is none yet, or the role may not use it
            if not judged.late:
                try:
                    opened = await self._opened(session, query, judged.given | by_bits, page_rows)
                    opened.keyed = Keyed.of(query, numbers)
                except asyncpg.UndefinedTableError:
                    if gone or not listed:
                        raise
                    gone, judged.late = True, listed  # somebody dropped a people table, if it is not the data's own
                else:
                    for each in judged.soon:
                        self._bring_up_besides(each)
                    return opened
            await connection.execute("ROLLBACK")
            for each in judged.late:
                await self._tables.bring_up(session, each)
        raise ConsentUnavailable("Consent changed while the statement was prepared; ask again.")

    async def _at_once(
        self,
        session: Session,
        query: GovernedQuery,
        listed: Sequence[Wanted],
        by_bits: dict[str, object],
        page_rows: int,
    ) -> bulk.Started | None:
        """Return a small answer of a statement that ran before, in one way there and back; ``None`` for any other."""
        if (query.sql, query.reads) not in self._checked or not self._is_small(query, page_rows):
            return None
        before = await self._tables.as_before(session, listed, query.parameters)
        if before is None:
            return None
        given, held = before
        statement = await session.prepared(query.sql)
        arguments, schema, numerics = _described(query, statement, given | by_bits)
        most = min(page_rows, _SMALL)
        try:
            asked = small.limited(query.sql, most + 1, cut=query.cut)
            found = await small.rows_at_once(session, asked, arguments, held)
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError):
            return None  # the gateway's own tables may be gone; those of the data are asked for once more
        if found is None or len(found) > most:
            return None
        return bulk.Started(query.sql, statement, arguments, None, schema, numerics, found)

    def _is_small(self, query: GovernedQuery, page_rows: int) -> bool:
        """Return whether the answer of *query* may be a small one, for all that is known."""
        return query.sql not in self._large and not (query.rowwise and page_rows > bulk.LARGE)

    async def _wanted(
        self, query: GovernedQuery, consent: ConsentView | None, people: PeopleIndex
    ) -> tuple[list[Wanted], dict[str, object], Numbers | None]:
        """Return what the people tables of *query* must hold, and what stands in place of one."""
        listed, given, numbers = [], dict[str, object](), None
        for projection in query.projections:
            if projection.shape is Shape.NUMBERS or (projection.cells and consent is None):
                raise StatementRefused("PostgreSQL looks people up by their keys, and those who agree by consent.")
            known = await self._registries.of(await people.keys(projection.identifier))
            wanted = Wanted(projection, known, consent if projection.cells else None)
            if projection.shape is Shape.KEYS:
                listed.append(wanted)
                continue
            bits = await self._bits.of(projection, known.keys, wanted.view) if wanted.view is not None else None
            numbers = await self._bits.numbers(known.keys) if projection.shape is Shape.HANDED else None
            if bits is None or not set(projection.bits) <= query.parameters.keys():
                raise changed()
            given |= bits.given(projection)
        return listed, given, numbers

    def _bring_up_besides(self, wanted: Wanted) -> None:
        """Write a table's difference while statements run on; those who withdrew travel with them until then."""
        if wanted.table in self._besides:
            return

        async def bring_up() -> None:
            try:
                async with self._session(_PATIENT_S) as (session, time):
                    await time.of(self._tables.bring_up(session, wanted))
            except SekishoError:
                return  # whoever finds the table too far behind tries again, and says so
            finally:
                self._besides.discard(wanted.table)

        self._besides.add(wanted.table)
        self._besides_it(bring_up())

    def _besides_it(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work* while statements run on."""
        task = asyncio.get_running_loop().create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def by_bits(
        self, datasets: Collection[str], people: PeopleIndex, *_: Collection[str], rowwise: bool = False
    ) -> frozenset[str]:
        """See ``ports.KeyBits.by_bits``: here each key has its bit, and tells whose a row is as well."""
        del rowwise
        found = set[str]()
        for dataset in (each for each in self._datasets if each.name in datasets):
            key = dataset.data_subject
            if key is None or getattr(dataset.column(key.column), "type", None) is not ColumnType.INTEGER:
                continue
            known = await self._registries.of(await people.keys(key.identifier))
            found |= {dataset.name} if await self._bits.possible(known.keys) else set()
        return frozenset(found)

    async def few(self, datasets: Collection[str]) -> frozenset[str]:
        """See ``ports.SmallTables.few``. A table about which a server never answered is believed to be small."""
        ours = [each for each in self._datasets if each.name in datasets]
        if due := self._sizes.due(ours):
            learning = self._learn(due)
            if self._sizes.unknown(due):
                await learning
            else:
                self._besides_it(learning)
        return self._sizes.small(ours)

    async def _learn(self, datasets: Sequence[Dataset]) -> None:
        with suppress(SekishoError):
            async with self._session(min(self._timeout, SETTLE_S)) as (session, time):
                await time.of(self._sizes.learn(session.connection, datasets))

    async def _opened(
        self, session: Session, query: GovernedQuery, given: Mapping[str, object], page_rows: int
    ) -> bulk.Started:
        """Return *query*, started, with what the store itself puts into it: *given*; no cursor for a small answer.

        The server gives a cursor no second process, and it is one more way there and back: what does not
        show row by row, or goes out in small pages, is first asked for as if small.
        """
        statement = await session.prepared(query.sql)
        asked = (query.sql, query.reads)
        if asked not in self._checked:
            await oracle.compare(session, query)
            if len(self._checked) < _CHECKED:
                self._checked.add(asked)
        arguments, schema, numerics = _described(query, statement, given)
        started = bulk.Started(query.sql, statement, arguments, None, schema, numerics)
        if self._is_small(query, page_rows):
            most = min(page_rows, _SMALL)
            asked_for = small.limited(query.sql, most + 1, cut=query.cut)
            found = await (await session.prepared(asked_for)).fetch(*arguments)
            if len(found) <= most:
                started.whole = found
                return started
            if len(self._large) < _CHECKED:
                self._large.add(query.sql)
        started.cursor = await statement.cursor(*arguments)
        return started


def _described(
    query: GovernedQuery, statement: Any, given: Mapping[str, object]
) -> tuple[list[object], pa.Schema, list[int]]:
    """Return the arguments of *query*, *given* what the store puts into it, its schema, and its computed numerics."""
    attributes = statement.get_attributes()
    values = {name: given.get(name, value) for name, value in query.parameters.items()}
    arguments = rows.arguments(values, statement.get_parameters())
    return arguments, rows.schema_of(query, attributes), rows.numerics(query, attributes)


async def _page(found: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    if len(found) < _HEAVY:
        return rows.batch_of(found, schema)
    return await asyncio.to_thread(rows.batch_of, found, schema)


async def _rows_with_key(session: Session, dataset: Dataset, keys: Sequence[Key], most: int) -> Sequence[Any]:
    key = dataset.data_subject
    column = dataset.column(key.column) if key is not None else None
    if column is None:
        raise StoreUnavailable(f"{dataset.name} names nobody.")
    columns = ", ".join(quoted("t", each.name) for each in dataset.columns)
    kind = "bigint" if column.type is ColumnType.INTEGER else "text"
    # Begun first: what the driver prepares before stands in a transaction of its own, which has read already.
    await session.connection.execute(_BEGIN)
    statement = await session.prepared(
        f"SELECT {columns} FROM {quoted(*physical(dataset))} AS t"
        f" WHERE {quoted('t', column.name)} = ANY ($1::{kind}[]) LIMIT $2::bigint"
    )
    found: Sequence[Any] = await statement.fetch(list(keys), most)
    return found
