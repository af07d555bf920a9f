"""The retailer as one PostgreSQL store called ``shop`` that holds all of its datasets.

Texts of the other corpora are read with their stores renamed: ``shop('SELECT … FROM pos.order_lines')``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from sekisho.domain.terms import Catalogue, Dataset, Store, StoreKind
from tests.query.retailer import DATASETS, PURPOSES, REQUESTERS

T = TypeVar("T")
_RELATIONS = {
    "order_lines": "sales.order_lines", "products": "sales.products", "secrets": "sales.secrets",
    "events": "public.events",
}  # fmt: skip
SHOP: dict[str, Dataset] = {
    f"shop.{table}": replace(dataset, name=f"shop.{table}", store="shop", relation=_RELATIONS.get(table, table))
    for dataset in DATASETS.values()
    for table in [dataset.name.split(".")[1]]
}
"""The datasets, with relations with and without a schema."""

_STORE = re.compile(r'\b(crm|pos|web|Crm|CRM)(?="?\.)')
_NAMES = {"crm": "shop", "pos": "shop", "web": "shop", "Crm": "Shop", "CRM": "SHOP"}


def shop(sql: str) -> str:
    """Return *sql* about the store ``shop`` instead of ``crm``, ``pos`` and ``web``."""
    return _STORE.sub(lambda found: _NAMES[found[1]], sql)


def shop_rows(rows: Mapping[str, T]) -> dict[str, T]:
    """Return *rows* by the names of the shop's datasets."""
    return {shop(name): table for name, table in rows.items()}


def shop_catalogue() -> Catalogue:
    """Return the catalogue of the shop."""
    return Catalogue({"shop": Store("shop", StoreKind.POSTGRESQL, "")}, SHOP, PURPOSES, REQUESTERS, {}, "c1")
