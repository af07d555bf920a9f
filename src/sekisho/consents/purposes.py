"""What people are told about each purpose, as versions of facts; see ``domain.purpose_facts``.

The enforcement itself stays with ``sekisho.yaml``: facts only tell of it, and follow the file at every start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sekisho.consents.effects import Effects
from sekisho.consents.parts import Parts
from sekisho.consents.publications import PublicationRecords, listed_facts, number_of, require_role
from sekisho.domain.consent_rules import COLLECTION_POINT, PRIVACY_OFFICER
from sekisho.domain.notices import SYSTEM, Change, PurposeVersion, Status
from sekisho.domain.purpose_facts import change_between, facts_of, facts_sha256, material_differences, told_anew
from sekisho.domain.terms import LegalBasis, Purpose, Requester
from sekisho.errors import InvalidRequest, NotFound

READERS = frozenset({PRIVACY_OFFICER, COLLECTION_POINT, "auditor"})
"""Roles that see drafts and every version."""

_FILE, _API = "file", "api"


class Purposes:
    """The use cases of purposes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._registry = parts.notices
        self._effects = Effects(parts)
        self._records = PublicationRecords(parts)

    async def all_versions(self, requester: Requester) -> list[dict[str, object]]:
        """Return what is told of every purpose, with its versions. Raises ``AccessDenied``."""
        require_role(requester, READERS)
        items = []
        for name in self._parts.catalogue.purposes:
            versions = await self._registry.purpose_versions(name)
            items.append({**self._told(name, versions), "versions": [listed_facts(version) for version in versions]})
        return items

    async def draft(
        self, requester: Requester, purpose: str, change: Change, facts: Mapping[str, object]
    ) -> dict[str, object]:
        """Keep a new version of what people are told of *purpose*: the facts in force, with *facts* in their place.

        What is enforced stays what ``sekisho.yaml`` declares; *facts* may hold what only describes it.

        Raises
        ------
        AccessDenied
            When *requester* is not the privacy officer.
        UnknownPurpose, InvalidRequest
            When there is no such purpose, *facts* hold something else, change nothing, or ask for more than
            people were told although *change* is minor.
        """
        require_role(requester, {PRIVACY_OFFICER})
        current = await self._facts_in_force(self._parts.purpose(purpose))
        wanted = told_anew(current, facts)
        needed = change_between(current, wanted)
        if needed is None:
            raise InvalidRequest("People are told exactly this already.")
        if needed is Change.MAJOR and change is Change.MINOR:
            differing = ", ".join(material_differences(current, wanted))
            raise InvalidRequest(f"This is a major change ({differing}): people have to be asked again.")
        await self._records.require()
        version = await self._registry.declare(purpose, change, wanted, _API, f"requester:{requester.name}")
        await self._records.facts("purpose.draft", version, requester.name)
        return {"purpose": purpose, **listed_facts(version)}

    async def publish(self, requester: Requester, purpose: str, version: str) -> dict[str, object]:
        """Bring a draft of a purpose's facts into force; return it with ``seq``. Repeating is harmless.

        Raises
        ------
        AccessDenied
            When *requester* is not the privacy officer.
        UnknownPurpose, NotFound, InvalidRequest
            When there is no such draft, or a newer version is in force already.
        AuditUnavailable
            When it could not be recorded; repeat it.
        """
        require_role(requester, {PRIVACY_OFFICER})
        number = number_of(version)
        self._parts.purpose(purpose)
        await self._records.require()
        done = await self._registry.publish_purpose(purpose, number, f"requester:{requester.name}")
        await self._records.facts("purpose.publish", done, requester.name)
        return {"purpose": purpose, **listed_facts(done), "seq": done.published_seq}

    async def simulate(self, requester: Requester, purpose: str, version: str) -> dict[str, object]:
        """Return what publishing these facts would do to whom, as ``Notices.simulate`` does; changes nothing."""
        require_role(requester, {PRIVACY_OFFICER})
        number = number_of(version)
        self._parts.purpose(purpose)
        versions = await self._registry.purpose_versions(purpose)
        draft = next((found for found in versions if found.version == number), None)
        if draft is None:
            raise NotFound("There is no such version of this purpose.")
        told = published_facts(versions)
        cleared: set[str] = set()
        if draft.status is Status.DRAFT and told:
            if told[-1].version > number:
                raise InvalidRequest("A newer version is in force; draft this one anew.")
            cleared = {purpose} if draft.change is Change.MAJOR else set()
        effect = await self._effects.of_asking_again((purpose,), cleared)
        return {"purpose": purpose, "version": str(number), "change": draft.change.value, **effect}

    async def sync(self, purpose: Purpose) -> None:
        """Publish what the file declares of *purpose* where it differs from what the file said before."""
        facts, versions = facts_of(purpose), await self._registry.purpose_versions(purpose.name)
        of_file = [version for version in versions if version.source == _FILE]
        told = published_facts(versions)
        if of_file and of_file[-1].sha256 == facts_sha256(facts) and of_file[-1].status is Status.PUBLISHED:
            draft = of_file[-1]
        else:
            # Against what people are told now: who was asked about it by the API already is not asked twice.
            change = (change_between(told[-1].facts, facts) if told else None) or Change.MINOR
            draft = await self._registry.declare(purpose.name, change, facts, _FILE, SYSTEM)
        if draft.status is Status.DRAFT:
            if told:
                await self._carry_noes(purpose, told[-1].facts)
            try:
                draft = await self._registry.publish_purpose(purpose.name, draft.version, SYSTEM)
            except InvalidRequest:
                return  # somebody published a newer one meanwhile
        await self._records.facts("purpose.publish", draft, None)

    async def _carry_noes(self, purpose: Purpose, before: Mapping[str, object]) -> None:
        """Let objections hold for what the file makes of *purpose*, of which it told *before*.

        It is done before that is published: a start that breaks off in between does it again.
        """
        if purpose.legal_basis is not LegalBasis.LEGITIMATE_INTEREST:
            return  # nothing is in use that nobody said yes to, and whoever did is asked again
        cells, known = before.get("cells"), purpose.all_cells()
        if isinstance(cells, Sequence):
            known = replace(purpose, cells=tuple(map(str, cells))).all_cells()
        turned = before.get("legal_basis") != purpose.legal_basis
        new = [cell for cell in purpose.all_cells() if cell not in known]
        same = [cell for cell in purpose.all_cells() if cell in known] if turned else []
        if new or same:
            await self._parts.ledger.carry_noes(purpose.name, new, same)

    async def told(self, purpose: str, at: datetime | None = None) -> dict[str, object]:
        """Return what is told of *purpose* now, or was told *at* a time: ``{purpose, version, …facts…}``."""
        return self._told(purpose, await self._registry.purpose_versions(purpose), at)

    def _told(
        self, purpose: str, versions: Sequence[PurposeVersion], at: datetime | None = None
    ) -> dict[str, object]:
        published = published_facts(versions)
        found = facts_at(published, at) if at is not None else next(reversed(published), None)
        if found is not None:
            return {"purpose": purpose, "version": str(found.version), **found.facts}
        declared = self._parts.catalogue.purposes.get(purpose)
        return {"purpose": purpose, "version": None, **({} if declared is None else facts_of(declared))}

    async def _facts_in_force(self, purpose: Purpose) -> Mapping[str, object]:
        versions = published_facts(await self._registry.purpose_versions(purpose.name))
        return versions[-1].facts if versions else facts_of(purpose)


def published_facts(versions: Sequence[PurposeVersion]) -> list[PurposeVersion]:
    """Return those of *versions* that were in force at some time, in order."""
    return [version for version in versions if version.status is Status.PUBLISHED]


def facts_at(published: Sequence[PurposeVersion], at: datetime | None) -> PurposeVersion | None:
    """Return the version that was in force *at* a time; the first one for what came before it."""
    earlier = [v for v in published if at is not None and v.published_at is not None and v.published_at <= at]
    return earlier[-1] if earlier else next(iter(published), None)
