"""A no names the releases of that person's data which a recipient may still hold."""

# ruff: noqa: PLC0414 - the fixture is handed over by name

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.consents.fakes import PURPOSES
from tests.consents.feed_world import MAILER, OFFICER, RECOMMENDER, RELEASED, World
from tests.consents.feed_world import world as world

from sekisho.consents.feed import MAX_RELEASES
from sekisho.domain.consent import NO, ConsentEventKind
from sekisho.domain.record import timestamp
from sekisho.domain.releases import DEFAULT_RETENTION_DAYS, ReleaseRecord, keep_until
from sekisho.domain.terms import Cell, LegalBasis, Purpose


async def test_a_no_names_the_releases_that_are_still_held(world: World) -> None:
    """A withdrawal tells who received the person's data for this purpose and may still have it."""
    held = world.released(1, "r-held")
    world.released(1, "r-expired", keep_until=datetime(2026, 11, 20, tzinfo=UTC))
    world.released(1, "r-other", purpose="recommendation")
    world.released(2, "r-of-somebody-else")
    await world.say(1, "lifecycle_email", ConsentEventKind.GIVE)
    await world.say(1, "lifecycle_email", ConsentEventKind.WITHDRAW)
    give, withdraw = (await world.feed.page(OFFICER, 0, 100)).items
    assert "releases" not in give
    assert withdraw["releases"] == [
        {
            "release_id": "r-held",
            "requester": "mailer",
            "purpose": "lifecycle_email",
            "released_at": timestamp(held.released_at),
            "keep_until": timestamp(held.keep_until),
        }
    ]


@pytest.mark.parametrize("kind", sorted(NO), ids=str)
async def test_every_kind_of_no_reaches_back(world: World, kind: ConsentEventKind) -> None:
    """Refused, withdrawn, objected to, revoked or invalidated: what is held is named."""
    world.released(1, "r-1")
    await world.say(1, "lifecycle_email", kind)
    assert [r["release_id"] for r in (await world.feed.page(OFFICER, 0, 1)).items[0]["releases"]] == ["r-1"]  # type: ignore[attr-defined]


async def test_a_service_is_told_of_its_own_releases_alone(world: World) -> None:
    """Who else received the same person's data is not its business."""
    world.released(1, "r-mailer")
    world.released(1, "r-agency", requester="agency")
    await world.say(1, "lifecycle_email", ConsentEventKind.WITHDRAW)
    item = (await world.feed.page(MAILER, 0, 1)).items[0]
    assert [release["release_id"] for release in item["releases"]] == ["r-mailer"]  # type: ignore[attr-defined]
    item = (await world.feed.page(OFFICER, 0, 1)).items[0]
    assert {release["release_id"] for release in item["releases"]} == {"r-mailer", "r-agency"}  # type: ignore[attr-defined]
    assert [requester for _, requester in world.releases.asked] == ["mailer", None]


async def test_the_sequence_decides_which_releases_a_no_reaches(world: World) -> None:
    """A page that was checked before the no counts, however late it left; one on a later yes does not."""
    behaviour, purchase = PURPOSES["recommendation"].all_cells()[1], PURPOSES["recommendation"].all_cells()[0]
    late = world.fakes.clock.now() + timedelta(seconds=1)
    of: dict[str, object] = {
        "purpose": "recommendation",
        "requester": "recommender",
        "released_at": late,
        "keep_until": late + timedelta(days=30),
        "cells": frozenset({behaviour}),
    }
    world.released(1, "r-under-way", **{**of, "consent_seq": 1})
    world.released(1, "r-after", **{**of, "consent_seq": 2})
    world.released(1, "r-other-cell", **{**of, "consent_seq": 1, "cells": frozenset({purchase})})
    both = frozenset({purchase, behaviour})
    world.released(1, "r-both", **{**of, "consent_seq": 0, "cells": both, "released_at": RELEASED})
    await world.say(1, "recommendation", ConsentEventKind.GIVE)
    await world.say(1, "recommendation", ConsentEventKind.WITHDRAW, (behaviour,))
    item = (await world.feed.page(RECOMMENDER, 1, 1)).items[0]
    assert [release["release_id"] for release in item["releases"]] == ["r-under-way", "r-both"]  # type: ignore[attr-defined]


async def test_the_people_of_a_page_are_looked_up_together(world: World) -> None:
    """One question to the log for a page, whoever is on it; none where nobody said no."""
    for number in (1, 2, 3, 1):
        await world.say(number, "lifecycle_email", ConsentEventKind.WITHDRAW)
    await world.feed.page(OFFICER, 0, 100)
    assert len(world.releases.asked) == 1
    assert len(world.releases.asked[0][0]) == 3
    await world.say(1, "lifecycle_email", ConsentEventKind.GIVE)
    await world.feed.page(OFFICER, 4, 100)
    assert len(world.releases.asked) == 1


async def test_what_is_left_out_is_counted(world: World) -> None:
    """An event names a bounded number of releases, the newest, and says how many more there are."""
    for place in range(MAX_RELEASES + 3):
        world.released(1, f"r-{place}", released_at=RELEASED + timedelta(minutes=place))
    await world.say(1, "lifecycle_email", ConsentEventKind.WITHDRAW)
    item = (await world.feed.page(OFFICER, 0, 1)).items[0]
    releases = item["releases"]
    assert isinstance(releases, list)
    assert len(releases) == MAX_RELEASES
    assert releases[0]["release_id"] == f"r-{MAX_RELEASES + 2}"
    assert item["releases_left_out"] == 3


def test_a_release_record_says_until_when_it_may_be_kept() -> None:
    """The purpose's retention counts from the release; without one, thirty days."""
    kept = Purpose("a", LegalBasis.CONSENT, retention_days=7)
    assert keep_until(kept, RELEASED) == "2026-11-17T00:00:00.000000Z"
    usual = Purpose("a", LegalBasis.CONSENT)
    assert keep_until(usual, RELEASED) == timestamp(RELEASED + timedelta(days=DEFAULT_RETENTION_DAYS))
    record = {
        "id": "page-2", "parent_id": "release-1", "kind": "access.release", "requester": "mailer", "purpose": "a",
        "at": timestamp(RELEASED), "keep_until": keep_until(kept, RELEASED), "consent": {"cells": ["a"], "seq": 7},
    }  # fmt: skip
    read = ReleaseRecord.read(record)
    assert read == ReleaseRecord(
        "release-1", "mailer", "a", RELEASED, RELEASED + timedelta(days=7), frozenset({Cell("a")}), 7
    )
    assert ReleaseRecord.read({**record, "kind": "access.deny"}) is None
    assert ReleaseRecord.read({name: value for name, value in record.items() if name != "keep_until"}) is None
