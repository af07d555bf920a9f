"""Somebody is forgotten, and the log proves itself as before: chains, tree, exports; only nobody finds them in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_export import export_audit
from sekisho.adapters.records.audit_search import stored_heads, stored_records, stored_subjects
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports.proving import TreeProving
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.audit_verify import Outcome, Verdict, saved_notes, verify_export, verify_rows, verify_tree
from sekisho.consents.disclosures import Disclosures
from sekisho.consents.linking import Linking
from sekisho.consents.parts import Parts
from sekisho.consents.reading import Reading
from sekisho.domain.audit_export import ExportFilters, ExportFormat, ExportOrder
from sekisho.domain.terms import Catalogue, SubjectNumber
from sekisho.ports import AuditEntry, AuditQuery, DataSubjectRef
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.tree_world import RELEASE, change, folder_of, records

ERASED, OTHER = DataSubjectRef("customer_id", "a"), DataSubjectRef("customer_id", "b")


@pytest.fixture
def people(database: Database, keys: FileKeyRing, ledger: SqlConsentLedger) -> PeopleRegistry:
    """The registry, which records the noes of who is named again."""
    return PeopleRegistry(database, keys, record=ledger.record_within)


@pytest.fixture
def parts(people: PeopleRegistry, ledger: SqlConsentLedger, log: SqlAuditLog, keys: FileKeyRing) -> Parts:
    """The ports behind the use cases, over one database."""
    catalogue = Catalogue({}, {}, PURPOSES, {}, {}, "0" * 16)
    return Parts(catalogue, people, ledger, cast(Any, None), log, keys, SystemClock())


@pytest.fixture
async def checkpoint(parts: Parts, people: PeopleRegistry, log: SqlAuditLog, tree: AuditTree) -> str:
    """What was signed after releases about two people, and before one of them is erased."""
    await people.register("customer_id", ["a", "b"])
    both = [parts.reference(SubjectNumber(number)) for number in (1, 2)]
    for subjects in (both, both[:1], both[1:]):
        await log.append(AuditEntry("access.release", {**RELEASE, "subjects": subjects}))
    return await tree.advance()


async def verified(database: Database, keys: FileKeyRing, folder: Path) -> Verdict:
    """What the verifier says of the database."""
    saved = saved_notes(folder / "heads")
    return await database.read(
        lambda c: verify_rows(
            stored_records(c),
            list(stored_heads(c)),
            stored_subjects(c),
            saved,
            keys.verification_key(),
            later=lambda: saved_notes(folder / "heads"),
        )
    )


async def test_who_was_erased_is_found_no_more_and_everything_is_proved(
    checkpoint, parts, people, log, database, tree, keys, tmp_path
):
    """Identifiers and key go, records stay; who saw their data answers nobody; the erasure is on record."""
    reading, disclosures = cast(Any, Reading).subject_reference, Disclosures(parts)
    asks = type("Asks", (), {"_people": people, "_parts": parts})()
    assert len(await log.search(AuditQuery(data_subject=await reading(asks, ERASED)))) == 2
    before = await records(database)
    await Linking(parts).erase(None, SubjectNumber(1))
    assert await people.number_of(ERASED) is None
    assert await reading(asks, ERASED) is None
    seen, _ = await disclosures.page([cast(SubjectNumber, await people.number_of(OTHER))], None)
    assert len(seen) == 2
    assert (await records(database))[: len(before)] == before
    erasures = [record for record in await records(database) if b'"data_subject.erase"' in record]
    assert len(erasures) == 1
    await log.settled()
    found = await verified(database, keys, tmp_path)
    assert found.ok, found
    await tree.advance()
    assert verify_tree(folder_of(tree), keys.verification_key(), since=checkpoint).ok
    for form in (ExportFormat.RAW, ExportFormat.CSV):
        await export_audit(log, ExportOrder(form), tmp_path / form, proving=TreeProving(tree))
        found = verify_export(tmp_path / form, keys.verification_key())
        assert (found.ok, found.proved) == (True, found.records), found
    assert erasures[0] in (tmp_path / "raw" / "records.ndjson").read_bytes().splitlines()
    await people.register("customer_id", ["a"])  # who comes back is somebody else
    reference = await reading(asks, ERASED)
    assert await log.search(AuditQuery(data_subject=reference, kind="access.release")) == []


async def test_the_sidecar_can_go_and_chains_tree_and_exports_stay(
    checkpoint, parts, log, database, tree, keys, tmp_path
):
    """Without the references beside them records prove themselves; the check of the database names what is gone."""
    reference = parts.reference(SubjectNumber(1))
    await change(database, "DELETE FROM audit_subject", "DELETE FROM audit_subject_ref")
    assert await log.search(AuditQuery(data_subject=reference)) == []
    await tree.advance()
    assert verify_tree(folder_of(tree), keys.verification_key(), since=checkpoint).ok
    order = ExportOrder(ExportFormat.NDJSON, filters=ExportFilters(kind="access.release"))
    await export_audit(log, order, tmp_path / "few", proving=TreeProving(tree))
    assert verify_export(tmp_path / "few", keys.verification_key()).proved == 3
    await export_audit(log, ExportOrder(ExportFormat.RAW), tmp_path / "raw", proving=TreeProving(tree))
    assert verify_export(tmp_path / "raw", keys.verification_key()).ok
    found = await verified(database, keys, tmp_path)
    assert (found.outcome, "people noted" in found.finding) == (Outcome.TAMPERED, True)
