"""What people are told follows the workspace file: at every start, by every worker, once."""

from __future__ import annotations

import asyncio

import pytest
from tests.consents.fakes import PURPOSES
from tests.consents.notice_world import MAJOR, MINOR, OFFICER, TEXTS, changed, published

from sekisho.domain.notices import SYSTEM, Status
from sekisho.domain.purpose_facts import facts_of


async def test_after_the_first_start_every_purpose_is_told_of(world):
    """Each purpose has its facts and a notice in both languages in force; nobody who agreed is asked again."""
    await world.give("recommendation")
    await world.notices_of().sync()

    told = await world.registry.all_in_force()
    assert set(told) == set(PURPOSES)
    for name, notice in told.items():
        assert (notice.key, notice.version, notice.purposes) == (name, 1, (name,))
        assert set(notice.texts) == {"ja", "en"}
        assert "Example Shop" in notice.texts["en"]
        (facts,) = await world.registry.purpose_versions(name)
        assert (facts.version, facts.change, facts.source, facts.status) == (1, MINOR, "file", Status.PUBLISHED)
    assert await world.in_force("recommendation") == {1}
    assert await world.ledger.last_seq() == 1


async def test_four_workers_that_start_together_are_one(world):
    """The same file, read by several workers at once or by one again, makes one version and one record of each."""
    workers = [world.notices_of() for _ in range(4)]
    await asyncio.gather(*(worker.sync() for worker in workers))
    await world.notices_of().sync()

    assert [n.version for n in await world.registry.notices()] == [1] * len(PURPOSES)
    for name in PURPOSES:
        assert len(await world.registry.purpose_versions(name)) == 1
    for kind in ("notice.publish", "purpose.publish"):
        records = world.recorded(kind)
        assert len(records) == len({record["id"] for record in records}) == len(PURPOSES)
        assert all("requester" not in record for record in records)


async def test_other_words_in_the_file_ask_nobody_again(world, notices):
    """A new title is a new, minor version of the facts and of the notice that the gateway writes."""
    await world.give("lifecycle_email")
    await world.notices_of(changed(title={"ja": "新しい題", "en": "New title"})).sync()

    notice = await world.registry.in_force("lifecycle_email")
    assert notice is not None
    assert (notice.version, notice.change, notice.supersedes) == (2, MINOR, 1)
    assert notice.texts["ja"].startswith("新しい題\n")
    assert await world.registry.accepts("lifecycle_email", "1") is not None
    assert await world.in_force("lifecycle_email") == {1}


async def test_more_data_in_the_file_asks_everybody_again(world, notices):
    """What people were not told when they agreed is asked anew, on a notice that tells of it; others are not."""
    await world.give("lifecycle_email", 3)
    await world.give("newsletter", 3)
    purposes = changed(data_categories=("location",))
    await asyncio.gather(*(world.notices_of(purposes).sync() for _ in range(4)))

    notice = await world.registry.in_force("lifecycle_email")
    assert notice is not None
    assert (notice.version, notice.change) == (2, MAJOR)
    assert "location" in notice.texts["en"]
    assert await world.registry.accepts("lifecycle_email", "1") is None
    assert await world.in_force("lifecycle_email") == set()
    assert await world.in_force("newsletter") == {1, 2, 3}
    asked = world.recorded("consent.publish")
    assert {record["purpose"] for record in asked} == {"lifecycle_email"}
    await world.give("lifecycle_email", 1)
    await world.notices_of(purposes).sync()
    assert await world.in_force("lifecycle_email") == {1}


async def test_a_start_that_broke_off_is_finished_by_the_next(world, notices, monkeypatch):
    """When facts were published and the notice was not, the next start publishes it, as major as it is."""
    publish = world.registry.publish

    async def breaks(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(world.registry, "publish", breaks)
    purposes = changed(data_categories=("location",))
    with pytest.raises(RuntimeError):
        await world.notices_of(purposes).sync()
    monkeypatch.setattr(world.registry, "publish", publish)
    await world.notices_of(purposes).sync()

    notice = await world.registry.in_force("lifecycle_email")
    assert notice is not None
    assert (notice.version, notice.change) == (2, MAJOR)
    assert [v.status for v in await world.registry.purpose_versions("lifecycle_email")] == [Status.PUBLISHED] * 2


async def test_a_notice_of_the_controllers_own_stays(world, notices):
    """The gateway writes no notice where somebody wrote one, whatever the file says then."""
    await published(notices, "mail", purposes=("lifecycle_email",))
    await world.notices_of(changed(data_categories=("location",)), contact="other@shop.example").sync()

    notice = await world.registry.in_force("lifecycle_email")
    assert notice is not None
    assert (notice.key, notice.texts) == ("mail", TEXTS)
    other = await world.registry.in_force("newsletter")
    assert other is not None
    assert (other.version, other.change) == (2, MINOR)
    assert "other@shop.example" in other.texts["ja"]


async def test_what_was_told_by_api_stays_until_the_file_says_something_else(world, notices):
    """A start with the same file leaves it; a file that goes beyond what people were told last asks them again."""
    purposes = changed(validity_days=90)
    await world.notices_of(purposes).sync()
    draft = await notices.purposes.draft(OFFICER, "lifecycle_email", MINOR, {"validity_days": 30})
    await notices.publish_purpose(OFFICER, "lifecycle_email", draft["version"])
    await world.notices_of(purposes).sync()
    await world.give("lifecycle_email")
    assert (await notices.purposes.told("lifecycle_email"))["validity_days"] == 30

    await world.notices_of(changed(validity_days=80)).sync()  # shorter than the file said, longer than was told

    assert (await notices.purposes.told("lifecycle_email"))["validity_days"] == 80
    assert await world.in_force("lifecycle_email") == set()
    assert (await world.registry.purpose_versions("lifecycle_email"))[-1].change is MAJOR


async def test_a_file_that_follows_the_api_asks_nobody_twice(world, notices):
    """Facts that people were asked about by the API, and that the file says later, are just another version."""
    draft = await notices.purposes.draft(OFFICER, "newsletter", MAJOR, {"data_categories": ["location"]})
    await notices.publish_purpose(OFFICER, "newsletter", draft["version"])
    await world.give("newsletter")
    await world.notices_of(changed("newsletter", data_categories=("location",))).sync()

    assert await world.in_force("newsletter") == {1}
    versions = await world.registry.purpose_versions("newsletter")
    assert [(v.source, v.change) for v in versions] == [("file", MINOR), ("api", MAJOR), ("file", MINOR)]
    assert [n.version for n in await world.registry.notices() if n.key == "newsletter"] == [1, 2]


async def test_a_draft_of_the_file_that_was_overtaken_is_made_anew(world, notices):
    """A start that broke off before it published, overtaken by the API: the file comes into force after all."""
    purposes = changed(title={"ja": "題", "en": "Title"})
    facts = facts_of(purposes["lifecycle_email"])
    await world.registry.declare("lifecycle_email", MINOR, facts, "file", SYSTEM)
    draft = await notices.purposes.draft(OFFICER, "lifecycle_email", MINOR, {"dpv": "dpv:Marketing"})
    await notices.publish_purpose(OFFICER, "lifecycle_email", draft["version"])
    await world.notices_of(purposes).sync()

    told = await notices.purposes.told("lifecycle_email")
    assert (told["version"], told["title"], told["dpv"]) == ("4", {"ja": "題", "en": "Title"}, None)
