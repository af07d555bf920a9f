"""Decisions that were taken before, kept in memory.

A decision depends on the question and on the policy, on nothing else: so it is kept under the hash of the
whole question and the revision of the policy, until ``valid_until`` when the policy knows time. No
lifetime stands in for either. What is not a decision is never kept; nor is one of policies that read the time
and do not say when it ends (:mod:`sekisho.domain.policy_time`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

import orjson

from sekisho.domain.access import (
    AccessRequest,
    DatasetUse,
    Decision,
    Permit,
    Use,
    dataset_use_json,
    purpose_json,
    requester_json,
)
from sekisho.domain.policy_time import Timing
from sekisho.domain.terms import Dataset, Purpose, Requester
from sekisho.errors import PolicyUnavailable
from sekisho.ports import Clock, PolicyDecisionPoint

_PIECES = 65_536  # about 20 MB; a catalogue read anew many times is what fills it


class RevisedPolicy(PolicyDecisionPoint, Protocol):
    """A policy decision point that tells by which revision it decides."""

    @property
    def revision(self) -> str | None:
        """Return the revision of the policy in force, or ``None`` when it is not known for sure without asking."""

    @property
    def timing(self) -> Timing:
        """Return which decisions by the policy in force may be kept; ``NEVER`` while that is not known."""

    async def in_force(self) -> str | None:
        """Return the revision of the policy in force, found out; ``None`` when the policy has none.

        Raises ``PolicyUnavailable`` when no decision can be taken.
        """

    def ensure_loaded(self) -> None:
        """Raise ``PolicyUnavailable`` when it is known that no decision can be taken."""

    async def close(self) -> None:
        """Let go of threads and connections."""


class DecisionCache:
    """A policy decision point that remembers.

    Parameters
    ----------
    pdp:
        The one that decides.
    clock:
        Tells when a decision ends.
    size:
        How many decisions are kept; the least recently used goes first.
    timeout_s:
        Seconds after which a question that is not found here counts as unanswered.
    """

    def __init__(self, pdp: RevisedPolicy, clock: Clock, *, size: int = 4096, timeout_s: float | None = None) -> None:
        self._pdp = pdp
        self._timeout_s = timeout_s
        self._clock = clock
        self._size = size
        self._keys = _Keys()
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._revision: str | None = None  # by which all that is kept was decided

    @property
    def revision(self) -> str | None:
        """Revision of the policy in force, or ``None`` when it is not known for sure."""
        return self._pdp.revision

    def ensure_loaded(self) -> None:
        """Raise ``PolicyUnavailable`` when it is known that no decision can be taken."""
        self._pdp.ensure_loaded()

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the decision on *request*, from memory when it was taken by the revision in force.

        Raises ``PolicyUnavailable`` for every answer that is not a decision.
        """
        revision = self._pdp.revision
        try:
            question = self._keys.of(request)
        except (TypeError, ValueError):  # text that is no text: half a character
            raise PolicyUnavailable("The question cannot be written down.") from None
        kept = None if revision is None else self._found(question, revision)
        if kept is not None:
            return kept
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._taken(request, question)
        except TimeoutError:
            raise PolicyUnavailable("The policy gave no answer in time.") from None

    async def _taken(self, request: AccessRequest, question: bytes) -> Decision:
        revision = self._pdp.revision or await self._pdp.in_force()
        # Where nobody can say which policy is in force, nothing is kept.
        kept = None if revision is None else self._found(question, revision)
        if kept is not None:
            return kept
        asked_at = self._clock.now()
        decision = _frozen(await self._pdp.decide(request))
        # The policy may have changed meanwhile: nothing is kept but what the policy in force decided.
        if decision.revision == self._pdp.revision and _may_be_kept(decision, self._pdp.timing):
            self._only_of(decision.revision)
            self._kept[question] = _Kept(decision, asked_at)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return decision

    def _found(self, question: bytes, revision: str) -> Decision | None:
        self._only_of(revision)
        kept = self._kept.get(question)
        if kept is None:
            return None
        if kept.decision.valid_until is not None and not kept.holds_at(self._clock.now()):
            del self._kept[question]
            return None
        self._kept.move_to_end(question)
        return kept.decision

    def _only_of(self, revision: str) -> None:
        if revision != self._revision:
            self._kept.clear()
            self._revision = revision

    async def healthy(self) -> bool:
        """Return whether policies are loaded and answer; memory does not count."""
        return await self._pdp.healthy()

    async def close(self) -> None:
        """Let go of threads and connections."""
        await self._pdp.close()


def _may_be_kept(decision: Decision, timing: Timing) -> bool:
    return timing is Timing.KEPT or (timing is Timing.UNTIL and decision.valid_until is not None)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A decision and the instant at which it was asked for."""

    decision: Decision
    asked_at: datetime

    def holds_at(self, now: datetime) -> bool:
        """Return whether the decision is the policy's at *now*; one that knows no time always is."""
        until = self.decision.valid_until
        return until is None or self.asked_at <= now < until  # a clock may also go back


def _frozen(decision: Decision) -> Decision:
    """Return the decision with its mappings read-only, so that no caller can alter what the next one gets."""
    if not isinstance(decision, Permit):
        return decision
    return replace(
        decision,
        transforms=MappingProxyType(
            {name: MappingProxyType(dict(kinds)) for name, kinds in decision.transforms.items()}
        ),
        row_filters=MappingProxyType(dict(decision.row_filters)),
    )


class _Keys:
    """Hashes of questions, put together from pieces of :meth:`AccessRequest.to_json` made once.

    Requesters, purposes, datasets and columns are frozen values of the catalogue, used again and again by
    the same objects: each piece is kept beside its object, which keeps the object's identity from being
    given to another. A piece is a SHA-256, so that a question costs the same however much its parts name.
    """

    def __init__(self) -> None:
        self._requesters: dict[int, tuple[Requester, bytes]] = {}
        self._purposes: dict[int, tuple[Purpose, bytes]] = {}
        self._datasets: dict[int, tuple[Dataset, bytes, dict[tuple[str, frozenset[Use]], bytes]]] = {}
        self._pieces = 0

    def of(self, request: AccessRequest) -> bytes:
        """Return the SHA-256 of the whole question; equal hashes mean equal questions."""
        if self._pieces > _PIECES:
            self._requesters.clear()
            self._purposes.clear()
            self._datasets.clear()
            self._pieces = 0
        requester = self._requesters.get(id(request.requester))
        purpose = self._purposes.get(id(request.purpose))
        if requester is None or purpose is None:
            requester, purpose = self._learn(request)
        context = request.context
        grant = None if context.grant is None else context.grant.to_json()
        occasion = [request.action, request.view, request.place.country, context.ticket, grant]
        pieces = [orjson.dumps(occasion), b"\0", requester[1], purpose[1]]
        uses = request.datasets
        if len(uses) > 1:
            uses = tuple(sorted(uses, key=_dataset_name))
        for use in uses:
            self._add(use, pieces)
        return hashlib.sha256(b"".join(pieces)).digest()

    def _add(self, use: DatasetUse, pieces: list[bytes]) -> None:
        known = self._datasets.get(id(use.dataset))
        if known is None:
            header = {use.dataset.name: dataset_use_json(DatasetUse(use.dataset, {}))}
            known = self._datasets[id(use.dataset)] = (use.dataset, _digest(header), {})
            self._pieces += 1
        pieces.append(known[1])
        columns = known[2]
        for item in sorted(use.columns.items(), key=_column_name):
            piece = columns.get(item)
            if piece is None:
                one = DatasetUse(use.dataset, {item[0]: item[1]})
                piece = columns[item] = _digest({use.dataset.name: dataset_use_json(one)})
                self._pieces += 1
            pieces.append(piece)

    def _learn(self, request: AccessRequest) -> tuple[tuple[Requester, bytes], tuple[Purpose, bytes]]:
        requester = (request.requester, _digest(requester_json(request.requester, request.place)))
        purpose = (request.purpose, _digest(purpose_json(request.purpose)))
        self._requesters[id(request.requester)] = requester
        self._purposes[id(request.purpose)] = purpose
        self._pieces += 2
        return requester, purpose


def _digest(value: object) -> bytes:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest()


def _dataset_name(use: DatasetUse) -> str:
    return use.dataset.name


def _column_name(item: tuple[str, frozenset[Use]]) -> str:
    return item[0]
