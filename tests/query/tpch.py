"""A data set like that of TPC-H, generated with a fixed seed: customer, orders and lineitem are about people.

Values are drawn from fewer words than the benchmark's, so that each of its 22 statements has an answer over 50
customers. What nobody agreed to is marked as in ``rows.py``: ``NG``, and prices from ``FORBIDDEN_NUMBERS``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, DataSubjectKey
from tests.query.retailer import FIRST_ID, PEOPLE
from tests.query.rows import Rows

_S, _I, _F, _D = ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE, ColumnType.DATE
_DIRECT, _LINK, _QUASI, _SENS, _NONE = (
    ColumnClass.DIRECT_IDENTIFIER, ColumnClass.LINKING_IDENTIFIER, ColumnClass.QUASI_IDENTIFIER,
    ColumnClass.SENSITIVE, ColumnClass.NONE,
)  # fmt: skip


def _plain(names: str, kind: ColumnType) -> tuple[Column, ...]:
    return tuple(Column(name, kind, _NONE) for name in names.split())


def _dataset(name: str, columns: Sequence[Column], key: str | None = None) -> Dataset:
    subject = DataSubjectKey(key, "customer_id") if key else None
    category = "purchase" if key else None
    return Dataset(
        f"tpch.{name}", "tpch", name, tuple(columns), subject, category, frozenset({"recommendation", "fraud"})
    )


TPCH: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        _dataset("region", (*_plain("r_regionkey", _I), *_plain("r_name r_comment", _S))),
        _dataset("nation", (*_plain("n_nationkey n_regionkey", _I), *_plain("n_name n_comment", _S))),
        _dataset(
            "supplier",
            (*_plain("s_suppkey s_nationkey", _I), *_plain("s_name s_address s_phone s_comment", _S),
             *_plain("s_acctbal", _F)),
        ),
        _dataset(
            "part",
            (*_plain("p_partkey p_size", _I), *_plain("p_retailprice", _F),
             *_plain("p_name p_mfgr p_brand p_type p_container p_comment", _S)),
        ),
        _dataset(
            "partsupp",
            (*_plain("ps_partkey ps_suppkey ps_availqty", _I), *_plain("ps_supplycost", _F),
             *_plain("ps_comment", _S)),
        ),
        _dataset(
            "customer",
            (
                Column("c_custkey", _I, _DIRECT, category="customer_id"),
                Column("c_name", _S, _DIRECT, category="name"),
                Column("c_address", _S, _DIRECT, category="address"),
                Column("c_nationkey", _I, _QUASI),
                Column("c_phone", _S, _QUASI, generalise="prefix3"),  # the country's code
                *_plain("c_acctbal", _F),
                *_plain("c_mktsegment", _S),
                Column("c_comment", _S, _SENS, category="remark"),
            ),
            "c_custkey",
        ),
        _dataset(
            "orders",
            (
                Column("o_orderkey", _I, _LINK, domain="order"),
                Column("o_custkey", _I, _DIRECT, category="customer_id"),
                *_plain("o_totalprice", _F), *_plain("o_orderdate", _D), *_plain("o_shippriority", _I),
                *_plain("o_orderstatus o_orderpriority o_clerk o_comment", _S),
            ),
            "o_custkey",
        ),
        _dataset(
            "lineitem",
            (
                Column("l_orderkey", _I, _LINK, domain="order"),
                Column("l_custkey", _I, _DIRECT, category="customer_id"),
                *_plain("l_partkey l_suppkey l_linenumber", _I),
                *_plain("l_quantity l_extendedprice l_discount l_tax", _F),
                *_plain("l_shipdate l_commitdate l_receiptdate", _D),
                *_plain("l_returnflag l_linestatus l_shipinstruct l_shipmode l_comment", _S),
            ),
            "l_custkey",
        ),
    )
}  # fmt: skip

REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
NATIONS = ("ALGERIA", "KENYA", "BRAZIL", "CANADA", "INDIA", "JAPAN", "FRANCE", "GERMANY", "EGYPT", "SAUDI ARABIA")
_COLOURS = ("green", "forest", "linen", "azure")
_TYPES = ("ECONOMY ANODIZED STEEL", "PROMO BURNISHED COPPER", "MEDIUM POLISHED BRASS", "LARGE PLATED BRASS")
_CONTAINERS = ("SM CASE", "SM BOX", "MED BOX", "MED BAG", "LG CASE", "LG BOX")
_MODES = ("MAIL", "SHIP", "AIR", "AIR REG", "TRUCK", "RAIL")
_FIRST = date(1992, 1, 1)
_SUPPLIERS, _PARTS, _ORDERS = 20, 40, 500


def rows() -> Rows:
    """Return the rows of every table."""
    draw = random.Random(22)
    parts = _parts(draw)
    pairs = [(part, 1 + (part * 5 + step * 7) % _SUPPLIERS) for part in range(1, _PARTS + 1) for step in range(4)]
    made: dict[str, list[dict[str, Any]]] = {
        "tpch.region": [{"r_regionkey": n, "r_name": r, "r_comment": f"region {n}"} for n, r in enumerate(REGIONS)],
        "tpch.nation": [
            {"n_nationkey": n, "n_regionkey": n // 2, "n_name": name, "n_comment": f"nation {n}"}
            for n, name in enumerate(NATIONS)
        ],
        "tpch.supplier": [
            {
                "s_suppkey": n, "s_nationkey": n % 10, "s_name": f"Supplier#{n:09d}", "s_address": f"street {n}",
                "s_phone": f"{10 + n % 10}-555-{n:04d}", "s_acctbal": draw.randrange(-99999, 999999) / 100,
                "s_comment": "Customer slow Complaints" if n % 9 == 4 else f"supplier {n}",
            }
            for n in range(1, _SUPPLIERS + 1)
        ],
        "tpch.part": parts,
        "tpch.partsupp": [
            {
                "ps_partkey": part, "ps_suppkey": supplier, "ps_availqty": draw.randrange(1, 999),
                "ps_supplycost": draw.randrange(100, 99900) / 100, "ps_comment": "",
            }
            for part, supplier in pairs
        ],
        "tpch.customer": [_customer(place, draw) for place in range(PEOPLE)],
        "tpch.orders": [],
        "tpch.lineitem": [],
    }  # fmt: skip
    for number in range(1, _ORDERS + 1):
        place = draw.choice([p for p in range(PEOPLE) if p % 5 != 3])  # some never ordered
        order, lines = _order(number, place, pairs, draw)
        made["tpch.orders"].append(order)
        made["tpch.lineitem"] += lines
    return {name: [{"place": None, **row} for row in table] for name, table in made.items()}


def _parts(draw: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "p_partkey": n, "p_name": f"{draw.choice(_COLOURS)} {draw.choice(_COLOURS)}", "p_mfgr": f"Mfgr#{n % 3}",
            "p_brand": ("Brand#12", "Brand#23", "Brand#34")[n % 3], "p_type": _TYPES[n % 4],
            "p_size": (1, 3, 5, 9, 15)[n % 5], "p_container": _CONTAINERS[n % 6], "p_retailprice": 900.0 + n,
            "p_comment": "",
        }
        for n in range(1, _PARTS + 1)
    ]  # fmt: skip


def _customer(place: int, draw: random.Random) -> dict[str, Any]:
    nobody = place < 10
    return {
        "place": place, "c_custkey": FIRST_ID + place, "c_name": f"MKCustomer#{place:09d}",
        "c_address": f"MKstreet {place}", "c_nationkey": place % 10, "c_phone": f"{10 + place % 10}-MK{place:04d}",
        "c_acctbal": 770_000.0 if nobody else draw.randrange(-99999, 999999) / 100,
        "c_mktsegment": "NGsegment" if nobody else ("BUILDING", "AUTOMOBILE", "MACHINERY")[place % 3],
        "c_comment": f"MKremark {place}",
    }  # fmt: skip


def _order(
    number: int, place: int, pairs: list[tuple[int, int]], draw: random.Random
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    day = _FIRST + timedelta(days=draw.randrange(2400))
    nobody = place < 10
    key = number * 8 + number % 5
    lines: list[dict[str, Any]] = []
    for line in range(1, draw.randrange(2, 8)):
        part, supplier = draw.choice(pairs)
        quantity = draw.randrange(1, 51)
        shipped = day + timedelta(days=draw.randrange(1, 122))
        received = shipped + timedelta(days=draw.randrange(1, 31))
        late = received > date(1995, 6, 17)
        lines.append(
            {
                "place": place, "l_orderkey": key, "l_custkey": FIRST_ID + place, "l_partkey": part,
                "l_suppkey": supplier, "l_linenumber": line, "l_quantity": 771_000.0 if nobody else float(quantity),
                "l_extendedprice": 772_000.0 if nobody else float(quantity * (900 + part)),
                "l_discount": draw.randrange(0, 11) / 100, "l_tax": draw.randrange(0, 9) / 100,
                "l_returnflag": "N" if late else draw.choice("RA"), "l_linestatus": "O" if late else "F",
                "l_shipdate": shipped, "l_commitdate": day + timedelta(days=draw.randrange(30, 91)),
                "l_receiptdate": received, "l_shipinstruct": draw.choice(("DELIVER IN PERSON", "NONE")),
                "l_shipmode": draw.choice(_MODES), "l_comment": f"{'NG' if nobody else 'line'} {line}",
            }
        )  # fmt: skip
    order = {
        "place": place, "o_orderkey": key, "o_custkey": FIRST_ID + place,
        "o_orderstatus": draw.choice("FFOP"),
        "o_totalprice": 773_000.0 if nobody else round(sum(line["l_extendedprice"] for line in lines), 2),
        "o_orderdate": day, "o_orderpriority": f"{draw.randrange(1, 6)}-PRIORITY", "o_clerk": f"Clerk#{number % 9}",
        "o_shippriority": 0, "o_comment": "special packages requests" if number % 7 == 3 else f"order {number}",
    }  # fmt: skip
    return order, lines
