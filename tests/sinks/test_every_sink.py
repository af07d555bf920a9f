"""Canaries in rows, requests, headers, literals, tickets, tokens and filters are in no sink afterwards (promise 7).

A service in a process of its own is asked at every address, its stores break, and it is killed. Then everything that
it left is searched, in every spelling: what it printed, answered, recorded, exported, kept.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field

import httpx
import pyarrow.parquet as pq
import pytest
from tests.sinks.calls import ADDRESS, CALLS, CLEAR, SERVED, SPOILT, Call, asked, make
from tests.sinks.canaries import EMAIL, NAME, PHONE, WORD, found_in
from tests.sinks.house import TEXTS, House, built

from sekisho.cli import main

pytestmark = pytest.mark.enable_socket

EXCEPT = ("stores", "outbox", "outbox-before")
"""Folders that hold customers' data by their nature: the stores, and mail to a person."""
COMMANDS = [
    ("query", f"SELECT '{WORD}{NAME}' FROM crm.customers WHERE", "-p", "fraud_prevention", "-r", "fraud_team"),
    ("query", f'SELECT "{WORD}" FROM crm.customers', "-p", WORD, "-r", "fraud_team"),
    ("consent", "show", ADDRESS),
    ("consent", "withdraw", f"email:{EMAIL}", "recommendation"),
    ("provisions",),
    ("ropa", "--json"),
    ("webhooks", "list"),
    ("token", "--requester", WORD),
    ("audit", "proof", WORD),
    ("check",),
]  # fmt: skip


@dataclass
class Left:
    """What is left of a service that was asked everything, and killed."""

    house: House
    documented: set[tuple[str, str]] = field(default_factory=set)
    places: dict[str, bytes] = field(default_factory=dict, repr=False)
    alive: bytes = field(default=b"", repr=False)
    faults: list[int] = field(default_factory=list)
    exports: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Ask everything once, for all tests of this module."""
    house = built(tmp_path_factory.mktemp("sinks"))
    found = Left(house)
    with house.served() as client:
        paths = client.get("/openapi.json").json()["paths"]
        found.documented = {(method.upper(), route) for route, methods in paths.items() for method in methods}
        _ask(found, client)
        _spoil(found, client)
        found.places["command lines"] = house.processes()
        found.places["metrics"] = client.get("/metrics").content
        house.crash()
    found.places["answers"] = b"\n".join(house.answers)
    found.places["refusals"] = b"\n".join(house.refusals)
    found.places["standard output and standard error"] = house.out.read_bytes()
    _collect(found, "killed: ")  # before anybody tidies up
    for number, command in enumerate(COMMANDS):
        found.places[f"sekisho {command[0]} ({number})"] = _ran(house, command)
    _collect(found, "")
    return found


def _ask(found: Left, client: httpx.Client) -> None:
    """Make every call, every call wrongly, and go after what the calls began."""
    house = found.house
    exports, found.alive = [], client.post(
        "/v1/query", json=asked(CLEAR), headers={"Authorization": f"Bearer {house.tokens['fraud_team']}"}
    ).content  # fmt: skip
    for call in CALLS:
        answer = make(house, client, call)
        if answer.status_code == 202 and "exports" in call.route:
            exports.append(answer.json()["id"])
    for call in {(call.method, call.route): call for call in CALLS}.values():
        for who in (call.who, "", f"{WORD}.{WORD}.{WORD}"):
            for body in SPOILT if call.method != "GET" and who == call.who else SPOILT[:1]:
                make(house, client, call._replace(who=who, body=None if call.method == "GET" else body))
    _sign_in(house, client)
    requests = make(house, client, Call("GET", "/v1/requests", "privacy_officer")).json()["items"]
    for item in requests:
        make(house, client, Call("GET", "/v1/me/requests/{request_id}", "customer"), request_id=item["id"])
        message = {"outcome": "done", "message": TEXTS[4]}
        close = Call("POST", "/v1/requests/{request_id}:close", "privacy_officer", message)
        make(house, client, close, request_id=item["id"])
    for export_id in exports:
        job = Call("GET", "/v1/audit/exports/{export_id}", "auditor")
        until = time.monotonic() + 60
        while (told := make(house, client, job, export_id=export_id).json())["status"] in {"queued", "running"}:
            assert time.monotonic() < until, told
            time.sleep(0.05)
        assert told["status"] == "done", told
        found.exports.add(told["format"])
        found.places[f"job {told['format']}"] = json.dumps(told).encode()
    month = time.strftime("%Y-%m", time.gmtime())
    for accept in ("text/html", "application/json"):
        report = make(house, client, Call("GET", "/v1/audit/reports/{month}", "auditor", accept=accept), month=month)
        assert report.status_code == 200, report.text
        found.places[f"report as {accept}"] = report.content
    records = make(house, client, Call("POST", "/v1/audit/records:search", "auditor", {"limit": 1000}))
    found.places["search of the audit log"] = records.content
    for record in records.json()["items"][:3]:
        for route in ("/v1/audit/records/{record_id}", "/v1/audit/records/{record_id}/proof"):
            proof = make(house, client, Call("GET", route, "auditor"), record_id=record["id"])
            found.places[f"{route} {record['id']}"] = proof.content


def _sign_in(house: House, client: httpx.Client) -> None:
    """Sign in by the link in the mail, so that links and cookies are canaries, too."""
    until = time.monotonic() + 60
    while not (mails := [path for path in (house.folder / "var" / "outbox").rglob("*") if path.is_file()]):
        assert time.monotonic() < until
        time.sleep(0.05)
    link = re.search(rb"#token=3?D?=?\r?\n?([A-Za-z0-9_-]+)", mails[0].read_bytes())
    assert link is not None
    token = link[1].decode()
    answer = client.post("/v1/me/session:confirm", json={"token": token}, headers={"Origin": house.url})
    house.cookies += [token, *client.cookies.values()]
    assert answer.status_code == 200, answer.text


def _spoil(found: Left, client: httpx.Client) -> None:
    """Break stores so that their drivers quote the canaries."""
    stores = found.house.folder / "stores"
    with closing(sqlite3.connect(stores / "support.db")) as support, support:
        support.execute("UPDATE tickets SET opened_at = ?, resolved = ?", (NAME + WORD, WORD))
    with closing(sqlite3.connect(stores / "crm.db")) as crm, crm:
        crm.execute("UPDATE customers SET birth_date = ?, signed_up_on = ?", (WORD, NAME))
    with (stores / "survey" / "answers.jsonl").open("a", encoding="utf-8") as answers:
        answers.write(f'{{"comment": "{NAME}", "nps": "{WORD}", "customer_id": "{EMAIL}" {PHONE}\n')
    (stores / "web" / "events.parquet").write_bytes(f"PAR1{NAME}{WORD}PAR1".encode())
    outbox = found.house.folder / "var" / "outbox"
    outbox.rename(outbox.with_name("outbox-before"))
    outbox.write_text(WORD, "ascii")
    make(found.house, client, Call("POST", "/v1/me/session:request", "", {"email": EMAIL}))
    clear = Call("POST", "/v1/query", "fraud_team", asked(CLEAR))
    for call in (
        Call("POST", "/v1/query", "analyst", asked("SELECT comment, nps FROM survey.answers", "emotion_analysis")),
        Call("POST", "/v1/query", "fraud_team", asked("SELECT ip FROM web.events")),
        Call("POST", "/v1/query", "fraud_team", asked("SELECT birth_date, signed_up_on, name FROM crm.customers")),
        Call(
            "POST",
            "/v1/query",
            "analyst",
            asked("SELECT opened_at, resolved FROM support.tickets", "emotion_analysis"),
        ),
    ):
        found.faults.append(make(found.house, client, call).status_code)
    (stores / "crm.db").write_bytes(f"SQLite format 3\0{NAME}{WORD}{EMAIL}".encode() * 400)
    found.faults.append(make(found.house, client, clear).status_code)
    (stores / "crm.db").unlink()
    (stores / "crm.db").mkdir()
    found.faults.append(make(found.house, client, clear).status_code)
    with socket.create_connection(("127.0.0.1", httpx.URL(found.house.url).port or 0)) as raw:
        raw.sendall(f"{WORD} {NAME} HTTP/9\r\n{EMAIL}\r\n\r\n".encode())
        found.places["answer to no request"] = raw.recv(4_096)


def _ran(house: House, command: tuple[str, ...]) -> bytes:
    """Run a command of the command line in this process; return what it wrote."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        # It would keep this stream for the logs of all tests after this one.
        patch.setattr("sekisho.bootstrap.configure_logging", lambda **_: None)
        with pytest.raises(SystemExit):
            main([*command, "--workspace", str(house.folder)])
    return out.getvalue().encode()


def _collect(found: Left, when: str) -> None:
    """Read every file that was left, in the words of each form."""
    for root in (found.house.folder, found.house.scratch / "temporary"):
        for path in root.rglob("*"):
            name = str(path.relative_to(found.house.scratch))
            if not path.is_file() or set(EXCEPT) & set(path.parts):
                continue
            content = name.encode() + b"\n" + path.read_bytes()
            if path.suffix == ".parquet":  # compressed: what a reader sees
                content += repr(pq.read_table(path).to_pylist()).encode()
            found.places[when + name] = content


def test_every_address_is_asked_with_canaries(left: Left) -> None:
    """Whoever adds an address says here how canaries get into it; those that take data in have taken them in."""
    assert left.documented - {(call.method, call.route) for call in CALLS} == set()
    statuses = left.house.statuses.items()
    served = {route for (_, route), found in statuses if any(status < 300 for status in found)}
    assert SERVED - served == set()
    assert len(left.house.refusals) > 200


def test_the_canaries_are_alive(left: Left) -> None:
    """Where they belong they are: in the answer to who may see them, in the stores, in the mail to the person."""
    assert {f"{stem} (UTF-8)" for stem in ("word", "name", "phone")} <= found_in(left.alive)
    outbox = left.house.folder / "var" / "outbox-before"
    assert found_in(b"\n".join(path.read_bytes() for path in outbox.iterdir()))
    assert found_in((left.house.folder / "stores" / "support.db").read_bytes())


def test_the_faults_fired(left: Left) -> None:
    """Stores did break; every form was exported; the service that crashed left its write-ahead log, and no image."""
    assert left.faults == [422, 422, 200, 200, 422, 503]
    assert left.exports == {"raw", "ndjson", "ocsf", "parquet", "csv", "cef"}
    assert not list(left.house.scratch.glob("core*"))  # an image of the memory would hold everything
    names = " ".join(left.places)
    kept = ("killed: workspace/var/sekisho.db-wal", ".heads", "checkpoint", "manifest.json", "job.json", "tile")
    assert [part for part in kept if part not in names] == []
    assert left.places["standard output and standard error"].count(b"\n") > 1


def test_no_sink_holds_a_canary(left: Left) -> None:
    """No spelling of any of them is in any place that is left."""
    secrets = left.house.secrets
    found = {place: names for place, content in left.places.items() if (names := found_in(content, secrets))}
    assert found == {}
