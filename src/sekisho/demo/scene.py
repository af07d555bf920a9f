"""What the parts of the story are made of: what was asked, what came back, and what was expected."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from sekisho.bootstrap import Workspace
from sekisho.demo.controller import ControllersFiles
from sekisho.demo.workspace import Built
from sekisho.domain.terms import Cell, Requester
from sekisho.errors import SekishoError
from sekisho.ports import DataSubjectRef
from sekisho.release import Ask, Release

PAGE_ROWS = 65_536
IDENTIFIER = "customer_id"
"""How the demonstration's datasets name people."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something that the story says, and whether it is so."""

    says: str
    held: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A small table to be shown; every cell is text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wrapped: int | None = None
    """The one column that may take several lines; the others are cut."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the story.

    Attributes
    ----------
    number:
        From 1.
    ja, en:
        Its title.
    asked:
        Who asks, for what, and the statement; empty when nobody asks.
    lines:
        What came of it, a sentence each.
    grids:
        Small tables.
    facts:
        The same as JSON values.
    expectations:
        What must be so.
    """

    number: int
    ja: str
    en: str
    lines: tuple[str, ...]
    facts: Mapping[str, object]
    expectations: tuple[Expectation, ...]
    asked: str = ""
    grids: tuple[Grid, ...] = ()

    @property
    def held(self) -> bool:
        """Whether everything was as expected."""
        return all(expectation.held for expectation in self.expectations)

    def as_json(self) -> dict[str, object]:
        """Return the part as JSON values."""
        return {
            "number": self.number,
            "title": {"ja": self.ja, "en": self.en},
            "facts": dict(self.facts),
            "expectations": [{"says": each.says, "held": each.held} for each in self.expectations],
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """What a requester got: rows, or a code and a sentence.

    ``table`` has no rows and no columns when the answer was no; ``transforms`` is in column order.
    """

    table: pa.Table = field(repr=False)
    transforms: tuple[str, ...] = ()
    code: str = ""
    detail: str = ""
    release_id: str = ""
    audit_seq: int = 0
    seconds: float = 0.0

    @property
    def refused(self) -> bool:
        """Whether the answer was no."""
        return bool(self.code)

    def row(self, place: int) -> tuple[str, ...]:
        """Return one row as text."""
        return tuple(shown(column[place].as_py()) for column in self.table.columns)


@dataclass(frozen=True)
class Scene:
    """An open demonstration workspace, and the controller's own view of its files beside it."""

    workspace: Workspace
    built: Built
    files: ControllersFiles
    heard: list[Reply] = field(default_factory=list)
    """Every reply of the story so far."""

    @property
    def order_lines(self) -> str:
        """The dataset of order lines that is asked for: the one in a server, where there is one."""
        datasets = self.workspace.settings.catalogue.datasets
        return "crm.order_lines" if "crm.order_lines" in datasets else "pos.order_lines"

    def requester(self, name: str) -> Requester:
        """Return a registered requester. Raises ``KeyError``."""
        return self.workspace.settings.catalogue.requesters[name]

    async def ask(self, requester: str, purpose: str, sql: str) -> Reply:
        """Ask the gateway and read all pages."""
        began = time.perf_counter()
        try:
            release = await self.workspace.gateway.query(
                self.requester(requester), Ask(purpose, sql), page_rows=PAGE_ROWS
            )
            return await self._read(release, began)
        except SekishoError as refusal:
            return self._refused(refusal, began)

    async def read_view(self, requester: str, purpose: str, name: str) -> Reply:
        """Read a published view through the gateway."""
        began = time.perf_counter()
        try:
            release = await self.workspace.gateway.read_view(self.requester(requester), name, purpose)
            return await self._read(release, began)
        except SekishoError as refusal:
            return self._refused(refusal, began)

    async def _read(self, release: Release, began: float) -> Reply:
        pages = [page async for page in release.pages()]
        reply = Reply(
            pa.Table.from_batches([page.batch for page in pages]),
            tuple(output.transform.value for output in release.columns),
            release_id=release.id,
            audit_seq=pages[0].audit_seq,
            seconds=time.perf_counter() - began,
        )
        self.heard.append(reply)
        return reply

    def _refused(self, refusal: SekishoError, began: float) -> Reply:
        seconds = time.perf_counter() - began
        reply = Reply(pa.table({}), code=refusal.code, detail=refusal.detail, seconds=seconds)
        self.heard.append(reply)
        return reply

    async def agreeing(self, *cells: Cell) -> list[int]:
        """Return the customer ids of those who agree to all *cells* now, by the ledger."""
        view = await self.workspace.ledger.view(cells)
        keys = await self.workspace.people.keys(IDENTIFIER)
        inside = np.isin(keys.numbers, view.members())
        return [int(value) for value in keys.values.filter(pa.array(inside)).to_pylist()]

    async def pseudonym(self, requester: str, purpose: str, customer: int) -> str:
        """Return the pseudonym under which *requester* knows a customer for *purpose*."""
        number = await self.workspace.people.number_of(DataSubjectRef(IDENTIFIER, str(customer)))
        declared = self.workspace.settings.catalogue.purposes[purpose]
        keyed = await self.workspace.gateway.pseudonymity.of(self.requester(requester), declared)
        encoded: str = keyed.pseudonyms.encode(np.array([-1 if number is None else number], np.int64))[0].as_py()
        return encoded


def shown(value: object) -> str:
    """Return a value as a small table shows it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    return str(value)


def short(token: str, length: int = 12) -> str:
    """Return the beginning of a pseudonym or token."""
    return token if len(token) <= length else f"{token[:length]}…"


def share(part: int, whole: int) -> str:
    """Return *part* of *whole* in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "–"
