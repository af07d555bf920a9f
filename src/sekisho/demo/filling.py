"""Fills the records of a demonstration workspace: people, what they are asked, and what they decided."""

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
from sekisho.domain.terms import SubjectNumber
from sekisho.ports import ConsentEventInput

_BATCH = "demo"  # name of the import in each event's facts
_PAGE = 5_000


async def fill(folder: Path, seed: int, tell: Progress) -> int:
    """Register everybody and import what they decided; return the number of consent events.

    The notices are in force first, because a decision is made on a notice; every imported event is in the audit
    log, as with any import.
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
        tell("consent histories", 0.98)
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


async def _note(workspace: Workspace, after: int) -> None:
    while events := await workspace.ledger.changes(after, _PAGE):
        await workspace.composed.trail.note_batch(events, _BATCH)
        after = events[-1].seq
