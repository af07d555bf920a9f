"""``/v1/catalog`` and ``sekisho scan`` over a real workspace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sekisho.bootstrap import Workspace, build_app, open_workspace
from sekisho.cli import main
from sekisho.domain.scans import Decision
from sekisho.errors import AccessDenied
from sekisho.scanning.reviews import Verdict
from tests.scanning.world import CANARY, FILE

SENSITIVE = {"decision": "override", "class": "sensitive", "category": "health", "note": "see DPIA"}
SCANS, COLUMNS = "/v1/catalog/scans", "/v1/catalog/columns"


@dataclass
class Site:
    """A served workspace, as the privacy officer and as somebody else."""

    opened: Workspace
    officer: httpx.AsyncClient
    desk: httpx.AsyncClient
    nobody: httpx.AsyncClient

    async def scan(self, **body: object) -> dict[str, Any]:
        """Begin a scan and return what it tells when it has ended."""
        begun = await self.officer.post(SCANS, json=body)
        assert begun.status_code == 202
        for _ in range(500):
            told: dict[str, Any] = (await self.officer.get(begun.headers["location"])).json()
            if told["status"] != "running":
                return told
            await asyncio.sleep(0.02)
        raise AssertionError("the scan does not end")

    async def column(self, name: str) -> dict[str, Any]:
        """Return a column of the customers."""
        page = (await self.officer.get(COLUMNS, params={"dataset": "crm.customers"})).json()
        found: dict[str, Any] = next(item for item in page["items"] if item["column"] == name)
        return found


@pytest.fixture
async def site(shop: Path) -> AsyncIterator[Site]:
    async with open_workspace(shop) as opened:
        app = build_app(opened)
        assert opened.issuer is not None

        def client(headers: dict[str, str]) -> httpx.AsyncClient:
            return httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url="http://sekisho", headers=headers
            )

        tokens = [opened.issuer.requester_token(name, 600) for name in ("privacy_officer", "desk")]
        bearers = [{"Authorization": f"Bearer {token}"} for token in tokens]
        async with client(bearers[0]) as officer, client(bearers[1]) as desk, client({}) as nobody:
            yield Site(opened, officer, desk, nobody)


async def test_a_scan_is_begun_followed_and_reviewed(site):
    """202 with its place; when done it tells what was found; a review changes state and class, and stays."""
    told = await site.scan(stores=["crm"])
    assert (told["status"], [each["store"] for each in told["stores"]]) == ("done", ["crm"])
    assert told["progress"] == 1
    column = await site.column("rank")
    assert (column["state"], column["in_force"], column["declared"]) == ("proposed", "unreviewed", None)
    place = f"{COLUMNS}/{column['id']}"
    for body, state, in_force in (
        ({"decision": "confirm"}, "confirmed", "none"),
        (SENSITIVE, "overridden", "sensitive"),
        ({"decision": "reject"}, "rejected", "none"),
    ):
        done = await site.officer.post(f"{place}:review", json=body)
        assert (done.status_code, done.json()["state"], done.json()["in_force"]) == (200, state, in_force)
    items = (await site.officer.get(f"{place}/reviews")).json()["items"]
    assert [(each["decision"], each["by"]) for each in items] == [
        ("confirm", "privacy_officer"), ("override", "privacy_officer"), ("reject", "privacy_officer"),
    ]  # fmt: skip
    assert items[1]["note"] == "see DPIA"
    page = (await site.officer.get(COLUMNS, params={"state": "rejected"})).json()
    assert [item["column"] for item in page["items"]] == ["rank"]


async def test_pages_have_every_column_once(site, monkeypatch):
    """`next_cursor` leads on until there is none."""
    monkeypatch.setattr("sekisho.scanning.reviews.PAGE", 4)
    await site.scan()
    seen, cursor = [], None
    while True:
        page = (await site.officer.get(COLUMNS, params={} if cursor is None else {"cursor": cursor})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == len(await site.opened.scanning.reviews.known(
        site.opened.settings.catalogue.requesters["privacy_officer"]
    ))  # fmt: skip


async def test_nobody_else_scans_sees_or_reviews(site):
    """403 for who has no part in it, 404 where an id stands in the address, 401 without a token."""
    told = await site.scan(stores=["crm"])
    column = await site.column("rank")
    for method, path, code in (
        ("POST", SCANS, 403), ("GET", COLUMNS, 403), ("GET", f"{SCANS}/{told['id']}", 404),
        ("POST", f"{COLUMNS}/{column['id']}:review", 404), ("GET", f"{COLUMNS}/{column['id']}/reviews", 404),
    ):  # fmt: skip
        body = {"json": {"decision": "reject"}} if "review" in path and method == "POST" else {}
        refused = await site.desk.request(method, path, **body)
        assert (refused.status_code, refused.headers["content-type"]) == (code, "application/problem+json"), path
        assert (await site.nobody.request(method, path, **body)).status_code == 401
    assert (await site.column("rank"))["state"] == "proposed"


async def test_nobody_else_reviews_many_at_once(site):
    """The way of a file with many decisions asks for the role itself, whoever looked before."""
    await site.scan(stores=["crm"])
    reviews, requesters = site.opened.scanning.reviews, site.opened.settings.catalogue.requesters
    wanted = (await site.column("rank"))["id"]
    (column,) = [known for known in await reviews.known(requesters["privacy_officer"]) if known.id == wanted]
    with pytest.raises(AccessDenied):
        await reviews.review_all(requesters["desk"], [(column, Verdict(Decision.REJECT))])
    assert (await site.column("rank"))["state"] == "proposed"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"decision": "approve"}, 422),
        ({"decision": "override"}, 422),
        ({"decision": "override", "class": "secret"}, 422),
        ({"decision": "confirm", "class": "none"}, 422),
        ({"decision": "reject", "category": "email"}, 422),
        ({"decision": "reject", "note": "two\nlines"}, 422),
        ({"decision": "reject", "more": 1}, 422),
    ],
    ids=["word", "no-class", "no-such-class", "class-of-confirm", "category-of-reject", "note", "unknown-member"],
)
async def test_a_review_that_says_too_little_or_too_much_is_refused(site, body, status):
    """Each fault is a problem, and changes nothing."""
    await site.scan(datasets=["crm.customers"])
    column = await site.column("rank")
    refused = await site.officer.post(f"{COLUMNS}/{column['id']}:review", json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, "invalid_request")
    assert (await site.column("rank"))["state"] == "proposed"


async def test_what_is_not_there_is_told_so(site):
    """A store, a scan and a column that nobody has, and a state that is none."""
    assert (await site.officer.post(SCANS, json={"stores": ["nowhere"]})).status_code == 422
    assert (await site.officer.get(f"{SCANS}/none")).status_code == 404
    assert (await site.officer.post(f"{COLUMNS}/none:review", json={"decision": "reject"})).status_code == 404
    assert (await site.officer.get(COLUMNS, params={"state": "odd"})).status_code == 422


async def test_a_review_sent_twice_is_done_once(site):
    """With the same key the answer is the same, and one review is kept; another body is a conflict."""
    await site.scan(stores=["crm"])
    place = f"{COLUMNS}/{(await site.column('rank'))['id']}"
    key = {"Idempotency-Key": "k1"}
    first = await site.officer.post(f"{place}:review", json={"decision": "reject"}, headers=key)
    again = await site.officer.post(f"{place}:review", json={"decision": "reject"}, headers=key)
    other = await site.officer.post(f"{place}:review", json={"decision": "confirm"}, headers=key)
    assert (again.json(), other.status_code) == (first.json(), 409)
    assert len((await site.officer.get(f"{place}/reviews")).json()["items"]) == 1


# The command line ---------------------------------------------------------------------------------------


@pytest.fixture
def run(
    shop: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Return what runs ``sekisho`` on the shop and answers its exit code and what it wrote."""
    monkeypatch.setattr("sekisho.bootstrap.configure_logging", lambda **_: None)

    def command(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--workspace", str(shop)])
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return command


def test_a_scan_from_the_command_line(run):
    """Findings are told and exit 1; the bar is on standard error; JSON is one document without a value."""
    code, out, err = run("scan", "crm")
    assert code == 1
    assert "crm.customers.profile: declared none, seems direct_identifier (email)" in out
    assert "… crm.customers" in err
    code, out, err = run("scan", "crm", "pos.lines", "--json")
    told = json.loads(out)
    assert (code, told["status"], told["error"]) == (1, "done", None)
    assert CANARY not in out + err
    assert {each["column"] for each in told["findings"]} == {"profile", "profile.contact.mail", "profile.by.*"}
    assert run("scan", "pos")[0] == 0
    code, _, err = run("scan", "nowhere")
    assert (code, err.startswith("invalid_request: ")) == (2, True)


def test_reviews_from_the_command_line_and_as_a_file(run, shop, tmp_path):
    """List, review, export, diff, apply: what a file says comes into force, and nothing is left to apply."""
    run("scan", "crm")
    code, out, _ = run("scan", "list", "--dataset", "crm.customers")
    assert (code, out.splitlines()[0].split("\t")[0]) == (0, "column")
    assert json.loads(run("scan", "list", "--state", "stale", "--json")[1])["items"]
    code, out, _ = run("scan", "review", "crm.customers.rank", "--reject", "--note", "ranks")
    assert (code, out) == (0, "crm.customers.rank is rejected; in force: none.\n")
    assert run("scan", "review", "crm.customers.rank")[0] == 2
    assert run("scan", "review", "crm.customers.rank", "--class", "secret")[0] == 2
    assert run("scan", "review", "crm.customers.nowhere", "--reject")[0] == 2

    file = tmp_path / "catalogue.yaml"
    file.write_text(run("scan", "export")[1], encoding="utf-8")
    assert run("scan", "diff", str(file))[0] == 0
    changed = file.read_text().replace(
        "email: {class: unreviewed}", "email: {category: email, class: direct_identifier}"
    )
    file.write_text(changed, encoding="utf-8")
    code, out, _ = run("scan", "diff", str(file))
    assert (code, out.splitlines()[1:]) == (1, ["crm:customers.email\tdirect_identifier (email)\tunreviewed"])
    assert run("scan", "apply", str(file))[:2] == (0, "1 columns reviewed as catalogue.yaml says.\n")
    assert json.loads(run("scan", "apply", str(file), "--json")[1]) == {"reviewed": 0}
    (item,) = json.loads(run("scan", "list", "--state", "confirmed", "--json")[1])["items"]
    assert (item["column"], item["in_force"]) == ("email", "direct_identifier")
    assert run("scan", "apply", str(tmp_path / "none.yaml"))[0] == 2


@pytest.mark.parametrize(
    "command",
    [
        ("scan", "pos.lines"),
        ("scan", "list"),
        ("scan", "export"),
        ("scan", "review", "crm.customers.rank", "--reject"),
        ("scan", "diff", "sekisho.yaml"),
        ("scan", "apply", "catalogue.yaml"),
    ],
)
def test_nobody_else_on_the_command_line(run, shop, monkeypatch, command):
    """A requester without the role is refused by every command, and is told nothing."""
    monkeypatch.chdir(shop)
    for name in ("sekisho.yaml", "catalogue.yaml"):
        (shop / name).with_suffix(".kept").write_text("columns: {}\n")
    command = [f"{word.removesuffix('.yaml')}.kept" if word.endswith(".yaml") else word for word in command]
    code, out, err = run(*command, "--as", "desk")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("access_denied: ")


def test_check_warns_of_what_is_not_settled(run):
    """Columns left to a review, and those that need a stricter class, are told; neither is an error."""
    run("scan", "crm")
    code, out, _ = run("check")
    assert code == 0
    assert "restricted until somebody has reviewed them: crm.customers.email, crm.customers.rank" in out
    assert "warning: crm.customers.profile: a scan found that it has to be looked at (stricter_than_declared)" in out


def test_the_section_scan_is_read(shop):
    """How often, and whether a finding closes; out of range is a fault."""
    from sekisho.errors import WorkspaceError
    from sekisho.settings import ScanSettings, load

    file = shop / "sekisho.yaml"
    file.write_text(FILE + "scan: {every_hours: 24, enforce: true}\n", encoding="utf-8")
    assert load(shop).scan == ScanSettings(24, enforce=True, named=True)
    file.write_text(FILE + "scan: {every_hours: 0}\n", encoding="utf-8")
    with pytest.raises(WorkspaceError):
        load(shop)
