"""Fills the records of a demonstration workspace: people, what they decided, and what an officer reviewed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from sekisho.bootstrap import Workspace, open_workspace
from sekisho.demo.builder import Progress
from sekisho.demo.consents import consent_history
from sekisho.domain.consent import Provenance
from sekisho.domain.consent_rules import asks_people
from sekisho.domain.identifiers import EMAIL_SHA256
from sekisho.domain.mail_address import email_sha256
from sekisho.domain.scans import Decision
from sekisho.domain.terms import SubjectNumber
from sekisho.ports import ConsentEventInput
from sekisho.scanning.catalogue_file import entries_of, written
from sekisho.scanning.reviews import Verdict

_BATCH = "demo"  # name of the import in each event's facts
_PAGE = 5_000
_OFFICER = "privacy_officer"
_REVIEWED = ("crm.customers", "member_rank")
_WHY = "One of a few ranks, which many customers share and nobody else knows: it singles out nobody."


async def fill(folder: Path, seed: int, tell: Progress) -> int:
    """Register everybody and import what they decided; return the number of consent events.

    The notices are in force first, because a decision is made on a notice; every imported event is in the audit
    log, as with any import. One column is scanned and reviewed, as the privacy officer; ``catalogue.yaml`` says so.
    """
    async with open_workspace(folder) as workspace:
        ids, emails = customer_contacts(folder / "stores" / "crm.db")
        numbers = await workspace.people.register("customer_id", ids)
        await workspace.people.attach_many(EMAIL_SHA256, numbers, [email_sha256(email) for email in emails])
        tell("consent histories", 0.65)
        before = await workspace.ledger.last_seq()
        history = _events(workspace, dict(zip(map(int, ids), numbers.tolist(), strict=True)), seed)
        result = await workspace.ledger.import_history(history)
        tell("consent histories", 0.85)
        await _note(workspace, before)
        tell("reviews", 0.97)
        await _review(workspace, folder)
        tell("reviews", 0.99)
        return result.recorded


def customer_contacts(crm: Path) -> tuple[list[str], list[str]]:
    """Return the customer ids and the e-mail addresses of ``stores/crm.db``, ascending by id."""
    with closing(sqlite3.connect(f"{crm.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT customer_id, email FROM customers ORDER BY customer_id").fetchall()
    return [str(number) for number, _ in rows], [email for _, email in rows]


def _events(workspace: Workspace, number_of: dict[int, int], seed: int) -> Iterator[ConsentEventInput]:
    purposes = workspace.settings.catalogue.purposes
    cells = {
        purpose.name: purpose.all_cells()
        for purpose in purposes.values()
        if asks_people(purpose) and purpose.output == "rows"
    }
    ids = np.array(list(number_of), np.int64)
    for event in consent_history(ids, seed=seed, cells_by_purpose=cells):
        yield ConsentEventInput(
            number=SubjectNumber(number_of[event.customer_id]),
            purpose=event.purpose,
            cells=event.cells,
            kind=event.kind,
            method=event.method,
            actor="data_subject",
            notice_version=event.notice_version,
            occurred_at=event.occurred_at,
            valid_until=event.valid_until,
            provenance=Provenance(notice_key=event.purpose, source="demonstration", batch=_BATCH),
            historical=True,
        )


async def _review(workspace: Workspace, folder: Path) -> None:
    officer, scanning = workspace.settings.catalogue.requesters[_OFFICER], workspace.scanning
    await scanning.scans.scan(officer, [_REVIEWED[0]])
    verdict = Verdict(Decision.REJECT, note=_WHY)
    known = await scanning.reviews.known(officer)
    found = [column for column in known if (column.scanned.dataset, column.scanned.place.name) == _REVIEWED]
    await scanning.reviews.review_all(officer, [(column, verdict) for column in found])
    decided = entries_of(await scanning.reviews.known(officer))
    (folder / "catalogue.yaml").write_text(written(decided), encoding="utf-8")


async def _note(workspace: Workspace, after: int) -> None:
    while events := await workspace.ledger.changes(after, _PAGE):
        await workspace.composed.trail.note_batch(events, _BATCH)
        after = events[-1].seq
