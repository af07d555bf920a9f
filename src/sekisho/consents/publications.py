"""Who may publish, what of it is recorded, and how a version reads in a list: for notices and for purposes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from sekisho.consents.parts import Parts
from sekisho.consents.trail import Trail
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.notices import SYSTEM, Change, Notice, PurposeVersion, Status, version_number
from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, AuditUnavailable, NotFound
from sekisho.ports import AuditEntry

_RECORDS = uuid.UUID("5e6b7f0a-6a58-4f0e-9a3c-5d2f1f4c7b11")  # one record for each thing published


class PublicationRecords:
    """The audit records of drafts and publications, and of the consent events that a publication wrote.

    They name the sequence as ``published_seq``: one may be written late, and ``consent_seq`` only ever grows.
    """

    def __init__(self, parts: Parts) -> None:
        self._audit = parts.audit
        self._ledger = parts.ledger
        self._trail = Trail(parts)

    async def require(self) -> None:
        """Raise ``AuditUnavailable`` when nothing could be recorded: then nothing may change either."""
        if not await self._audit.healthy():
            raise AuditUnavailable("The audit log does not answer; nothing was changed. Try again.")

    async def notice(self, kind: str, notice: Notice, requester: str | None) -> None:
        """Record what became of a version of a notice; *requester* is ``None`` for the gateway itself."""
        await self._note(
            kind,
            f"{notice.key}/{notice.version}",
            requester,
            {
                "notice": notice.key,
                "version": notice.version,
                "change": notice.change.value,
                "purposes": list(notice.purposes),
                "sha256": {locale: notice.sha256(locale) for locale in notice.texts},
                "published_seq": notice.published_seq,
            },
            purposes=len(notice.purposes),
        )

    async def facts(self, kind: str, version: PurposeVersion, requester: str | None) -> None:
        """Record what became of a version of a purpose's facts."""
        await self._note(
            kind,
            f"{version.purpose}/{version.version}",
            requester,
            {
                "purpose": version.purpose,
                "version": version.version,
                "change": version.change.value,
                "sha256": version.sha256,
                "source": version.source,
                "published_seq": version.published_seq,
            },
        )

    async def _note(
        self, kind: str, what: str, requester: str | None, fields: Mapping[str, object], purposes: int = 1
    ) -> None:
        """Record it once, however many workers did it and however often it is repeated."""
        audit, record_id = self._audit, str(uuid.uuid5(_RECORDS, f"{kind}:{what}"))
        if await audit.get(record_id) is not None:
            return
        by = {} if requester is None else {"requester": requester}
        seq = fields["published_seq"]
        if isinstance(seq, int) and fields["change"] == Change.MAJOR:
            # One event for each purpose about which people are asked again, in the transaction that published.
            events = await self._ledger.changes(max(0, seq - purposes), purposes)
            actor = SYSTEM if requester is None else f"requester:{requester}"
            asked = [e for e in events if e.seq <= seq and (e.kind, e.actor) == (ConsentEventKind.PUBLISH, actor)]
            await self._trail.note(asked, requester=requester)
        try:
            await audit.append(AuditEntry(kind, {**fields, **by}, record_id))
        except AuditUnavailable:
            if await audit.get(record_id) is None:  # else another worker was first
                raise


def require_role(requester: Requester, roles: Collection[str]) -> None:
    """Raise ``AccessDenied`` unless *requester* has one of *roles*."""
    if requester.roles.isdisjoint(roles):
        raise AccessDenied("This needs the role " + " or ".join(sorted(roles)) + ".")


def number_of(version: str) -> int:
    """Return the version that *version* spells. Raises ``NotFound``."""
    number = version_number(version)
    if number is None:
        raise NotFound("There is no such version.")
    return number


def spelled(version: int | None) -> str | None:
    """Return a version as the contract spells it."""
    return None if version is None else str(version)


def listed_notice(notice: Notice) -> dict[str, object]:
    """Return *notice* as an item of a list; a draft with its texts, which stand nowhere else."""
    draft = notice.status is Status.DRAFT
    return {
        "key": notice.key,
        "version": str(notice.version),
        "change": notice.change.value,
        "status": notice.status.value,
        "purposes": list(notice.purposes),
        "sha256": {locale: notice.sha256(locale) for locale in sorted(notice.texts)},
        "drafted_by": notice.drafted_by,
        "published_by": notice.published_by,
        "effective_from": rfc3339(notice.published_at),
        "supersedes": spelled(notice.supersedes),
        **({"texts": dict(notice.texts)} if draft else {}),
    }


def listed_facts(version: PurposeVersion) -> dict[str, object]:
    """Return *version* as an item of a list."""
    return {
        "version": str(version.version),
        "change": version.change.value,
        "status": version.status.value,
        "source": version.source,
        "sha256": version.sha256,
        "effective_from": rfc3339(version.published_at),
        "facts": dict(version.facts),
    }
