"""Each kind by its table of examples."""

from __future__ import annotations

import re

import pytest
from tests.detect.kinds import devices, money, people, public

from sekisho.detect.recognisers import RECOGNISERS, find
from sekisho.detect.spans import Kind

FOUND = public.FOUND | money.FOUND | people.FOUND | devices.FOUND
OTHER = public.OTHER | money.OTHER | people.OTHER | devices.OTHER
_MARKED = re.compile("«(.*?)»")


def lines(table: dict[Kind, str]) -> list[object]:
    """Return a parameter for each line of each kind."""
    return [
        pytest.param(kind, line.strip(), id=f"{kind}-{number}")
        for kind, text in table.items()
        for number, line in enumerate(text.strip().splitlines(), start=1)
    ]


@pytest.mark.parametrize(("kind", "line"), lines(FOUND))
def test_found(kind, line):
    """A value in its context is found whole, as its kind, and nothing around it is taken for the same."""
    marked = _MARKED.search(line)
    assert marked
    text = _MARKED.sub(r"\1", line)
    start, end = marked.start(), marked.end() - 2
    spans = [(text[span.start : span.end], span.start, span.end) for span in find(text) if span.kind is kind]
    assert (text[start:end], start, end) in spans


@pytest.mark.parametrize(("kind", "line"), lines(OTHER))
def test_other(kind, line):
    """What only looks like a value of the kind is not taken for one."""
    assert [line[span.start : span.end] for span in find(line) if span.kind is kind] == []


def test_tables_are_whole():
    """Each kind that needs no model has ten examples of both sorts, and each is described."""
    kinds = {recogniser.kind for recogniser in RECOGNISERS if recogniser.masked} - {Kind.NAME}
    for table in (FOUND, OTHER):
        assert {kind for kind in kinds if len(table.get(kind, "").strip().splitlines()) < 10} == set()
    assert set(Kind) == {recogniser.kind for recogniser in RECOGNISERS}
