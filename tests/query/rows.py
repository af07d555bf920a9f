"""The rows of the world, their twins that no requester may tell from them, and the files that hold them."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.domain.terms import ColumnType, Dataset
from tests.query.retailer import DATASETS, FIRST_ID, PEOPLE, agrees

_AT = datetime.fromisoformat("2011-01-01")
_COMMON = re.compile(r"20\d\d-\d\d-[01]\d [01]\d:\d\d:\d\d")


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
                "invoiced_at": _AT + timedelta(days=n * 31 % 270, hours=n % 24, minutes=n % 60),
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
                "referrer": f"https://MKuser:p@{'NG' if ng else f'shop{n % 2}'}.example/MK?q=MK",
                "invoice": f"MK-{n // 2:05d}" if n % 4 == 0 else None,
                "occurred_at": _AT + timedelta(days=5172 + n % 28, hours=n % 24, minutes=n % 60),
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

_S, _I, _F, _B, _D, _T = (
    ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE, ColumnType.BOOLEAN, ColumnType.DATE,
    ColumnType.TIMESTAMP,
)  # fmt: skip
ARROW = {
    _S: pa.string(), _I: pa.int64(), _F: pa.float64(), _B: pa.bool_(), _D: pa.date32(), _T: pa.timestamp("us"),
}  # fmt: skip


def table_of(dataset: Dataset, rows: Sequence[Mapping[str, object]], *, extra: str | None = None) -> pa.Table:
    """Return *rows* as an Arrow table of the catalogue's types, with one uncatalogued column *extra*."""
    columns = {c.name: pa.array([row[c.name] for row in rows], ARROW[c.type]) for c in dataset.columns}
    if extra is not None:
        columns[extra] = pa.array([f"MK{extra}"] * len(rows))
    return pa.table(columns)


def spelled(text: str | None, n: int) -> str | None:
    """Return an instant (``2025-04-01 10:15:00``, in UTC) as the *n*-th row of a SQLite table spells it.

    Any other text stays.
    """
    if text is None or not _COMMON.fullmatch(text):
        return text
    at = datetime.fromisoformat(text)
    tokyo, lima = (at + timedelta(hours=hours) for hours in (9, -5))
    forms = (
        text, f"{at.isoformat()}Z", f"{tokyo.isoformat()}+09:00", f"{at.isoformat(' ')}.000",
        f"{lima.isoformat()}-0500", f"{tokyo.isoformat(' ')} +09", f"{at.isoformat()}.0Z",
    )  # fmt: skip
    return forms[n % len(forms)]


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


def same_size_twins() -> Rows:
    """Return twins with as many rows and as long texts: of these an engine may estimate what a statement takes."""
    masked = {
        column: (lambda v: v[::-1])
        for column in ("name", "email", "cookie_id", "income_band", "note", "body", "query_text")
    } | {"postal_code": lambda v: v[:3] + "9" * len(v[3:]), "birth_date": lambda v: v[:4] + "-01-01"}
    twins: Rows = {}
    for dataset, rows in ROWS.items():
        twins[dataset] = []
        for row in rows:
            other: dict[str, Any] = {}
            if dataset in {"pos.products", "pos.secrets"}:
                pass
            elif row["place"] is not None and agrees(row["place"], "recommendation"):
                other = {column: new(row[column]) for column, new in masked.items() if row.get(column)}
            else:
                other = {column: _as_long(row[column], new) for column, new in _harmless(row).items()}
            twins[dataset].append(row | other)
    return twins


def _as_long(old: Any, new: Any) -> Any:
    if isinstance(new, float):
        return -old  # as many digits
    return "1" * len(old.encode()) if new == "1" else new


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
    values: dict[type, object] = {
        str: "1",
        int: 1,
        float: 1.0,
        datetime: _AT - timedelta(days=3652),
        type(None): None,
    }
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
            "tickets": [
                row | {"opened_at": spelled(row["opened_at"], n)} for n, row in enumerate(rows["crm.tickets"])
            ],
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
