"""A worker that starts goes on where another stood, and answers as if it had read everything."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import consent_index, consent_load
from sekisho.adapters.records.consent_index import ConsentIndex
from sekisho.adapters.records.consent_saved import SavedBits
from sekisho.adapters.records.consent_view import Column
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.consent_world import histories, world
from tests.adapters.records.test_ledger import event

CELLS = tuple(
    cell for name in ("recommendation", "lifecycle_email", "ab_measurement") for cell in PURPOSES[name].all_cells()
)
MAIL = (Cell("lifecycle_email"),)
GONE = ConsentEventKind.WITHDRAW


@pytest.fixture
def saved(tmp_path: Path, keys: FileKeyRing) -> SavedBits:
    """Where positions are saved."""
    return SavedBits(tmp_path, keys)


@pytest.fixture
def read_anew(monkeypatch):
    """How often the projection was read whole."""
    times = []
    fill = consent_load.fill

    def counted(*given):
        times.append(1)
        fill(*given)

    monkeypatch.setattr(consent_index, "fill", counted)
    return times


async def everybody(index: ConsentIndex) -> list[list[int]]:
    """Return the members of every cell."""
    return [(await index.view((cell,))).members().tolist() for cell in CELLS]


@given(steps=histories, after=histories, ahead=st.integers(0, 40))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_who_goes_on_answers_like_who_reads_all(
    database, ledger, people, saved, steps, after, ahead, monkeypatch
):
    """Whatever is said before and after a position was saved, and whatever ends meanwhile: no answer differs."""
    site = await world(ledger, people, SystemClock())
    for step in steps:
        await site.do(step)
    first = ConsentIndex(database, PURPOSES, saved=saved)
    await everybody(first)
    await first.save(least=1)
    for step in after:
        await site.do(step)
    resumed, whole = ConsentIndex(database, PURPOSES, saved=saved), ConsentIndex(database, PURPOSES)
    later = f"({database.now_sql} + {int(timedelta(hours=ahead).total_seconds() * 1e6)})"
    for index in (resumed, whole):
        index._news_sql = index._news_sql.replace(database.now_sql, later)  # the database's clock, some hours on
    want = await everybody(whole)
    with monkeypatch.context() as patch:
        patch.setattr(consent_index, "fill", None)  # nothing is read anew
        assert await everybody(resumed) == want


async def test_a_withdrawal_after_the_saving_counts(database, ledger, people, saved, read_anew):
    """What was withdrawn after the position was saved is withdrawn for whoever starts from it."""
    await people.register("customer_id", ["a", "b"])
    await ledger.record([event(1), event(2)])
    first = ConsentIndex(database, PURPOSES, saved=saved)
    await first.view(MAIL)
    await first.save(least=1)
    await ledger.record([event(1, kind=GONE)])
    read_anew.clear()
    second = ConsentIndex(database, PURPOSES, saved=saved)
    assert (await second.view(MAIL)).members().tolist() == [2]
    assert not read_anew


async def test_a_file_that_is_not_ours_is_passed_over(database, ledger, people, saved, tmp_path, read_anew):
    """A file that somebody changed anywhere, cut short, went on with or sealed with another key is not believed."""
    await people.register("customer_id", [f"c{number}" for number in range(100)])
    await ledger.record([event(1), event(2)])
    first = ConsentIndex(database, PURPOSES, saved=saved)
    want = await everybody(first)
    await first.save(least=1)
    path = tmp_path / "consent.bits"
    whole = path.read_bytes()
    forged = [whole[:cut] for cut in (0, 1, 30, len(whole) // 2, len(whole) - 1)] + [whole + b"\0"]
    places = range(0, len(whole), max(1, len(whole) // 60))
    forged += [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    strange = SavedBits(tmp_path / "other", FileKeyRing.create(tmp_path / "strange"))
    (tmp_path / "other").mkdir()
    assert first._state is not None
    strange.write(first._state)
    forged.append((tmp_path / "other" / "consent.bits").read_bytes())
    for content in forged:
        path.write_bytes(content)
        assert saved.read(first._by_default) is None
    read_anew.clear()
    assert await everybody(ConsentIndex(database, PURPOSES, saved=saved)) == want
    assert read_anew
    path.write_bytes(whole)
    assert saved.read(first._by_default) is not None


async def test_another_ledger_is_read_anew(database, ledger, people, saved, tmp_path, read_anew, keys, monkeypatch):
    """A position of another ledger, of a later state of this one or of other purposes is nobody's position."""
    await people.register("customer_id", ["a", "b"])
    await ledger.record([event(1)])
    older = ConsentIndex(database, PURPOSES, saved=saved)
    await older.view(MAIL)
    await ledger.record([event(2)])
    newer = ConsentIndex(database, PURPOSES, saved=saved)
    await newer.view(MAIL)
    await newer.save(least=1)

    fewer = {name: purpose for name, purpose in PURPOSES.items() if name != "ab_measurement"}
    read_anew.clear()
    assert (await ConsentIndex(database, fewer, saved=saved).view(MAIL)).members().tolist() == [1, 2]
    assert len(read_anew) == 1

    other = f"sqlite:///{tmp_path}/other.db"
    migrate(other)
    begun = Database(other)
    try:
        assert (await ConsentIndex(begun, PURPOSES, saved=saved).view(MAIL)).members().tolist() == []
        # As long as the first, and it says something else.
        await PeopleRegistry(begun, keys).register("customer_id", ["a", "b"])
        others = SqlConsentLedger(begun, PURPOSES, SystemClock(), keys)
        await others.record([event(1), event(1, kind=GONE)])
        assert (await ConsentIndex(begun, PURPOSES, saved=saved).view(MAIL)).members().tolist() == []
    finally:
        await begun.close()
    assert len(read_anew) == 3

    await ledger.record([event(1), event(2)])
    monkeypatch.setattr(consent_index, "_FAR", 1)  # what came since is more than what is read anew
    await ConsentIndex(database, PURPOSES, saved=saved).view(MAIL)
    assert len(read_anew) == 4


async def test_the_floor_still_denies(database, ledger, people, saved):
    """A ledger that is older than what was seen denies, whatever stands in the file."""
    await people.register("customer_id", ["a"])
    await ledger.record([event(1)])
    first = ConsentIndex(database, PURPOSES, saved=saved)
    await first.view(MAIL)
    await first.save(least=1)
    with pytest.raises(ConsentUnavailable, match="older"):
        await ConsentIndex(database, PURPOSES, saved=saved, floor=99).view(MAIL)


async def test_little_is_not_saved(database, ledger, people, saved, tmp_path):
    """What is read anew as fast is not saved, and what was saved is not saved again for a few events."""
    await people.register("customer_id", ["a", "b"])
    await ledger.record([event(1)])
    index = ConsentIndex(database, PURPOSES, saved=saved)
    await index.view(MAIL)
    await index.save()
    assert saved.claimed() == (0, {})
    await index.save(least=2)
    assert saved.claimed()[0] == 1
    await ledger.record([event(2)])
    await index.view(MAIL)
    await index.save(least=2)
    assert saved.claimed()[0] == 1
    assert [path.name for path in tmp_path.iterdir() if "bits" in path.name] == ["consent.bits"]
    assert (tmp_path / "consent.bits").stat().st_mode & 0o077 == 0


def test_a_column_goes_on_from_its_ends():
    """Ends of later events and of the first reading are saved; those that no longer count are not."""
    column = Column(by_default=False)
    column.grow(40)
    column.fill(np.arange(1, 21), on=True)
    column.expect(np.array([50, 10, 30]), np.array([1, 2, 3]))
    column.put(3, None, on=True)  # for ever, now
    column.put(4, 20, on=True)
    column.put(5, 40, on=True)
    column.put(5, None, on=False)
    other = Column.resumed(column.bits.copy(), 40, list(column.copy().all_ends()), by_default=False)
    for now in (5, 10, 20, 30, 40, 50):
        column.expire(now)
        other.expire(now)
        assert column.bits.tolist() == other.bits.tolist()
