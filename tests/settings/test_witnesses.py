"""Who signs the audit log's checkpoints, as a workspace says it."""

from __future__ import annotations

import pytest

from sekisho.domain.note import COSIGNATURE, format_key, parse_key
from tests.settings.conftest import GOOD

KEY = format_key("w.example", bytes(32), COSIGNATURE)
OTHER = format_key("v.example", bytes([1]) * 32, COSIGNATURE)
LOG = format_key("w.example", bytes(32))


def section(inner: str) -> str:
    """Return the workspace with *inner* in its section ``audit``."""
    return f"{GOOD}audit: {{heads: var, {inner}}}\n"


def one(url: str = "http://h", key: str = KEY) -> str:
    """Return a witness."""
    return f"witnesses: {{a: {{url: '{url}', key: '{key}'}}}}"


BOTH = f"witnesses: {{a: {{url: 'http://h:8100', key: '{KEY}'}}, b: {{url: 'https://g/w', key: '{OTHER}'}}}}"


def test_nobody_is_asked_when_nothing_is_said(workspace):
    """Neither without the section nor with one that names no witness."""
    for text in (GOOD, GOOD + "audit: {heads: var}\n"):
        assert (workspace.load(text).witnesses.witnesses, workspace.load(text).witnesses.quorum) == ({}, 0)


def test_witnesses_and_quorum(workspace):
    """Address and key of each by name; more than half of them are wanted, or as many as is said."""
    settings = workspace.load(section(BOTH)).witnesses

    assert settings.witnesses == {
        "a": ("http://h:8100", parse_key(KEY, COSIGNATURE)),
        "b": ("https://g/w", parse_key(OTHER, COSIGNATURE)),
    }
    assert settings.quorum == 2
    assert workspace.load(section(f"{BOTH}, quorum: 1")).witnesses.quorum == 1
    assert workspace.load(section(one())).witnesses.quorum == 1


FAULTS = {
    "quorum of nobody": ("quorum: 1", "there are none"),
    "a list": ("witnesses: [a]", "a mapping of at least one witness"),
    "none": ("witnesses: {}", "a mapping of at least one witness"),
    "no key": ("witnesses: {a: {url: 'http://h'}}", "has no `key`"),
    "no url": (f"witnesses: {{a: {{key: '{KEY}'}}}}", "has no `url`"),
    "unknown word": (f"witnesses: {{a: {{url: 'http://h', key: '{KEY}', size: 1}}}}", "unknown key `size`"),
    "user": (one("http://hunter2@h"), "not the address of a witness"),
    "query": (one("http://h?hunter2"), "not the address of a witness"),
    "fragment": (one("http://h#hunter2"), "not the address of a witness"),
    "scheme": (one("file:///hunter2"), "not the address of a witness"),
    "port": (one("http://h:hunter2"), "not the address of a witness"),
    "no host": (one("http:///hunter2"), "not the address of a witness"),
    "space": (one("http://h/hunter2 x"), "not the address of a witness"),
    "the log's key": (one(key=LOG), "not the key of a witness"),
    "half a key": (one(key=KEY[:-8]), "not the key of a witness"),
    "one key twice": (BOTH.replace(OTHER, KEY), "another witness has this key"),
    "one key under two names": (
        BOTH.replace(OTHER, format_key("v", bytes(32), COSIGNATURE)),
        "another witness has this key",
    ),
    "more than there are": (f"{one()}, quorum: 2", "whole number from 1 to 1"),
    "no quorum at all": (f"{one()}, quorum: 0", "whole number from 1 to 1"),
    "seventeen": (
        "witnesses: {"
        + ", ".join(
            f"w{n}: {{url: 'http://h', key: '{format_key('w', bytes([n]) * 32, COSIGNATURE)}'}}" for n in range(17)
        )
        + "}",
        "more than 16",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_with_their_line(workspace, name):
    """And nothing of an address is repeated: it may hold a secret."""
    inner, message = FAULTS[name]
    found = workspace.faults(section(inner))
    last = GOOD.count("\n") + 1

    assert [fault for fault in found if fault.startswith(f"line {last}:") and message in fault], found
    assert "hunter2" not in "".join(found)
