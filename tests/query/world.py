"""A tiny retailer behind a real gateway: 50 people, two SQLite tables, four file datasets, values to look out for.

Every value that a person without consent has, and every value that a mask must hide, can be recognised in an
answer: it holds ``NG`` (nobody agreed), ``MK`` (masked), or is a number from :data:`FORBIDDEN_NUMBERS`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.access import (
    AccessRequest,
    Comparison,
    Decision,
    Deny,
    Obligation,
    ObligationKind,
    Permit,
    TransformKind,
)
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import (
    Catalogue,
    Cell,
    Column,
    ColumnClass,
    ColumnType,
    DataSubjectKey,
    Dataset,
    LegalBasis,
    Purpose,
    Requester,
    Store,
    StoreKind,
    SubjectNumber,
)
from sekisho.gateway import Ask, Gateway
from sekisho.ports import (
    ConsentEventInput,
    ConsentRecord,
    ConsentView,
    DataStore,
    DataSubjectRef,
    PeopleKeys,
    RecordedConsentEvent,
)
from sekisho.pseudonymity import KeyedTransforms
from sekisho.query.plan import Plan
from tests.fakes import FakeAuditLog, FakeClock

PEOPLE = 50
FIRST_ID = 17001
"""Raw customer numbers run from here; person numbers are in another order."""
FORBIDDEN_NUMBERS = range(770_000, 780_000)
"""Quantities, points and minutes of people who agreed to nothing, and of nobody's rows."""

_S, _I, _F, _B, _D, _T = (
    ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE, ColumnType.BOOLEAN, ColumnType.DATE,
    ColumnType.TIMESTAMP,
)  # fmt: skip
_DIRECT, _LINK, _QUASI, _SENS, _TEXT, _NONE = (
    ColumnClass.DIRECT_IDENTIFIER, ColumnClass.LINKING_IDENTIFIER, ColumnClass.QUASI_IDENTIFIER,
    ColumnClass.SENSITIVE, ColumnClass.FREE_TEXT, ColumnClass.NONE,
)  # fmt: skip
_KEY = DataSubjectKey("customer_id", "customer_id")
_FOR = frozenset({"recommendation", "advertising", "fraud", "support"})

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "crm.customers", "crm", "customers",
            (
                Column("customer_id", _I, _DIRECT, category="customer_id"),
                Column("name", _S, _DIRECT, category="name"),
                Column("email", _S, _DIRECT, category="email"),
                Column("postal_code", _S, _QUASI, generalise="prefix3"),
                Column("prefecture", _S, _QUASI),
                Column("birth_date", _D, _QUASI, generalise="year"),
                Column("income_band", _S, _SENS, category="income"),
                Column("member_rank", _S, _NONE),
                Column("signed_up_on", _D, _NONE),
                Column("points", _I, _NONE),
                Column("note", _S, _TEXT),
            ),
            _KEY, "profile", _FOR,
        ),
        Dataset(
            "crm.tickets", "crm", "tickets",
            (
                Column("ticket_id", _S, _LINK, domain="ticket"),
                Column("customer_id", _I, _DIRECT, category="customer_id"),
                Column("channel", _S, _NONE),
                Column("opened_at", _T, _NONE),
                Column("body", _S, _TEXT),
                Column("resolved", _B, _NONE),
                Column("minutes", _I, _NONE),
            ),
            _KEY, "support", _FOR,
        ),
        Dataset(
            "pos.order_lines", "pos", "order_lines.parquet",
            (
                Column("invoice", _S, _LINK, domain="invoice"),
                Column("stock_code", _S, _NONE),
                Column("description", _S, _NONE),
                Column("quantity", _I, _NONE),
                Column("unit_price", _F, _NONE),
                Column("invoiced_at", _T, _NONE),
                Column("gift", _B, _NONE),
                Column("customer_id", _I, _DIRECT, category="customer_id"),
                Column("country", _S, _QUASI),
            ),
            _KEY, "purchase", _FOR,
        ),
        Dataset(
            "web.events", "web", "*.jsonl",
            (
                Column("event_id", _S, _LINK, domain="event"),
                Column("customer_id", _I, _DIRECT, category="customer_id"),
                Column("cookie_id", _S, _DIRECT, category="cookie_id"),
                Column("user_agent", _S, _QUASI, generalise="browser"),
                Column("event_type", _S, _NONE),
                Column("category", _S, _NONE),
                Column("query_text", _S, _TEXT),
                Column("referrer", _S, _QUASI, generalise="host"),
                Column("invoice", _S, _LINK, domain="invoice"),
                Column("occurred_at", _T, _NONE),
            ),
            _KEY, "behaviour", _FOR,
        ),
        Dataset(
            "pos.products", "pos", "products.parquet",
            (Column("stock_code", _S, _NONE), Column("title", _S, _NONE)),
            None, None, _FOR,
        ),
        Dataset(
            "pos.secrets", "pos", "secrets.parquet", (Column("secret", _S, _NONE),),
            None, None, frozenset({"board"}),
        ),
    )
}  # fmt: skip

PURPOSES = {
    purpose.name: purpose
    for purpose in (
        Purpose("recommendation", LegalBasis.CONSENT),
        Purpose("advertising", LegalBasis.CONSENT),
        Purpose("fraud", LegalBasis.LEGAL_OBLIGATION, clear=frozenset({"name", "email"})),
        Purpose("support", LegalBasis.CONTRACT, clear=frozenset({"name", "email"})),
        Purpose("board", LegalBasis.LEGITIMATE_INTEREST),
    )
}
REQUESTERS = {
    requester.name: requester
    for requester in (
        Requester("recommender", frozenset({"recommendation", "advertising", "fraud", "support"})),
        Requester("other", frozenset({"recommendation"})),
    )
}


@dataclass(frozen=True)
class FakeView:
    """A consent view over a set of numbers, with the changes that led to it."""

    seq: int
    version: int
    cells: tuple[Cell, ...]
    numbers: frozenset[int]
    log: tuple[tuple[int, int], ...] = ()

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(numbers, self.members())

    def members(self) -> NDArray[np.int64]:
        return np.array(sorted(self.numbers), dtype=np.int64)

    def changes_since(self, version: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        if version > self.version:
            return None
        numbers = np.array(sorted({n for at, n in self.log if at > version}), dtype=np.int64)
        return numbers, self.allowed(numbers)


@dataclass
class FakeConsentLedger:
    """Members by cell; :meth:`withdraw` makes a new version. Implements the part that a query uses."""

    members: dict[str, set[int]]
    version: int = 1
    log: list[tuple[int, int]] = field(default_factory=list)

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> ConsentView:
        agreed = frozenset.intersection(*(frozenset(self.members[cell]) for cell in cells))
        return FakeView(self.version, self.version, cells, agreed, tuple(self.log))

    def withdraw(self, cell: str, number: int) -> None:
        self.members[cell].discard(number)
        self.version += 1
        self.log.append((self.version, number))

    def give(self, cell: str, number: int) -> None:
        self.members[cell].add(number)
        self.version += 1
        self.log.append((self.version, number))

    async def record(self, events: Sequence[ConsentEventInput]) -> list[RecordedConsentEvent]:
        raise NotImplementedError

    async def records_of(self, number: SubjectNumber) -> tuple[int, dict[Cell, ConsentRecord]]:
        raise NotImplementedError

    async def last_seq(self) -> int:
        return self.version


@dataclass
class FakePeople:
    """Identifiers by kind; the dense number of a person is its place in a shuffled list, from 1."""

    known: dict[str, dict[str, int]]
    version: int = 1

    async def keys(self, identifier: str) -> PeopleKeys:
        table = self.known.get(identifier, {})
        return PeopleKeys(identifier, np.array(list(table.values()), dtype=np.int64), tuple(table), self.version)

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        raise NotImplementedError

    async def numbers_of(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        raise NotImplementedError

    async def register(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        raise NotImplementedError

    async def link(self, number: SubjectNumber, identifier: str, value: str) -> None:
        raise NotImplementedError


class FakeKeys:
    """Keys derived from a constant."""

    epoch = 1

    def derive(self, label: str, length: int = 32) -> bytes:
        return hmac.digest(b"world", label.encode(), hashlib.sha512)[:length]

    def sign(self, message: bytes) -> bytes:
        raise NotImplementedError

    def verification_key(self) -> str:
        raise NotImplementedError


class FakeDetector:
    """Masks a whole text, so that any part of a raw text in an answer is a leak."""

    def mask(self, texts: Sequence[str | None]) -> list[str | None]:
        return [None if text is None else f"[text of {len(text)}]" for text in texts]


class FakeViews:
    """Keeps nothing."""

    async def get(self, name: str, revision: str) -> pa.Table | None:
        return None

    async def put(self, name: str, revision: str, release: pa.Table) -> None:
        return None


def transforms(request: AccessRequest) -> dict[str, dict[str, TransformKind]]:
    """Return a transform for each used column, by its class, as the shipped policies do."""
    answer: dict[str, dict[str, TransformKind]] = {}
    for use in request.datasets:
        kinds = answer[use.dataset.name] = {}
        for name in use.columns:
            column = use.dataset.column(name)
            assert column is not None
            key = use.dataset.data_subject
            kinds[name] = transform_of(column, request.purpose, key=key is not None and key.column == name)
    return answer


def transform_of(column: Column, purpose: Purpose, *, key: bool) -> TransformKind:
    """Return the transform of one column for *purpose*."""
    if key:
        return TransformKind.PSEUDONYM
    if column.category is not None and column.category in purpose.clear:
        return TransformKind.CLEAR
    if column.column_class is ColumnClass.QUASI_IDENTIFIER:
        return TransformKind(column.generalise) if column.generalise else TransformKind.CLEAR
    return {
        ColumnClass.DIRECT_IDENTIFIER: TransformKind.REDACT,
        ColumnClass.LINKING_IDENTIFIER: TransformKind.TOKEN,
        ColumnClass.SENSITIVE: TransformKind.WITHHOLD,
        ColumnClass.FREE_TEXT: TransformKind.MASK_TEXT,
        ColumnClass.NONE: TransformKind.CLEAR,
    }[column.column_class]


@dataclass
class ClassPolicy:
    """Decides by class; ``filters`` and ``obligations`` are added to every permit."""

    filters: dict[str, tuple[Comparison, ...]] = field(default_factory=dict)
    obligations: tuple[Obligation, ...] = ()

    async def decide(self, request: AccessRequest) -> Decision:
        for use in request.datasets:
            if request.purpose.name not in use.dataset.purposes:
                return Deny("access_denied", ("dataset_not_for_purpose",), "r1")
        return self.permit(request)

    def permit(self, request: AccessRequest) -> Permit:
        consent = request.purpose.legal_basis in {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}
        obligations = self.obligations
        if request.purpose.name == "support":
            obligations = (*obligations, Obligation(ObligationKind.MAX_DATA_SUBJECTS, 1))
        filters = {u.dataset.name: self.filters[u.dataset.name] for u in request.datasets if u.dataset.name in self.filters}
        return Permit(
            legal_basis=request.purpose.legal_basis,
            consent_required=consent,
            cells=request.purpose.all_cells() if consent else (),
            transforms=transforms(request),
            row_filters=filters,
            obligations=obligations,
            revision="r1",
        )

    async def healthy(self) -> bool:
        return True


class WatchedStore:
    """A store that remembers what it was given to run."""

    def __init__(self, inner: DataStore) -> None:
        self.inner = inner
        self.ran: list[GovernedQuery] = []

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: Any, *, page_rows: int
    ) -> AsyncIterator[pa.RecordBatch]:
        self.ran.append(query)
        async for batch in self.inner.fetch(query, consent, people, page_rows=page_rows):
            yield batch

    async def healthy(self) -> bool:
        return await self.inner.healthy()


@dataclass(frozen=True)
class Answer:
    """What a requester got: names, transforms and rows of plain values."""

    names: tuple[str, ...]
    rows: list[tuple[object, ...]]

    def column(self, name: str) -> list[object]:
        """Return one column's values."""
        return [row[self.names.index(name)] for row in self.rows]


# -- data ---------------------------------------------------------------------------------------------


def number_of(place: int) -> int:
    """Return the person number of the *place*-th customer: another order than that of the raw keys."""
    return 1 + (place * 23 + 11) % PEOPLE


def agrees(place: int, purpose: str) -> bool:
    """Return whether the *place*-th customer agreed. Customers 0 to 9 agreed to nothing at all."""
    if place < 10:
        return False
    return place % 4 != 1 if purpose == "recommendation" else place % 5 != 2


def _mark(place: int) -> str:
    return "NG" if place < 10 else "OK"


def _customers() -> list[dict[str, Any]]:
    return [
        {
            "place": p, "customer_id": FIRST_ID + p, "name": f"MKname{p:02d}", "email": f"MKmail{p:02d}@example.org",
            "postal_code": f"{_digits(p)}-MK{p:02d}",
            "prefecture": f"{_mark(p)}fu" if p < 10 else ("東京都", "大阪府", "京都府")[p % 3],
            "birth_date": f"{1950 + p}-0{1 + p % 9}-1{p % 10}", "income_band": f"MKband{p % 4}",
            "member_rank": f"{_mark(p)}rank" if p < 10 else ("gold", "silver", "bronze")[p % 3],
            "signed_up_on": f"20{10 + p % 12}-0{1 + p % 9}-01",
            "points": 770_000 + p if p < 10 else 10 * (p % 13),
            "note": None if p % 7 == 3 else f"MKnote {p:02d} likes tea",
            "password": f"MKpass{p:02d}",
        }
        for p in range(PEOPLE)
    ]  # fmt: skip


def _digits(place: int) -> str:
    return "NG" + str(place) if place < 10 else str(100 + place % 3)


def _tickets() -> list[dict[str, Any]]:
    return [
        {
            "place": p, "ticket_id": f"MK-T{n:04d}", "customer_id": FIRST_ID + p,
            "channel": f"{_mark(p)}post" if p < 10 else ("mail", "phone", "chat")[n % 3],
            "opened_at": f"2025-0{1 + n % 9}-1{n % 10} 0{n % 10}:15:00",
            "body": f"MKbody {n:03d} parcel" if n % 2 else f"MKbody {n:03d} refund",
            "resolved": n % 3 == 0, "minutes": 770_100 + n if p < 10 else n % 17,
        }
        for n in range(80)
        for p in [(n * 7) % PEOPLE]
    ]  # fmt: skip


def _order_lines() -> list[dict[str, Any]]:
    rows = []
    for n in range(240):
        p: int | None = (n * 13) % (PEOPLE + 5)
        if p is not None and p >= PEOPLE:
            p = None
        ng = p is None or p < 10
        rows.append(
            {
                "place": p, "invoice": f"MK-{n // 3:05d}", "stock_code": f"NG{n}" if ng else f"S{n % 19:03d}",
                "description": f"NGthing {n}" if ng else f"thing {n % 19}",
                "quantity": 771_000 + n if ng else 1 + n % 12, "unit_price": 772_000.5 if ng else 0.5 + n % 7,
                "invoiced_at": datetime(2011, 1 + n % 9, 1 + n % 27, n % 24) + timedelta(minutes=n % 60),
                "gift": n % 5 == 0, "customer_id": None if p is None else FIRST_ID + p,
                "country": "NGland" if ng else ("Japan", "France", "Norway")[n % 3],
            }
        )  # fmt: skip
    return rows


def _events() -> list[dict[str, Any]]:
    agents = ("Mozilla MK Firefox/1", "Mozilla MK Chrome/9", "MKbot", "Safari MK")
    rows = []
    for n in range(160):
        p: int | None = None if n % 9 == 8 else (n * 13) % PEOPLE
        ng = p is None or p < 10
        rows.append(
            {
                "place": p, "event_id": f"MK-E{n:04d}", "customer_id": None if p is None else FIRST_ID + p,
                "cookie_id": f"MKcookie{n % 31}", "user_agent": agents[n % 4],
                "event_type": "NGview" if ng else ("view", "search", "cart")[n % 3],
                "category": "NGcat" if ng else ("tea", "cups", "pots")[n % 3],
                "query_text": f"MKquery {n:03d}" if n % 3 == 1 else None,
                "referrer": "https://MKuser:pw@NG.example/MKpath" if ng else f"https://MKuser@shop{n % 2}.example/MK?q=MK",
                "invoice": f"MK-{n // 2:05d}" if n % 4 == 0 else None,
                "occurred_at": datetime(2025, 3, 1 + n % 28, n % 24, n % 60),
            }
        )  # fmt: skip
    return rows


Rows = dict[str, list[dict[str, Any]]]

ROWS: Rows = {
    "crm.customers": _customers(),
    "crm.tickets": _tickets(),
    "pos.order_lines": _order_lines(),
    "web.events": _events(),
    "pos.products": [{"place": None, "stock_code": f"S{n:03d}", "title": f"title {n}"} for n in range(19)],
    "pos.secrets": [{"place": None, "secret": "NGsecret"}],
}

ARROW = {
    _S: pa.string(), _I: pa.int64(), _F: pa.float64(), _B: pa.bool_(), _D: pa.date32(), _T: pa.timestamp("us"),
}  # fmt: skip


def table_of(dataset: Dataset, rows: Sequence[Mapping[str, object]], *, extra: str | None = None) -> pa.Table:
    """Return *rows* as an Arrow table of the catalogue's types, with one uncatalogued column *extra*."""
    columns = {c.name: pa.array([row[c.name] for row in rows], ARROW[c.type]) for c in dataset.columns}
    if extra is not None:
        columns[extra] = pa.array([f"MK{extra}"] * len(rows))
    return pa.table(columns)


def write_sqlite(path: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Write SQLite tables; every key of a row but ``place`` is a column, so also what no catalogue names."""
    with sqlite3.connect(path) as db:
        for name, rows in tables.items():
            columns = [column for column in rows[0] if column != "place"]
            kinds = {c: "INTEGER" if isinstance(rows[0][c], bool | int) else "TEXT" for c in columns}
            kinds["customer_id"] = "INTEGER PRIMARY KEY" if name == "customers" else "INTEGER"
            db.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {kinds[c]}' for c in columns)})")
            marks = ", ".join("?" for _ in columns)
            db.executemany(f"INSERT INTO {name} VALUES ({marks})", [[row[c] for c in columns] for row in rows])
    db.close()


def twin_rows() -> Rows:
    """Return rows that differ from :data:`ROWS` only in what no requester of ``recommendation`` may learn.

    Withheld rows are fewer and have other values, which fit every cast; masked columns hold other values under
    the same masks. No answer, order or error may tell the two worlds apart.
    """
    twins: Rows = {}
    for dataset, rows in ROWS.items():
        twins[dataset] = []
        for n, row in enumerate(rows):
            place = row["place"]
            if dataset in {"pos.products", "pos.secrets"}:
                twins[dataset].append(row)
            elif place is not None and agrees(place, "recommendation"):
                twins[dataset].append(row | _same_masks(row))
            elif n % 3:
                twins[dataset].append(row | _harmless(row))
    return twins


def _same_masks(row: dict[str, Any]) -> dict[str, Any]:
    """Return other values of the masked columns of *row*, in another order, with the same masks."""
    other = {
        "name": "5", "email": "6", "cookie_id": "7", "password": "8", "income_band": "9",
        "note": lambda v: v and v[::-1], "body": lambda v: v[::-1], "query_text": lambda v: v and v[::-1],
        "postal_code": lambda v: v[:3] + "9", "birth_date": lambda v: v[:4] + "-01-01",
        "user_agent": lambda v: v.replace("MK", "0"), "referrer": lambda v: v.replace("MK", "1"),
    }  # fmt: skip
    return {c: new(row[c]) if callable(new) else new for c, new in other.items() if c in row}


def _harmless(row: dict[str, Any]) -> dict[str, Any]:
    """Return values for a withheld row that no expression fails on. Its keys stay."""
    kept = {"place", "customer_id", "ticket_id", "invoice", "event_id", "gift", "resolved"}
    values: dict[type, object] = {str: "1", int: 1, float: 1.0, datetime: datetime(2001, 1, 1), type(None): None}
    dates = {"birth_date": "2001-01-01", "signed_up_on": "2001-01-01", "opened_at": "2001-01-01 00:00:00"}
    return {c: dates.get(c, values[type(v)]) for c, v in row.items() if c not in kept and not isinstance(v, bool)}


def build(folder: Path, rows: Rows) -> None:
    """Write the stores' files below *folder*."""
    for name in ("pos", "web"):
        (folder / name).mkdir()
    write_sqlite(
        folder / "crm.db",
        {
            "customers": rows["crm.customers"],
            "tickets": rows["crm.tickets"],
            "hidden": [{"place": None, "customer_id": 1, "secret": "NGsecret"}],
        },
    )
    for name in ("pos.order_lines", "pos.products", "pos.secrets"):
        dataset = DATASETS[name]
        pq.write_table(table_of(dataset, rows[name], extra="password"), folder / "pos" / dataset.relation)
    lines = [
        json.dumps({k: str(v) if isinstance(v, datetime) else v for k, v in row.items() if k != "place"})
        for row in rows["web.events"]
    ]
    (folder / "web" / "events.jsonl").write_text("\n".join(lines))


def catalogue(folder: Path) -> Catalogue:
    """Return the catalogue over the files of :func:`build`."""
    stores = {
        "crm": Store("crm", StoreKind.SQLITE, str(folder / "crm.db")),
        "pos": Store("pos", StoreKind.DUCKDB, str(folder / "pos")),
        "web": Store("web", StoreKind.DUCKDB, str(folder / "web")),
    }
    return Catalogue(stores, DATASETS, PURPOSES, REQUESTERS, {}, "c1")


class World:
    """The retailer, and an event loop to ask it on. Use as a context manager.

    One thread of DuckDB, so that rows come in one order.
    """

    def __init__(self, folder: Path, rows: Rows = ROWS) -> None:
        build(folder, rows)
        self.rows = rows
        self.folder = folder
        self.catalogue = catalogue(folder)
        stores = self.catalogue.stores
        files = {name: store for name, store in stores.items() if store.kind is StoreKind.DUCKDB}
        self.duckdb = DuckDbStores(files, DATASETS, threads=1, timeout=20)
        self.sqlite = SqliteStore(stores["crm"], DATASETS, timeout=20)
        self.watched = {"duckdb": WatchedStore(self.duckdb), "crm": WatchedStore(self.sqlite)}
        self.policy = ClassPolicy()
        self.consents = FakeConsentLedger(
            {
                purpose: {number_of(p) for p in range(PEOPLE) if agrees(p, purpose)}
                for purpose in ("recommendation", "advertising", "board")
            }
        )
        self.people = FakePeople({"customer_id": {str(FIRST_ID + p): number_of(p) for p in range(PEOPLE)}})
        self.audit = FakeAuditLog()
        self.gateway = Gateway(
            self.catalogue, self.policy, self.consents, self.people, self.watched, FakeKeys(), FakeDetector(),
            self.audit, FakeClock(), FakeViews(),
        )  # fmt: skip
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._runner.close()
        self.duckdb.close()
        self.sqlite.close()

    def ask(
        self,
        sql: str,
        *parameters: object,
        purpose: str = "recommendation",
        requester: str = "recommender",
        max_rows: int | None = None,
        page_rows: int = 10_000,
    ) -> Answer:
        """Return the governed answer. Raises the gateway's refusal."""
        return self._runner.run(self._ask(REQUESTERS[requester], Ask(purpose, sql, parameters, max_rows), page_rows))

    async def _ask(self, requester: Requester, ask: Ask, page_rows: int) -> Answer:
        release = await self.gateway.query(requester, ask, page_rows=page_rows)
        rows: list[tuple[object, ...]] = []
        async for page in release.pages():
            rows += zip(*(column.to_pylist() for column in page.batch.columns), strict=True)
        return Answer(tuple(release.schema.names), rows)

    def plan(self, sql: str, *, purpose: str = "recommendation", requester: str = "recommender") -> Plan:
        """Return the plan of *sql* under this world's policy."""
        question = self.gateway.statements.read(REQUESTERS[requester], PURPOSES[purpose], sql)
        return question.plan(self.policy.permit(question.request))

    def keyed(
        self, *, purpose: str = "recommendation", requester: str = "recommender", plan: Plan | None = None
    ) -> KeyedTransforms:
        """Return the pseudonyms and tokens of a requester for a purpose, ready to bind *plan*."""
        return self._runner.run(self.gateway.pseudonymity.of(REQUESTERS[requester], PURPOSES[purpose], plan))

    def pseudonym(self, place: int, *, purpose: str = "recommendation", requester: str = "recommender") -> str:
        """Return the pseudonym of the *place*-th customer."""
        encoded = self.keyed(purpose=purpose, requester=requester).pseudonyms.encode(np.array([number_of(place)]))
        return str(encoded[0].as_py())

    def token(self, domain: str, value: str, *, purpose: str = "recommendation", requester: str = "recommender") -> str:
        """Return the token of a linking identifier."""
        return self.keyed(purpose=purpose, requester=requester).tokens(domain).encode_one(value)
