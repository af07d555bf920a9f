"""Rotation: a new epoch of the keys of pseudonyms and tokens, on the order of a privacy officer and on record."""

from __future__ import annotations

from contextlib import suppress

from sekisho.domain.terms import Catalogue, Requester
from sekisho.errors import AccessDenied, AuditUnavailable, UnknownPurpose
from sekisho.ports import PSEUDONYMS, AuditEntry, AuditLog, EpochRecord, KeyEpochs

OFFICE = "privacy_officer"
"""Role of who may rotate keys."""


class Rotation:
    """Begins epochs and tells of them."""

    def __init__(self, epochs: KeyEpochs, catalogue: Catalogue, audit: AuditLog) -> None:
        self._epochs = epochs
        self._catalogue = catalogue
        self._audit = audit

    async def rotate(self, officer: Requester, scope: str = PSEUDONYMS) -> EpochRecord:
        """Begin an epoch for every purpose, or for the purpose *scope* alone. Whatever starts after this is in it.

        The order is on record before anything happens, and the epoch when it has begun.

        Raises ``AccessDenied``, ``UnknownPurpose``, ``AuditUnavailable``, ``KeysUnavailable``; then none has begun.
        """
        self._require_officer(officer)
        fields: dict[str, object] = {"requester": officer.name, "scope": scope}
        if scope != PSEUDONYMS:
            if scope not in self._catalogue.purposes:
                raise UnknownPurpose(f"The scope of a rotation is {PSEUDONYMS}, or a purpose of this workspace.")
            fields["purpose"] = scope
        await self._audit.append(AuditEntry("key.rotate", fields))
        begun = await self._epochs.begin(scope)
        with suppress(AuditUnavailable):  # it has begun: the order stands on record, and a second try rotates again
            await self._audit.append(AuditEntry("key.epoch", {**fields, "epoch": begun.epoch}))
        return begun

    async def epochs(self, officer: Requester) -> list[EpochRecord]:
        """Return every epoch there ever was, oldest first. Raises ``AccessDenied``, ``KeysUnavailable``."""
        self._require_officer(officer)
        return await self._epochs.records()

    @staticmethod
    def _require_officer(officer: Requester) -> None:
        if OFFICE not in officer.roles:
            raise AccessDenied("Keys are rotated by the privacy officer.")
