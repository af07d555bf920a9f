"""What customers and visitors did on the web and in the app, derived from what was really bought.

Every real purchase of a category becomes a purchase event with views, searches and a cart before it; to
these come browsing that led to nothing, and visitors who never signed in. So a question such as "viewed a
category twice in the last 30 days and did not buy from it" has real answers.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.demo.people import COPY_OFFSET, hex_words
from sekisho.demo.stores import texts

END_OF_DATA = datetime(2011, 12, 9, 12, 50)  # noqa: DTZ001  # the shop's own clock, as in the order lines
"""The last order line; nothing happens later."""

WEB_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("customer_id", pa.int64()),
        ("cookie_id", pa.string()),
        ("ip", pa.string()),
        ("user_agent", pa.string()),
        ("event_type", pa.string()),
        ("category", pa.string()),
        ("stock_code", pa.string()),
        ("query_text", pa.string()),
        ("referrer", pa.string()),
        ("occurred_at", pa.timestamp("us")),
    ]
)
"""Columns of ``web.events``, in catalogue order."""

_AGENTS = {
    "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:8.0) Gecko/20100101 Firefox/8.0": 16,
    "Mozilla/5.0 (Windows NT 5.1; rv:7.0.1) Gecko/20100101 Firefox/7.0.1": 7,
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/535.2 (KHTML, like Gecko) Chrome/15.0.874.121 Safari/535.2": 17,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_7_2) AppleWebKit/535.2 (KHTML, like Gecko) "
    "Chrome/15.0.874.106 Safari/535.2": 7,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_6_8) AppleWebKit/534.51.22 (KHTML, like Gecko) "
    "Version/5.1.1 Safari/534.51.22": 9,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 5_0_1 like Mac OS X) AppleWebKit/534.46 (KHTML, like Gecko) "
    "Version/5.1 Mobile/9A405 Safari/7534.48.3": 13,
    "Mozilla/5.0 (iPad; CPU OS 5_0 like Mac OS X) AppleWebKit/534.46 (KHTML, like Gecko) "
    "Version/5.1 Mobile/9A334 Safari/7534.48.3": 5,
    "Mozilla/5.0 (Linux; U; Android 2.3.4; ja-jp; SO-01C Build/4.0.A.2.368) AppleWebKit/533.1 "
    "(KHTML, like Gecko) Version/4.0 Mobile Safari/533.1": 9,
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)": 11,
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)": 4,
    "Opera/9.80 (Windows NT 6.1; U; ja) Presto/2.9.168 Version/11.52": 2,
}
_TYPES = np.array(["view", "search", "cart", "purchase"], dtype=object)
_VIEW, _SEARCH, _CART, _PURCHASE = range(4)
_DEVICES = 3  # per customer
_MINUTE, _DAY, _YEAR = 60, 86_400, 373 * 86_400
_END = int((END_OF_DATA - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001  # as above


class Browsing:
    """The purchases that web events are derived from, prepared once for every copy.

    Parameters
    ----------
    lines:
        Order lines with ``category``.
    """

    def __init__(self, lines: pl.DataFrame) -> None:
        goods = lines.filter(pl.col("category") != "service")
        known = goods.filter(pl.col("customer_id").is_not_null())
        self.customers: NDArray[np.int64] = (
            lines["customer_id"].drop_nulls().unique().sort().to_numpy().astype(np.int64)
        )
        bought = (
            known.group_by("customer_id", "invoice", "category")
            .agg(pl.col("stock_code").first(), pl.col("invoiced_at").min())
            .sort("invoiced_at", "invoice", "category")
        )
        stock = goods.select("category", "stock_code").unique().sort("category", "stock_code")
        self.categories: list[str] = stock["category"].unique().sort().to_list()
        self.stock = np.array(stock["stock_code"].to_list(), dtype=object)
        self.stock_from = np.searchsorted(stock["category"].to_numpy(), self.categories)
        self.stock_size = np.diff(np.append(self.stock_from, len(self.stock)))
        popularity = goods["category"].value_counts().sort("category")["count"].to_numpy()
        self.popularity = popularity / popularity.sum()
        self.buyer = np.searchsorted(self.customers, bought["customer_id"].to_numpy())
        self.category = np.searchsorted(self.categories, bought["category"].to_numpy())
        self.bought_at = bought["invoiced_at"].dt.epoch("s").to_numpy()
        self.code = np.array(bought["stock_code"].to_list(), dtype=object)

    def some_code(self, rng: np.random.Generator, category: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return a random stock code of each category."""
        within = (rng.random(len(category)) * self.stock_size[category]).astype(np.int64)
        chosen: NDArray[np.object_] = self.stock[self.stock_from[category] + within]
        return chosen


def web_events(browsing: Browsing, people: pl.DataFrame, *, copy: int, seed: int) -> pl.DataFrame:
    """Return the web events of one copy, ascending by time, with the columns of :data:`WEB_SCHEMA`.

    Parameters
    ----------
    people:
        The copy's profiles; some people type their own name or address into the search field.
    """
    rng = np.random.default_rng([seed, copy, 2])
    kind, who, category, at, code = _signed_in(rng, browsing)
    count = len(browsing.customers)
    # A customer's devices come first, then one device for each visitor who never signed in.
    device = who * _DEVICES + rng.choice(_DEVICES, len(who), p=(0.7, 0.25, 0.05))
    visitors = max(1, count * 4)
    visits = max(1, round(len(who) * 0.2))
    kind = np.concatenate([kind, rng.choice((_VIEW, _SEARCH, _CART), visits, p=(0.8, 0.14, 0.06))])
    visited = rng.choice(len(browsing.categories), visits, p=browsing.popularity)
    category = np.concatenate([category, visited])
    at = np.concatenate([at, _END - rng.integers(0, _YEAR, visits)])
    code = np.concatenate([code, browsing.some_code(rng, visited)])
    device = np.concatenate([device, count * _DEVICES + rng.integers(0, visitors, visits)])
    who = np.concatenate([who, np.full(visits, -1)])
    # People look around before they sign in: the same cookie, and no customer.
    aside = (rng.random(len(kind)) < 0.18) & ((kind == _VIEW) | (kind == _SEARCH))
    order = np.argsort(at, kind="stable")
    kind, who, category, at, device, aside = (
        kind[order],
        who[order],
        category[order],
        at[order],
        device[order],
        aside[order],
    )
    ids = browsing.customers[np.maximum(who, 0)] + copy * COPY_OFFSET
    devices = count * _DEVICES + visitors
    agents = rng.choice(len(_AGENTS), devices, p=np.array(list(_AGENTS.values())) / sum(_AGENTS.values()))
    ips = _addresses(rng, devices + 5_000)
    elsewhere = devices + rng.integers(0, 5_000, len(kind))
    ip = np.where(rng.random(len(kind)) < 0.8, device, elsewhere)
    searched = kind == _SEARCH
    frame = pl.DataFrame(
        {
            "number": np.arange(len(kind)),
            "customer_id": ids,
            "signed_in": (who >= 0) & ~aside,
            "cookie_id": _taken(_cookies(rng, devices), device),
            "ip": _taken(ips, ip),
            "user_agent": _taken(list(_AGENTS), agents[device]),
            "event_type": _taken(_TYPES.tolist(), kind),
            "category": _taken(browsing.categories, category),
            "stock_code": pl.Series(code[order].tolist(), dtype=pl.String),
            "query_text": _queries(rng, searched, browsing.categories, category, who, people),
            "referrer": _referrers(rng, len(kind), browsing.categories),
            "occurred_at": pl.Series(at * 1_000_000, dtype=pl.Int64).cast(pl.Datetime("us")),
        }
    )
    number = pl.col("number").cast(pl.String).str.zfill(7)
    return frame.with_columns(
        pl.concat_str(pl.lit(f"W{copy:02d}-"), number).alias("event_id"),
        pl.when("signed_in").then("customer_id").alias("customer_id"),
        pl.when(pl.col("event_type") != "search").then("stock_code").alias("stock_code"),
    ).select(WEB_SCHEMA.names)


def _signed_in(
    rng: np.random.Generator, browsing: Browsing
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.object_]]:
    """Return kind, customer index, category index, epoch seconds and stock code of customers' events."""
    n, count = len(browsing.buyer), len(browsing.customers)
    every = np.arange(n)
    in_cart = every[rng.random(n) < 0.72]
    viewed = np.repeat(every, rng.poisson(0.6, n))
    sought = every[rng.random(n) < 0.14]
    # Browsing that led to nothing: a little over the year, and more in the last 30 days.
    strolls = rng.integers(0, count, max(1, count * 5))
    keen = np.flatnonzero(rng.random(count) < 0.75)
    interests = np.repeat(keen, rng.integers(1, 4, len(keen)))
    wanted = rng.choice(len(browsing.categories), len(interests), p=browsing.popularity)
    looks = rng.integers(1, 5, len(interests))
    recent, recent_category = np.repeat(interests, looks), np.repeat(wanted, looks)
    stroll_category = rng.choice(len(browsing.categories), len(strolls), p=browsing.popularity)

    bought_at = browsing.bought_at
    before_view = rng.exponential(1.5 * _DAY, len(viewed)).astype(np.int64) + 30
    parts: list[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.object_]]] = [
        (_PURCHASE, browsing.buyer, browsing.category, bought_at, browsing.code)
    ]
    for kind, chosen, before in (
        (_CART, in_cart, rng.integers(1 * _MINUTE, 40 * _MINUTE, len(in_cart))),
        (_VIEW, viewed, before_view),
        (_SEARCH, sought, rng.integers(2 * _MINUTE, 2 * _DAY, len(sought))),
    ):
        category = browsing.category[chosen]
        same = rng.random(len(chosen)) < (0.7 if kind == _VIEW else 1.0)
        code = np.where(same, browsing.code[chosen], browsing.some_code(rng, category))
        parts.append((kind, browsing.buyer[chosen], category, bought_at[chosen] - before, code))
    for who, category, span in (
        (strolls, stroll_category, _YEAR),
        (recent, recent_category, 30 * _DAY),
    ):
        when = _END - rng.integers(0, span, len(who))
        parts.append((_VIEW, who, category, when, browsing.some_code(rng, category)))
    kinds = np.concatenate([np.full(len(part[1]), part[0]) for part in parts])
    who, category, at, code = (np.concatenate([part[i] for part in parts]) for i in (1, 2, 3, 4))
    return kinds, who, category, at, code


def _taken(values: list[str], index: NDArray[np.int64]) -> pl.Series:
    return pl.Series(values, dtype=pl.String).gather(index)


def _cookies(rng: np.random.Generator, count: int) -> list[str]:
    first = rng.integers(10**8, 2 * 10**9, count)
    since = _END - rng.integers(0, _YEAR, count)
    return [f"GA1.2.{a}.{b}" for a, b in zip(first, since, strict=True)]


def _addresses(rng: np.random.Generator, count: int) -> list[str]:
    """Return IP addresses of RFC 2544 and RFC 5737, one in ten of RFC 3849 (IPv6)."""
    parts = rng.integers(0, 256, (count, 2))
    net = rng.choice(5, count, p=(0.4, 0.4, 0.05, 0.05, 0.1))
    six = rng.integers(0, 65_536, (count, 4))
    return [
        f"2001:db8:{s[0]:x}:{s[1]:x}::{s[2]:x}:{s[3]:x}"
        if n == 4
        else (f"198.{18 + n}.{p[0]}.{p[1]}" if n < 2 else f"{('198.51.100', '203.0.113')[n - 2]}.{p[1]}")
        for n, p, s in zip(net, parts, six, strict=True)
    ]


def _queries(
    rng: np.random.Generator,
    searched: NDArray[np.bool_],
    categories: list[str],
    category: NDArray[np.int64],
    who: NDArray[np.int64],
    people: pl.DataFrame,
) -> pl.Series:
    """Return what was typed, for searches; one in sixty holds the person's own data."""
    words = {entry["name"]: entry["searches"] for entry in texts()["categories"]}
    at = np.flatnonzero(searched)
    picks = rng.integers(0, 1_000, len(at))
    slips = rng.random(len(at)) < 1 / 60
    names, emails, phones = (people[c].to_list() for c in ("name", "email", "phone"))
    typed: list[str | None] = [None] * len(searched)
    for row, pick, slip in zip(at.tolist(), picks.tolist(), slips.tolist(), strict=True):
        choices = words.get(categories[category[row]], ["雑貨", "セール", "gift"])
        person = int(who[row])
        if slip and person >= 0:
            own = (f"{names[person]} 注文履歴", emails[person], f"電話 {phones[person] or '不明'}")
            typed[row] = own[pick % 3]
        else:
            typed[row] = choices[pick % len(choices)]
    return pl.Series(typed, dtype=pl.String)


def _referrers(rng: np.random.Generator, count: int, categories: list[str]) -> pl.Series:
    """Return where a visitor came from; a third came directly. Some addresses carry numbers of people."""
    pages = texts()["referrers"]
    pool = [
        page.format(word=("gift", "mug", "bag", "ランチバッグ")[n % 4], number=number, category=categories[c])
        for n, (page, number, c) in enumerate(
            zip(
                [pages[i] for i in rng.integers(0, len(pages), 4_000)],
                rng.integers(10_000, 999_999, 4_000),
                rng.integers(0, len(categories), 4_000),
                strict=True,
            )
        )
    ]
    index = pl.Series(rng.integers(0, len(pool), count))
    direct = pl.Series(rng.random(count) < 1 / 3)
    chosen = pl.Series(pool, dtype=pl.String).gather(index)
    return pl.select(pl.when(~direct).then(chosen)).to_series()


def app_events(customers: NDArray[np.int64], *, copy: int, seed: int) -> pl.DataFrame:
    """Return the events of the app in catalogue order of ``app.events``, ascending by time.

    Parameters
    ----------
    customers:
        Ids of the copy's customers; a bit more than half of them use the app.
    """
    rng = np.random.default_rng([seed, copy, 3])
    users = customers[rng.random(len(customers)) < 0.55]
    if not len(users):
        users = customers[:1]
    devices = hex_words(rng, len(users), 32)
    no_push = rng.random(len(users)) < 0.25
    push = [None if no else word for word, no in zip(hex_words(rng, len(users), 64), no_push, strict=True)]
    version = rng.integers(0, 4, len(users))
    user = rng.permutation(np.repeat(np.arange(len(users)), 1 + rng.poisson(23, len(users))))
    count = len(user)
    shares = np.array([0.22, 0.46, 0.1, 0.05, 0.07, 0.1])
    kind = rng.choice(6, count, p=shares)
    types = ["app_open", "screen_view", "push_received", "push_opened", "add_to_cart", "search"]
    screens = ["home", "category", "item", "cart", "coupons", "points", "settings", "store_map"]
    at = np.sort(_END - rng.integers(0, _YEAR, count), kind="stable")
    frame = pl.DataFrame(
        {
            "number": np.arange(count),
            "customer_id": users[user],
            "device_id": _taken([f"dev-{word}" for word in devices], user),
            "push_token": pl.Series(push, dtype=pl.String).gather(user),
            "event_type": _taken(types, kind),
            "screen": _taken(screens, rng.choice(8, count, p=(0.3, 0.2, 0.22, 0.09, 0.08, 0.05, 0.03, 0.03))),
            "app_version": _taken(["1.4.0", "1.5.2", "2.0.0", "2.0.1"], version[user]),
            "occurred_at": pl.Series(at * 1_000_000, dtype=pl.Int64).cast(pl.Datetime("us")),
        }
    )
    number = pl.col("number").cast(pl.String).str.zfill(7)
    return frame.select(
        pl.concat_str(pl.lit(f"A{copy:02d}-"), number).alias("event_id"),
        "customer_id",
        "device_id",
        "push_token",
        "event_type",
        "screen",
        "app_version",
        pl.col("occurred_at").dt.strftime("%Y-%m-%dT%H:%M:%S"),
    )
