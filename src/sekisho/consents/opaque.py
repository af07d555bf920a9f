"""Ids of people for addresses (URLs): an identifier never stands in one.

An id is the same for every caller who may have it, deterministic, and an AES block under a key of its own:
a made-up id names nobody, and an id is no pseudonym of any requester.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sekisho.domain.terms import SubjectNumber
from sekisho.ports import KeyRing
from sekisho.transform.pseudonym import PersonPseudonyms

_DOMAIN = 2  # beside data subjects as requesters know them; the key differs besides


class OpaqueIds:
    """Turns person numbers into ids and back.

    Parameters
    ----------
    keys:
        Key ring; the label is ``data-subject-id``.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._blocks = PersonPseudonyms(keys.derive("data-subject-id"), _DOMAIN)

    def id_of(self, number: SubjectNumber) -> str:
        """Return the id of person *number*: 32 lower-case hexadecimal digits."""
        return self.ids_of([number])[0]

    def ids_of(self, numbers: Sequence[SubjectNumber]) -> list[str]:
        """Return the id of each of *numbers*."""
        ids: list[str] = self._blocks.encode(np.array(numbers, np.int64)).to_pylist()
        return ids

    def number_of(self, text: str) -> SubjectNumber | None:
        """Return the person whose id *text* is, or ``None`` for what was not made here.

        The person may have been erased since: whoever asks the ledger finds nothing but hashes.
        """
        number = self._blocks.decode(text)
        return None if number is None else SubjectNumber(number)
