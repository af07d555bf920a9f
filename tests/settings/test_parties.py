"""Who is outside: third parties that receive data, and those that it came from."""

from __future__ import annotations

from datetime import date

import pytest

from sekisho.domain.provisions import Keeping, Origin, Party
from tests.settings.conftest import GOOD

PARTY = "{name: Ads K.K., address: Tokyo, representative: A B%s}"
ADS = f"{{recipient: third_party, purposes: [], party: {PARTY}}}"
SOURCE = "    obtained_from: {name: Lists K.K., acquired: asked them, received_on: 2026-04-01%s}\n"


def with_ads(more: str = "") -> str:
    """Return the good file with an advertising company."""
    return GOOD.replace("requesters:\n", f"requesters:\n  ads: {ADS % more}\n")


def with_source(more: str = "") -> str:
    """Return the good file whose customers came from elsewhere."""
    return GOOD.replace("    relation: customers\n", "    relation: customers\n" + SOURCE % more)


def test_a_third_party_is_declared(workspace):
    """Name, address, representative and how records are kept are read; by default each for itself."""
    party = workspace.load(with_ads()).catalogue.requesters["ads"].party
    assert party == Party("Ads K.K.", "Tokyo", "A B")
    assert (
        workspace.load(with_ads(", records: contract")).catalogue.requesters["ads"].party.keeping is Keeping.CONTRACT
    )
    assert workspace.load().catalogue.requesters["recommender"].party is None


def test_a_dataset_may_come_from_elsewhere(workspace):
    """From whom, how it was acquired and when it was received are read."""
    origin = workspace.load(with_source(", consent: true")).catalogue.datasets["crm.customers"].origin
    assert origin == Origin(Party("Lists K.K."), "asked them", date(2026, 4, 1), consent=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (with_source(", country: Japan"), "`Japan` is no country"),
        (with_ads().replace("name: Ads K.K., ", ""), "has no `name`"),
        (with_ads(", records: never"), "`never` is no way of keeping records"),
        (with_ads().replace("A B", '"A\\tB"'), "is not on one line"),
        (with_ads().replace("recipient: third_party, ", ""), "somebody inside is no party of its own"),
        (with_source().replace("2026-04-01", "last spring"), "`received_on` is no day"),
        (with_source().replace("acquired: asked them, ", ""), "has no `acquired`"),
        (with_source(", consnt: true"), "did you mean `consent`"),
    ],
    ids=["country", "name", "records", "control", "inside", "day", "acquired", "unknown"],
)
def test_a_fault_is_named_with_its_line(workspace, text, says):
    """What cannot be is told with the line on which it stands."""
    [fault] = workspace.faults(text)
    assert says in fault
    line = int(fault.split(":")[0].removeprefix("line "))
    assert any(word in text.splitlines()[line - 1] for word in ("party", "obtained_from"))
