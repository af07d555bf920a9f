"""DuckDB, opened over the files of stores and locked down.

The files of the stores are the only ones that can be opened, extensions, settings and attaching are off, nothing goes
to a disk, no plan rests on the values of withheld rows, days are those of UTC, and the settings are locked and read
back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb

from sekisho.adapters.stores.scanned import TYPES
from sekisho.domain.governed import COPIES
from sekisho.domain.terms import ColumnType, Dataset, Store
from sekisho.errors import StoreUnavailable

_HELD = {
    ColumnType.STRING: re.compile(r"VARCHAR|ENUM\(.*\)"),
    ColumnType.INTEGER: re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)"),
    ColumnType.DOUBLE: re.compile(r"FLOAT|DOUBLE|DECIMAL\((\d|1[0-8]),\d+\)"),
    ColumnType.BOOLEAN: re.compile("BOOLEAN"),
    ColumnType.DATE: re.compile("DATE"),
    ColumnType.TIMESTAMP: re.compile(r"TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?"),
}
"""What the files may hold for each type of the catalogue."""
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "python_enable_replacements": False,  # no variable of this process is a table
    "temp_directory": "",  # what does not fit into memory is customers' data in clear on a disk
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # The least and greatest of a column, withheld rows and what is masked among them, would tell DuckDB which of
    # the requester's expressions need not run: whether one that fails fails is an answer.
    "disabled_optimizers": "statistics_propagation",
}
CSV_FORM: Final = "header = true, quote = '\"', escape = '\"', comment = '', union_by_name = true"
"""How CSV files are read: as RFC 4180 says, by the names of each file's own header.

DuckDB would guess the quotes from the first lines. Where it finds none there, or others, a text between quotes that
somebody wrote with commas and line ends is read as further columns and rows: what is masked lies in one that is not.
"""
# What is written as a number. DuckDB's own reading is kinder: it takes 017850, 17850.4 and 0x45BA for 17850, who is
# somebody else.
_NUMBER: Final = (
    r"CASE WHEN regexp_full_match({c}, '\s*(0|-?[1-9][0-9]{0,18})(\.0*)?\s*') THEN TRY_CAST({c} AS BIGINT) END"
)
_ZONE: Final = "UTC"  # else an instant with a zone would have the day and the year of where this machine stands
_SETTINGS = ("enable_external_access", "lock_configuration", "disabled_optimizers", "TimeZone")


def locked_down(
    stores: Mapping[str, Store], datasets: Mapping[str, Dataset], *, threads: int, copies: Path | None
) -> duckdb.DuckDBPyConnection:
    """Return an engine in memory that sees each of *datasets* as a view over the files of its store, and no more.

    Parameters
    ----------
    stores, datasets:
        The stores, and all datasets: those of other stores are passed over.
    threads:
        Threads of the engine.
    copies:
        Folder of the copies that may be attached later, or ``None``.

    Raises ``StoreUnavailable`` where it cannot be opened, does not take its settings, or holds another type than the
    catalogue says.
    """
    try:
        db = duckdb.connect(":memory:", config={**_CONFIG, "threads": threads})
        folders = [str(Path(store.location)) for store in stores.values()] + ([str(copies)] if copies else [])
        db.execute("SET allowed_directories = ?", [folders])
        db.execute(f"SET GLOBAL TimeZone = '{_ZONE}'")
        for schema in (*stores, "people", COPIES):
            db.execute(f'CREATE SCHEMA "{schema}"')
        for dataset in datasets.values():
            if dataset.store in stores:
                _view(db, stores[dataset.store], dataset)
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        with db.cursor() as cursor:  # as statements have one
            locked = [cursor.execute("SELECT current_setting(?)", [name]).fetchall() for name in _SETTINGS]
    except duckdb.Error as fault:
        raise StoreUnavailable("The file stores could not be opened; run sekisho check.") from fault
    if locked != [[(each,)] for each in (False, True, _CONFIG["disabled_optimizers"], _ZONE)]:
        raise StoreUnavailable("DuckDB did not accept its lock-down.")
    return db


def _view(db: duckdb.DuckDBPyConnection, store: Store, dataset: Dataset) -> None:
    pattern = (Path(store.location) / dataset.relation).as_posix().replace("'", "''")
    held_as = {column.name: TYPES[column.type] for column in dataset.columns}
    read = {name: f'"{name}"' for name in held_as}
    key = dataset.data_subject
    if key is not None and dataset.key_type is ColumnType.INTEGER and not dataset.relation.endswith(".parquet"):
        held_as[key.column] = "VARCHAR"
        read[key.column] = f'{_NUMBER.replace("{c}", read[key.column])} AS "{key.column}"'
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in held_as.items())
    if dataset.relation.endswith((".jsonl", ".ndjson", ".json")):
        source = f"read_json('{pattern}', format = 'newline_delimited', columns = {{{types}}})"
    elif dataset.relation.endswith(".csv"):
        # `columns` would go by places: where a header has another order, or another column, a column would be
        # governed as its neighbour.
        source = f"read_csv('{pattern}', {CSV_FORM}, types = {{{types}}})"
    else:
        source = f"read_parquet('{pattern}')"
    columns = ", ".join(read.values())
    schema, table = dataset.name.split(".", 1)
    db.execute(f'CREATE VIEW "{schema}"."{table}" AS SELECT {columns} FROM {source}')
    held = {name: kind for name, kind, *_ in db.execute(f'DESCRIBE "{schema}"."{table}"').fetchall()}
    for declared in dataset.columns:
        # What may run on withheld rows is judged by these types: a comparison of unlike ones casts, and fails.
        if not _HELD[declared.type].fullmatch(held[declared.name]):
            raise StoreUnavailable(
                f"The files of {dataset.name} hold {declared.name} as {held[declared.name]}, the catalogue as"
                f" {declared.type.value}; correct its type in sekisho.yaml."
            )
