"""What people have said no to holds when the file declares the purpose anew: other cells, another legal basis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consent_chain import EventChain
from sekisho.adapters.records.consent_fold import by_default_purposes
from sekisho.adapters.records.consent_rebuild import verified
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.notices import SqlNotices
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.consents.notices import Notices
from sekisho.consents.parts import Parts
from sekisho.domain.consent import ConsentEventKind, is_in_force, state_at
from sekisho.domain.notices import PurposeVersion
from sekisho.domain.terms import Catalogue, LegalBasis, Purpose, SubjectNumber
from sekisho.errors import ConsentUnavailable
from sekisho.ports import ConsentEventInput
from tests.fakes import FakeAuditLog

CLOCK = SystemClock()
BY_DEFAULT, CONSENT = LegalBasis.LEGITIMATE_INTEREST, LegalBasis.CONSENT
WHOLE = Purpose("ab_measurement", BY_DEFAULT)
PARTS = replace(WHOLE, cells=("web", "shop"))


class Broken(SqlNotices):
    """A registry that does not get as far as to publish."""

    async def publish_purpose(self, purpose: str, version: int, by: str) -> PurposeVersion:
        """Raise ``ConsentUnavailable``."""
        raise ConsentUnavailable("The database is gone.")


class Site:
    """Gateways that start one after another over one database, each with its own file; and three people."""

    def __init__(self, database, people, keys) -> None:
        self.database, self.people, self.keys = database, people, keys

    async def start(self, purpose, *, breaks=False):
        """Start with a file that declares *purpose* so; ``breaks``: end before that is published."""
        self.purpose, purposes = purpose, {purpose.name: purpose}
        self.ledger = SqlConsentLedger(self.database, purposes, CLOCK, self.keys)
        registry = (Broken if breaks else SqlNotices)(self.database, self.ledger, purposes)
        catalogue = Catalogue({}, {}, purposes, {}, {}, "r1")
        parts = Parts(catalogue, self.people, self.ledger, registry, FakeAuditLog(), self.keys, CLOCK)
        await Notices(parts, "Example Shop", "privacy@shop.example").sync()

    async def says(self, who, kind, cells=None):
        """Record what one of the people says, about all cells or some."""
        about = self.purpose.all_cells()[:cells]
        await self.ledger.record([ConsentEventInput(who, self.purpose.name, about, kind, "paper", "desk")])

    async def allowed(self):
        """Return, cell by cell, who may be used; the bits, the records and the past say the same."""
        everybody = [SubjectNumber(number) for number in (1, 2, 3)]
        found = {}
        for cell in self.purpose.all_cells():
            bits = (await self.ledger.view((cell,))).allowed(np.array(everybody)).tolist()
            _, past = await self.ledger.records_at(everybody, valid_at=None, known_at=None)
            for number, bit, then in zip(everybody, bits, past, strict=True):
                _, now = await self.ledger.records_of(number)
                states = [state_at(records.get(cell), self.purpose, CLOCK.now()) for records in (now, then)]
                assert [is_in_force(state) for state in states] == [bit, bit], (number, cell, states)
            found[cell.rpartition("=")[2]] = [n for n, bit in zip(everybody, bits, strict=True) if bit]
        chain, by_default = EventChain(self.keys), by_default_purposes({self.purpose.name: self.purpose})
        assert (await self.database.read(lambda c: verified(c, by_default, chain))).findings == ()
        return found


@pytest.fixture
async def site(database, people, keys):
    await people.register("customer_id", ["1", "2", "3"])
    return Site(database, people, keys)


async def test_an_objection_holds_for_cells_that_are_declared_later(site):
    """Who objected to all there was is used neither for a new data category, nor for an old one by another name."""
    await site.start(WHOLE)
    await site.says(1, ConsentEventKind.OBJECT)
    await site.start(PARTS)
    assert await site.allowed() == {"web": [2, 3], "shop": [2, 3]}

    await site.says(2, ConsentEventKind.OBJECT, 1)
    await site.start(replace(WHOLE, cells=("web_pages", "shop")))
    assert await site.allowed() == {"web_pages": [3], "shop": [2, 3]}, "the part that was not objected to stays"


async def test_what_is_said_later_of_a_new_cell_counts(site):
    """The carried objection is one like another: a yes after it lifts it, and no start brings it back."""
    await site.start(WHOLE)
    await site.says(1, ConsentEventKind.OBJECT)
    await site.start(PARTS)
    await site.says(1, ConsentEventKind.GIVE, 1)
    before = await site.ledger.last_seq()
    await site.start(PARTS)
    assert await site.ledger.last_seq() == before
    assert await site.allowed() == {"web": [1, 2, 3], "shop": [2, 3]}


async def test_an_old_yes_to_a_cell_that_comes_back_is_not_heard(site):
    """A cell goes, the person objects to all there is, the cell comes back: the objection is the newer word."""
    await site.start(PARTS)
    await site.says(1, ConsentEventKind.GIVE)
    await site.start(replace(PARTS, cells=("web",)))
    await site.says(1, ConsentEventKind.OBJECT)
    await site.start(PARTS)
    assert await site.allowed() == {"web": [2, 3], "shop": [2, 3]}


async def test_a_start_that_broke_off_carries_noes_once(site):
    """The noes are carried before the new declaration counts; the next start adds none that is there."""
    await site.start(WHOLE)
    await site.says(1, ConsentEventKind.OBJECT)
    with pytest.raises(ConsentUnavailable):
        await site.start(PARTS, breaks=True)
    before = await site.ledger.last_seq()
    await site.start(PARTS)
    assert await site.ledger.last_seq() == before
    assert await site.allowed() == {"web": [2, 3], "shop": [2, 3]}


async def test_a_refusal_holds_for_linked_people_when_a_purpose_becomes_active_by_default(site):
    """Consent becomes legitimate interest: the no of one identifier counts for the other, whom nobody ever asked."""
    await site.start(replace(WHOLE, legal_basis=CONSENT))
    await site.says(1, ConsentEventKind.REFUSE)
    await site.ledger.link(SubjectNumber(1), SubjectNumber(2), "desk")
    await site.start(WHOLE)
    assert await site.allowed() == {"ab_measurement": [3]}


async def test_the_no_of_an_erased_person_holds_for_cells_that_are_declared_later(site, database, keys):
    """Who objected, was erased and is named again objects to what the purpose consists of by then."""
    await site.start(replace(WHOLE, cells=("web",)))
    await site.says(1, ConsentEventKind.OBJECT)
    await site.people.erase(SubjectNumber(1))
    await site.start(replace(WHOLE, cells=("web_pages", "shop")))
    people = PeopleRegistry(database, keys, site.ledger.record_within)
    numbers = await people.register("customer_id", ["4", "1"])
    for cell in site.purpose.all_cells():
        assert (await site.ledger.view((cell,))).allowed(numbers).tolist() == [True, False]
