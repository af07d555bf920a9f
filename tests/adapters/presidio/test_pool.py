"""Processes that read texts: whatever happens to one, no text passes that was not read."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from sekisho.adapters.presidio.detector import FreeText
from sekisho.adapters.presidio.process import CannotStart, Process, Recipe
from sekisho.transform.spans import REDACTED

HERE = Path(__file__).parent
PLAIN = "write to hanako@example.co.jp now"
MASKED = "write to [EMAIL] now"


def until(true, seconds=30.0):
    """Wait until *true* is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Detector(FreeText):
    """Keeps what was told of faults."""

    faults: list[str]


@contextmanager
def reading(recognizers=(), processes=1, memory=1 << 30, batch_seconds=5.0, **more):
    """Yield a detector whose processes are up, and what was told of faults."""
    detector = Detector(b"k" * 32, Recipe(tuple(recognizers), HERE, memory), processes=processes, **more)
    detector.faults = []
    detector.pool._told = detector.faults.append
    detector.pool._batch_seconds = batch_seconds
    try:
        assert detector.pool.wait(60) is None
        yield detector
    finally:
        detector.close()


@pytest.fixture(scope="module")
def meddled():
    """Yield a detector with recognisers that break at a word."""
    with reading(["meddling:meddler"], batch_seconds=1.0) as detector:
        yield detector


def test_read_in_a_process():
    """Texts are read in another process, each once, in their order."""
    texts = [f"{number}; {PLAIN}" for number in range(300)]
    with reading(processes=2) as detector:
        assert detector.mask([*texts, None, "", texts[0]]) == [
            *(f"{number}; {MASKED}" for number in range(300)), None, "", f"0; {MASKED}",
        ]  # fmt: skip
        until(lambda: len(detector.pool.pids) == 2)
        assert os.getpid() not in detector.pool.pids
        assert detector._here._finder is None


@pytest.mark.long
def test_an_operators_recognisers_read_too():
    """Recognisers named in the file find beside ours, glued to Japanese and in full-width digits."""
    with reading(["meddling:of_presidio"]) as detector:
        assert detector.mask(["STAFF " + PLAIN, "㈱Ｂ１２３４５です"]) == [
            "[STAFF_ID] " + MASKED,
            "㈱[BADGE]です",
        ]


@pytest.mark.parametrize("word", ["RAISE", "OUTSIDE", "BACKWARDS", "NEGATIVE", "OTHERKIND", "NAN"])
def test_a_failing_recogniser_suppresses_its_text(meddled, word):
    """A recogniser that raises or answers nonsense costs its own text, and no process."""
    pids, faults = meddled.pool.pids, len(meddled.faults)
    texts = [PLAIN + " 1", f"{word} {PLAIN}", PLAIN + " 2"]
    assert meddled.mask(texts) == [MASKED + " 1", REDACTED, MASKED + " 2"]
    assert meddled.pool.pids == pids
    assert len(meddled.faults) == faults


def test_no_text_becomes_a_file(meddled, tmp_path):
    """A recogniser that writes a text to a file suppresses it, and the file stays empty."""
    place = tmp_path / "leak"
    assert meddled.mask([f"FILE={place}=" + PLAIN]) == [REDACTED]
    assert place.read_bytes() == b""


@pytest.mark.parametrize(
    "word",
    ["KILL", "STOP", *(pytest.param(word, marks=pytest.mark.long) for word in ("MEMORY", "SPIN", "SLEEP", "EXIT"))],
)
def test_a_text_that_ends_the_process_is_suppressed_alone(meddled, word):
    """A text at which the process dies, stops, hangs or lacks memory is suppressed; another reads the rest."""
    before, faults = meddled.pool.pids, len(meddled.faults)
    texts = [f"{PLAIN}{word.lower()}1", f"{word} {PLAIN}", f"{PLAIN}{word.lower()}2"]
    assert meddled.mask(texts) == [f"{MASKED}{word.lower()}1", REDACTED, f"{MASKED}{word.lower()}2"]
    assert meddled.faults[faults:] == ["Ended", "Ended"]  # once with the others, once alone
    assert not set(before) & set(meddled.pool.pids)
    for pid in before:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_a_recogniser_prints_goes_nowhere(meddled, capfd):
    """Texts that a recogniser prints reach neither our streams nor the answer."""
    assert meddled.mask(["PRINT " + PLAIN]) == ["PRINT " + MASKED]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "by", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)], ids=["SIGKILL", "SIGSTOP"]
)
def test_killed_from_outside(by):
    """Processes killed or stopped while they read are replaced; every text is masked or suppressed."""
    texts = [f"{number} 090-{number:04}-5678, {PLAIN}" for number in range(2_000)]
    with reading(processes=2, batch_seconds=0.5) as detector:
        ended: set[int] = set()

        def meddle():
            for _ in range(4):
                until(lambda: set(detector.pool.pids) - ended)
                pid = (set(detector.pool.pids) - ended).pop()
                time.sleep(0.02)
                os.kill(pid, by)
                ended.add(pid)

        thread = threading.Thread(target=meddle)
        thread.start()
        masked = detector.mask(texts)
        while thread.is_alive():  # the fault must have struck while texts were read
            masked += detector.mask([f"{text} {time.monotonic()}" for text in texts[:50]])
        thread.join()
        assert len(ended) == 4
        until(lambda: len(detector.faults) >= 1)
        for text in masked:
            assert text == REDACTED or ("[PHONE]" in text and "hanako" not in text)
        assert masked.count(REDACTED) < len(masked) / 2


def test_killed_while_idle():
    """A process killed while it had nothing to do is replaced before the next text."""
    with reading() as detector:
        (pid,) = detector.pool.pids
        os.kill(pid, signal.SIGKILL)
        until(lambda: detector.pool.pids not in ([], [pid]))
        assert detector.faults == ["Ended"]
        assert detector.mask([PLAIN]) == [MASKED]


@pytest.mark.parametrize(
    ("target", "fault", "at"),
    [
        ("meddling:absent", "AttributeError", 1),
        ("not_there:at_all", "ModuleNotFoundError", 1),
        ("meddling:nothing", "TypeError", 1),
        ("meddling:broken", "ValueError", 1),
        ("meddling:lower_case", "ValueError", 1),
    ],
)
def test_a_recogniser_that_cannot_be_loaded(target, fault, at):
    """It is told by its place and the class of the fault alone, and everything is suppressed meanwhile."""
    detector = FreeText(b"k" * 32, Recipe(("meddling:meddler", target), HERE), processes=2)
    try:
        found = detector.pool.wait(60)
        assert isinstance(found, CannotStart)
        assert (found.fault, found.at) == (fault, at)
        began = time.monotonic()
        assert detector.mask([PLAIN, "a"]) == [REDACTED, REDACTED]
        assert time.monotonic() - began < 8  # at once, not at the deadline
    finally:
        detector.close()


async def test_health():
    """What cannot read is not healthy; what has not begun yet is."""
    well, ill = FreeText(b"k" * 32), FreeText(b"k" * 32, Recipe(("meddling:absent",), HERE))
    assert await well.healthy()
    assert await ill.healthy()
    ill.pool.wait(60)
    assert not await ill.healthy()
    well.close()
    ill.close()


@pytest.mark.long
def test_nothing_is_read_when_all_is_busy():
    """While all processes hang and the queue is full, what finds no place in time is suppressed."""
    with reading(["meddling:meddler"], batch_seconds=3.0, seconds=1.0) as detector:
        threads = [
            threading.Thread(target=detector.mask, args=([f"SLEEP {number}"],), daemon=True) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        until(detector.pool._jobs.full)
        began = time.monotonic()
        assert detector.mask([PLAIN]) == [REDACTED]
        assert time.monotonic() - began < 3
        for thread in threads:
            thread.join()


def test_ends_with_its_parent():
    """A process that reads ends when the one that started it is killed, even while it hangs or is stopped."""
    code = (
        "import sys, threading, time; from pathlib import Path\n"
        "from sekisho.adapters.presidio.detector import FreeText, Recipe\n"
        f"d = FreeText(b'k' * 32, Recipe(('meddling:meddler',), Path({str(HERE)!r})), processes=2)\n"
        "d.pool.wait(60); d.pool._batch_seconds = 1000\n"
        "[threading.Thread(target=d.mask, args=([t],), daemon=True).start() for t in ('SPIN 1', 'STOP 2')]\n"
        "end = time.monotonic() + 30\n"
        "while len(d.pool.pids) < 2 and time.monotonic() < end: time.sleep(0.01)\n"
        "time.sleep(0.3); print(*d.pool.pids, flush=True); time.sleep(1000)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(_lives(pid) for pid in pids)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not any(_lives(pid) for pid in pids))


def test_knows_nothing_of_ours(monkeypatch):
    """It inherits no secret from the environment, no open file, and can write none."""
    monkeypatch.setenv("VAULT_TOKEN", "hunter2")
    held = (HERE / "meddling.py").open()
    os.set_inheritable(held.fileno(), True)
    process = Process(Recipe(), 60)
    try:
        place = Path(f"/proc/{process.pid}")
        assert b"hunter2" not in (place / "environ").read_bytes()
        assert b"SEKISHO" not in (place / "environ").read_bytes()
        files = {str(file.readlink()) for file in (place / "fd").iterdir()}
        assert all(name.startswith("pipe:") or name == os.devnull for name in files), files
        limits = (place / "limits").read_text()
        assert "Max file size             0                    0" in limits
        assert "Max core file size        0                    0" in limits
        assert re.search(rf"Max data size +{1 << 30} +{1 << 30} ", limits)
    finally:
        held.close()
        process.close()
    assert not process.lives()


def test_closed():
    """After closing no process is left, and texts are suppressed."""
    detector = FreeText(b"k" * 32, processes=2)
    assert detector.pool.wait(60) is None
    pids = detector.pool.pids
    detector.close()
    assert not any(_lives(pid) for pid in pids)
    assert detector.mask([PLAIN * 200]) == [REDACTED]


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
