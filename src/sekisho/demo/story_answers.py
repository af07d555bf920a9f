"""Parts 5 to 7: texts, a micro-segment, statistics."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from sekisho.demo.scene import Expectation, Grid, Part, Reply, Scene, share, short, shown
from sekisho.domain.terms import Cell

_TICKETS = 2_000
_MASK = re.compile(r"\[[A-Z_]+\]")
_CARD = re.compile(r"\d{14,16}")
_BEHAVIOUR = Cell("lifecycle_email/data_category=behaviour")
_DAYS = 30

# "Did not buy" is a left join that finds nothing: an equality of keys, which never leave the store raw.
_SEGMENT = """
WITH viewed AS (
  SELECT customer_id, category, COUNT(*) AS views
  FROM web.events
  WHERE event_type = 'view' AND occurred_at >= TIMESTAMP '{since}'
  GROUP BY customer_id, category
  HAVING COUNT(*) >= 2
),
bought AS (
  SELECT DISTINCT customer_id, category
  FROM web.events
  WHERE event_type = 'purchase' AND occurred_at >= TIMESTAMP '{since}'
)
SELECT viewed.customer_id, viewed.category, viewed.views
FROM viewed
LEFT JOIN bought ON bought.customer_id = viewed.customer_id AND bought.category = viewed.category
WHERE bought.customer_id IS NULL
"""


async def texts_without_people(scene: Scene) -> Part:
    """Part 5: support tickets whose free text names people."""
    reply = await scene.ask(
        "support_desk",
        "customer_support",
        "SELECT ticket_id, language, opened_at, subject, body FROM support.tickets "
        f"ORDER BY opened_at DESC LIMIT {_TICKETS}",
    )
    tickets = reply.table.to_pylist()
    chosen = _telling(tickets)
    masks = Counter(mask for ticket in tickets for mask in _MASK.findall(ticket["body"]))
    inside, left = _known_values(scene, tickets)
    contacts = sum(left[kind] for kind in ("email", "phone", "card"))
    found = inside["name"] - left["name"]
    return Part(
        5,
        "文章の中の個人情報も隠す",
        "Personal data inside texts is masked, too",
        asked="support_desk, for customer_support: SELECT ticket_id, language, subject, body FROM support.tickets …",
        lines=(
            (
                f"{len(tickets):,} newest tickets in {reply.seconds:.1f} s; "
                f"{sum(masks.values()):,} pieces of personal data were masked."
            ),
            (
                f"Held against the profiles: of {inside['email']:,} e-mails, {inside['phone']:,} phone numbers and "
                f"{inside['card']:,} card numbers {contacts} got through; of {inside['name']:,} full names "
                f"{left['name']:,} did ({share(found, inside['name'])} found). Rare names are the hard part."
            ),
        ),
        grids=(
            Grid(
                ("ticket", "", "masked text"),
                tuple((short(each["ticket_id"], 8), each["language"], each["body"]) for each in chosen),
                wrapped=2,
            ),
        ),
        facts={
            "tickets": len(tickets),
            "masked": dict(sorted(masks.items())),
            "values_in_texts": inside,
            "values_left": left,
            "shown": [each["body"] for each in chosen],
            "seconds": round(reply.seconds, 3),
        },
        expectations=(
            Expectation("three tickets, Japanese and English", len({each["language"] for each in chosen}) == 2),
            Expectation("the shown texts have personal data masked", all(_MASK.search(t["body"]) for t in chosen)),
            Expectation("no e-mail, phone or card number got through", contacts == 0 < inside["email"]),
            Expectation("nine names of ten are found, at least", found >= 0.9 * inside["name"] > 0),
        ),
    )


async def micro_segment(scene: Scene) -> Part:
    """Part 6: who looked and did not buy, among those who allow e-mail about what they look at."""
    since = scene.built.facts.last_day - timedelta(days=_DAYS)
    sql = _SEGMENT.format(since=since)
    reply = await scene.ask("marketer", "lifecycle_email", sql)
    everybody = f"SELECT * FROM ({sql}) WHERE customer_id IS NOT NULL"
    matching, pairs = scene.files.one(f"SELECT count(DISTINCT customer_id), count(*) FROM ({everybody})")
    agreeing = await scene.agreeing(_BEHAVIOUR)
    due, due_pairs = scene.files.one(
        f"SELECT count(DISTINCT customer_id), count(*) FROM ({everybody}) "
        "WHERE customer_id IN (SELECT customer_id FROM people)",
        people=agreeing,
    )
    people = 0 if reply.refused else pc.count_distinct(reply.table.column("customer_id")).as_py()
    count = reply.table.num_rows
    rows = [reply.row(place) for place in (0, count // 2, count - 1)] if count > 2 else []
    return Part(
        6,
        "見たけれど買わなかった人、メールを許した人だけ",
        "Looked, did not buy, allows e-mail",
        asked=f"marketer, for lifecycle_email: views ≥ 2 of a category since {since}, no purchase of it",
        lines=(
            f"{people:,} people in {count:,} pairs of person and category, as pseudonyms.",
            (
                f"{matching:,} people match in all. That number is the controller's own, counted in the files: "
                "it never leaves through the gateway."
            ),
        ),
        grids=(Grid(("customer_id", "category", "views"), tuple((short(c), k, v) for c, k, v in rows)),),
        facts={
            "since": since.isoformat(),
            "people": people,
            "pairs": count,
            "people_matching": matching,
            "pairs_matching": pairs,
            "transforms": dict(zip(reply.table.column_names, reply.transforms, strict=True)),
        },
        expectations=(
            Expectation("there are such people", people > 0),
            Expectation("exactly those who match and agree", (people, count) == (due, due_pairs)),
            Expectation("fewer than match in all", people < matching),
            Expectation("pseudonyms only", reply.transforms[:1] == ("pseudonym",)),
        ),
    )


@dataclass(frozen=True, slots=True)
class _ViewTold:
    name: str
    groups: int
    released: int
    smallest: int
    same: bool
    held: bool


async def statistics(scene: Scene) -> Part:
    """Part 7: three published views, and no other question."""
    purpose = "management_statistics"
    views = scene.workspace.settings.catalogue.views
    told = [await _view(scene, name) for name in views]
    ad_hoc = await scene.ask("analyst", purpose, "SELECT country, COUNT(*) FROM pos.order_lines GROUP BY country")
    grid = Grid(
        ("view", "groups", "published", "suppressed", "fewest people", "second read"),
        tuple(
            (
                each.name,
                f"{each.groups:,}",
                f"{each.released:,}",
                f"{each.groups - each.released:,}",
                shown(each.smallest),
                "identical" if each.same else "different",
            )
            for each in told
        ),
    )
    return Part(
        7,
        "統計は統計のまま",
        "Statistics stay statistics",
        asked=f"analyst, for {purpose}: the three published views",
        lines=(
            "Groups of fewer than ten people are not published, nor what would let one be subtracted.",
            (
                f"Any other question: {ad_hoc.code or 'answered'}. Everybody gets the one release of a view, so no "
                "series of clever questions isolates a person."
            ),
        ),
        grids=(grid,),
        facts={
            "views": {
                each.name: {
                    "groups": each.groups,
                    "released": each.released,
                    "smallest_group": each.smallest,
                    "second_read_identical": each.same,
                }
                for each in told
            },
            "ad_hoc": ad_hoc.code,
        },
        expectations=(
            Expectation("three views are published", len(told) == 3 and all(each.released for each in told)),
            Expectation("no group of fewer than ten people", all(each.smallest >= 10 for each in told)),
            Expectation("every published group is one of the files', unchanged", all(each.held for each in told)),
            Expectation("something was suppressed", any(each.released < each.groups for each in told)),
            Expectation("the second read is the same release", all(each.same for each in told)),
            Expectation("an ad hoc statement is refused", ad_hoc.code == "aggregate_required"),
        ),
    )


async def _view(scene: Scene, name: str) -> _ViewTold:
    view = scene.workspace.settings.catalogue.views[name]
    first = await scene.read_view("analyst", view.purpose, name)
    second = await scene.read_view("analyst", view.purpose, name)
    groups = scene.files.rows(view.sql)
    if first.refused:
        return _ViewTold(name, len(groups), 0, 0, same=False, held=False)
    people = first.table.column_names.index(view.people)
    smallest = min((row[people] for row in groups if row[people] >= view.min_group), default=0)
    released = _groups(first)
    return _ViewTold(
        name,
        len(groups),
        first.table.num_rows,
        min((row[people] for row in released), default=smallest),
        same=first.table.equals(second.table),
        held=len(released) == first.table.num_rows and set(released) <= {_rounded(row) for row in groups},
    )


def _groups(reply: Reply) -> list[tuple[object, ...]]:
    return [_rounded(tuple(row.values())) for row in reply.table.to_pylist()]


def _rounded(row: Sequence[object]) -> tuple[object, ...]:
    # Sums of floats differ in their last digits with the order in which threads add them.
    return tuple(round(value, 0) if isinstance(value, float) else value for value in row)


def _telling(tickets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return two Japanese tickets and an English one with much to mask."""

    def most(language: str) -> list[dict[str, Any]]:
        mine = [ticket for ticket in tickets if ticket["language"] == language]
        # Different kinds of data say more than many of one; among equals the shorter text reads better.
        return sorted(mine, key=lambda t: (-len(set(_MASK.findall(t["body"]))), len(t["body"]), t["opened_at"]))

    japanese: list[dict[str, Any]] = []
    for ticket in most("ja"):
        if all(ticket["subject"] != other["subject"] for other in japanese):
            japanese.append(ticket)
        if len(japanese) == 2:
            break
    return [*japanese, *most("en")[:1]]


def _known_values(scene: Scene, tickets: list[dict[str, Any]]) -> tuple[dict[str, int], dict[str, int]]:
    """Count the values of the writers' profiles in the raw texts, and in the masked ones."""
    profiles = {
        datetime.fromisoformat(str(opened_at)): values  # SQLite keeps it as a text
        for opened_at, *values in scene.files.rows(
            "SELECT t.opened_at, t.body, c.name, c.email, c.phone "
            "FROM support.tickets t JOIN crm.customers c USING (customer_id)"
        )
    }
    inside, left = Counter[str](), Counter[str]()
    for ticket in tickets:
        raw, name, email, phone = profiles[ticket["opened_at"]]
        before, after = _plain(raw), _plain(ticket["body"])
        for kind, value in (("name", name), ("email", email), ("phone", phone)):
            if value is not None and _plain(value) in before:
                inside[kind] += 1
                left[kind] += _plain(value) in after
        if _CARD.search(before):
            inside["card"] += 1
            left["card"] += _CARD.search(after) is not None
    kinds = ("email", "phone", "card", "name")
    return {kind: inside[kind] for kind in kinds}, {kind: left[kind] for kind in kinds}


def _plain(text: str) -> str:
    """Return *text* as it is compared: one width, lower case, without spaces and hyphens."""
    return re.sub(r"[\s\-‐ー()]", "", unicodedata.normalize("NFKC", text)).lower()
