"""The classes in force: the catalogue as ``sekisho.yaml`` declares it and reviews leave it, on every worker.

Each statement first asks whether anything was decided since (one small read), where the workspace leaves classes to
reviews or has a section about scans. Elsewhere a review can only restrict, and reaches other workers within a second.
What cannot be read is not known: then nothing is released.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sekisho.domain.scans import KnownColumn, in_force
from sekisho.domain.terms import Catalogue, Dataset
from sekisho.errors import SekishoError
from sekisho.ports.scans import ColumnRecords

_LOOK_S: Final = 1.0


class Classes:
    """Holds the catalogue that is in force.

    Parameters
    ----------
    declared:
        The catalogue of ``sekisho.yaml``.
    records:
        What was found and reviewed.
    enforce:
        Whether what a scan found to need a stricter class is restricted before anybody looked at it.
    always:
        Whether every statement asks; it does in any case where a column is left to the review.
    """

    def __init__(
        self, declared: Catalogue, records: ColumnRecords, *, enforce: bool = False, always: bool = False
    ) -> None:
        self._declared = declared
        self._records = records
        self._enforce = enforce
        self.asked_always = always or any(
            column.unreviewed for dataset in declared.datasets.values() for column in dataset.columns
        )
        self.catalogue = declared
        self._version = -1  # before the first look
        self._loading = asyncio.Lock()

    async def current(self) -> Catalogue:
        """Return the catalogue in force. Raises ``PolicyUnavailable`` when it cannot be known."""
        if self.asked_always or self._version < 0:
            await self.look()
        return self.catalogue

    async def look(self) -> None:
        """Take over what was decided since. Raises ``PolicyUnavailable``."""
        version = await self._records.version()
        if version == self._version:
            return
        async with self._loading:
            if version == self._version:
                return
            known = await self._records.known()
            self._take(version, known)

    async def run(self) -> None:
        """Look again and again, until cancelled. What fails is tried again: every statement that must know asks."""
        while True:
            with suppress(SekishoError):
                await self.look()
            await asyncio.sleep(_LOOK_S)

    def _take(self, version: int, known: list[KnownColumn]) -> None:
        by_dataset: dict[str, dict[str, KnownColumn]] = {}
        for column in known:
            if column.scanned.dataset is not None:
                by_dataset.setdefault(column.scanned.dataset, {})[column.scanned.place.name] = column
        datasets = {
            name: in_force(dataset, by_dataset.get(name, {}), enforce=self._enforce)
            for name, dataset in self._declared.datasets.items()
        }
        catalogue = self._declared
        if datasets != dict(self._declared.datasets):
            # Plans and held answers go by the revision: other classes are another catalogue, the same are the same.
            revision = f"{self._declared.revision}+{_digest(datasets)}"
            catalogue = replace(self._declared, datasets=datasets, revision=revision)
        self._version = version
        if catalogue.revision != self.catalogue.revision:
            self.catalogue = catalogue


def _digest(datasets: Mapping[str, Dataset]) -> str:
    classes = [
        (name, column.name, column.column_class, column.category, column.generalise, column.domain)
        for name, dataset in sorted(datasets.items())
        for column in dataset.columns
    ]
    return hashlib.sha256(json.dumps(classes).encode()).hexdigest()[:16]
