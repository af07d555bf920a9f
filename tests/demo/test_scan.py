"""The classifier agrees with the classes that the demonstration declares."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sekisho.bootstrap import open_workspace
from sekisho.demo.workspace import build_workspace
from sekisho.domain.scans import is_stricter

JUDGED_STRICTER = frozenset({"crm.customers.member_rank", "pos.order_lines.description"})
"""A rank in the customer programme says something of a person, and names of goods read like texts: the demonstration
decides otherwise, which is what reviews are for."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demonstration workspace."""
    place = tmp_path_factory.mktemp("scan") / "demo"
    build_workspace(place, customers=300)
    return place


async def test_a_scan_of_the_demonstration_agrees_with_what_it_declares(folder, tmp_path):
    """No column is taken for less than it is declared as, and none for more but those that are known."""
    shop = Path(shutil.copytree(folder, tmp_path / "demo"))
    async with open_workspace(shop) as opened:
        officer = opened.settings.catalogue.requesters["privacy_officer"]
        run = await opened.scanning.scans.scan(officer)
        known = [each for each in await opened.scanning.reviews.known(officer) if each.scanned.governed]

    assert run.error is None
    declared = {d.name: d for d in opened.settings.catalogue.datasets.values()}
    assert len(known) == sum(len(dataset.columns) for dataset in declared.values())
    less, more = set(), set()
    for each in known:
        proposal, wanted = each.scanned.proposal, each.scanned.declared
        assert proposal is not None
        assert wanted is not None
        if is_stricter(wanted, proposal.column_class):
            less.add(f"{each.scanned.dataset}.{each.scanned.place.name}")
        if each.raised:
            more.add(f"{each.scanned.dataset}.{each.scanned.place.name}")
    assert less == set()
    assert more <= JUDGED_STRICTER
