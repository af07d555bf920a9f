"""Epochs of keys: every worker knows one that has begun, former ones are read for as long as is stated."""

from __future__ import annotations

import asyncio
import copy
import pickle
import shutil
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sekisho.adapters.keyring import FileKeyRing, RingWrapping
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.key_epochs import SqlKeyEpochs
from sekisho.domain.terms import Requester
from sekisho.errors import ConsentUnavailable, KeysUnavailable
from sekisho.ports import PSEUDONYMS, KeyWrapping, People
from sekisho.pseudonymity import Pseudonymity

MARKETER = Requester("marketer", frozenset({"segments", "videos"}))
OTHER = Requester("advertiser", frozenset({"segments"}))
NUMBERS = np.array([1, 2, 3, 70_000], np.int64)


class Fallible:
    """A wrapping that can be down, and counts what it is asked."""

    def __init__(self, inner: KeyWrapping) -> None:
        self.inner = inner
        self.provider = inner.provider
        self.down = False
        self.unwrapped = 0

    def wrap(self, secret: bytes, bound: str) -> bytes:
        """Wrap, unless down."""
        self._require()
        return self.inner.wrap(secret, bound)

    def unwrap(self, wrapped: bytes, bound: str) -> bytes:
        """Unwrap, unless down."""
        self._require()
        self.unwrapped += 1
        return self.inner.unwrap(wrapped, bound)

    def _require(self) -> None:
        if self.down:
            raise KeysUnavailable("down")


@pytest.fixture
def wrapping(keys: FileKeyRing) -> Fallible:
    """The ring's own wrapping, which can be made to fail."""
    return Fallible(RingWrapping(keys))


def worker(database: Database, keys: FileKeyRing, wrapping: KeyWrapping, grace: int = 1) -> SqlKeyEpochs:
    """Return the epochs as another worker sees them."""
    return SqlKeyEpochs(database, keys, {wrapping.provider: wrapping}, grace=grace)


def numbers_of(pseudonymity: Pseudonymity, names: list[str], who: Requester = MARKETER, purpose: str = "segments"):
    return pseudonymity.numbers_of(who, purpose, names).tolist()


def made(keys: FileKeyRing, epochs: SqlKeyEpochs) -> Pseudonymity:
    return Pseudonymity(keys, cast("People", None), epochs)


async def test_the_first_epoch_is_that_of_every_pseudonym_ever_made(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """What was given out before there were epochs is given out and read as before."""
    without = Pseudonymity(keys, cast("People", None))
    epochs = worker(database, keys, wrapping)
    pseudonymity = made(keys, epochs)
    await pseudonymity.refresh()
    assert pseudonymity.pseudonyms_of(MARKETER, "segments", NUMBERS) == without.pseudonyms_of(
        MARKETER, "segments", NUMBERS
    )
    assert [record.epoch for record in await epochs.records()] == [1]


async def test_another_worker_is_in_the_new_epoch_at_once(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """An epoch that has begun on one worker is the epoch of every request that starts later on another."""
    one, other = (made(keys, worker(database, keys, wrapping)) for _ in range(2))
    await other.refresh()
    before = other.pseudonyms_of(MARKETER, "segments", NUMBERS)
    begun = await worker(database, keys, wrapping).begin(PSEUDONYMS)
    await one.refresh()
    await other.refresh()
    after = one.pseudonyms_of(MARKETER, "segments", NUMBERS)
    assert begun.epoch == 2
    assert not set(after) & set(before)
    assert other.pseudonyms_of(MARKETER, "segments", NUMBERS) == after
    assert numbers_of(one, before) == numbers_of(other, after) == NUMBERS.tolist()


async def test_what_is_under_way_ends_in_its_epoch(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """Transforms that a request holds go on as they began, whatever begins meanwhile."""
    epochs = worker(database, keys, wrapping)
    pseudonymity = made(keys, epochs)
    await pseudonymity.refresh()
    held = pseudonymity._transforms("marketer", "segments")
    first = held.pseudonyms.encode(NUMBERS).to_pylist()
    await epochs.begin(PSEUDONYMS)
    await pseudonymity.refresh()
    assert held.pseudonyms.encode(NUMBERS).to_pylist() == first
    assert pseudonymity.pseudonyms_of(MARKETER, "segments", NUMBERS) != first


async def test_one_purpose_is_rotated_alone(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """An epoch of one purpose changes nothing for another."""
    epochs = worker(database, keys, wrapping)
    pseudonymity = made(keys, epochs)
    await pseudonymity.refresh()
    before = {p: pseudonymity.pseudonyms_of(MARKETER, p, NUMBERS) for p in ("segments", "videos")}
    await epochs.begin("segments")
    await pseudonymity.refresh()
    after = {p: pseudonymity.pseudonyms_of(MARKETER, p, NUMBERS) for p in ("segments", "videos")}
    assert after["videos"] == before["videos"]
    assert not set(after["segments"]) & set(before["segments"])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scopes=st.lists(st.sampled_from([PSEUDONYMS, "segments", "videos"]), max_size=6),
    grace=st.integers(0, 3),
    people=st.lists(st.integers(0, 2**40), min_size=1, max_size=5, unique=True),
)
def test_a_pseudonym_is_read_for_as_many_epochs_as_stated(
    tmp_path: Path, keys: FileKeyRing, scopes: list[str], grace: int, people: list[int]
) -> None:
    """Over any rotations: read while at most *grace* epochs of its purpose came after it, by its requester alone."""
    database = _fresh(tmp_path)
    numbers = np.array(people, np.int64)

    async def rotate() -> None:
        epochs = worker(database, keys, RingWrapping(keys), grace)
        pseudonymity = made(keys, epochs)
        given_out: list[tuple[str, list[str], int]] = []
        came = {"segments": 0, "videos": 0}
        for scope in [None, *scopes]:
            if scope is not None:
                await epochs.begin(scope)
                came = {p: n + (scope in {p, PSEUDONYMS}) for p, n in came.items()}
            await pseudonymity.refresh()
            for purpose in came:
                names = pseudonymity.pseudonyms_of(MARKETER, purpose, numbers)
                given_out.append((purpose, names, came[purpose]))
            for purpose, names, at in given_out:
                read = numbers_of(pseudonymity, names, purpose=purpose)
                assert read == (people if came[purpose] - at <= grace else [-1] * len(people))
                one = pseudonymity.number_of(MARKETER, purpose, names[0])
                assert one == (people[0] if came[purpose] - at <= grace else None)
                assert numbers_of(pseudonymity, names, OTHER, purpose) == [-1] * len(people)
                elsewhere = "videos" if purpose == "segments" else "segments"
                assert numbers_of(pseudonymity, names, purpose=elsewhere) == [-1] * len(people)
        fresh = made(keys, worker(database, keys, RingWrapping(keys), grace))
        await fresh.refresh()
        for purpose, names, _ in given_out:
            assert numbers_of(fresh, names, purpose=purpose) == numbers_of(pseudonymity, names, purpose=purpose)
        await database.close()

    asyncio.run(rotate())


def _fresh(folder: Path) -> Database:
    """Return a new database; its schema is made once."""
    empty, own = folder / "empty.db", folder / "own.db"
    if not empty.exists():
        migrate(f"sqlite:///{empty}")
    for left in folder.glob("own.db*"):
        left.unlink()
    shutil.copy(empty, own)
    return Database(f"sqlite:///{own}")


async def test_tokens_of_a_former_epoch_are_literals_still(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """A token that was given out just before a rotation decodes, one of before that does not, a forged one never."""
    epochs = worker(database, keys, wrapping)
    pseudonymity = made(keys, epochs)
    tokens, names = [], []
    for _ in range(3):
        await pseudonymity.refresh()
        keyed = pseudonymity._transforms("marketer", "segments")
        tokens.append(keyed.tokens("invoice").encode_one("536365"))
        names.append(keyed.pseudonyms.encode(NUMBERS[:1]).to_pylist()[0])
        assert keyed.token("invoice", tokens[-1]) == "536365"
        await epochs.begin(PSEUDONYMS)
    await pseudonymity.refresh()
    keyed = pseudonymity._transforms("marketer", "segments")
    assert [keyed.token("invoice", token) for token in tokens] == [None, None, "536365"]
    assert [keyed.person(name) for name in names] == [None, None, 1]
    assert keyed.token("ticket", tokens[-1]) is None
    assert keyed.person("0" * 32) is None


async def test_a_retired_data_key_is_gone(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """A data key that no purpose reads any more is deleted; its epoch stays on record."""
    epochs = worker(database, keys, wrapping, grace=1)
    for scope in (PSEUDONYMS, "segments", "segments", PSEUDONYMS, PSEUDONYMS):
        await epochs.begin(scope)
    with database.engine.connect() as connection:
        kept = connection.execute(text("SELECT epoch FROM key_epoch WHERE wrapped IS NOT NULL")).scalars().all()
    assert set(kept) == {5, 6}
    retired = {record.epoch for record in await epochs.records() if record.retired_at is not None}
    assert retired == {1, 2, 3, 4}


async def test_keys_that_must_not_rotate(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """References in the audit log, what it is signed with, and the index of identifiers are of no epoch."""
    epochs = worker(database, keys, wrapping)
    pseudonymity = made(keys, epochs)
    await pseudonymity.refresh()
    before = pseudonymity.references(NUMBERS), keys.verification_key(), keys.derive("people-lookup")
    await epochs.begin(PSEUDONYMS)
    await pseudonymity.refresh()
    fresh = made(keys, epochs)
    assert (fresh.references(NUMBERS), keys.verification_key(), keys.derive("people-lookup")) == before


async def test_epochs_that_begin_at_once_are_all_different(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """Rotations at the same time make one epoch each, and every worker has the same keys for each."""
    workers = [worker(database, keys, wrapping, grace=9) for _ in range(3)]
    begun = await asyncio.gather(*(each.begin(PSEUDONYMS) for each in workers))
    assert sorted(record.epoch for record in begun) == [2, 3, 4]
    told = []
    for each in workers:
        await each.refresh()
        told.append([(keys_of.epoch, keys_of.derive("x")) for keys_of in each.of("segments")])
    assert told[0] == told[1] == told[2]
    assert len({key for _, key in told[0]}) == 4


# -- the provider is down -----------------------------------------------------------------------------


async def test_down_later_changes_nothing_for_what_is_known(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """A worker that has the keys goes on without the provider, and asks it nothing again."""
    epochs = worker(database, keys, wrapping)
    await epochs.begin(PSEUDONYMS)
    pseudonymity = made(keys, epochs)
    await pseudonymity.refresh()
    asked = wrapping.unwrapped
    wrapping.down = True
    await pseudonymity.refresh()
    assert numbers_of(pseudonymity, pseudonymity.pseudonyms_of(MARKETER, "segments", NUMBERS)) == NUMBERS.tolist()
    assert wrapping.unwrapped == asked


async def test_down_at_a_new_epoch_refuses(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """A worker that cannot unwrap the key of a new epoch refuses, and goes on once it can; it never stays behind."""
    here, there = Fallible(wrapping.inner), Fallible(wrapping.inner)
    behind = made(keys, worker(database, keys, there))
    await behind.refresh()
    await worker(database, keys, here).begin(PSEUDONYMS)
    there.down = True
    for _ in range(2):
        with pytest.raises(KeysUnavailable):
            await behind.refresh()
    there.down = False
    await behind.refresh()
    assert behind._transforms("marketer", "segments").epoch == 2


async def test_down_at_a_rotation_begins_nothing(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """Without the provider no epoch begins, and the former goes on."""
    epochs = worker(database, keys, wrapping)
    wrapping.down = True
    with pytest.raises(KeysUnavailable):
        await epochs.begin(PSEUDONYMS)
    assert [record.epoch for record in await epochs.records()] == [1]
    await epochs.refresh()


async def test_a_provider_that_loses_what_it_wraps_begins_nothing(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """What the provider does not give back is never made an epoch."""

    class Forgetful(Fallible):
        def unwrap(self, wrapped: bytes, bound: str) -> bytes:
            return bytes(32)

    epochs = worker(database, keys, Forgetful(wrapping.inner))
    with pytest.raises(KeysUnavailable):
        await epochs.begin(PSEUDONYMS)
    assert [record.epoch for record in await epochs.records()] == [1]


async def test_the_database_is_down(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """Who cannot read which epoch it is refuses, as for everything else that its database would say."""
    epochs = worker(database, keys, wrapping)
    await epochs.refresh()
    await database.close()
    with pytest.raises(ConsentUnavailable):
        await epochs.refresh()


async def test_a_restored_database_counts_an_epoch_anew(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """A worker that runs on over a restored database takes the key that stands there now."""
    epochs = worker(database, keys, wrapping)
    await epochs.begin(PSEUDONYMS)
    running = worker(database, keys, wrapping)
    await running.refresh()
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM key_epoch WHERE epoch = 2"))
        connection.execute(text("UPDATE ledger_counter SET value = 1 WHERE name = 'key_epoch'"))
    await asyncio.sleep(0.002)
    await epochs.begin(PSEUDONYMS)
    fresh = worker(database, keys, wrapping)
    await fresh.refresh()
    await running.refresh()
    assert running.of("x")[0].derive("y") == fresh.of("x")[0].derive("y")


async def test_a_wrapped_key_of_another_epoch_is_refused(
    database: Database, keys: FileKeyRing, wrapping: Fallible
) -> None:
    """Whoever writes to the database cannot bring an old key back under a new number."""
    epochs = worker(database, keys, wrapping, grace=5)
    await epochs.begin(PSEUDONYMS)
    await epochs.begin(PSEUDONYMS)
    with database.engine.begin() as connection:
        connection.execute(
            text("UPDATE key_epoch SET wrapped = (SELECT wrapped FROM key_epoch WHERE epoch = 2) WHERE epoch = 3")
        )
    with pytest.raises(KeysUnavailable):
        await worker(database, keys, wrapping).refresh()


async def test_data_keys_move_to_another_provider(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """Data keys are read with who wrapped them, and can be wrapped by the one that is named now."""

    class Moved(Fallible):
        def __init__(self, inner: KeyWrapping) -> None:
            super().__init__(inner)
            self.provider = "vault"

    old, new = wrapping, Moved(wrapping.inner)
    before = worker(database, keys, old)
    await before.begin(PSEUDONYMS)
    await before.refresh()
    both = SqlKeyEpochs(database, keys, {"vault": new, "file": old})
    await both.refresh()
    assert await both.rewrap() == 1
    only = worker(database, keys, new)
    await only.refresh()
    assert only.of("x")[0].derive("y") == before.of("x")[0].derive("y")
    with pytest.raises(KeysUnavailable, match="vault"):
        await worker(database, keys, old).refresh()


async def test_a_data_key_stays_in_the_process(database: Database, keys: FileKeyRing, wrapping: Fallible) -> None:
    """No data key is printed, pickled, copied, or stands in the database unwrapped."""
    epochs = worker(database, keys, wrapping)
    await epochs.begin(PSEUDONYMS)
    await epochs.refresh()
    current = epochs.of("x")[0]
    secret = current._key  # type: ignore[attr-defined]
    pseudonymity = made(keys, epochs)
    await pseudonymity.refresh()
    for told in (current, epochs, epochs._known, pseudonymity._transforms("marketer", "segments")):
        assert secret.hex() not in repr(told)
        assert repr(secret)[2:-1] not in repr(told)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(current)
    with database.engine.connect() as connection:
        (wrapped,) = connection.execute(text("SELECT wrapped FROM key_epoch WHERE epoch = 2")).one()
    assert secret not in bytes(wrapped)
