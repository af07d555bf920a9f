"""What a witness signs and what it refuses, rule by rule."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.checkpoint import MAX_CHECKPOINT_BYTES, with_signatures
from sekisho.domain.note import NoteSignature, format_key, key_id
from sekisho.witness import Answer, Memory, Witness
from tests.witness.logs import ORIGIN, Log, body, time_signed

NOW = 1_790_000_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def log() -> Log:
    """A log of forty leaves."""
    return Log(40)


@pytest.fixture
def clock() -> Clock:
    """The witness's clock."""
    return Clock()


@pytest.fixture
def memory(tmp_path: Path):
    """The folder of a new witness."""
    memory = Memory(tmp_path / "witness")
    yield memory
    memory.close()


@pytest.fixture
def witness(memory: Memory, log: Log, clock: Clock) -> Witness:
    """A witness that knows the log."""
    return Witness(memory, [log.key], clock=clock)


def sizes(answer: Answer) -> tuple[int, str, str]:
    """Return an answer as it is compared."""
    return answer.status, answer.text, answer.form


def test_it_signs_a_log_that_grows(witness: Witness, log: Log) -> None:
    """From nothing, from each size on, and the same size once more: each time with its own line and the time."""
    old = 0
    for size in (0, 1, 2, 7, 7, 8, 31, 40):
        answer = witness.add_checkpoint(log.request(old, size))
        assert answer.status == 200
        assert time_signed(log.note(size), answer.text, witness.key) == NOW
        old = size


def test_the_old_size_must_be_the_one_it_remembers(witness: Witness, log: Log) -> None:
    """Else it says which that is, in the type that the specification names."""
    assert sizes(witness.add_checkpoint(log.request(3, 9))) == (409, "0\n", "text/x.tlog.size")
    assert witness.add_checkpoint(log.request(0, 9)).status == 200
    for old in (0, 3, 10):
        assert sizes(witness.add_checkpoint(log.request(old, 12))) == (409, "9\n", "text/x.tlog.size")


def test_an_older_checkpoint_is_not_signed_again(witness: Witness, log: Log) -> None:
    """A replay is stale, whatever old size it names; a size above its own is no request at all."""
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    assert sizes(witness.add_checkpoint(log.request(0, 10)))[:2] == (409, "20\n")
    assert sizes(witness.add_checkpoint(log.request(10, 10)))[:2] == (409, "20\n")
    assert witness.add_checkpoint(log.request(20, 10)).status == 400


def test_a_fork_of_the_same_size_is_refused_and_kept(witness: Witness, log: Log, memory: Memory) -> None:
    """With what is remembered it proves that the log signed two histories."""
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    fork = log.fork(13, 20)
    answer = witness.add_checkpoint(fork.request(20, 20))
    assert (answer.status, answer.form) == (409, "text/plain; charset=utf-8")
    assert memory.has_fork(ORIGIN)
    kept = next(memory.folder.glob("*.fork"))
    assert kept.read_text() == fork.note(20)
    assert witness.about()["logs"][0]["forked"]  # type: ignore[index]


@pytest.mark.parametrize("size", [21, 32, 40])
def test_a_fork_of_another_size_is_refused(witness: Witness, log: Log, size: int) -> None:
    """There is no proof that it continues; neither the fork's own nor the honest one."""
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    fork = log.fork(13, 40)
    assert witness.add_checkpoint(fork.request(20, size)).status == 422
    assert witness.add_checkpoint(body(20, log.proof(20, size), fork.note(size))).status == 422
    assert witness.add_checkpoint(body(20, [], fork.note(size))).status == 422
    assert witness.add_checkpoint(log.request(20, size)).status == 200


def test_a_proof_that_nothing_needs_is_refused(witness: Witness, log: Log) -> None:
    """From nothing there is none, and none between a tree and itself."""
    assert witness.add_checkpoint(body(0, [bytes(32)], log.note(5))).status == 422
    assert witness.add_checkpoint(log.request(0, 5)).status == 200
    assert witness.add_checkpoint(body(5, [bytes(32)], log.note(5))).status == 422


def test_an_empty_log_has_one_root(witness: Witness, log: Log) -> None:
    """A log of no leaves with another root is a fork, too."""
    text = f"{ORIGIN}\n0\n{'A' * 43}=\n"
    line = NoteSignature(ORIGIN, log.key.key_id, log.private.sign(text.encode()))
    assert witness.add_checkpoint(body(0, [], with_signatures(f"{text}\n", [line]))).status == 409


def test_an_unknown_log_and_an_unknown_signer_are_told_apart(witness: Witness, log: Log) -> None:
    """404 for an origin that nobody configured, 403 for a signature by nobody who may."""
    assert witness.add_checkpoint(Log(3, "other.example/log").request(0, 3)).status == 404
    assert witness.add_checkpoint(Log(3, seed=b"\1" * 32).request(0, 3)).status == 403
    forged = log.note(3).replace("\n3\n", "\n4\n")
    assert witness.add_checkpoint(body(0, [], forged)).status == 403


def test_a_key_of_another_log_signs_nothing_here(memory: Memory, log: Log) -> None:
    """A log speaks for its own origin alone."""
    other = Log(3, "other.example/log", b"\1" * 32)
    witness = Witness(memory, [log.key, other.key])
    text = log.note(3).partition("\n\n")[0] + "\n"
    line = NoteSignature(other.key.name, other.key.key_id, other.private.sign(text.encode()))
    assert witness.add_checkpoint(body(0, [], with_signatures(f"{text}\n", [line]))).status == 403


def test_logs_are_remembered_apart(memory: Memory, log: Log) -> None:
    """And a log may have several keys: one of them is enough, a wrong one of them too many."""
    other, turned = Log(9, "other.example/log", b"\1" * 32), Log(40, seed=b"\2" * 32)
    witness = Witness(memory, [log.key, other.key, turned.key])
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    assert witness.add_checkpoint(other.request(0, 9)).status == 200
    assert witness.add_checkpoint(turned.request(20, 30)).status == 200
    wrong = NoteSignature(ORIGIN, turned.key.key_id, bytes(64))
    assert witness.add_checkpoint(body(30, log.proof(30, 31), with_signatures(log.note(31), [wrong]))).status == 403


def test_many_signatures_are_read_and_unknown_ones_ignored(witness: Witness, log: Log, memory: Memory) -> None:
    """At least sixteen, of any length, before and after the log's; none of them is kept."""
    text = log.note(5).partition("\n\n")[0] + "\n"
    own = log.note(5).rpartition("\n\n")[2]
    public = log.key.public
    others = [NoteSignature(f"w{n}.example", key_id(f"w{n}.example", public), bytes(2_420)) for n in range(8)]
    others += [NoteSignature(ORIGIN, bytes([n] * 4), bytes(64)) for n in range(1, 9)]
    note = with_signatures(with_signatures(f"{text}\n", others[:9]) + own, others[9:])
    assert witness.add_checkpoint(body(0, [], note)).status == 200
    assert memory.notes()[ORIGIN].startswith(log.note(5))
    assert memory.notes()[ORIGIN].count("\u2014") == 2


def test_lines_after_the_third_are_signed_along(witness: Witness, log: Log) -> None:
    """The log may say more in its checkpoint; the witness signs every byte of its text."""
    text = log.note(5).partition("\n\n")[0] + "\nmore\n"
    line = NoteSignature(ORIGIN, log.key.key_id, log.private.sign(text.encode()))
    note = with_signatures(f"{text}\n", [line])
    answer = witness.add_checkpoint(body(0, [], note))
    assert time_signed(note, answer.text, witness.key) == NOW


def test_the_time_never_goes_back(witness: Witness, log: Log, clock: Clock) -> None:
    """A clock that is set back a little repeats the last time; set back far, nothing is signed until it is right."""
    assert witness.add_checkpoint(log.request(0, 5)).status == 200
    clock.now -= 30
    answer = witness.add_checkpoint(log.request(5, 6))
    assert time_signed(log.note(6), answer.text, witness.key) == NOW
    clock.now -= 3_600
    assert witness.add_checkpoint(log.request(6, 7)).status == 503
    clock.now = NOW + 10
    answer = witness.add_checkpoint(log.request(6, 7))
    assert time_signed(log.note(7), answer.text, witness.key) == NOW + 10


def test_a_witness_that_is_shown_its_own_newer_signature_stops(tmp_path: Path, log: Log) -> None:
    """Its memory was taken back: whoever holds what it signed can tell it, and it signs nothing more."""
    memory = Memory(tmp_path / "w")
    witness = Witness(memory, [log.key])
    assert witness.add_checkpoint(log.request(0, 5)).status == 200
    old = (tmp_path / "w" / "checkpoints.json").read_bytes()
    newer = with_signatures(log.note(20), [witness.add_checkpoint(log.request(5, 20)).text])
    memory.close()
    (tmp_path / "w" / "checkpoints.json").write_bytes(old)
    memory = Memory(tmp_path / "w")
    witness = Witness(memory, [log.key])
    assert witness.add_checkpoint(body(5, [], newer)).status == 503
    assert witness.add_checkpoint(log.fork(5, 9).request(5, 9)).status == 503
    memory.close()


def test_two_requests_at_once_never_take_a_tree_back(memory: Memory, log: Log, monkeypatch) -> None:
    """The size is compared and the new one kept with nobody in between: the second of two requests is stale."""
    witness = Witness(memory, [log.key])
    assert witness.add_checkpoint(log.request(0, 5)).status == 200
    entered, answers, keep = threading.Event(), {}, memory.keep

    def slow(origin: str, note: str, at: int) -> None:
        entered.set()
        threading.Event().wait(0.2)  # time for the other to come in between, if it can
        keep(origin, note, at)

    monkeypatch.setattr(memory, "keep", slow)
    threads = [
        threading.Thread(
            target=lambda size=size: answers.update({size: witness.add_checkpoint(log.request(5, size))})
        )
        for size in (9, 17)
    ]
    threads[0].start()
    assert entered.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert {size: answer.status for size, answer in answers.items()} == {9: 200, 17: 409}
    assert answers[17].text == "9\n"
    latest = memory.latest(ORIGIN)
    assert latest is not None
    assert latest.size == 9


GOOD = Log(9)
PARTS = st.sampled_from(
    [
        b"old 0", b"old 5", b"old", b"old 01", b"old -1", b"old 9999999999999999999", b"OLD 0", b"\n", b"\n\n",
        ORIGIN.encode(), b"9", b"\xff\xfe", b"\0", "\u2014 ".encode(), b"A" * 43 + b"=", b"A" * 44 + b"\n",
        b"\r\n", b" ", b"x" * 5_000,
        *(line + b"\n" for line in GOOD.request(0, 9).split(b"\n")), GOOD.note(9).encode(), GOOD.request(5, 9),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A witness that has signed something already."""
    memory = Memory(tmp_path_factory.mktemp("hostile") / "w")
    witness = Witness(memory, [GOOD.key])
    assert witness.add_checkpoint(GOOD.request(0, 5)).status == 200
    yield witness
    memory.close()


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300) | st.lists(PARTS, max_size=12).map(b"".join))
def test_no_body_is_a_failure_of_the_witness(hostile: Witness, content: bytes) -> None:
    """Whatever is sent is answered as a fault of who sent it, or signed because it is right."""
    assert hostile.add_checkpoint(content).status in {200, 400, 403, 404, 409, 422}


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_changed_byte_is_never_signed(hostile: Witness, data: st.DataObject) -> None:
    """Of a request that would be signed, any byte changed, left out or added gives nothing that is not the log's."""
    known = int(hostile.about()["logs"][0]["size"])  # type: ignore[index]
    good = GOOD.request(known, 9)
    at = data.draw(st.integers(0, len(good) - 1))
    kind = data.draw(st.sampled_from(["flip", "drop", "add"]))
    byte = bytes([data.draw(st.integers(0, 255))])
    changed = good[:at] + (b"" if kind == "drop" else byte) + good[at + (kind != "add") :]
    answer = hostile.add_checkpoint(changed)
    assert answer.status < 500
    if answer.status == 200:
        time_signed(GOOD.note(9), answer.text, hostile.key)


def test_sixty_three_hashes_are_read_and_no_more(witness: Witness, log: Log) -> None:
    """More is not a proof."""
    assert witness.add_checkpoint(body(0, [bytes(32)] * 63, log.note(5))).status == 422
    assert witness.add_checkpoint(body(0, [bytes(32)] * 64, log.note(5))).status == 400


def test_the_largest_checkpoint_fits(witness: Witness, log: Log) -> None:
    """Sixteen signatures of the largest kind that the specification knows are far below the limit."""
    lines = [NoteSignature(f"w{n}.example", bytes([n] * 4), bytes(2_428)) for n in range(15)]
    note = with_signatures(log.note(5), lines)
    assert len(note) < MAX_CHECKPOINT_BYTES
    assert witness.add_checkpoint(body(0, [], note)).status == 200


def test_its_key_is_one_of_a_witness(witness: Witness) -> None:
    """Type 4: no signature of it passes as a log's."""
    assert witness.key.kind == 4
    assert format_key(witness.key.name, witness.key.public, 4).split("+")[1] == witness.key.key_id.hex()
