"""The classifier agrees with the classes that the demonstration declares."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sekisho.bootstrap import open_workspace
from sekisho.demo.workspace import build_workspace
from sekisho.domain.classification import ReviewState
from sekisho.domain.scans import is_stricter
from sekisho.domain.terms import ColumnClass
from sekisho.scanning.catalogue_file import differences, entries_of, read


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
    assert more == set()
    assert run.result is not None
    assert run.result["findings"] == []
    assert run.result["reviewed"] == 1


async def test_the_demonstration_carries_a_reviewed_decision(folder, tmp_path):
    """The rank in the customer programme was proposed, rejected and written to ``catalogue.yaml``."""
    shop = Path(shutil.copytree(folder, tmp_path / "demo"))
    async with open_workspace(shop) as opened:
        officer = opened.settings.catalogue.requesters["privacy_officer"]
        known = await opened.scanning.reviews.known(officer)
    decided = [each for each in known if each.review is not None]
    assert [(each.scanned.dataset, each.scanned.place.name) for each in decided] == [("crm.customers", "member_rank")]
    assert decided[0].state is ReviewState.REJECTED
    assert decided[0].scanned.proposal is not None
    assert decided[0].scanned.proposal.column_class is ColumnClass.QUASI_IDENTIFIER
    assert differences(read((shop / "catalogue.yaml").read_bytes()), entries_of(known)) == []
