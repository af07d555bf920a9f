"""A view has one release, on however many machines and whatever is restored: two could be subtracted."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import yaml
from tests.gateway.site import Site, opened

from sekisho.domain.access import AccessRequest, Decision, Permit
from sekisho.domain.terms import Cell

VIEW = "/v1/views/buyers:read"
PURPOSE = "management_statistics"


@pytest.fixture
def published(folder: Path) -> Path:
    """A workspace with a view for which forty customers are enough, that names its records by their place."""
    sql = "SELECT COUNT(DISTINCT customer_id) AS people, COUNT(*) AS lines FROM pos.order_lines"
    views = {"buyers": {"purpose": PURPOSE, "people": "people", "sql": sql}}
    changed(folder, {"views": views, "database": {"url": f"sqlite:///{folder}/var/sekisho.db"}})
    return folder


def changed(folder: Path, settings: dict[str, object]) -> None:
    """Change the workspace file in *folder*."""
    path = folder / "sekisho.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | settings, allow_unicode=True))


async def read(site: Site) -> tuple[object, object]:
    """Read the view; return columns and rows."""
    response = await site.client.post(VIEW, json={"purpose": PURPOSE}, headers=site.headers("analyst"))
    assert response.status_code == 200, response.text
    body = response.json()
    return body["columns"], body["rows"]


def lose(folder: Path, customers: int) -> None:
    """Take the sales of the first so many customers out of the store."""
    for path in sorted((folder / "stores" / "pos").glob("*.parquet")):
        kept = path.with_suffix(".kept")
        with closing(duckdb.connect()) as connection:
            connection.execute(
                f"COPY (SELECT * FROM '{path}' WHERE customer_id IS NULL OR customer_id NOT IN"
                f" (SELECT DISTINCT customer_id FROM '{folder}/stores/pos/*.parquet' WHERE customer_id IS NOT NULL"
                f" ORDER BY 1 LIMIT {customers})) TO '{kept}' (FORMAT parquet)"
            )
        kept.replace(path)


def backed_up(own: Path, to: Path) -> None:
    """Copy a database in use."""
    with closing(sqlite3.connect(own)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


async def test_machines_that_share_the_records_alone_release_the_same(published: Path, tmp_path: Path) -> None:
    """The second machine has folders of its own, and by then somebody is gone from the store."""
    second = Path(shutil.copytree(published, tmp_path / "second"))
    apart = Path(shutil.copytree(published, tmp_path / "apart"))
    changed(apart, {"database": {"url": "sqlite:///var/sekisho.db"}})
    lose(second, 3)
    lose(apart, 3)
    async with opened(published) as site:
        first = await read(site)
        assert first[1]
    async with opened(second) as other:
        assert await read(other) == first
    async with opened(apart) as other:  # with records of its own: what the change comes to
        assert await read(other) != first


async def test_an_edit_that_does_not_concern_a_view_makes_no_second_release(published: Path) -> None:
    """A comment, a requester, a purpose and a class elsewhere; by then somebody is gone from the store."""
    async with opened(published) as site:
        first = await read(site)
        assert first[1]
    lose(published, 3)
    path = published / "sekisho.yaml"
    path.write_text("# a comment\n" + path.read_text())
    known = yaml.safe_load(path.read_text())
    known["requesters"]["guest"] = {"purposes": ["recommendation"]}
    known["datasets"]["crm.customers"]["columns"]["line_id"]["class"] = "sensitive"
    changed(published, known)
    async with opened(published) as site:
        assert await read(site) == first


@pytest.mark.parametrize("part", ["class", "sql"])
async def test_an_edit_that_concerns_a_view_makes_another_release(published: Path, part: str) -> None:
    """What it shows, or of whom, may be another then."""
    async with opened(published) as site:
        first = await read(site)
    lose(published, 3)
    known = yaml.safe_load((published / "sekisho.yaml").read_text())
    if part == "class":
        known["datasets"]["pos.order_lines"]["columns"]["customer_id"]["category"] = "member_id"
    else:
        known["views"]["buyers"]["sql"] += " WHERE 1 = 1"
    changed(published, known)
    async with opened(published) as site:
        assert await read(site) != first


async def test_a_view_for_which_the_policy_asks_consent_is_refused(published: Path) -> None:
    """It was computed over everybody, and nobody could be taken out of it who withdraws later."""

    class Asking:
        """The policies, and one more: statistics rest on consent."""

        async def decide(self, request: AccessRequest) -> Decision:
            permit = await site.gateway.policy.decide(request)
            assert isinstance(permit, Permit)
            return replace(permit, consent_required=True, cells=(Cell(PURPOSE),))

    async with opened(published) as site, site.with_parts(policy=Asking()) as other:
        response = await other.client.post(VIEW, json={"purpose": PURPOSE}, headers=other.headers("analyst"))
    assert (response.status_code, response.json()["code"]) == (503, "policy_unavailable")


async def test_a_restored_database_releases_what_was_released(published: Path, tmp_path: Path) -> None:
    """The database goes back to before the release; then somebody is gone from the store."""
    own, backup = published / "var" / "sekisho.db", tmp_path / "backup.db"
    backed_up(own, backup)
    async with opened(published) as site:
        first = await read(site)
        assert first[1]
    for each in own.parent.glob("sekisho.db*"):
        each.unlink()
    shutil.copy(backup, own)
    lose(published, 3)
    async with opened(published) as site:
        assert await read(site) == first
