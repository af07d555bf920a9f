"""What people are asked: notices, drafted, simulated, published, and shown.

A purpose that nobody wrote a notice for has one that the gateway writes; it follows the purpose's facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sekisho.consents.effects import Effects
from sekisho.consents.parts import Parts
from sekisho.consents.publications import PublicationRecords, listed_notice, number_of, require_role, spelled
from sekisho.consents.purposes import READERS, Purposes, facts_at, published_facts
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.domain.notice_texts import generated_texts
from sekisho.domain.notices import CONTENT_TYPE, SYSTEM, Change, Notice, Status, check_notice, shown_locale
from sekisho.domain.purpose_facts import change_between, facts_json, facts_of
from sekisho.domain.terms import Requester
from sekisho.errors import InvalidRequest, NotFound

_NO_NOTICE = "There is no such notice."


class Notices:
    """The use cases of notices and purposes.

    Parameters
    ----------
    parts:
        The ports.
    controller_name, controller_contact:
        Who answers for the data, and where people can ask; part of every notice.
    """

    def __init__(self, parts: Parts, controller_name: str, controller_contact: str) -> None:
        self._parts = parts
        self._registry = parts.notices
        self._purposes = parts.catalogue.purposes
        self._controller = {"name": controller_name, "contact": controller_contact}
        self._effects = Effects(parts)
        self._records = PublicationRecords(parts)
        self.purposes = Purposes(parts)

    async def sync(self) -> None:
        """Bring what people are told up to the workspace file; at every start, by every worker.

        Facts that differ from those of the file before are published, as major as the difference is. Each
        purpose has a notice in force afterwards. Doing it again, or at the same time elsewhere, adds nothing.
        """
        for purpose in self._purposes.values():
            await self.purposes.sync(purpose)
            await self._follow(purpose.name)

    # Read -------------------------------------------------------------------------------------------

    async def in_force(self, key: str, locale: str | None = None, version: str | None = None) -> dict[str, object]:
        """Return the notice that people are shown; its members are those of ``GET /v1/notices/{key}``.

        Parameters
        ----------
        key:
            Of a notice, or the name of a purpose: then the notice in force for it.
        locale:
            Language asked for; another is shown where the notice lacks it (``locale`` says which).
        version:
            An older published version instead.

        Raises
        ------
        NotFound
            When no such version was ever published; a draft is not shown to anybody.
        """
        notice = await self._published(key, version)
        current = any(_same(told, notice) for told in (await self._registry.all_in_force()).values())
        at = None if current else notice.published_at
        shown = shown_locale(notice, locale)
        answer: dict[str, object] = {
            "key": notice.key,
            "version": str(notice.version),
            "in_force": current,
            "locale": shown,
            "locales": sorted(notice.texts),
            "sha256": notice.sha256(shown),
            "text": notice.texts[shown],
            "content_type": CONTENT_TYPE,
            "purposes": [await self.purposes.told(purpose, at) for purpose in notice.purposes],
            "controller": self._controller,
            "change": notice.change.value,
            "effective_from": rfc3339(notice.published_at),
            "supersedes": spelled(notice.supersedes),
        }
        digest = hashlib.sha256(facts_json(answer).encode()).hexdigest()[:16]
        return {**answer, "etag": f"{notice.sha256(shown)}.{digest}", "served_id": self._parts.clock.new_id()}

    async def all_notices(self, requester: Requester) -> list[dict[str, object]]:
        """Return every version of every notice, newest last; drafts with their texts. Raises ``AccessDenied``."""
        require_role(requester, READERS)
        return [listed_notice(notice) for notice in await self._registry.notices()]

    # Notices ----------------------------------------------------------------------------------------

    async def draft(
        self, requester: Requester, key: str, change: Change, purposes: Sequence[str], texts: Mapping[str, str]
    ) -> dict[str, object]:
        """Keep a new version of a notice, which nobody is shown yet; return ``{key, version, …}``.

        Raises
        ------
        AccessDenied
            When *requester* is not the privacy officer.
        UnknownPurpose, InvalidRequest
            When a purpose is not declared, or this cannot be a notice (a text in every language, a purpose).
        """
        require_role(requester, {PRIVACY_OFFICER})
        named = tuple(purposes)
        check_notice(key, named, texts)
        for name in named:
            self._parts.purpose(name)
        if key in self._purposes and key not in named:
            raise InvalidRequest("A notice that is called like a purpose tells of that purpose.")
        await self._records.require()
        notice = await self._registry.draft(key, change, named, texts, f"requester:{requester.name}")
        await self._records.notice("notice.draft", notice, requester.name)
        return listed_notice(notice)

    async def publish(self, requester: Requester, key: str, version: str) -> dict[str, object]:
        """Bring a draft into force; return it with ``seq``. Major: everybody is asked again. Repeating is harmless.

        Raises
        ------
        AccessDenied
            When *requester* is not the privacy officer.
        NotFound, InvalidRequest
            When there is no such draft, or a newer version is in force already.
        AuditUnavailable
            When it could not be recorded; repeat it.
        """
        require_role(requester, {PRIVACY_OFFICER})
        number = number_of(version)
        await self._records.require()
        notice = await self._registry.publish(key, number, f"requester:{requester.name}")
        await self._records.notice("notice.publish", notice, requester.name)
        return {**listed_notice(notice), "seq": notice.published_seq}

    async def simulate(self, requester: Requester, key: str, version: str) -> dict[str, object]:
        """Return what publishing this version would do to whom; changes nothing.

        ``{key, version, change, asked_again, by_purpose, in_force_now, requesters}``: people who would have to
        be asked again (in all, and by purpose), people in force now, and the requesters that would lose data.
        Raises as :meth:`publish` does.
        """
        require_role(requester, {PRIVACY_OFFICER})
        notice = await self._registry.notice(key, number_of(version))
        if notice is None:
            raise NotFound(_NO_NOTICE)
        told_of = {name: await self._registry.in_force(name) for name in notice.purposes}
        newest = [*told_of.values(), await self._registry.notice(key)]
        cleared: set[str] = set()
        if notice.status is Status.DRAFT:
            if any(found is not None and found.version > notice.version for found in newest):
                raise InvalidRequest("A newer version is in force; draft this one anew.")
            if notice.change is Change.MAJOR:
                cleared = {name for name, found in told_of.items() if found is not None}
        effect = await self._effects.of_asking_again(notice.purposes, cleared)
        return {"key": key, "version": str(notice.version), "change": notice.change.value, **effect}

    async def publish_purpose(self, requester: Requester, purpose: str, version: str) -> dict[str, object]:
        """Bring a draft of a purpose's facts into force, as ``Purposes.publish`` does.

        The notice that the gateway wrote for the purpose follows; one of the controller's own does not.
        """
        done = await self.purposes.publish(requester, purpose, version)
        await self._follow(purpose)
        return done

    async def _follow(self, purpose: str) -> None:
        """Publish the notice that the gateway writes for *purpose*, unless somebody wrote one."""
        current = await self._registry.in_force(purpose)
        if current is not None and current.drafted_by != SYSTEM:
            return
        versions = published_facts(await self._registry.purpose_versions(purpose))
        facts = versions[-1].facts if versions else facts_of(self._purposes[purpose])
        texts = generated_texts(facts, self._controller["name"], self._controller["contact"])
        if current is None or dict(current.texts) != texts:
            before = None if current is None else facts_at(versions, current.published_at)
            change = (None if before is None else change_between(before.facts, facts)) or Change.MINOR
            draft = await self._registry.draft(purpose, change, (purpose,), texts, SYSTEM)
            try:
                current = await self._registry.publish(draft.key, draft.version, SYSTEM)
            except InvalidRequest:
                return  # somebody published a newer one meanwhile
        await self._records.notice("notice.publish", current, None)

    async def _published(self, key: str, version: str | None) -> Notice:
        notice = None
        if version is not None:
            number = number_of(version)
            notice = await self._registry.notice(key, number)
            if notice is None and key in self._purposes:
                every = await self._registry.notices()
                notice = next((n for n in every if n.version == number and key in n.purposes), None)
        elif key in self._purposes:
            notice = await self._registry.in_force(key)
        else:
            notice = await self._registry.notice(key)
        if notice is None or notice.status is not Status.PUBLISHED:
            raise NotFound(_NO_NOTICE)
        return notice


def _same(one: Notice, other: Notice) -> bool:
    return (one.key, one.version) == (other.key, other.version)
