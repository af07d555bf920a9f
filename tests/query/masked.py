"""The retailer once more, with masks that columns declare: every kind, in SQLite, DuckDB and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sekisho.domain.masks import (
    Bucket,
    Constant,
    DatePart,
    DateShift,
    Fake,
    FakeOf,
    Hierarchy,
    Hmac,
    Keep,
    Mask,
    Noise,
    Partial,
    TopBottom,
    Truncate,
)
from sekisho.domain.terms import Catalogue, ColumnClass, Dataset
from tests.query.postgres import PostgresWorld
from tests.query.retailer import DATASETS, agrees, catalogue
from tests.query.rows import ROWS, Rows, _harmless, _same_masks
from tests.query.shop import SHOP, shop_catalogue
from tests.query.world import World

REGIONS = {"東京都": "east", "大阪府": "west", "京都府": "west"}
MASKS: dict[str, dict[str, Mask]] = {
    "customers": {
        "name": Fake(FakeOf.NAME),
        "email": Hmac("mail"),
        "postal_code": Constant("000-0000"),
        "prefecture": Hierarchy("region", 1, REGIONS),
        "birth_date": DateShift(20),
        "member_rank": Partial(Keep.FIRST),
        "signed_up_on": Truncate(DatePart.QUARTER),
        "points": Bucket(50),
    },
    "tickets": {"minutes": Noise(5)},
    "order_lines": {"quantity": TopBottom(2, 9), "unit_price": Noise(2), "invoiced_at": DateShift(20)},
    "events": {"cookie_id": Hmac("mail"), "user_agent": Hmac()},
}
_NAMING = {"name", "email", "cookie_id"}


def with_masks(datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Return *datasets* with the masks of their columns."""
    return {name: _masked(dataset, MASKS.get(name.split(".")[1], {})) for name, dataset in datasets.items()}


def _masked(dataset: Dataset, masks: Mapping[str, Mask]) -> Dataset:
    columns = []
    for column in dataset.columns:
        mask = masks.get(column.name)
        if mask is not None:
            named = ColumnClass.DIRECT_IDENTIFIER if column.name in _NAMING else ColumnClass.QUASI_IDENTIFIER
            columns.append(replace(column, mask=mask, generalise=None, column_class=named))
        else:
            columns.append(column)
    return replace(dataset, columns=tuple(columns))


def masked_catalogue(folder: Path) -> Catalogue:
    """Return the catalogue of files and SQLite with masks."""
    declared = catalogue(folder)
    return replace(declared, datasets=with_masks(DATASETS))


def masked_shop() -> Catalogue:
    """Return the catalogue of PostgreSQL with masks."""
    return replace(shop_catalogue(), datasets=with_masks(SHOP))


class MaskedWorld(World):
    """The world of files and SQLite behind the catalogue with masks."""

    def __init__(self, folder: Path, rows: Rows = ROWS) -> None:
        super().__init__(folder, rows)
        self.catalogue = masked_catalogue(folder)
        self.gateway = replace(self.gateway, catalogue=self.catalogue)


class MaskedShop(PostgresWorld):
    """The world of PostgreSQL behind the catalogue with masks."""

    def __init__(self, conninfo: str, rows: Rows = ROWS) -> None:
        super().__init__(conninfo, rows)
        self.catalogue = masked_shop()
        self.gateway = replace(self.gateway, catalogue=self.catalogue)


def masked_twins() -> Rows:
    """Return rows that differ in withheld rows, and in values that the masks do not tell apart."""
    twins: Rows = {}
    for dataset, rows in ROWS.items():
        twins[dataset] = []
        for n, row in enumerate(rows):
            place = row["place"]
            if dataset in {"pos.products", "pos.secrets"}:
                twins[dataset].append(row)
            elif place is not None and agrees(place, "recommendation"):
                twins[dataset].append(row | _same(row))
            elif n % 3:
                twins[dataset].append(row | _harmless(row))
    return twins


def _same(row: dict[str, Any]) -> dict[str, Any]:
    same = _same_masks(row)
    for kept in ("email", "cookie_id", "user_agent", "birth_date"):  # shown by a function of the value itself
        same.pop(kept, None)
    other = {
        "postal_code": lambda _: "999",
        "member_rank": lambda v: v[0] + "xx",
        "signed_up_on": lambda v: f"{v[:5]}{(int(v[5:7]) - 1) // 3 * 3 + 2:02d}-09",
        "points": lambda v: v // 50 * 50 + 49 - v % 50,
        "quantity": lambda v: 12 if v > 9 else 1 if v <= 2 else v,
    }
    return same | {name: new(row[name]) for name, new in other.items() if name in row}
