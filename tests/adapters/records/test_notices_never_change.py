"""Whatever is called on the registry, in whatever order, a published version never changes."""

# ruff: noqa: D102 - the model says what its names say

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.notices import SqlNotices
from sekisho.domain.notices import SYSTEM, Change, Notice, PurposeVersion, Status
from sekisho.domain.terms import LegalBasis
from sekisho.errors import InvalidRequest, NotFound
from tests.adapters.records.conftest import PURPOSES

MAJOR, MINOR = Change.MAJOR, Change.MINOR
OFFICER = "requester:privacy_officer"
BOTH = ("recommendation", "lifecycle_email")


def texts(word: str = "words") -> dict[str, str]:
    return {"ja": f"{word} についてのお知らせ\r\n\tと、その続き 𠮷\n", "en": f"A notice about {word}\n"}


_KEYS = st.sampled_from(["terms", "mail"])
_CHANGES = st.sampled_from(list(Change))
_SETS = st.lists(st.sampled_from(sorted(PURPOSES)), min_size=1, max_size=3, unique=True).map(tuple)
_CALLS = st.one_of(
    st.tuples(
        st.just("draft"), _KEYS, _CHANGES, _SETS, st.sampled_from(["a", "b"]), st.sampled_from([SYSTEM, OFFICER])
    ),
    st.tuples(st.just("publish"), _KEYS, st.integers(1, 6)),
    st.tuples(st.just("declare"), st.sampled_from(sorted(PURPOSES)), _CHANGES, st.integers(0, 2), st.booleans()),
    st.tuples(st.just("publish_purpose"), st.sampled_from(sorted(PURPOSES)), st.integers(1, 4)),
)


FILLED_IN = {
    "UPDATE notice_version SET published_by=?, published_at=?, published_seq=?, supersedes=?",
    "UPDATE purpose_version SET published_at=?, published_seq=?",
}
"""The only statements that touch a row that is there already; they ask for ``published_at IS NULL``."""


@dataclass
class Model:
    """What was published, in order, and whom it asked again."""

    published: list[Notice] = field(default_factory=list)

    def cleared_by(self, draft: Notice) -> set[str]:
        told = {purpose for notice in self.published for purpose in notice.purposes}
        asked = {name for name, purpose in PURPOSES.items() if purpose.legal_basis is LegalBasis.CONSENT}
        return told & set(draft.purposes) & asked if draft.change is MAJOR else set()

    def overtakes(self, draft: Notice) -> bool:
        return any(
            n.version > draft.version and (n.key == draft.key or set(n.purposes) & set(draft.purposes))
            for n in self.published
        )

    def in_force(self, purpose: str) -> Notice | None:
        return next((n for n in reversed(self.published) if purpose in n.purposes), None)

    def accepted(self, purpose: str) -> set[int]:
        found: set[int] = set()
        for notice in self.published:
            if purpose in notice.purposes:
                found = {notice.version} | (set() if notice.change is MAJOR else found)
        return found


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    migrate(f"sqlite:///{folder}/records.db")
    return folder / "records.db"


class NoKeys:
    """A key ring that is asked for a key at most."""

    def derive(self, purpose: str, length: int = 32, *, context: bytes = b"") -> bytes:
        return bytes(length)


@settings(max_examples=30, deadline=None)
@given(calls=st.lists(_CALLS, max_size=14))
def test_a_published_version_never_changes(template, calls):
    """Whatever is called, in whatever order: versions stay, the newest is in force, and a major one asks again."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template, folder)
        asyncio.run(_run(f"sqlite:///{Path(folder)}/records.db", calls))


async def _run(url: str, calls: list[tuple[Any, ...]]) -> None:
    database = Database(url)
    keys: Any = NoKeys()
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    notices, model = SqlNotices(database, ledger, PURPOSES), Model()
    facts: dict[tuple[str, int], PurposeVersion] = {}
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    try:
        for name, *rest in calls:
            seq = await ledger.last_seq()
            if name == "draft":
                key, change, purposes, word, by = rest
                await notices.draft(key, change, purposes, texts(word), by)
            elif name == "publish":
                await _publish(notices, ledger, model, *rest)
            elif name == "declare":
                purpose, change, number, from_file = rest
                await notices.declare(purpose, change, {"n": number}, "file" if from_file else "api", OFFICER)
            else:
                try:
                    done = await notices.publish_purpose(rest[0], rest[1], OFFICER)
                except (NotFound, InvalidRequest):
                    assert await ledger.last_seq() == seq
                else:
                    facts.setdefault((done.purpose, done.version), done)
            assert [n for n in await notices.notices() if n.status is Status.PUBLISHED] == sorted(
                model.published, key=(await notices.notices()).index
            )
            for purpose in PURPOSES:
                assert await notices.in_force(purpose) == model.in_force(purpose)
                accepted = {v for v in range(1, 16) if await notices.accepts(purpose, str(v)) is not None}
                assert accepted == model.accepted(purpose)
            for (purpose, version), done in facts.items():
                assert (await notices.purpose_versions(purpose))[version - 1] == done
    finally:
        await database.close()
    changing = [sql for sql in statements if re.match("(UPDATE|DELETE).*(notice|purpose)_", sql)]
    assert {" ".join(sql.split(" WHERE ")[0].split()) for sql in changing} <= FILLED_IN


async def _publish(notices: SqlNotices, ledger: SqlConsentLedger, model: Model, key: str, version: int) -> None:
    seq, draft = await ledger.last_seq(), await notices.notice(key, version)
    cleared: set[str] = set()
    if draft is None:
        with pytest.raises(NotFound):
            await notices.publish(key, version, OFFICER)
    elif draft.status is Status.PUBLISHED:
        assert await notices.publish(key, version, "requester:somebody_else") == draft
    elif model.overtakes(draft):
        with pytest.raises(InvalidRequest):
            await notices.publish(key, version, OFFICER)
    else:
        cleared = model.cleared_by(draft)
        model.published.append(await notices.publish(key, version, OFFICER))
    events = await ledger.changes(seq, 100)
    assert {(e.purpose, e.cells) for e in events} == {(name, PURPOSES[name].all_cells()) for name in cleared}
