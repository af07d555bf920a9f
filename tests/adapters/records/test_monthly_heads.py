"""A month is called verified only where every chain's end in it was signed for."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit_batch import ChainEnd
from sekisho.adapters.records.audit_heads import HeadsFile
from sekisho.adapters.records.audit_seal import Sealer
from sekisho.adapters.records.database import Database
from sekisho.audit_verify import Outcome
from sekisho.audit_verify.database import UNSIGNED
from sekisho.domain.month import Month
from sekisho.domain.note import HEADS_SUFFIX, Head, head_text, parse_key, sign_note, split_notes
from sekisho.domain.record import canonical, genesis, micros, next_link, timestamp
from tests.adapters.records.month_world import OCTOBER, TOKYO, World, at, in_hex, refused, uuid7
from tests.adapters.records.tree_world import change, records


@pytest.fixture
def world(database: Database, keys: FileKeyRing, tmp_path: Path) -> World:
    """A log that has no records yet, on SQLite and PostgreSQL."""
    return World(database, keys, tmp_path)


async def append(world: World) -> None:
    """Append to the newest chain what fits, as one who has every right on the database and no key."""
    [newest] = [json.loads(record) for record in (await records(world.database))[-1:]]
    chain = genesis(newest["writer"])
    for record in await records(world.database):
        if json.loads(record)["writer"] == newest["writer"]:
            chain = next_link(chain, record)
    seq, wseq, forged = newest["seq"] + 1, newest["wseq"] + 1, uuid7(at("2026-10-20T00:00:00"), 7)
    told = {
        **newest,
        "id": forged,
        "seq": seq,
        "wseq": wseq,
        "prev": chain.hex(),
        "at": timestamp(at("2026-10-20T00:00:00")),
        "kind": "ropa.read",
        "requester": "x",
    }
    data = canonical(told)
    await change(
        world.database,
        "INSERT INTO audit_record (seq, id, writer, wseq, at, kind, requester, record, chain) VALUES"
        f" ({seq}, '{forged}', '{newest['writer']}', {wseq}, {micros(at('2026-10-20T00:00:00'))}, 'ropa.read', 'x',"
        f" {in_hex(world, data)}, {in_hex(world, next_link(chain, data))})",
    )


async def newest_end(world: World) -> ChainEnd:
    """Where the newest record's chain ends."""
    raw = (await records(world.database))[-1]
    told = json.loads(raw)
    return ChainEnd(told["writer"], told["wseq"], next_link(bytes.fromhex(told["prev"]), raw))


async def put_tail(world: World, end: ChainEnd, wseq: int) -> None:
    """Put the MAC that the log itself makes of *end* beside the record *wseq*."""
    writer, _, tag = Sealer(world.keys, HeadsFile(world.heads, end.writer)).tail(end)
    await change(world.database, f"INSERT INTO audit_tail VALUES ('{writer}', {wseq}, {in_hex(world, tag)})")


@pytest.mark.parametrize("tail", [None, 0, 1], ids=["no tail", "its tail", "its tail moved"])
async def test_a_record_that_nobody_signed_for_is_not_called_verified(world: World, tail: int | None) -> None:
    """It fits its writer's chain and stands in the tree; no head reaches it, and the writer's MAC is not for it."""
    await world.write((at("2026-10-03T00:00:00"), refused("access_denied")))
    assert (await world.read()).verdict.outcome is Outcome.OK
    end = await newest_end(world)
    await append(world)
    if tail is not None:
        await put_tail(world, end, end.wseq + tail)
    read = await world.read()
    assert read.verdict.outcome is Outcome.INCOMPLETE, read.verdict
    assert read.verdict.finding == UNSIGNED
    assert read.verdict.bad is not None
    assert read.verdict.bad.seq == read.verdict.last
    assert read.verdict.checkpoint is not None
    assert read.verdict.checkpoint.size == read.verdict.last


@pytest.mark.parametrize("kept", ["in the database", "outside it"])
async def test_a_head_of_what_came_later_is_enough(world: World, kept: str) -> None:
    """A writer goes on after the month, another begins right after it: neither is told as unsigned."""
    await world.write(*((at("2026-09-20T00:00:00") + timedelta(days=5 * n), refused("a")) for n in range(8)))
    await world.write((at("2026-11-01T00:00:02"), refused("a")), (at("2026-11-09T00:00:00"), refused("a")))
    older = "wseq < (SELECT max(wseq) FROM audit_head AS h WHERE h.writer = audit_head.writer)"
    await change(
        world.database,
        "DELETE FROM audit_tail",
        f"DELETE FROM audit_head WHERE {older if kept == 'in the database' else '1 = 1'}",
    )
    for path in world.heads.glob(f"*{HEADS_SUFFIX}"):
        newest = list(split_notes(path.read_text(encoding="utf-8")))[-1]
        path.unlink()
        if kept == "outside it":
            path.write_text(f"{newest}\n", encoding="utf-8")
    for month, writers in ((Month.parse("2026-09", TOKYO), 1), (OCTOBER, 2)):
        read = await world.read(month)
        assert (read.verdict.outcome, read.verdict.writers) == (Outcome.OK, writers), read.verdict


async def test_the_newest_records_of_a_writer_at_work_are_its_own(world: World) -> None:
    """Its head follows: until then, and where it is saved on another host, the MAC beside the records says so."""
    await world.write((at("2026-10-03T00:00:00"), refused("access_denied")))
    await change(world.database, "DELETE FROM audit_head")
    for path in world.heads.iterdir():
        path.unlink()
    assert (await world.read()).verdict.outcome is Outcome.INCOMPLETE
    end = await newest_end(world)
    await put_tail(world, end, end.wseq)
    read = await world.read()
    assert read.verdict.outcome is Outcome.OK, read.verdict


async def test_a_head_that_the_log_did_not_sign_reaches_nothing(world: World) -> None:
    """Who appends a record and a head for it, signed by another key, is told as such."""
    await world.write((at("2026-10-03T00:00:00"), refused("access_denied")))
    await append(world)
    end = await newest_end(world)
    other = FileKeyRing.create(world.heads.parent / "other")
    text = head_text(Head(end.writer, end.wseq + 1, end.chain))
    note = sign_note(text, parse_key(other.verification_key()), other.sign)
    await change(world.database, f"INSERT INTO audit_head VALUES ('{end.writer}', {end.wseq}, '{note}')")
    assert (await world.read()).verdict.outcome in {Outcome.UNTRUSTED, Outcome.TAMPERED}
