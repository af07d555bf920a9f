"""Receipts state what the person was told, however the declaration changes; each is for its own person alone."""

# ruff: noqa: D102 - the office says what its names say

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.adapters.signed_receipts import receipt_key
from tests.consents.fakes import KENJI, MARIKO, PURPOSES
from tests.consents.notice_world import MAJOR, OFFICER, REQUESTERS, World

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.receipt_pdf import PdfReceipts
from sekisho.consents.notices import Notices
from sekisho.consents.parts import Parts
from sekisho.consents.receipts import ReceiptPrinter, Receipts
from sekisho.consents.recording import Recording
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.terms import Catalogue, Purpose, SubjectNumber
from sekisho.errors import NotFound
from sekisho.http.services import ConsentDecision
from sekisho.ports import ConsentEventInput

ADS = "targeted_advertising"


@dataclass
class Printer:
    """Remembers the thread on which it draws."""

    threads: list[int] = field(default_factory=list)

    def pdf(self, receipt: Mapping[str, object], locale: str) -> bytes:
        self.threads.append(threading.get_ident())
        return f"{locale} {receipt['@id']}".encode()


@dataclass
class Office:
    """The use cases over a real ledger and registry; ``declare`` is a worker that read another ``sekisho.yaml``."""

    world: World
    key: Any

    def parts(self, purposes: Mapping[str, Purpose]) -> Parts:
        catalogue = Catalogue({}, {}, purposes, REQUESTERS, {}, "r1")
        w = self.world
        kinds = frozenset({"customer_id"})
        return Parts(
            catalogue, w.people, w.ledger, w.registry, w.audit, w.keys, SystemClock(), identifiers=kinds
        )  # fmt: skip

    def receipts(self, purposes: Mapping[str, Purpose] = PURPOSES, printer: ReceiptPrinter | None = None) -> Receipts:
        controller = {"name": "Example Shop", "contact": "privacy@shop.example"}
        return Receipts(self.parts(purposes), self.key, controller, printer or Printer())

    async def decide(self, kind: ConsentEventKind, purpose: str = ADS) -> str:
        """Decide as Mariko, on the notice in force; return the receipt's id."""
        notice = await self.world.registry.in_force(purpose)
        version = None if notice is None or kind is not ConsentEventKind.GIVE else str(notice.version)
        decision = ConsentDecision(purpose, kind, {}, version, "ja")
        answer: Any = await Recording(self.parts(PURPOSES)).decide(MARIKO, [decision])
        return str(answer["items"][0]["receipt_id"])


@pytest.fixture
def office(world: World, notices: Notices, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """The office after the first start: each purpose has its first version."""
    return Office(world, receipt_key(tmp_path_factory.mktemp("receipt")))


def process(receipt: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = receipt["dpv:hasRecordOfActivity"]["dpv:hasProcess"]
    return found


async def tell_others(notices: Notices) -> None:
    """Publish other recipients of the purpose."""
    facts = {"recipients": ["third_party: Another Ads"], "title": {"ja": "別の広告", "en": "Other advertising"}}
    draft = await notices.purposes.draft(OFFICER, ADS, MAJOR, facts)
    await notices.publish_purpose(OFFICER, ADS, str(draft["version"]))


@pytest.mark.parametrize("kind", [ConsentEventKind.GIVE, ConsentEventKind.WITHDRAW], ids=["yes", "no"])
async def test_a_receipt_stays_what_it_was(office: Office, notices: Notices, kind: ConsentEventKind) -> None:
    """Published facts and another sekisho.yaml change no byte of an older receipt, on paper neither."""
    if kind is ConsentEventKind.WITHDRAW:
        await office.decide(ConsentEventKind.GIVE)
    old = await office.decide(kind)
    before = await office.receipts().receipt(MARIKO, old)
    page = await office.receipts(printer=PdfReceipts()).receipt_pdf(MARIKO, old, "ja")

    await tell_others(notices)
    other = {**PURPOSES, ADS: replace(PURPOSES[ADS], recipients=("third_party: Today's Ads",), retention_days=9)}

    assert await office.receipts(other).receipt(MARIKO, old) == before
    assert await office.receipts(other, PdfReceipts()).receipt_pdf(MARIKO, old, "ja") == page
    assert process(before)["dpv:hasRecipient"] == ["third_party: Example Ads"]
    assert process(before)["sekisho:purposeVersion"] == 1
    assert process(before)["sekisho:factsAsOf"] == ("decision" if kind is ConsentEventKind.GIVE else "recording")
    new = await office.decide(kind)
    if kind is ConsentEventKind.GIVE:
        after = process(await office.receipts(other).receipt(MARIKO, new))
        assert (after["dpv:hasRecipient"], after["sekisho:purposeVersion"]) == (["third_party: Another Ads"], 2)


async def test_the_version_named_counts_not_the_one_in_force(office: Office, notices: Notices) -> None:
    """An event that names a version has its facts, though another was in force when it was recorded."""
    await tell_others(notices)
    number = SubjectNumber(int((await office.world.people.register("customer_id", [MARIKO.value]))[0]))
    event = ConsentEventInput(
        number, ADS, PURPOSES[ADS].all_cells(), ConsentEventKind.GIVE, "api", "requester:desk",
        provenance=Provenance(purpose_version=1),
    )  # fmt: skip
    [recorded] = await office.world.ledger.record([event])
    told = process(await office.receipts().receipt(MARIKO, recorded.id))
    assert (told["dpv:hasRecipient"], told["sekisho:factsAsOf"]) == (["third_party: Example Ads"], "decision")


async def test_what_nobody_recorded_is_said(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Before any version was published there is but today's declaration, and the receipt says so."""
    office = Office(world, receipt_key(tmp_path_factory.mktemp("receipt")))
    await world.give(ADS)
    [event] = await world.ledger.history(SubjectNumber(1))
    await world.notices_of().sync()
    person = replace(MARIKO, value="0")
    told = process(await office.receipts().receipt(person, event.id))
    assert told["sekisho:factsAsOf"] == "receipt"
    assert "sekisho:purposeVersion" not in told
    other = {**PURPOSES, ADS: replace(PURPOSES[ADS], recipients=("third_party: Today's Ads",))}
    told = process(await office.receipts(other).receipt(person, event.id))
    assert told["dpv:hasRecipient"] == ["third_party: Today's Ads"]
    with pytest.raises(NotFound):
        await office.receipts({}).receipt(person, event.id)


async def test_a_purpose_that_is_no_more_keeps_its_receipts(office: Office) -> None:
    """Who agreed to what is declared no longer still gets the proof of it."""
    old = await office.decide(ConsentEventKind.GIVE)
    before = await office.receipts().receipt(MARIKO, old)
    assert await office.receipts({}).receipt(MARIKO, old) == before


async def test_somebody_elses_receipt_is_not_there(office: Office) -> None:
    """In neither form, for somebody known, for somebody unknown, for no id; nothing is drawn."""
    mine = await office.decide(ConsentEventKind.GIVE)
    printer = Printer()
    receipts = office.receipts(printer=printer)
    for person, name in ((KENJI, mine), (MARIKO, "0190c0de-0000-7000-8000-000000000001"), (MARIKO, "nonsense")):
        with pytest.raises(NotFound):
            await receipts.receipt(person, name)
        with pytest.raises(NotFound):
            await receipts.receipt_pdf(person, name, "ja")
    await office.world.people.register("customer_id", [KENJI.value])
    with pytest.raises(NotFound):
        await receipts.receipt_pdf(KENJI, mine, "ja")
    assert printer.threads == []


async def test_drawing_does_not_hold_the_event_loop(office: Office) -> None:
    """The PDF is drawn on another thread."""
    printer = Printer()
    mine = await office.decide(ConsentEventKind.GIVE)
    assert (await office.receipts(printer=printer).receipt_pdf(MARIKO, mine, "en")).startswith(b"en urn:uuid:")
    assert printer.threads != [threading.get_ident()]
    assert len(printer.threads) == 1
