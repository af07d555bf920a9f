"""DuckDB, opened over the files of stores and locked down.

The files of the stores are the only ones that can be opened, extensions, settings and attaching are off, nothing goes
to a disk, no plan rests on the values of withheld rows, and the settings are locked and read back.
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
_LOCK: Final = "SELECT current_setting('enable_external_access'), current_setting('lock_configuration'), "


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
        for schema in (*stores, "people", COPIES):
            db.execute(f'CREATE SCHEMA "{schema}"')
        for dataset in datasets.values():
            if dataset.store in stores:
                _view(db, stores[dataset.store], dataset)
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        locked = db.execute(f"{_LOCK}current_setting('disabled_optimizers')").fetchall()
    except duckdb.Error as fault:
        raise StoreUnavailable("The file stores could not be opened; run sekisho check.") from fault
    if locked != [(False, True, _CONFIG["disabled_optimizers"])]:
        raise StoreUnavailable("DuckDB did not accept its lock-down.")
    return db


def _view(db: duckdb.DuckDBPyConnection, store: Store, dataset: Dataset) -> None:
    pattern = (Path(store.location) / dataset.relation).as_posix().replace("'", "''")
    columns = ", ".join(f'"{column.name}"' for column in dataset.columns)
    if dataset.relation.endswith((".jsonl", ".ndjson", ".json")):
        types = ", ".join(f"'{column.name}': '{TYPES[column.type]}'" for column in dataset.columns)
        source = f"read_json('{pattern}', format = 'newline_delimited', columns = {{{types}}})"
    elif dataset.relation.endswith(".csv"):
        types = ", ".join(f"'{column.name}': '{TYPES[column.type]}'" for column in dataset.columns)
        # By the names of each file's own header. `columns` would go by places: where a header has another order, or
        # another column, a column would be governed as its neighbour.
        source = f"read_csv('{pattern}', header = true, types = {{{types}}}, union_by_name = true)"
    else:
        source = f"read_parquet('{pattern}')"
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
