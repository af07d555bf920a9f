"""The order lines as shipped, and the files of the demonstration's stores.

Each file is written beside its final name and moved there when whole, so that an interrupted build
leaves no half store.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.demo.people import COPY_OFFSET, CUSTOMER_COLUMNS

ROW_GROUP = 122_880
"""Rows in a row group of a Parquet store: sixty vectors of DuckDB, its own default."""

NOBODYS_LINES = 1_000
"""How many lines of unknown customers a build limited to a few customers keeps."""

POS_SCHEMA = pa.schema(
    [
        ("invoice", pa.string()),
        ("stock_code", pa.string()),
        ("description", pa.string()),
        ("quantity", pa.int32()),
        ("invoiced_at", pa.timestamp("us")),
        ("unit_price", pa.float64()),
        ("customer_id", pa.int64()),
        ("country", pa.string()),
    ]
)
"""Columns of ``pos.order_lines``, in catalogue order."""

_SOURCE_COLUMNS = {
    "Invoice": "invoice",
    "StockCode": "stock_code",
    "Description": "description",
    "Quantity": "quantity",
    "InvoiceDate": "invoiced_at",
    "Price": "unit_price",
    "CustomerID": "customer_id",
    "Country": "country",
}


@cache
def texts() -> dict[str, Any]:
    """Return the templates, search words and categories of ``data/texts.json``."""
    loaded: dict[str, Any] = json.loads(
        files("sekisho.demo").joinpath("data", "texts.json").read_text(encoding="utf-8")
    )
    return loaded


def order_lines(customers: int | None = None) -> pl.DataFrame:
    """Return the order lines of the shipped file, in its order, with the columns of :data:`POS_SCHEMA`.

    ``CustomerID`` 0 means that nobody knows whose line it is: it becomes a missing value, so that no
    comparison, join or consent ever takes it for a person.

    Parameters
    ----------
    customers:
        Keep only this many customers (the lowest ids) and :data:`NOBODYS_LINES` lines of nobody; for tests.
    """
    source = files("sekisho.demo").joinpath("data", "online_retail_2010_2011.parquet")
    with as_file(source) as path:
        lines = pl.read_parquet(path)
    lines = lines.select(pl.col(theirs).alias(ours) for theirs, ours in _SOURCE_COLUMNS.items()).with_columns(
        pl.col("customer_id").cast(pl.Int64).replace(0, None),
        pl.col("invoiced_at").cast(pl.Datetime("us")),
    )
    if customers is None:
        return lines
    kept = lines["customer_id"].drop_nulls().unique().sort().head(customers)
    nobodys = pl.col("customer_id").is_null() & (pl.col("customer_id").is_null().cum_sum() <= NOBODYS_LINES)
    return lines.filter(pl.col("customer_id").is_in(kept.implode()) | nobodys)


def categorised(lines: pl.DataFrame) -> pl.DataFrame:
    """Return *lines* with ``category``, derived from keywords in the description; the first match wins."""
    category = pl.lit("other_goods")
    chosen: pl.Expr = category
    for entry in reversed(texts()["categories"]):
        matches = pl.col("description").str.to_uppercase().str.contains_any(entry["keywords"])
        chosen = pl.when(matches).then(pl.lit(entry["name"])).otherwise(chosen)
    return lines.with_columns(chosen.alias("category"))


def buyers(lines: pl.DataFrame) -> pl.DataFrame:
    """Return one row per known customer, ascending by id.

    Returns
    -------
    polars.DataFrame
        ``customer_id``, ``abroad``, ``spent`` (pounds), ``first_bought`` (date), ``invoices`` (list of text).
    """
    return (
        lines.filter(pl.col("customer_id").is_not_null())
        .group_by("customer_id")
        .agg(
            (pl.col("country").first() != "United Kingdom").alias("abroad"),
            (pl.col("quantity") * pl.col("unit_price")).sum().round(2).alias("spent"),
            pl.col("invoiced_at").min().dt.date().alias("first_bought"),
            pl.col("invoice").unique(maintain_order=True).alias("invoices"),
        )
        .sort("customer_id")
    )


def copied_lines(lines: pl.DataFrame, copy: int) -> pl.DataFrame:
    """Return copy number *copy* of the lines: other customers, other invoices (``536365-7``), still nobody's."""
    if copy == 0:
        return lines
    return lines.with_columns(
        pl.col("customer_id") + copy * COPY_OFFSET,
        pl.concat_str(pl.col("invoice"), pl.lit(f"-{copy}")),
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a fresh path beside *path*, and move it there when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_parquet(path: Path, schema: pa.Schema, frames: Iterable[pl.DataFrame]) -> None:
    """Write *frames* one after another into one Parquet file (zstd, row groups of :data:`ROW_GROUP`)."""
    with replacing(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for frame in frames:
            writer.write_table(frame.to_arrow().cast(schema), row_group_size=ROW_GROUP)


def write_json_lines(path: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Write *frames* one after another into one file, a JSON object per line (UTF-8)."""
    with replacing(path) as part, part.open("wb") as out:
        for frame in frames:
            frame.write_ndjson(out)


def write_sqlite(path: Path, create: Iterable[str], insert: str, frames: Iterable[pl.DataFrame]) -> None:
    """Write *frames* into a new SQLite file.

    Parameters
    ----------
    create:
        Statements that make the table and its indexes.
    insert:
        Statement with one ``?`` per column of the frames.
    """
    with replacing(path) as part, closing(sqlite3.connect(part, isolation_level=None)) as connection:
        # Nothing is lost when the machine stops here: the file has not been moved to its name yet.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for statement in create:
            connection.execute(statement)
        connection.execute("BEGIN")
        for frame in frames:
            connection.executemany(insert, frame.iter_rows())
        connection.execute("COMMIT")


def write_customers(path: Path, people: Iterable[pl.DataFrame]) -> None:
    """Write ``crm.customers``; dates are ISO text, as SQLite's own functions read them."""
    columns = ", ".join(
        f"{name} INTEGER PRIMARY KEY" if name == "customer_id" else f"{name} TEXT" for name in CUSTOMER_COLUMNS
    )
    marks = ", ".join("?" for _ in CUSTOMER_COLUMNS)
    write_sqlite(
        path,
        (f"CREATE TABLE customers ({columns})", "CREATE UNIQUE INDEX customers_email ON customers (email)"),
        f"INSERT INTO customers VALUES ({marks})",
        (
            frame.select(
                pl.col(name).dt.strftime("%Y-%m-%d") if frame.schema[name] == pl.Date else pl.col(name)
                for name in CUSTOMER_COLUMNS
            )
            for frame in people
        ),
    )
