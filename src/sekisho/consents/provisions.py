"""The register of provision to third parties (第三者提供記録, APPI 29), and of receipt from them (APPI 30).

It is read from the audit log: each page that left for a third party and names people is one record, with what was
declared of the third party at that moment. So it reaches back as far as the log does: where ``audit.keep_days`` has
old records pruned, it must be no shorter than ``kept_until``, which says how long the law wants each at least.
Reading the register is itself recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sekisho.consents.parts import Parts
from sekisho.consents.referenced import Referenced
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.provisions import (
    Keeping,
    consent_of,
    is_provision,
    keeping_of,
    kept_until,
    party_of,
    provided_at,
    provided_columns,
    received_until,
    rule_of,
)
from sekisho.domain.record import REF_BYTES
from sekisho.domain.terms import Catalogue, Requester
from sekisho.errors import AccessDenied, InvalidRequest, NotFound
from sekisho.ports import AuditEntry, DataSubjectRef
from sekisho.ports.registers import ProvisionQuery, Registers

ROLES: Final = frozenset({"auditor", "privacy_officer"})
"""Who may read the register."""

MOST_PEOPLE: Final = 50_000
"""People of one record in one answer."""

_OFFICER = "privacy_officer"  # who may know people by more than references
_ID = re.compile(r"[0-9A-Za-z_-]{1,36}", re.ASCII)
_CURSOR = re.compile(r"[sp][0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks of the register; times are UTC, ``since`` inclusive, ``until`` exclusive."""

    requester: str | None = None
    purpose: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 100


class Provisions:
    """The use cases of the register."""

    def __init__(self, parts: Parts, registers: Registers) -> None:
        self._parts = parts
        self._registers = registers
        self._people = Referenced(parts)

    async def listed(
        self, requester: Requester, wanted: Wanted, person: DataSubjectRef | None = None
    ) -> dict[str, object]:
        """Return ``{items, next_cursor?}``, oldest first; of *person* alone where one is named.

        Raises ``AccessDenied``, ``InvalidRequest`` (a strange cursor), ``AuditUnavailable``.
        """
        _require(requester)
        after = _after(wanted.cursor, "s")
        by = [name for name in ("requester", "purpose", "since", "until") if getattr(wanted, name) is not None]
        await self._note(requester, {"searched_by": [*by, *([] if person is None else ["data_subject"])]})
        references = None if person is None else await self._references(person)
        if references == ():
            return {"items": []}
        found = await self._registers.provisions(
            ProvisionQuery(
                wanted.since, wanted.until, wanted.requester, wanted.purpose, references, after, wanted.limit
            )
        )
        answer: dict[str, object] = {"items": await self.items(found.records)}
        if found.next_after_seq is not None:
            answer["next_cursor"] = f"s{found.next_after_seq}"
        return answer

    async def one(
        self, requester: Requester, record_id: str, cursor: str | None = None, limit: int = 1_000
    ) -> dict[str, object]:
        """Return one record and its people, a page of them: ``{…, data_subjects: […], next_cursor?}``.

        An auditor knows them by reference; the privacy officer besides as the stores name them, as far as they are
        known still. Raises ``AccessDenied``, ``NotFound``, ``InvalidRequest``, ``AuditUnavailable``.
        """
        _require(requester)
        start = _after(cursor, "p")
        record = await self._parts.audit.get(record_id) if _ID.fullmatch(record_id) else None
        if record is None or not is_provision(record):
            raise NotFound("There is no such provision record.")
        seq = record["seq"]
        assert isinstance(seq, int)  # noqa: S101 - the log numbers its records
        before = await self._registers.provisions(ProvisionQuery(after_seq=seq - 1, limit=1))
        if not before.records or before.records[0]["seq"] != seq:
            raise NotFound("There is no such provision record.")  # it never left
        await self._note(requester, {"record": str(record["id"])})
        refs = await self._registers.people(seq)
        part = refs[start * REF_BYTES : (start + limit) * REF_BYTES]
        [item] = await self.items([record])
        answer = {**item, "data_subjects": await self._data_subjects(requester, record, part)}
        if (start + limit) * REF_BYTES < len(refs):
            answer["next_cursor"] = f"p{start + limit}"
        return answer

    async def received(self, requester: Requester) -> dict[str, object]:
        """Return what the controller received from third parties, as declared (APPI 30)."""
        _require(requester)
        await self._note(requester, {"searched_by": ["received"]})
        return {"items": received(self._parts.catalogue)}

    async def items(self, records: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """Return what Rule 20 asks for of each of *records*, which are provisions."""
        together = {_pair(record) for record in records if keeping_of(record) is not Keeping.EACH}
        last = await self._registers.last_provisions(together) if together else {}
        return [
            {**self._whole(record), **provision_fields(self._parts.catalogue, record, last)} for record in records
        ]

    def _whole(self, record: Mapping[str, object]) -> dict[str, object]:
        people = record.get("subjects")
        return {
            "id": record["id"],
            "release_id": record.get("parent_id", record["id"]),
            "audit_seq": record["seq"],
            "at": record["at"],
            "requester": record.get("requester"),
            "purpose": record.get("purpose"),
            "purpose_title": _title(self._parts.catalogue.purposes, record.get("purpose")),
            "legal_basis": record.get("legal_basis"),
            "rows": record.get("rows"),
            "people": people.get("n") if isinstance(people, Mapping) else None,
        }

    async def _references(self, person: DataSubjectRef) -> tuple[str, ...]:
        number = await self._parts.people.number_of(person)
        if number is None:
            return ()
        return tuple(self._parts.references(await self._parts.ledger.linked(number)))

    async def _data_subjects(
        self, requester: Requester, record: Mapping[str, object], refs: bytes
    ) -> list[dict[str, object]]:
        spelled = refs.hex()
        width = 2 * REF_BYTES
        references = [spelled[at : at + width] for at in range(0, len(spelled), width)]
        if _OFFICER not in requester.roles:
            return [{"reference": reference} for reference in references]
        names = await self._people.named(refs, self._identifiers(record))
        return [
            {"reference": reference, "data_subject": name} for reference, name in zip(references, names, strict=True)
        ]

    def _identifiers(self, record: Mapping[str, object]) -> list[str]:
        """Return the kinds of identifier by which the record's datasets name people, then all others."""
        datasets = self._parts.catalogue.datasets
        named = record.get("datasets")
        names = [*(named if isinstance(named, list) else []), *sorted(datasets)]
        keys = [datasets[name].data_subject for name in names if name in datasets]
        return list(dict.fromkeys(key.identifier for key in keys if key is not None))

    async def _note(self, requester: Requester, fields: Mapping[str, object]) -> None:
        await self._parts.audit.append(AuditEntry("provision.read", {"requester": requester.name, **fields}))


def provision_fields(
    catalogue: Catalogue,
    record: Mapping[str, object],
    last: Mapping[tuple[str, str], datetime] | None = None,
) -> dict[str, object]:
    """Return what the law asks for of one provision (APPI 29, Rule 20), but for who the person is."""
    keeping = keeping_of(record)
    at = (last or {}).get(_pair(record))
    return {
        "third_party": party_of(record),
        "items": [_item(catalogue, column) for column in provided_columns(record)],
        "consent": consent_of(record),
        "keeping": {"method": keeping.value, "source": rule_of(keeping)},
        "kept_until": rfc3339(kept_until(keeping, provided_at(record), at)),
    }


def received(catalogue: Catalogue) -> list[dict[str, object]]:
    """Return the records of receipt of the datasets that came from third parties (APPI 30, Rule 24)."""
    return [
        {
            "dataset": dataset.name,
            "title": dict(dataset.title),
            "received_on": dataset.origin.received_on.isoformat(),
            "third_party": {
                "name": dataset.origin.party.name,
                "address": dataset.origin.party.address,
                "representative": dataset.origin.party.representative,
                "country": dataset.origin.party.country,
            },
            "acquired": dataset.origin.acquired,
            "consent": {"obtained": dataset.origin.consent},
            "people_by": None if dataset.data_subject is None else dataset.data_subject.identifier,
            "items": [_item(catalogue, f"{dataset.name}.{column.name}") for column in dataset.columns],
            "kept_until": received_until(dataset.origin.received_on).isoformat(),
        }
        for dataset in catalogue.datasets.values()
        if dataset.origin is not None
    ]


def _item(catalogue: Catalogue, name: str) -> dict[str, object]:
    dataset_name, _, column_name = name.rpartition(".")
    dataset = catalogue.datasets.get(dataset_name)
    column = dataset.column(column_name) if dataset is not None else None
    return {"dataset": dataset_name, "column": column_name, "title": dict(column.title) if column is not None else {}}


def _title(known: Mapping[str, object], name: object) -> dict[str, str]:
    found = known.get(str(name))
    return dict(getattr(found, "title", {}))


def _pair(record: Mapping[str, object]) -> tuple[str, str]:
    return str(record.get("requester")), str(record.get("purpose"))


def _require(requester: Requester) -> None:
    if requester.roles.isdisjoint(ROLES):
        raise AccessDenied("The register is for the privacy officer and the auditor.")


def _after(cursor: str | None, kind: str) -> int:
    if cursor is None:
        return 0
    if not _CURSOR.fullmatch(cursor) or cursor[0] != kind:
        raise InvalidRequest("The cursor is not one that an answer gave.")
    return int(cursor[1:])
