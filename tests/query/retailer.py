"""What the world of the SQL tests declares: its datasets, purposes and requesters, and who agrees to what.

Every value that a person without consent has, and every value that a mask must hide, can be recognised in an
answer: it holds ``NG`` (nobody agreed), ``MK`` (masked), or is a number from :data:`FORBIDDEN_NUMBERS`.
"""

from __future__ import annotations

from pathlib import Path

from sekisho.domain.terms import (
    Catalogue,
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    LegalBasis,
    Purpose,
    Requester,
    Store,
    StoreKind,
)

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


def number_of(place: int) -> int:
    """Return the person number of the *place*-th customer: another order than that of the raw keys."""
    return 1 + (place * 23 + 11) % PEOPLE


def agrees(place: int, purpose: str) -> bool:
    """Return whether the *place*-th customer agreed. Customers 0 to 9 agreed to nothing at all."""
    if place < 10:
        return False
    return place % 4 != 1 if purpose == "recommendation" else place % 5 != 2


def catalogue(folder: Path) -> Catalogue:
    """Return the catalogue over the files of :func:`build`."""
    stores = {
        "crm": Store("crm", StoreKind.SQLITE, str(folder / "crm.db")),
        "pos": Store("pos", StoreKind.DUCKDB, str(folder / "pos")),
        "web": Store("web", StoreKind.DUCKDB, str(folder / "web")),
    }
    return Catalogue(stores, DATASETS, PURPOSES, REQUESTERS, {}, "c1")
