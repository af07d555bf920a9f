"""Witnesses as processes, over sockets: split views, races, kills, full disks, clients that do not send."""

from __future__ import annotations

import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sekisho.domain.checkpoint import Checkpoint
from sekisho.domain.tlog import tree_root
from tests.witness.logs import ORIGIN, Log, Running, command, running, time_signed

pytestmark = pytest.mark.enable_socket
LOG = Log(400)

# The command itself, after a change to the program that a test needs.
CHANGED = "import sys; from sekisho.cli import main; {change}; main(sys.argv[1:])"
KILLED_AFTER_KEEPING = (
    "import os, signal; from sekisho.witness.memory import Memory; keep = Memory.keep; "
    "Memory.keep = lambda *given: (keep(*given), given[1] == {origin!r} and os.kill(os.getpid(), signal.SIGKILL))"
)
NO_PATIENCE = "import sekisho.witness.server as server; server.PATIENCE = 0.5"


def changed(change: str, folder: Path, *logs: Log) -> list[str]:
    """Return the arguments of Python that run a witness with *change* in it."""
    return ["-c", CHANGED.format(change=change), *command(folder, *logs)[2:]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a new witness."""
    return tmp_path / "witness"


def test_of_two_views_a_witness_signs_one(folder: Path) -> None:
    """Whichever comes first; the other is refused at the same size and at every larger one."""
    fork = LOG.fork(100, 400)
    with running(folder, LOG) as witness:
        assert witness.ask(LOG.request(0, 200)).status_code == 200
        same = witness.ask(fork.request(200, 200))
        assert same.status_code == 409
        assert witness.ask(fork.request(0, 200)).text == "200\n"
        for size in (201, 256, 400):
            assert witness.ask(fork.request(200, size)).status_code == 422
        assert witness.latest() == Checkpoint(ORIGIN, 200, tree_root(LOG.leaves[:200]))


def test_of_two_views_shown_to_two_witnesses_no_one_has_both_signatures(tmp_path: Path) -> None:
    """Each signs the view that it saw first, so that whoever demands both signatures is shown neither."""
    fork = LOG.fork(100, 400)
    with running(tmp_path / "a", LOG) as first, running(tmp_path / "b", LOG) as second:
        assert first.ask(LOG.request(0, 150)).status_code == 200
        assert second.ask(LOG.request(0, 90)).status_code == 200
        assert second.ask(fork.request(90, 150)).status_code == 200
        for old, size in ((150, 150), (150, 151), (151, 300)):
            assert [w.ask(LOG.request(old, size)).status_code for w in (first, second)] in ([200, 409], [200, 422])
            assert [w.ask(fork.request(old, size)).status_code for w in (first, second)] in ([409, 200], [422, 200])


def test_a_log_that_was_rolled_back_is_refused(folder: Path) -> None:
    """An older tree, its newer self from there, the replay of what was signed before: after a restart, too."""
    rewritten = LOG.fork(180, 400)
    with running(folder, LOG) as witness:
        assert witness.ask(LOG.request(0, 150)).status_code == 200
        assert witness.ask(LOG.request(150, 200)).status_code == 200
    with running(folder, LOG) as witness:
        for request in (LOG.request(0, 150), LOG.request(150, 150), LOG.request(150, 200), rewritten.request(0, 210)):
            answer = witness.ask(request)
            assert (answer.status_code, answer.text) == (409, "200\n")
            assert answer.headers["content-type"] == "text/x.tlog.size"
        assert witness.ask(rewritten.request(200, 210)).status_code == 422
        assert witness.size() == 200


def test_submissions_at_once_never_take_the_tree_back(folder: Path) -> None:
    """Sixteen submit for what they believe to be the latest: each size is continued once, the tree only grows."""
    with running(folder, LOG) as witness, httpx.Client(base_url=witness.url, timeout=60) as client:
        signed: list[tuple[int, int]] = []

        def submit(seed: int) -> None:
            chosen = random.Random(seed)
            old = 0
            while old < 390:
                size = min(400, old + chosen.randint(1, 30))
                answer = client.post("/add-checkpoint", content=LOG.request(old, size))
                if answer.status_code == 200:
                    time_signed(LOG.note(size), answer.text, witness.key)
                    signed.append((old, size))
                    old = size
                else:
                    assert answer.status_code == 409
                    old = int(answer.text)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(submit, range(16)))
        grown = sorted(signed)
        assert [old for old, _ in grown] == [0, *(size for _, size in grown[:-1])]
        assert witness.size() == grown[-1][1]


def test_it_remembers_what_it_was_killed_before_answering(folder: Path) -> None:
    """Killed between keeping and answering, it refuses the older tree and a fork afterwards."""
    with running(folder, LOG) as witness:
        assert witness.ask(LOG.request(0, 100)).status_code == 200
    deadly = changed(KILLED_AFTER_KEEPING.format(origin=ORIGIN), folder, LOG)
    with running(folder, LOG, program=deadly) as witness:
        with pytest.raises(httpx.TransportError):
            witness.ask(LOG.request(100, 200))
        assert witness.process.wait(30) == -signal.SIGKILL
    with running(folder, LOG) as witness:
        assert witness.size() == 200
        assert witness.ask(LOG.request(100, 150)).text == "200\n"
        assert witness.ask(LOG.fork(120, 250).request(100, 250)).text == "200\n"
        assert witness.ask(LOG.request(200, 250)).status_code == 200


def test_killed_at_any_moment_it_never_forgets_a_signature(folder: Path) -> None:
    """Twelve kills under load: each restart remembers at least the last tree of which a signature was given."""
    chosen = random.Random(7)
    given, kills = 0, 0
    for _ in range(12):
        with running(folder, LOG) as witness:
            remembered = witness.size() or 0
            assert remembered >= given
            threading.Timer(chosen.uniform(0.01, 0.2), witness.process.kill).start()
            old = remembered
            try:
                while old < 400:
                    answer = witness.ask(LOG.request(old, old + 1))
                    assert answer.status_code == 200
                    old = given = old + 1
            except httpx.TransportError:
                kills += 1
    assert kills >= 8
    assert given > 0


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of few blocks; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=64", "none", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))


def test_on_a_full_disk_nothing_is_signed(small_disk: Path) -> None:
    """503 while it is full; afterwards it goes on from what it remembers, in the process and after a restart."""
    folder = small_disk / "w"
    with running(folder, LOG) as witness:
        assert witness.ask(LOG.request(0, 100)).status_code == 200
        with pytest.raises(OSError, match="No space"):
            fill(small_disk / "filling")
        answer = witness.ask(LOG.request(100, 200))
        assert (answer.status_code, "\u2014" in answer.text) == (503, False)
        assert witness.size() == 100
    with running(folder, LOG) as witness:
        assert witness.ask(LOG.request(100, 200)).status_code == 503
        (small_disk / "filling").unlink()
        assert witness.ask(LOG.request(100, 150)).status_code == 200


def test_a_write_that_the_system_refuses_signs_nothing(folder: Path) -> None:
    """The same where no disk can be mounted: files may not grow."""
    with running(folder, LOG) as witness:
        resource.prlimit(witness.process.pid, resource.RLIMIT_FSIZE, (0, 1 << 20))
        assert witness.ask(LOG.request(0, 100)).status_code == 503
        resource.prlimit(witness.process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        assert witness.ask(LOG.request(0, 90)).status_code == 200


def test_two_witnesses_cannot_share_a_folder(folder: Path) -> None:
    """The second says why, and ends with 1; --show-key works meanwhile."""
    with running(folder, LOG) as witness:
        second = subprocess.run([sys.executable, *command(folder, LOG)], capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert "Another witness runs" in second.stderr
        shown = subprocess.run(
            [sys.executable, *command(folder, LOG), "--show-key"], capture_output=True, text=True, check=True
        )
        assert shown.stdout.split("+")[1] == witness.key.key_id.hex()


def test_it_ends_when_it_is_told_to(folder: Path) -> None:
    """SIGTERM, with 0 or the signal, and the folder is free."""
    with running(folder, LOG) as witness:
        witness.process.terminate()
        assert witness.process.wait(30) in {0, -signal.SIGTERM}
    with running(folder, LOG):
        pass


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A witness that waits for half a second."""
    folder = tmp_path_factory.mktemp("hasty") / "w"
    with running(folder, LOG, program=changed(NO_PATIENCE, folder, LOG)) as witness:
        assert witness.ask(LOG.request(0, 5)).status_code == 200
        yield witness


def sent(witness: Running, *parts: bytes) -> bytes:
    """Send *parts* over a connection and return what comes until the other side ends it."""
    host, port = witness.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        received = b""
        for part in parts:
            connection.sendall(part)
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


HEAD = b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (), (b"POST",), (HEAD,), (HEAD + b"content-length: 100\r\n\r\n",),
        (HEAD + b"content-length: 100\r\n\r\nold",),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nold\r\n",),
    ],
    ids=["nothing", "a-word", "half-a-head", "no-body", "half-a-body", "half-a-chunk"],
)  # fmt: skip
def test_who_does_not_send_is_cut_off(hasty: Running, parts: tuple[bytes, ...]) -> None:
    """Whatever the place where a client stops; the witness answers others meanwhile."""
    assert b"HTTP/1.1 200" not in sent(hasty, *parts)
    assert hasty.size() == 5


def test_who_drips_is_cut_off(hasty: Running) -> None:
    """A byte now and then does not prolong the time."""
    request = HEAD + b"content-length: 100000\r\n\r\n" + b"x" * 1_000
    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        drip(hasty, request)


def drip(witness: Running, request: bytes) -> None:
    """Send *request* byte by byte."""
    host, port = witness.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        for byte in request:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)


def test_a_kept_connection_serves_several_requests(hasty: Running) -> None:
    """Also after longer than the patience for one of them."""
    with httpx.Client(base_url=hasty.url, timeout=30) as client:
        assert client.get("/").status_code == 200
        time.sleep(0.8)
        assert client.get("/").status_code == 200
        assert client.post("/add-checkpoint", content=b"x").status_code == 400


def test_large_bodies_are_not_read(hasty: Running) -> None:
    """413, told or chunked, and soon."""
    assert hasty.ask(b"x" * 1_000_000).status_code == 413

    def endless():
        for _ in range(1_000):
            yield b"x" * 1_000

    answer = httpx.post(f"{hasty.url}/add-checkpoint", content=endless(), timeout=30)
    assert answer.status_code == 413


def test_other_addresses_are_not_found(hasty: Running) -> None:
    """Nothing else is served, and nothing is written by reading."""
    assert httpx.get(f"{hasty.url}/add-checkpoint").status_code == 405
    assert httpx.post(f"{hasty.url}/").status_code == 405
    for path in (
        "/docs",
        "/checkpoint/",
        "/checkpoint/xyz",
        f"/checkpoint/{'0' * 64}",
        "/checkpoint/..%2fwitness.key",
    ):
        assert httpx.get(hasty.url + path).status_code == 404


def test_strange_bodies_are_the_senders_fault(hasty: Running) -> None:
    """Over the wire as in the process: 4xx, and it goes on."""
    chosen = random.Random(3)
    good = LOG.request(5, 9)
    with httpx.Client(base_url=hasty.url, timeout=30) as client:
        for _ in range(300):
            at = chosen.randrange(len(good))
            content = chosen.choice([good[:at], good[at:], chosen.randbytes(at), good[:at] + b"\0" + good[at:]])
            assert 400 <= client.post("/add-checkpoint", content=content).status_code < 500
    assert hasty.ask(LOG.request(5, 5)).status_code == 200
