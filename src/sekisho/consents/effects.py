"""Whom a publication would touch: people who must be asked again, requesters that would lose their data."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from sekisho.consents.parts import Parts
from sekisho.domain.consent_rules import asks_people
from sekisho.domain.terms import LegalBasis, Purpose


class Effects:
    """Counts over the ledger as it stands; nothing is changed."""

    def __init__(self, parts: Parts) -> None:
        self._catalogue = parts.catalogue
        self._ledger = parts.ledger

    async def of_asking_again(self, purposes: Sequence[str], cleared: Collection[str]) -> dict[str, object]:
        """Return ``{asked_again, by_purpose, in_force_now, requesters}``.

        Parameters
        ----------
        purposes:
            Names of the purposes that the publication is about.
        cleared:
            Those about which people were told before, and would be told anew. What stands on legitimate
            interest stays active until somebody objects, so that nobody is asked again for it.

        People are counted who have at least one cell of a purpose in force; for ``asked_again`` once in all.
        """
        everybody = np.zeros(0, np.bool_)
        in_force, again = {}, {}
        for name in purposes:
            purpose = self._catalogue.purposes.get(name)
            if purpose is None or not asks_people(purpose):
                continue
            flags = await self._in_force(purpose)
            in_force[name] = again[name] = int(np.count_nonzero(flags))
            if name in cleared and purpose.legal_basis is LegalBasis.CONSENT:
                everybody = _either(everybody, flags)
            else:
                again[name] = 0
        lost = {name for name, people in again.items() if people}
        return {
            "asked_again": int(np.count_nonzero(everybody)),
            "by_purpose": again,
            "in_force_now": in_force,
            "requesters": sorted(r.name for r in self._catalogue.requesters.values() if r.purposes & lost),
        }

    async def _in_force(self, purpose: Purpose) -> NDArray[np.bool_]:
        """Return, by person number, who has a cell of *purpose* in force."""
        flags = np.zeros(0, np.bool_)
        for cell in purpose.all_cells():
            members = (await self._ledger.view((cell,))).members()
            found = np.zeros(int(members[-1]) + 1 if len(members) else 0, np.bool_)
            found[members] = True
            flags = _either(flags, found)
        return flags


def _either(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    short, long = sorted((one, other), key=len)
    union = long.copy()
    union[: len(short)] |= short
    return union
