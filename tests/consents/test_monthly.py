"""The monthly report: its figures as they may be told, and the page that says them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import string
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from tests.consents.fakes import make_parts
from tests.consents.months import OK, TAMPERED, NoRecords, month_of

from sekisho.audit_verify.verdict import RangeVerdict
from sekisho.consents.monthly import MonthlyReports
from sekisho.consents.monthly_figures import figures_of
from sekisho.consents.monthly_page import CONTENT_SECURITY_POLICY, as_html
from sekisho.domain.month import Month
from sekisho.domain.monthly_tally import ProvisionKey
from sekisho.domain.monthly_texts import LOCALES, TEXTS
from sekisho.domain.record import timestamp
from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, InvalidRequest

TOKYO = ZoneInfo("Asia/Tokyo")
OCTOBER = Month.parse("2026-10", TOKYO)
BEGIN = datetime(2026, 10, 5, tzinfo=UTC)
NOW = datetime(2026, 11, 2, tzinfo=UTC)
NONE_LATER = [(600, 0), (3_600, 0), (86_400, 0), (None, 0)]
HOSTILE = "</td><script>alert(1)</script>&\"'"
PARTY = {"name": HOSTILE, "address": "-", "representative": "-", "country": "JP", "keeping": "each"}


def told(*entries: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of these kinds, one a minute."""
    return [
        {
            "id": f"r-{n}",
            "seq": n,
            "writer": "w",
            "kind": kind,
            "at": timestamp(BEGIN + timedelta(minutes=n)),
            **fields,
        }
        for n, (kind, fields) in enumerate(entries, start=1)
    ]


def page_of(purpose: str, **fields: object) -> tuple[str, dict[str, Any]]:
    return "access.release", {
        "requester": HOSTILE,
        "purpose": purpose,
        "legal_basis": "consent",
        "rows": 3,
        "policy": {"revision": HOSTILE},
        "subjects": {"n": 4, "digest": "-"},
        **fields,
    }


GRANT = {
    "id": "g", "requester": HOSTILE, "purpose": "recommendation", "ticket": "INC-1", "granted_by": "officer",
    "issued": int(BEGIN.timestamp()), "expires": int(BEGIN.timestamp()) + 60,
}  # fmt: skip
EVERYTHING = told(
    page_of(HOSTILE, consent={"cells": ["c"], "seq": 1, "read_at": 1}),
    page_of("recommendation", recipient="third_party", provided_to=PARTY),
    page_of("recommendation", grant={"id": "g", "granted_by": "officer"}),
    ("access.deny", {"requester": HOSTILE, "code": HOSTILE, "reasons": [HOSTILE], "purpose": HOSTILE}),
    ("access.deny", {"requester": "a", "code": "access_denied", "reasons": ["known"]}),
    ("consent.withdraw", {"purpose": HOSTILE, "cells": ["c"], "consent_seq": 2}),
    ("break_glass.grant", {"grant": GRANT}),
    ("export.create", {"format": HOSTILE}),
    ("export.read", {"export": "r-8", "requester": HOSTILE}),
    ("notice.publish", {"notice": HOSTILE, "version": 1, "change": HOSTILE, "requester": HOSTILE}),
    ("webhook.create", {"requester": HOSTILE}),
    ("writer.open", {"key": HOSTILE}),
    (
        "gap",
        {"since": timestamp(BEGIN), "until": timestamp(BEGIN + timedelta(minutes=5)), "refused": {HOSTILE: 2}},
    ),
    page_of(HOSTILE, consent={"cells": ["c"], "seq": 1, "read_at": 1}),
)


def figures(records: list[dict[str, Any]] | None = None, verdict: RangeVerdict = OK, **people: int) -> dict[str, Any]:
    """Figures of October."""
    key = ProvisionKey(HOSTILE, "recommendation", HOSTILE, "JP", "consent")
    read = month_of(EVERYTHING if records is None else records, OCTOBER, verdict, {key: people.get("people", 4)})
    told_of = figures_of(make_parts().parts.catalogue, read, {"known": {"en": HOSTILE, "ja": HOSTILE}}, NOW)
    return {
        **told_of,
        "generated_at": NOW.isoformat(),
        "controller": {"name": HOSTILE, "contact": HOSTILE},
        "record": {"id": "r", "seq": 1},
    }


def parsed(page: str) -> ET.Element:
    """The page as XML: whatever is not well-formed is not a page."""
    return ET.fromstring(page)


@pytest.mark.parametrize("verdict", [OK, TAMPERED], ids=["good", "tampered"])
@pytest.mark.parametrize("records", [EVERYTHING, []], ids=["everything", "empty"])
@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_is_well_formed_and_says_texts_as_texts(
    locale: str, records: list[dict[str, Any]], verdict: RangeVerdict
) -> None:
    """Whatever purposes, requesters and codes are called, no element of the page is theirs, and nothing runs."""
    page = as_html(figures(records, verdict), locale)
    root = parsed(page)
    assert "<script" not in page
    assert root.get("lang") == locale
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
    assert not re.search(r"\son[a-z]+=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert not [element for element in root.iter() if "style" in element.attrib], "the policy takes one style"
    if records:
        assert HOSTILE in "".join(root.itertext())


@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_can_be_read_without_seeing_it(locale: str) -> None:
    """One h1, headings in order, tables with captions and heads, plots with title and description, landmarks."""
    many = [withdrawn for n in range(24) for withdrawn in _withdrawn(n)]
    root = parsed(as_html(figures(EVERYTHING + many), locale))
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    headings = [int(name[1]) for name in names if re.fullmatch("h[1-6]", name)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    assert [names.count(landmark) for landmark in ("header", "main", "nav", "footer")] == [1, 1, 1, 1]
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for table in root.iter("table"):
        assert table[0].tag == "caption"
        assert all(cell.get("scope") for cell in table.iter("th"))
    plots = [element for element in root.iter() if element.tag.endswith("}svg")]
    assert len(plots) == 6
    for plot in plots:
        assert plot.get("role") == "img"
        assert [child.tag.rpartition("}")[2] for child in plot[:2]] == ["title", "desc"]
        assert str(plot.get("aria-labelledby")).split() == [plot[0].get("id"), plot[1].get("id")]
        assert all(child.text for child in plot[:2])


def _withdrawn(number: int) -> list[dict[str, Any]]:
    """A withdrawal, and an answer that knows of it."""
    at, seq = BEGIN + timedelta(hours=1, minutes=number), 100 + number
    cells = {"cells": ["d"], "seq": seq, "read_at": seq}
    taken = {"id": f"w-{number}", "seq": seq, "writer": "w", "kind": "consent.withdraw", "at": timestamp(at)}
    answer = {"id": f"a-{number}", "seq": seq, "writer": "w", "at": timestamp(at + timedelta(seconds=number))}
    kind, fields = page_of("recommendation", consent=cells)
    return [
        {**taken, "purpose": "recommendation", "cells": ["d"], "consent_seq": seq},
        {**answer, "kind": kind, **fields},
    ]


def test_every_text_is_there_in_both_languages() -> None:
    """With the same parts, and none of them is empty; the page in English has no Japanese of its own."""
    for name, pair in TEXTS.items():
        parts = [{part for _, part, _, _ in string.Formatter().parse(text) if part} for text in pair]
        assert all(pair), name
        assert parts[0] == parts[1] or name == "month", name
        assert not re.search("[\u3040-\u30ff\u4e00-\u9fff]", pair[1]), name


def test_the_policy_allows_the_style_of_the_page_and_nothing_else() -> None:
    """The hash is that of the style as it stands in the page."""
    style = re.search("<style>(.*?)</style>", as_html(figures(), "en"), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")


def test_few_people_are_not_counted_aloud() -> None:
    """Neither by their number nor by a sum from which it could be computed; nobody is told as nobody."""
    few = figures()
    [item] = few["provisions"]["items"]
    assert item["people"] == {"fewer_than": 10}
    assert [each["count"] for each in few["withdrawals"]["items"]] == [{"fewer_than": 10}]
    assert (few["withdrawals"]["at_least"], few["withdrawals"]["exact"]) == (0, False)
    assert few["withdrawals"]["effect"]["steps"] == []
    page = as_html(few, "en")
    assert page.count("fewer than 10") >= 3
    many = figures(people=10)
    assert many["provisions"]["items"][0]["people"] == 10
    enough = figures([record for n in range(12) for record in _withdrawn(n)])
    assert (enough["withdrawals"]["at_least"], enough["withdrawals"]["exact"]) == (12, True)
    assert enough["withdrawals"]["effect"]["seconds"] == {"p50": 5, "p95": 11, "max": 11}


def test_few_people_do_not_follow_from_what_is_told_beside_them() -> None:
    """Not as what is left of a sum, not as the longest of few times, not as one tenth of ten."""
    known = [record for n in range(20) for record in _withdrawn(n)]
    few = [_withdrawn(n)[0] for n in range(20, 23)]
    for purpose in ("recommendation", "of few people"):
        for record in few:
            record["purpose"] = purpose
        told = figures(known + few)["withdrawals"]
        assert told["exact"] is (purpose == "recommendation")
        assert None in (told["effect"]["seen"], told["effect"]["waiting"])
        assert 3 not in told["effect"].values()
    waited = [record for n in range(3) for record in _withdrawn(n)] + [_withdrawn(n)[0] for n in range(3, 43)]
    told = figures(waited)["withdrawals"]
    assert (told["at_least"], told["exact"]) == (43, True)
    assert (told["effect"]["seen"], told["effect"]["waiting"]) == ({"fewer_than": 10}, None)
    assert told["effect"]["seconds"] == {"p50": None, "p95": None, "max": None}
    assert told["effect"]["steps"] == []
    both = {**_withdrawn(20)[0], "purpose": "of few people"}, _withdrawn(20)[1]
    told = figures([*known, *both])["withdrawals"]  # 21 were seen, and 20 are told
    assert (told["at_least"], told["exact"], told["effect"]["seen"]) == (20, False, None)
    for locale in LOCALES:
        assert TEXTS["not_told"][LOCALES.index(locale)] in as_html(figures(waited), locale)


@pytest.mark.parametrize(
    ("count", "shares"),
    [
        (9, []),
        (12, []),
        (24, [(10, 42), (60, 58), *NONE_LATER]),
        (100, [(10, 10), (60, 50), (600, 40), *NONE_LATER[1:]]),
    ],
)
def test_no_share_is_that_of_few_people(count: int, shares: list[tuple[int | None, int]]) -> None:
    """Steps of time that few fall in are joined with their neighbours; the shares are those of all."""
    records = [record for n in range(count) for record in _withdrawn(n)]
    steps = figures(records)["withdrawals"]["effect"]["steps"]
    assert [(step["below"], step["percent"]) for step in steps] == shares
    assert not steps or sum(step["percent"] for step in steps) == 100


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_wrong_stands_at_the_top(locale: str) -> None:
    """A log that was tampered with, and a withdrawal that was not kept to, before any figure."""
    page = as_html(figures(verdict=TAMPERED), locale)
    head = page[page.index("<header>") : page.index('<dl class="key"')]
    assert TEXTS["tampered"][LOCALES.index(locale)] in head
    assert "&lt;the record&gt; was changed" in head
    assert TEXTS["broken"][LOCALES.index(locale)] in head  # the last record of EVERYTHING left a week late
    good = as_html(figures([]), locale)
    assert TEXTS["tampered"][LOCALES.index(locale)] not in good
    assert TEXTS["broken"][LOCALES.index(locale)] not in good


async def test_who_has_a_report_made_is_on_record_first() -> None:
    """By name, as an export of the log; others than the officer and the auditor get none."""
    fakes = make_parts()
    reports = MonthlyReports(fakes.parts, NoRecords(), TOKYO, {"name": "Shop", "contact": "-"}, dict)
    auditor = Requester("auditor", frozenset(), frozenset({"auditor"}))
    made = await reports.figures(auditor, "2025-12")
    assert json.loads(json.dumps(made))["month"] == "2025-12"
    [record] = [record for record in fakes.audit.records if record["kind"] == "export.create"]
    assert {name: value for name, value in record.items() if name not in {"seq", "id", "kind"}} == {
        "requester": "auditor",
        "format": "report",
        "since": "2025-11-30T15:00:00.000000Z",
        "until": "2025-12-31T15:00:00.000000Z",
    }
    local = fakes.clock.now().astimezone(TOKYO)
    assert (await reports.figures(auditor))["month"] == f"{local.replace(day=1) - timedelta(days=1):%Y-%m}"
    with pytest.raises(AccessDenied):
        await reports.figures(Requester("ads", frozenset()), "2025-12")
    for month in ("2025-13", "25-12", "2099-02", "2025-12 "):
        with pytest.raises(InvalidRequest):
            await reports.figures(auditor, month)


@pytest.mark.parametrize(
    ("zone", "month", "since", "days"),
    [
        ("Asia/Tokyo", "2026-02", "2026-01-31T15:00:00", 28),
        ("Asia/Kathmandu", "2026-12", "2026-11-30T18:15:00", 31),
        ("Europe/Berlin", "2026-03", "2026-02-28T23:00:00", 31),
        ("UTC", "2028-02", "2028-02-01T00:00:00", 29),
    ],
)
def test_a_day_begins_at_midnight_of_the_place(zone: str, month: str, since: str, days: int) -> None:
    """Also where clocks are moved within the month, and where they differ from others by quarters of an hour."""
    asked = Month.parse(month, ZoneInfo(zone))
    assert asked.since == datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert len(asked.days) == days
    for place, day in enumerate(asked.days):
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        assert asked.day_of(timestamp(midnight)) == place
        last = midnight.astimezone(UTC) - timedelta(microseconds=1)
        assert asked.holds(timestamp(last)) is (place > 0)
        assert place == 0 or asked.day_of(timestamp(last)) == place - 1
