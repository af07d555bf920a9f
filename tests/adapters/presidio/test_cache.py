"""What is remembered of texts: by keyed hash, bounded, no text."""

from __future__ import annotations

import gc
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from sekisho.adapters.presidio.cache import StretchCache
from sekisho.adapters.presidio.detector import FreeText, version_of
from sekisho.adapters.presidio.process import Recipe
from sekisho.transform.spans import MAX_TEXT_BYTES, REDACTED

KEY = b"k" * 32


def test_remembers_stretches():
    """What was put is got, for each name, and what was not is not known."""
    cache = StretchCache(KEY, "1", 1 << 20)
    one, two, three = (cache.name(text) for text in (b"a", b"b", b"c"))
    cache.put(one, [(0, 3, "NAME"), (5, 70_000, "EMAIL")])
    cache.put(two, [])
    assert cache.get([one, two, three]) == [[(0, 3, "NAME"), (5, 70_000, "EMAIL")], [], None]
    cache.put(one, [(1, 2, "NAME")])
    assert cache.get([one]) == [[(1, 2, "NAME")]]


def test_names_are_keyed():
    """Another key or another version of the rules gives another name, so nothing that it found is used."""
    names = {StretchCache(key, version, 1).name(b"a") for key in (KEY, b"l" * 32) for version in ("1", "2")}
    assert len(names) == 4


def test_version_follows_what_finds(tmp_path, monkeypatch):
    """A changed rule, a changed model or another recogniser of the operator's is another version."""
    first = version_of(Recipe())
    assert version_of(Recipe(("shop:staff",))) != first
    (tmp_path / "rules.py").write_text("1")
    monkeypatch.setattr("sekisho.detect.__file__", str(tmp_path / "__init__.py"))
    changed = version_of(Recipe())
    (tmp_path / "rules.py").write_text("12")
    assert len({first, changed, version_of(Recipe())}) == 3


def test_bounded_by_bytes():
    """It holds no more than it may, drops what was used least recently, and its own count is not below the truth."""
    cache = StretchCache(KEY, "1", 1 << 20)
    kept = cache.name(b"kept")
    cache.put(kept, [(0, 1, "NAME")])
    tracemalloc.start()
    for number in range(20_000):
        cache.put(cache.name(b"%d" % number), [(at, at + 1, "NAME") for at in range(number % 20)])
        assert cache.get([kept]) != [None]
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cache.size <= 1 << 20
    assert held <= 1 << 20
    assert cache.get([cache.name(b"0")]) == [None]


def test_safe_from_threads():
    """Threads that put and get together lose nothing and mix nothing up."""
    cache = StretchCache(KEY, "1", 200_000)

    def work(number):
        for at in range(200):
            name = cache.name(b"%d/%d" % (number, at))
            cache.put(name, [(number, number + at + 1, f"KIND_{at}")])
            if cache.get([name])[0] not in (None, [(number, number + at + 1, f"KIND_{at}")]):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert cache.size <= 200_000


@pytest.fixture
def detector(monkeypatch):
    """Yield a detector that reads in this process alone."""
    detector = FreeText(KEY)
    monkeypatch.setattr(detector.pool, "start", lambda: None)
    yield detector
    detector.close()


def test_read_once(detector, monkeypatch):
    """A text is read once, however often it comes, and masked each time."""
    told, seen = [], []
    detector.told = lambda fate, count: told.append((fate, count))
    find = detector._here.find

    def counted(text):
        seen.append(text)
        return find(text)

    monkeypatch.setattr(detector._here, "find", counted)
    texts = ["mail a@example.jp", "ok", "mail a@example.jp", None, ""]
    for _ in range(2):
        assert detector.mask(texts) == ["mail [EMAIL]", "ok", "mail [EMAIL]", None, ""]
    assert seen == ["mail a@example.jp", "ok"]
    assert told == [("read", 2), ("known", 2)]


def test_holds_no_text(detector):
    """Neither texts nor matches stay in the cache."""
    detector.mask(["mail secret-word@example.jp"])
    assert len(detector.cache) == 1
    held = pickle.dumps((detector.cache._entries, detector.cache._kinds))
    assert b"secret-word" not in held
    assert b"EMAIL" in held


def test_a_fault_is_not_remembered(detector, monkeypatch):
    """A text that could not be read is suppressed, and read the next time."""
    with monkeypatch.context() as patched:
        patched.setattr(detector._here, "find", lambda _text: None)
        assert detector.mask(["mail a@example.jp"]) == [REDACTED]
    assert detector.mask(["mail a@example.jp"]) == ["mail [EMAIL]"]


def test_what_is_not_looked_into(detector):
    """A text over the limit, or with half a character, is replaced whole and counted, not read."""
    told = []
    detector.told = lambda fate, count: told.append((fate, count))
    texts = ["a" * (MAX_TEXT_BYTES + 1), "あ" * (MAX_TEXT_BYTES // 3 + 1), "a\ud800b"]
    assert detector.mask(texts) == [REDACTED] * 3
    assert told == [("oversize", 3)]
