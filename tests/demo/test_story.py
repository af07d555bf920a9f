"""The story of the demonstration: its numbers hold, it says so when they do not, and it shows nobody."""

import io
import json
import re
import sqlite3
from contextlib import closing

import pytest
from rich.cells import cell_len
from rich.console import Console

from sekisho.demo.scene import Scene
from sekisho.demo.stage import show, show_ending, show_opening
from sekisho.demo.story import tell
from sekisho.demo.workspace import build_workspace
from sekisho.errors import StoreUnavailable
from sekisho.gateway import Gateway


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_workspace(tmp_path_factory.mktemp("story") / "demo", customers=150)


async def told(built):
    """Return the parts of one telling."""
    return [part async for part in tell(built)]


def failed(parts):
    """Return what did not hold, by part."""
    return [(part.number, each.says) for part in parts for each in part.expectations if not each.held]


async def test_every_expectation_holds_in_the_first_telling_and_in_the_second(built):
    """Nine parts; a second telling lets the consent desk record her yes first, and says so."""
    first, second = await told(built), await told(built)
    assert [part.number for part in first] == list(range(1, 10))
    assert failed(first) == failed(second) == []
    assert (first[3].facts["agreed_again_first"], second[3].facts["agreed_again_first"]) == (False, True)
    assert "agreed again through the consent desk" in second[3].lines[0]
    assert first[3].facts["her_lines"] == second[3].facts["her_lines"]


async def test_the_numbers_are_those_of_the_files(built):
    """What the recommender got is less than what there is, and none of nobody's lines."""
    facts = (await told(built))[0].facts
    assert facts["rows_in_store"] == built.facts.lines
    assert facts["nobodys_lines_in_store"] == built.facts.lines_without_customer == 1_000
    assert 0 < facts["rows"] < facts["rows_in_store"] - facts["nobodys_lines_in_store"]


async def test_a_gateway_that_releases_too_much_is_caught(built, monkeypatch):
    """The story holds each number against the ledger and the files: one person more, and it does not hold."""
    real = Scene.agreeing

    async def one_fewer(self, *cells):
        return (await real(self, *cells))[1:]

    monkeypatch.setattr(Scene, "agreeing", one_fewer)
    assert {1, 3} <= {number for number, _ in failed(await told(built))}


async def test_a_part_that_cannot_be_told_says_why_and_the_story_goes_on(built, monkeypatch):
    """A store that is away is a failed expectation with its code, not a traceback."""

    async def fail(self, *cells):
        raise StoreUnavailable("The store is away.")

    monkeypatch.setattr(Scene, "agreeing", fail)
    parts = await told(built)
    assert len(parts) == 9
    assert parts[0].lines == ("store_unavailable: The store is away.",)
    assert (1, "part 1 can be told (store_unavailable)") in failed(parts)


async def test_a_gateway_that_refuses_everything_fails_the_story(built, monkeypatch):
    """Refusing all is safe, and no demonstration: the parts that need rows fail, and say so."""

    async def refuse(self, *_arguments, **_options):
        raise StoreUnavailable("The store is away.")

    monkeypatch.setattr(Gateway, "query", refuse)
    assert {1, 2, 3, 4, 5, 6, 7, 8} <= {number for number, _ in failed(await told(built))}


async def test_what_is_shown_names_nobody_and_fits_the_page(built):
    """No profile's name, e-mail, phone or address stands in what is printed or in the JSON; 100 columns at most."""
    parts = await told(built)
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False)
    show_opening(console, built)
    for part in parts:
        show(console, part)
    show_ending(console, parts, 1.0)
    page = out.getvalue()
    assert max(map(cell_len, page.splitlines())) <= 100
    assert "1 同意した人だけ / Only those who agreed" in page
    assert "✓ All " in page
    with closing(sqlite3.connect(built.folder / "stores" / "crm.db")) as connection:
        profiles = connection.execute("SELECT name, name_kana, email, phone, address FROM customers").fetchall()
    everything = re.sub(r"\s", "", page + json.dumps([part.as_json() for part in parts], ensure_ascii=False))
    values = {re.sub(r"\s", "", value) for profile in profiles for value in profile if value}
    assert not [value for value in values if len(value) > 3 and value in everything]
