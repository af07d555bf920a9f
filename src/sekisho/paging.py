"""An answer page by page, each page in a request of its own: what leaves when, and what a cursor is.

The raw rows of an answer of more than one page are held, sealed, for some minutes. A page is made of them when it
is asked for: everything but the fetching is done anew. The policy decides, consent is checked, rows of people
who do not agree any more are left out, the page is recorded. It is filled up behind what was left out, and a
cursor follows only when a row follows: neither its size nor its cursor tells how many rows were withheld.

A cursor is sealed, of one length, and bound to the requester, the purpose, the statement, its parameters and the
epoch of the keys. It may be used again until it expires, and gives the same rows but for what was withdrawn since.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sekisho.answer import SMALL_PAGE_BYTES, Answer
from sekisho.domain.access import ObligationKind
from sekisho.domain.obligations import strictest
from sekisho.domain.row_filters import filter_json
from sekisho.domain.terms import Requester
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import ConsentView, KeyRing
from sekisho.ports.held import Held, HeldAnswers
from sekisho.release import Ask, ReleasedPage, everybody, masks_of
from sekisho.transform.page import numbers_of

MOST_ROWS = 1_000_000
"""Rows that can be read by cursor; an answer of more is not complete at its last page."""
MOST_BYTES = 256 << 20

_NONCE = 12
_STALE = "This cursor is not, or no longer, one of this answer; ask again without it."


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a page begins: the held answer, the row, and how many pages came before."""

    held: Held
    start: int
    number: int


class Paging:
    """Pages of answers in the form that has no stream.

    Parameters
    ----------
    held:
        Keeps raw rows between two pages.
    keys:
        Seal cursors, the same for all workers.
    epoch:
        The epoch in which the answer gives out pseudonyms: its pages hold one and the same person under one.
    """

    def __init__(self, held: HeldAnswers, keys: KeyRing, epoch: int) -> None:
        self._held = held
        self._keys = keys
        self._epoch = epoch

    async def first(self, answer: Answer, requester: Requester, ask: Ask) -> ReleasedPage:
        """Return the first page of *answer*, with a cursor when more follows."""
        while True:
            async with aclosing(answer.raw()) as batches:
                first = await anext(batches)
                second = await anext(batches, None)
                if second is None:
                    page = await answer.release(first, last=True)
                    if page is None:
                        continue  # consent changed under an aggregate
                    answer.ended(answer.laps)
                    return page
                held = await self._held.hold(
                    requester.name, _bounded(answer, first, second, batches), lambda: _about(answer)
                )
            try:
                page = await self._page(answer, Turn(held, 0, 0), self._bound(requester, ask))
            finally:
                held.close()
            if page is not None:
                return page

    async def turn(self, requester: Requester, ask: Ask) -> Turn:
        """Return where the page of a cursor begins. Raises ``InvalidRequest`` for a cursor that is not of *ask*."""
        try:
            sealed = base64.urlsafe_b64decode((ask.cursor or "").encode("ascii"))
            content = self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound(requester, ask))
        except (InvalidTag, ValueError, binascii.Error):
            raise InvalidRequest(_STALE) from None
        held = await self._held.find(content[:16].hex())
        if held is None:
            raise InvalidRequest(_STALE)
        return Turn(held, int.from_bytes(content[16:24], "big"), int.from_bytes(content[24:], "big"))

    async def next(self, answer: Answer, turn: Turn, requester: Requester, ask: Ask) -> ReleasedPage:
        """Return the page of *turn*, for a statement that was decided anew.

        Raises ``InvalidRequest`` when it was decided otherwise than before.
        """
        if turn.held.about.get("decided") != _decided(answer):
            raise InvalidRequest(_STALE)
        answer.release_id = str(turn.held.about["release"])
        page = await self._page(answer, turn, self._bound(requester, ask))
        if page is None:
            raise ConsentUnavailable(
                "Consent changed since the aggregate was computed; ask again without the cursor."
            )
        return page

    async def _page(self, answer: Answer, turn: Turn, bound: bytes) -> ReleasedPage | None:
        """Return the page of *turn*; ``None`` when the statement must run once more."""
        held, about = turn.held, turn.held.about
        view = await answer.means.consents.view(answer.permit.cells) if answer.view is not None else None
        if view is not None and not answer.query.rowwise and _members(view) != about["members"]:
            return None
        answer.view = view
        answer.number, answer.cut = turn.number, bool(about["cut"])
        answer.duties.rows = turn.start  # what the pages before may have held
        if turn.start and strictest(answer.permit.obligations, ObligationKind.MAX_DATA_SUBJECTS) is not None:
            await _remember(answer, held, turn.start, view)
        batch, positions = await _kept(answer, held, turn.start, view)
        rows = min(batch.num_rows, answer.page_rows)
        parts = -(-batch.nbytes // SMALL_PAGE_BYTES) or 1
        rows = min(rows, max(1, -(-batch.num_rows // parts)))
        more = batch.num_rows > rows
        page = await answer.release(batch.slice(0, rows), last=not more)
        if page is None or not more:
            return page
        return replace(page, cursor=self._cursor(held, int(positions[rows]), turn.number + 1, bound))

    def _cursor(self, held: Held, start: int, number: int, bound: bytes) -> str:
        content = bytes.fromhex(held.id) + start.to_bytes(8, "big") + number.to_bytes(4, "big")
        nonce = secrets.token_bytes(_NONCE)
        return base64.urlsafe_b64encode(nonce + self._cipher().encrypt(nonce, content, bound)).decode()

    def _cipher(self) -> AESGCM:
        return AESGCM(self._keys.derive("cursor"))

    def _bound(self, requester: Requester, ask: Ask) -> bytes:
        """Return what a cursor is bound to."""
        told = [requester.name, ask.purpose, ask.sql, list(ask.parameters), ask.max_rows, self._epoch]
        return hashlib.sha256(json.dumps(told, default=repr).encode("utf-8", "surrogatepass")).digest()


async def _bounded(
    answer: Answer, first: pa.RecordBatch, second: pa.RecordBatch, rest: AsyncIterator[pa.RecordBatch]
) -> AsyncIterator[pa.RecordBatch]:
    """Yield the rows that are held; remember that rows were left."""
    rows = size = 0
    waiting = [first, second]
    while (batch := waiting.pop(0) if waiting else await anext(rest, None)) is not None:
        yield batch.slice(0, MOST_ROWS - rows)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= MOST_ROWS or size >= MOST_BYTES:
            answer.cut = answer.cut or rows > MOST_ROWS or bool(waiting) or await anext(rest, None) is not None
            return


def _about(answer: Answer) -> Mapping[str, object]:
    view = answer.view
    members = None if view is None or answer.query.rowwise else _members(view)
    return {"release": answer.release_id, "cut": answer.cut, "decided": _decided(answer), "members": members}


def _decided(answer: Answer) -> str:
    """Return a hash of all that was decided: the held rows fit to nothing else."""
    permit, query = answer.permit, answer.query
    told = [
        permit.revision, permit.legal_basis.value, list(permit.cells), answer.fields["columns"],
        sorted(f"{o.kind.value}={o.value_json()}" for o in permit.obligations), query.hidden, query.rowwise,
        sorted((name, [filter_json(each) for each in parts]) for name, parts in permit.row_filters.items()),
        [(o.name, None if o.type is None else o.type.value, o.transform.value, o.domain) for o in query.outputs],
        sorted(masks_of(answer.duties.request).items()),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


def _members(view: ConsentView) -> str:
    """Return a hash of who agrees, the same on every worker."""
    return hashlib.sha256(np.ascontiguousarray(view.members(), "<i8").tobytes()).hexdigest()


async def _kept(
    answer: Answer, held: Held, start: int, view: ConsentView | None
) -> tuple[pa.RecordBatch, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return rows of people who agree, from *start* on, and where each stands: one more than a page, if there are."""
    parts: list[pa.RecordBatch] = []
    places: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    rows, position = 0, start
    while position < held.rows and rows <= answer.page_rows:
        batch = await held.read(position)
        positions = np.arange(position, position + batch.num_rows, dtype=np.int64)
        position += batch.num_rows
        if view is not None and answer.query.rowwise:
            keep = everybody(answer.hidden(batch), view, batch.num_rows)
            if not keep.all():
                batch, positions = batch.filter(pa.array(keep)), positions[keep]
        wanted = answer.page_rows + 1 - rows
        if batch.num_rows or not parts:
            parts.append(batch.slice(0, wanted))
            places.append(positions[:wanted])
            rows += parts[-1].num_rows
    return pa.Table.from_batches(parts).combine_chunks().to_batches()[0] if rows else parts[0], np.concatenate(places)


async def _remember(answer: Answer, held: Held, until: int, view: ConsentView | None) -> None:
    """Note the people of the pages before: how many an answer may be about is counted over all of them.

    Whoever withdrew meanwhile does not count: that they stood between two pages must not show.
    """
    position = 0
    while position < until:
        batch = (await held.read(position)).slice(0, until - position)
        position += batch.num_rows
        if view is not None and answer.query.rowwise:
            batch = batch.filter(pa.array(everybody(answer.hidden(batch), view, batch.num_rows)))
        for numbers in answer.hidden(batch):
            answer.persons.update(np.unique(numbers_of(pa.array(numbers))).tolist())
