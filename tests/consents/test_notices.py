"""What people are shown, and who changes it: over the real registry and ledger."""

from __future__ import annotations

import hashlib

import pytest
from tests.consents.fakes import PURPOSES
from tests.consents.notice_world import DESK, MAJOR, MINOR, OFFICER, REQUESTERS, TEXTS, published

from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, AuditUnavailable, InvalidRequest, NotFound, UnknownPurpose

# Showing ------------------------------------------------------------------------------------------


async def test_the_notice_as_people_are_shown_it(notices):
    """Who, what, why, for whom and since when; the hash is of the bytes shown, and each showing has its own id."""
    await published(notices, "terms", MINOR, ("recommendation", "lifecycle_email"))
    shown, again = await notices.in_force("terms"), await notices.in_force("lifecycle_email")

    assert (shown["key"], shown["version"], shown["in_force"], shown["change"]) == ("terms", "2", True, "minor")
    assert (shown["text"], shown["locale"], shown["supersedes"]) == (TEXTS["ja"], "ja", None)
    assert shown["sha256"] == hashlib.sha256(TEXTS["ja"].encode()).hexdigest()
    assert shown["controller"] == {"name": "Example Shop", "contact": "privacy@shop.example"}
    assert str(shown["effective_from"]).endswith("Z")
    told = shown["purposes"]
    assert [(fact["purpose"], fact["version"], fact["legal_basis"]) for fact in told] == [
        ("recommendation", "1", "consent"), ("lifecycle_email", "1", "consent"),
    ]  # fmt: skip
    assert shown.pop("served_id") != again.pop("served_id")
    assert shown == again


async def test_another_language_is_said_to_be_another(notices):
    """Where a language is missing, Japanese is shown, and the answer says so."""
    assert (await notices.in_force("newsletter", "en-US"))["locale"] == "en"
    assert (await notices.in_force("newsletter", "fr"))["locale"] == "ja"
    assert (await notices.in_force("newsletter", ""))["locales"] == ["en", "ja"]


async def test_older_versions_stay_readable(notices):
    """Each published version has its address for good, with what was told then; one may ask under the purpose too."""
    first = await notices.in_force("recommendation")
    await published(notices, "terms", MAJOR)
    overlay = {"data_categories": ["location"]}
    draft = await notices.purposes.draft(OFFICER, "recommendation", MAJOR, overlay)
    await notices.publish_purpose(OFFICER, "recommendation", draft["version"])
    old = await notices.in_force("recommendation", version="1")
    new = await notices.in_force("recommendation")

    assert (old["text"], old["sha256"], old["version"]) == (first["text"], first["sha256"], "1")
    assert (old["in_force"], new["in_force"]) == (False, True)
    assert old["purposes"] == first["purposes"]
    assert (new["key"], new["purposes"][0]["data_categories"]) == ("terms", ["location"])
    assert await _without_id(notices, "recommendation", "2") == await _without_id(notices, "terms", "2")


async def _without_id(notices, key, version):
    answer = await notices.in_force(key, version=version)
    del answer["served_id"]
    return answer


@pytest.mark.parametrize(("key", "version"), [("nothing", None), ("terms", None), ("terms", "2"), ("terms", "x")])
async def test_what_was_never_published_is_shown_to_nobody(notices, key, version):
    """A draft, an unknown key and an unknown version are the same nothing."""
    await notices.draft(OFFICER, "terms", MAJOR, ["recommendation"], TEXTS)
    with pytest.raises(NotFound):
        await notices.in_force(key, version=version)


async def test_the_tag_follows_everything_that_is_shown(world, notices):
    """The tag of an answer changes with its text, language, facts and controller, and with nothing else."""
    tag = (await notices.in_force("newsletter"))["etag"]
    tags = {
        tag,
        (await notices.in_force("newsletter", "en"))["etag"],
        (await world.notices_of(contact="other@shop.example").in_force("newsletter"))["etag"],
        (await notices.in_force("recommendation"))["etag"],
    }

    assert (await notices.in_force("newsletter"))["etag"] == tag
    assert len(tags) == 4


# Publishing ---------------------------------------------------------------------------------------


async def test_only_the_privacy_officer_changes_what_people_are_asked(notices):
    """Collection points and auditors read every version; nobody else, and nobody else writes."""
    auditor = Requester("auditor", frozenset(), frozenset({"auditor"}))
    for reader in (OFFICER, DESK, auditor):
        assert len(await notices.all_notices(reader)) == len(PURPOSES)
        assert len(await notices.purposes.all_versions(reader)) == len(PURPOSES)
    for other in (DESK, auditor, REQUESTERS["mailer"]):
        for call in (
            notices.draft(other, "terms", MINOR, ["newsletter"], TEXTS),
            notices.publish(other, "newsletter", "1"),
            notices.simulate(other, "newsletter", "1"),
            notices.purposes.draft(other, "newsletter", MINOR, {"dpv": None}),
            notices.publish_purpose(other, "newsletter", "1"),
            notices.purposes.simulate(other, "newsletter", "1"),
        ):
            with pytest.raises(AccessDenied):
                await call
    for call in (notices.all_notices(REQUESTERS["mailer"]), notices.purposes.all_versions(REQUESTERS["mailer"])):
        with pytest.raises(AccessDenied):
            await call


async def test_a_draft_is_about_declared_purposes_in_both_languages(notices):
    """What is no notice is refused: an unknown purpose, a missing or empty text, another purpose's name."""
    with pytest.raises(UnknownPurpose):
        await notices.draft(OFFICER, "terms", MINOR, ["nothing"], TEXTS)
    for key, purposes, texts in (
        ("terms", ["newsletter"], {"ja": "x"}),
        ("terms", ["newsletter"], {"ja": "x", "en": ""}),
        ("terms", [], TEXTS),
        ("newsletter", ["recommendation"], TEXTS),
    ):
        with pytest.raises(InvalidRequest):
            await notices.draft(OFFICER, key, MINOR, purposes, texts)
    assert len(await notices.all_notices(OFFICER)) == len(PURPOSES)


async def test_lists_show_the_words_of_drafts_alone(notices):
    """A draft is reviewed in the list; what is published has its own address."""
    draft = await notices.draft(OFFICER, "terms", MAJOR, ["newsletter"], TEXTS)
    listed = (await notices.all_notices(OFFICER))[-1]
    assert listed == draft
    assert (listed["texts"], listed["status"], listed["version"]) == (TEXTS, "draft", "2")

    done = await notices.publish(OFFICER, "terms", "2")
    listed = (await notices.all_notices(OFFICER))[-1]
    assert {**listed, "seq": done["seq"]} == done
    assert "texts" not in listed
    assert listed["published_by"] == "requester:privacy_officer"


async def test_who_drafted_and_published_what_is_recorded(world, notices):
    """The audit log has each draft and publication once, with hashes for words, and what was asked again."""
    await world.give("newsletter")
    draft = await notices.draft(OFFICER, "terms", MAJOR, ["newsletter", "recommendation"], TEXTS)
    done = [await notices.publish(OFFICER, "terms", draft["version"]) for _ in range(2)]

    assert done[0] == done[1]
    (drafted,) = world.recorded("notice.draft")
    published_by_officer = [r for r in world.recorded("notice.publish") if r.get("requester") == OFFICER.name]
    assert [r["version"] for r in published_by_officer] == [2]
    record = published_by_officer[0]
    assert (record["notice"], record["change"], record["published_seq"]) == ("terms", "major", done[0]["seq"])
    assert record["sha256"] == drafted["sha256"] == {"ja": _sha("ja"), "en": _sha("en")}
    assert drafted["requester"] == OFFICER.name
    assert "お知らせ" not in str(world.audit.records)
    asked = world.recorded("consent.publish")
    assert {(r["purpose"], r["requester"]) for r in asked} == {
        ("newsletter", OFFICER.name), ("recommendation", OFFICER.name),
    }  # fmt: skip
    assert await world.ledger.event(str(asked[0]["id"])) is not None


def _sha(locale: str) -> str:
    return hashlib.sha256(TEXTS[locale].encode()).hexdigest()


async def test_without_an_audit_log_nothing_changes(world, notices):
    """While nothing can be recorded, nothing is drafted, published or asked again."""
    await world.give("newsletter")
    await notices.draft(OFFICER, "terms", MAJOR, ["newsletter"], TEXTS)
    facts = await notices.purposes.draft(OFFICER, "newsletter", MAJOR, {"recipients": ["processor: X"]})
    world.audit.error = AuditUnavailable("down")
    for call in (
        notices.draft(OFFICER, "terms", MINOR, ["newsletter"], TEXTS),
        notices.publish(OFFICER, "terms", "2"),
        notices.purposes.draft(OFFICER, "newsletter", MINOR, {"dpv": "dpv:Marketing"}),
        notices.publish_purpose(OFFICER, "newsletter", facts["version"]),
    ):
        with pytest.raises(AuditUnavailable):
            await call
    world.audit.error = None

    assert await world.in_force("newsletter") == {1}
    assert len(await notices.all_notices(OFFICER)) == len(PURPOSES) + 1
    assert len(await world.registry.purpose_versions("newsletter")) == 2


async def test_facts_are_told_anew_and_the_written_notice_follows(world, notices):
    """Other recipients are a major change: everybody is asked again, on a notice that names them."""
    await world.give("newsletter", 2)
    overlay = {"recipients": ["processor: 印刷会社"]}
    with pytest.raises(InvalidRequest, match="recipients"):
        await notices.purposes.draft(OFFICER, "newsletter", MINOR, overlay)
    draft = await notices.purposes.draft(OFFICER, "newsletter", MAJOR, overlay)
    assert (draft["version"], draft["source"], draft["status"]) == ("2", "api", "draft")
    assert (await notices.purposes.simulate(OFFICER, "newsletter", "2"))["asked_again"] == 2
    assert await world.in_force("newsletter") == {1, 2}

    done = await notices.publish_purpose(OFFICER, "newsletter", "2")

    assert await world.in_force("newsletter") == set()
    shown = await notices.in_force("newsletter")
    assert (shown["version"], shown["change"]) == ("2", "major")
    assert "印刷会社" in shown["text"]
    assert shown["purposes"][0]["recipients"] == ["processor: 印刷会社"]
    assert {**(await notices.publish_purpose(OFFICER, "newsletter", "2"))} == done
    assert (await notices.purposes.simulate(OFFICER, "newsletter", "2"))["asked_again"] == 0
    with pytest.raises(InvalidRequest, match="already"):
        await notices.purposes.draft(OFFICER, "newsletter", MAJOR, overlay)


async def test_what_is_enforced_is_not_told_otherwise(notices):
    """The legal basis, the cells and the like stand in the file alone."""
    with pytest.raises(InvalidRequest, match="sekisho"):
        await notices.purposes.draft(OFFICER, "newsletter", MAJOR, {"legal_basis": "contract"})
    with pytest.raises(UnknownPurpose):
        await notices.purposes.draft(OFFICER, "nothing", MAJOR, {"dpv": None})
    for call in (
        notices.publish_purpose(OFFICER, "newsletter", "9"),
        notices.purposes.simulate(OFFICER, "newsletter", "9"),
        notices.simulate(OFFICER, "newsletter", "9"),
        notices.publish(OFFICER, "newsletter", "one"),
    ):
        with pytest.raises(NotFound):
            await call
