"""Asking witnesses: real ones as processes, and servers that answer what no witness does."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sekisho.adapters.witnesses import HttpWitnesses
from sekisho.audit_verify.witnesses import cosigned_by
from sekisho.domain.note import parse_note
from sekisho.ports import WitnessFault, WitnessState
from tests.witness.logs import Log, Running, running, time_signed
from tests.witness.test_cosigned import Signer

pytestmark = pytest.mark.enable_socket
LOG = Log(400)
SIGNER = Signer(1)
SLOW = 0.5


def proofs(log: Log, size: int) -> Callable[[int], list[bytes]]:
    """Return what gives the proofs of the tree of *size* leaves."""
    return lambda old: log.proof(old, size)


async def cosigned(witnesses: HttpWitnesses, size: int, log: Log = LOG) -> str:
    """Ask for signatures under a checkpoint of *log*."""
    return await witnesses.cosign(log.note(size), proofs(log, size))


def signers(note: str, *keys) -> list[str]:
    """Return whose signatures under *note* are right."""
    return [each.witness.name for each in cosigned_by(parse_note(note), keys)]


class Time:
    """Monotonic seconds, set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


@pytest.fixture
def both(tmp_path: Path):
    """Two witnesses."""
    with running(tmp_path / "a", LOG) as first, running(tmp_path / "b", LOG) as second:
        yield first, second


def asking(*asked: Running, quorum: int = 2, clock: Time | None = None, timeout_s: float = 20) -> HttpWitnesses:
    """Return the gateway's side."""
    named = {f"w{number}": (each.url, each.key) for number, each in enumerate(asked)}
    return HttpWitnesses(named, quorum, timeout_s=timeout_s, clock=clock or Time())


async def test_a_growing_log_is_signed_by_both(both: tuple[Running, Running]) -> None:
    """Each checkpoint, from the first on; the status tells size, time and that the quorum is met."""
    witnesses = asking(*both)
    for size in (1, 2, 2, 100, 256, 400):
        note = await cosigned(witnesses, size)
        assert note.startswith(LOG.note(size))
        assert len(signers(note, both[0].key, both[1].key)) == 2
        status = witnesses.status()
        assert (status.asked, status.witnessed) == (size, size)
        assert [(each.size, each.fault) for each in status.witnesses] == [(size, None)] * 2
    await witnesses.close()


async def test_a_gateway_that_starts_anew_asks_where_the_witness_is(both: tuple[Running, Running]) -> None:
    """It reads the size from the refusal and proves from there; also where the two are at different sizes."""
    one = asking(both[0], quorum=1)
    await cosigned(one, 100)
    await one.close()
    witnesses = asking(*both)
    note = await cosigned(witnesses, 300)
    assert len(signers(note, both[0].key, both[1].key)) == 2
    await witnesses.close()


async def test_a_dead_witness_costs_the_quorum_and_nothing_else(both: tuple[Running, Running]) -> None:
    """The other signs on; the dead one is asked again after a pause, in the background, and comes back."""
    clock = Time()
    witnesses = asking(*both, clock=clock)
    await cosigned(witnesses, 100)
    os.kill(both[1].process.pid, signal.SIGSTOP)
    slow = asking(*both, clock=clock, timeout_s=SLOW)
    assert signers(await cosigned(slow, 150), both[0].key, both[1].key) == [both[0].key.name]
    status = slow.status()
    assert (status.asked, status.witnessed) == (150, None)
    assert [each.fault for each in status.witnesses] == [None, WitnessFault.TIMEOUT]
    clock.now += 5
    assert signers(await cosigned(slow, 160), both[0].key, both[1].key) == [both[0].key.name]
    os.kill(both[1].process.pid, signal.SIGCONT)
    await slow.close()
    both[1].kill()
    clock.now += 1_000
    assert signers(await cosigned(witnesses, 200), both[0].key, both[1].key) == [both[0].key.name]
    assert witnesses.status().witnesses[1].fault is WitnessFault.UNREACHABLE
    await witnesses.close()


async def test_a_witness_that_failed_is_not_waited_for(both: tuple[Running, Running]) -> None:
    """While it hangs, every further checkpoint goes out at once; when it signs again, it is waited for again."""
    clock = Time()
    witnesses = asking(*both, clock=clock, timeout_s=SLOW)
    os.kill(both[1].process.pid, signal.SIGSTOP)
    await cosigned(witnesses, 10)
    clock.now += 400
    witnesses._timeout_s = 3_600  # whoever waited for it now would wait for an hour
    assert signers(await cosigned(witnesses, 20), both[0].key, both[1].key) == [both[0].key.name]
    assert signers(await cosigned(witnesses, 30), both[0].key, both[1].key) == [both[0].key.name]
    os.kill(both[1].process.pid, signal.SIGCONT)
    hanging = witnesses._witnesses[1].asking
    assert hanging is not None
    await hanging
    assert len(signers(await cosigned(witnesses, 40), both[0].key, both[1].key)) == 2
    await witnesses.close()


async def test_a_log_that_was_rewritten_is_told(both: tuple[Running, Running]) -> None:
    """Of the same size, of another, and one that is smaller than what was signed: each by its own name."""
    witnesses = asking(*both)
    await cosigned(witnesses, 200)
    for log, size, fault in (
        (LOG.fork(100, 400), 200, WitnessFault.FORK),
        (LOG.fork(100, 400), 300, WitnessFault.INCONSISTENT),
        (LOG, 150, WitnessFault.AHEAD),
    ):
        fresh = asking(*both)
        assert await cosigned(fresh, size, log) == log.note(size)
        assert [each.fault for each in fresh.status().witnesses] == [fault, fault]
        assert fresh.status().witnessed is None
        await fresh.close()
    assert len(signers(await cosigned(witnesses, 210), both[0].key, both[1].key)) == 2
    await witnesses.close()


async def test_a_split_view_has_no_quorum(both: tuple[Running, Running]) -> None:
    """Two gateways with one key and two histories: two of two witnesses never sign both, nor after one did either."""
    honest, other = asking(both[0]), asking(both[1])
    await cosigned(honest, 150)
    await cosigned(other, 150, LOG.fork(100, 400))
    for log in (LOG, LOG.fork(100, 400)):
        for size in (150, 151, 300):
            witnesses = asking(*both)
            note = await cosigned(witnesses, size, log)
            assert len(signers(note, both[0].key, both[1].key)) < 2
            assert witnesses.status().witnessed is None
            await witnesses.close()
    await honest.close()
    await other.close()


async def test_a_witness_that_forgot_is_told_and_not_helped(tmp_path: Path) -> None:
    """Its folder was taken back: it is asked for nothing from there."""
    folder = tmp_path / "w"
    with running(folder, LOG) as witness:
        witnesses = asking(witness, quorum=1)
        await cosigned(witnesses, 100)
        old = (folder / "checkpoints.json").read_bytes()
        await cosigned(witnesses, 200)
        await witnesses.close()
    (folder / "checkpoints.json").write_bytes(old)
    with running(folder, LOG) as witness:
        moved = witnesses._witnesses[0]
        moved.url = f"{witness.url}/add-checkpoint"
        assert await cosigned(witnesses, 300) == LOG.note(300)
        assert witnesses.status().witnesses[0].fault is WitnessFault.WENT_BACK
        assert witnesses.status().witnesses[0].size == 200
        assert witness.size() == 100
        await witnesses.close()


async def test_an_unknown_log_and_a_wrong_key_are_told(tmp_path: Path) -> None:
    """By which the owners of both know whose settings are wrong."""
    with running(tmp_path / "w", Log(0, "other.example/log")) as witness:
        for log, fault in (
            (LOG, WitnessFault.UNKNOWN_LOG),
            (Log(3, "other.example/log", b"\3" * 32), WitnessFault.UNTRUSTED_KEY),
        ):
            witnesses = asking(witness, quorum=1)
            await cosigned(witnesses, 3, log)
            assert witnesses.status().witnesses == (WitnessState("w0", fault=fault),)
            await witnesses.close()


async def test_a_proof_that_cannot_be_made_is_our_own_fault(both: tuple[Running, Running]) -> None:
    """Nothing is sent, and nothing raised."""
    witnesses = asking(*both)
    await cosigned(witnesses, 100)

    def lost(_old: int) -> list[bytes]:
        raise OSError("a tile is gone")

    assert await witnesses.cosign(LOG.note(200), lost) == LOG.note(200)
    assert {each.fault for each in witnesses.status().witnesses} == {WitnessFault.PROOF}
    await witnesses.close()


async def test_proofs_are_made_beside_the_loop(both: tuple[Running, Running]) -> None:
    """Reading tiles never holds up a request."""
    threads = []

    def proof(old: int) -> list[bytes]:
        threads.append(threading.current_thread())
        return LOG.proof(old, 200)

    witnesses = asking(*both)
    await cosigned(witnesses, 100)
    await witnesses.cosign(LOG.note(200), proof)
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    await witnesses.close()


# -- servers that are no witnesses -------------------------------------------------------------------

Answering = Callable[[bytes], bytes | None]


@pytest.fixture
async def server():
    """Return a function that serves what *answering* returns for a request's body; ``None``: never."""
    servers: list[asyncio.Server] = []
    silent: list[asyncio.StreamWriter] = []

    async def serve(answering: Answering) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            answer = answering(await reader.readexactly(length))
            if answer is None:
                silent.append(writer)
                return
            writer.write(answer)
            writer.close()
            await writer.wait_closed()

        listening = await asyncio.start_server(talk, "127.0.0.1", 0)
        servers.append(listening)
        return f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

    yield serve
    for writer in silent:
        writer.close()
    for each in servers:
        each.close()
        await each.wait_closed()


def http(status: int, text: str = "", form: str = "text/plain", extra: str = "") -> bytes:
    """Return an answer's bytes."""
    return (
        f"HTTP/1.1 {status} X\r\ncontent-type: {form}\r\n{extra}content-length: {len(text.encode())}\r\n"
        f"connection: close\r\n\r\n{text}"
    ).encode()


TEXT = parse_note(LOG.note(9)).text
OTHER = parse_note(LOG.note(8)).text
SIZE = "text/x.tlog.size"
LINE = SIGNER.line(TEXT, 1_700_000_000)
ANSWERS: dict[str, tuple[bytes | None, WitnessFault | None]] = {
    "right": (http(200, LINE), None),
    "right, among others": (http(200, Signer(2).line(TEXT, 7) + LINE + Signer(3).line(TEXT, 8)), None),
    "nothing": (http(200), WitnessFault.SIGNATURE),
    "another witness": (http(200, Signer(2).line(TEXT, 7)), WitnessFault.SIGNATURE),
    "another checkpoint": (http(200, SIGNER.line(OTHER, 7)), WitnessFault.SIGNATURE),
    "another text behind the checkpoint": (
        http(200, f"x\n\n{SIGNER.line(TEXT + chr(10) + 'x' + chr(10), 7)}"),
        WitnessFault.SIGNATURE,
    ),
    "a web page": (http(200, "<html>hello</html>"), WitnessFault.SIGNATURE),
    "bytes": (http(200, "\0\ufffd"), WitnessFault.SIGNATURE),
    "too much": (http(200, LINE + "x" * 100_000), WitnessFault.ANSWER),
    "a redirect": (http(302, "", extra="location: http://127.0.0.1:1/\r\n"), WitnessFault.ANSWER),
    "an error": (http(500, "no"), WitnessFault.ANSWER),
    "a size that is none": (http(409, "-5\n", SIZE), WitnessFault.ANSWER),
    "a size that never fits": (http(409, "5\n", SIZE), WitnessFault.ANSWER),
    "a larger size": (http(409, "50\n", SIZE), WitnessFault.AHEAD),
    "not HTTP": (b"hello\r\n\r\n", WitnessFault.UNREACHABLE),
    "an end": (b"", WitnessFault.UNREACHABLE),
    "half an answer": (http(200, LINE)[:-20], WitnessFault.UNREACHABLE),
    "silence": (None, WitnessFault.TIMEOUT),
}


@pytest.mark.parametrize(("answer", "fault"), ANSWERS.values(), ids=list(ANSWERS))
async def test_what_is_no_signature_is_not_kept(server, answer: bytes | None, fault: WitnessFault | None) -> None:
    """The checkpoint comes back as it was, or with this witness's line and no other."""
    url = await server(lambda _body: answer)
    witnesses = HttpWitnesses({"w": (url, SIGNER.key)}, 1, timeout_s=SLOW if answer is None else 20)
    note = await cosigned(witnesses, 9)
    assert witnesses.status().witnesses[0].fault is fault
    assert note == (LOG.note(9) + LINE if fault is None else LOG.note(9))
    if fault is None:
        assert time_signed(LOG.note(9), note.removeprefix(LOG.note(9)), SIGNER.key) == 1_700_000_000
    await witnesses.close()


async def test_a_witness_is_asked_twice_and_no_more(server) -> None:
    """One that names another size each time gets no endless conversation; the pauses grow to five minutes."""
    bodies: list[bytes] = []

    def answering(body: bytes) -> bytes:
        bodies.append(body)
        return http(409, f"{4 + len(bodies) % 2}\n", SIZE)

    clock = Time()
    witnesses = HttpWitnesses({"w": (await server(answering), SIGNER.key)}, 1, clock=clock, timeout_s=20)
    await cosigned(witnesses, 9)
    assert len(bodies) == 2
    assert bodies[0] == f"old 0\n\n{LOG.note(9)}".encode()
    asked = []
    for _ in range(200):
        before = len(bodies)
        clock.now += 10
        await cosigned(witnesses, 9)
        task = witnesses._witnesses[0].asking
        if task is not None:
            await task
        if len(bodies) > before:
            asked.append(clock.now)
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert pauses[:5] == [20, 40, 80, 160, 300]
    assert set(pauses[5:]) == {300}


async def test_closing_ends_what_is_asked(server) -> None:
    """Nothing is left behind, whatever hangs."""
    asked = asyncio.Event()
    url = await server(lambda _body: asked.set())
    witnesses = HttpWitnesses({"w": (url, SIGNER.key)}, 1, timeout_s=3_600)
    going = asyncio.create_task(cosigned(witnesses, 9))
    await asked.wait()
    await witnesses.close()
    with pytest.raises(asyncio.CancelledError):
        await going
