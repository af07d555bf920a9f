"""When people were asked again, for those who bring decisions of the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from sekisho.consents.parts import Parts
from sekisho.domain.notices import Change, Notice, PurposeVersion
from sekisho.domain.terms import LegalBasis, Purpose
from sekisho.errors import NoticeOutdated

_OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class AskedAgain:
    """When people were asked again, purpose by purpose, and which notices may still be agreed to.

    Parameters
    ----------
    notices, facts:
        Every version of the notices, and of what is declared about each purpose.
    """

    def __init__(self, notices: Iterable[Notice], facts: Mapping[str, Iterable[PurposeVersion]]) -> None:
        self._notices: dict[str, list[tuple[datetime, Notice]]] = {}
        for notice in notices:
            if notice.published_at is not None:
                for name in notice.purposes:
                    self._notices.setdefault(name, []).append((notice.published_at, notice))
        self._facts = {
            name: _asked_again((one.published_at, one.change) for one in versions) for name, versions in facts.items()
        }

    @classmethod
    async def read(cls, parts: Parts) -> AskedAgain:
        """Return what the registry says now."""
        facts = {name: await parts.notices.purpose_versions(name) for name in parts.catalogue.purposes}
        return cls(await parts.notices.notices(), facts)

    def __eq__(self, other: object) -> bool:
        """Return whether *other* says the same of every line."""
        return isinstance(other, AskedAgain) and (self._notices, self._facts) == (other._notices, other._facts)

    __hash__ = None  # type: ignore[assignment]  # compared, never a key

    def in_force(self, purpose: Purpose) -> str | None:
        """Return the version of the notice that tells of *purpose* now, which a line without one is taken for."""
        published = self._notices.get(purpose.name, [])
        return str(max(published, key=lambda one: one[0])[1].version) if published else None

    def check(self, purpose: Purpose, version: str | None) -> tuple[Notice | None, datetime | None]:
        """Return the notice *version* as far as it is known here, and before when a yes on it is outdated.

        A version that was never published here is taken for an older one, from before.

        Raises ``NoticeOutdated`` when no yes on it can count, whenever it was said.
        """
        published = self._notices.get(purpose.name, [])
        at, shown = next(((at, one) for at, one in published if str(one.version) == version), (_OLDEST, None))
        if purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST:
            return shown, None  # active until somebody objects: nobody is asked
        told = _asked_again((at, one.change) for at, one in published)
        facts = self._facts.get(purpose.name)
        if shown is not None and (told is None or at >= told):
            return shown, facts if facts is not None and at < facts else None
        if version is not None and told is not None:
            raise NoticeOutdated("The notice is no longer in force; people were asked again since.")
        return shown, max((at for at in (told, facts) if at is not None), default=None)


def _asked_again(published: Iterable[tuple[datetime | None, Change]]) -> datetime | None:
    """Return when the last major version came into force; the first of all asks nobody again."""
    ordered = sorted((at, change) for at, change in published if at is not None)
    return max((at for at, change in ordered[1:] if change is Change.MAJOR), default=None)
