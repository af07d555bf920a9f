"""A whole workspace: who objected, was erased and is named again."""

from typing import Any

from sekisho.adapters.records.consent_audited import UnauditedEvents
from sekisho.bootstrap import open_workspace
from sekisho.consents.trail import Trail
from sekisho.ports import DataSubjectRef

PERSON = DataSubjectRef("customer_id", "12347")


async def test_an_erased_person_who_is_named_again_still_objects(workspace):
    """Every use that people decide about stays refused, those without a question too; and it is on record."""
    async with open_workspace(workspace) as opened:
        number = await opened.people.number_of(PERSON)
        assert number is not None
        await opened.consents.linking.erase(None, number)
        assert await opened.people.number_of(PERSON) is None
        again = await opened.parts.registered(PERSON)
        assert again != number
        items: Any = (await opened.consents.reading.my_consents(PERSON))["items"]
        states = {item["state"] for item in items if item["withdrawable"]}
        assert states == {"objected", "withdrawn"}
        by_default = [item["state"] for item in items if item["legal_basis"] == "legitimate_interest"]
        assert set(by_default) == {"objected"}
        await Trail(opened.parts, UnauditedEvents(opened.database, opened.keys, grace_s=-1.0)).catch_up()
        events = await opened.ledger.history(again)
        records = [await opened.audit.get(event.id) for event in events]
        assert events
        assert all(record is not None for record in records)
