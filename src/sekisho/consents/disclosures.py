"""Who received a person's data, when, for what purpose, on which consent: read back from the audit log.

A release names the people of a page by keyed references, so that their records are found without anybody's
identifier standing in the log. A release to a third party carries what its provision record says. What was recorded
but never left (``access.void``) is left out. Statistics name nobody and are nobody's disclosures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sekisho.consents.parts import Parts
from sekisho.consents.provisions import provision_fields
from sekisho.domain.provisions import is_provision
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import InvalidRequest
from sekisho.ports import AuditQuery

PAGE: Final = 100
"""Disclosures in one answer."""

_RELEASE, _VOID = "access.release", "access.void"
_AT_ONCE = 1_000
_MOST_VOIDS = 20_000  # beyond it too much is told rather than too little
_ID = re.compile(r"[0-9A-Za-z_-]{1,36}", re.ASCII)


class Disclosures:
    """Reads the audit log for the people whom it is about."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def page(
        self, numbers: Sequence[SubjectNumber], cursor: str | None, limit: int = PAGE
    ) -> tuple[list[dict[str, object]], str | None]:
        """Return disclosures of the person with these *numbers*, oldest first, and where to go on.

        A release stands where its first page about the person does, and on no page of the list after that.

        Parameters
        ----------
        cursor:
            As an earlier answer gave it.

        Raises ``InvalidRequest`` for another cursor.
        """
        after = await self._after(cursor)
        records: dict[int, Mapping[str, object]] = {}
        for number in numbers:
            found = await self._parts.audit.search(
                AuditQuery(
                    data_subject=self._parts.reference(number), kind=_RELEASE, after_seq=after, limit=limit + 1
                )
            )
            records.update((_whole(record["seq"]), record) for record in found)
        seqs = sorted(records)
        shown = [records[seq] for seq in seqs[:limit]]
        if not shown:
            return [], None
        pages, ids = await self._voided(seqs[0])
        released = [record for record in shown if record["seq"] not in pages and record["id"] not in ids]
        told = await self._told_before(numbers, released, after)
        return self._items(record for record in released if _release_of(record) not in told), str(
            shown[-1]["id"]
        ) if len(seqs) > limit else None

    async def _told_before(
        self, numbers: Sequence[SubjectNumber], records: Iterable[Mapping[str, object]], after: int
    ) -> set[str]:
        """Return what the list up to the sequence *after* told of, at least of what *records* go on with."""
        since = after
        for going_on in {_release_of(record) for record in records if "parent_id" in record} if after else ():
            first = await self._parts.audit.get(going_on)
            since = min(since, 0 if first is None else _whole(first["seq"]) - 1)
        told: set[str] = set()
        if since == after:
            return told
        pages, ids = await self._voided(since)
        for number in numbers:
            reference, read = self._parts.reference(number), since
            while read < after:
                found = await self._parts.audit.search(
                    AuditQuery(data_subject=reference, kind=_RELEASE, after_seq=read, limit=_AT_ONCE)
                )
                told.update(
                    _release_of(record)
                    for record in found
                    if _whole(record["seq"]) <= after and record["seq"] not in pages and record["id"] not in ids
                )
                read = _whole(found[-1]["seq"]) if len(found) == _AT_ONCE else after
        return told

    async def _after(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        record = await self._parts.audit.get(cursor) if _ID.fullmatch(cursor) else None
        if record is None or record.get("kind") != _RELEASE:
            raise InvalidRequest("The cursor is not one that an answer gave.")
        return _whole(record["seq"])

    async def _voided(self, since: int) -> tuple[set[int], set[str]]:
        """Return what never left of the records from *since* on: their sequences, and ids of single pages."""
        pages: set[int] = set()
        ids: set[str] = set()
        read = 0
        while read < _MOST_VOIDS:
            found = await self._parts.audit.search(AuditQuery(kind=_VOID, after_seq=since, limit=_AT_ONCE))
            for void in found:
                named = void.get("pages")
                if isinstance(named, list):
                    pages.update(seq for seq in named if isinstance(seq, int))
                else:
                    ids.add(str(void.get("parent_id")))
            if len(found) < _AT_ONCE:
                break
            since, read = _whole(found[-1]["seq"]), read + len(found)
        return pages, ids

    def _items(self, records: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
        """Return one item for each release; the log has a record for each of its pages."""
        items: dict[str, dict[str, object]] = {}
        for record in records:
            release_id = _release_of(record)
            if release_id not in items:
                items[release_id] = {**self._item(record), "release_id": release_id}
        return list(items.values())

    def _item(self, record: Mapping[str, object]) -> dict[str, object]:
        catalogue = self._parts.catalogue
        requester = catalogue.requesters.get(str(record.get("requester")))
        purpose = catalogue.purposes.get(str(record.get("purpose")))
        columns, consent = record.get("columns"), record.get("consent")
        item = {
            "at": record["at"],
            "requester": record.get("requester"),
            "requester_title": dict(requester.title) if requester is not None else {},
            "recipient": record.get("recipient"),
            "purpose": record.get("purpose"),
            "purpose_title": dict(purpose.title) if purpose is not None else {},
            "datasets": record.get("datasets", []),
            "columns": sorted(columns) if isinstance(columns, Mapping) else [],
            "legal_basis": record.get("legal_basis"),
            "consent_seq": consent.get("seq") if isinstance(consent, Mapping) else None,
        }
        if is_provision(record):  # what is on record of it is theirs to see (APPI 33(5))
            told = provision_fields(catalogue, record)
            item["provision"] = {name: told[name] for name in ("third_party", "items", "consent")}
        return item


def _release_of(record: Mapping[str, object]) -> str:
    return str(record.get("parent_id", record["id"]))


def _whole(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - the log numbers its records
    return value
