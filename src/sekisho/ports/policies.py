"""Policies as a subject of their own: what was asked of them, and what others would have answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from sekisho.domain.access import AccessRequest, Decision
from sekisho.domain.asked import AskedQuestion


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was asked between two days: each different question and how often, the most frequent first.

    ``left_out`` counts what was asked when there was no room to keep it.
    """

    questions: Sequence[tuple[AskedQuestion, int]]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ShadowDifference:
    """One question on which the shadow policy and the one in force differ."""

    shadow: str
    live: str
    question: AskedQuestion
    changes: Mapping[str, object] = field(default_factory=dict)
    count: int = 0
    last_at: datetime | None = None


class AskedQuestions(Protocol):
    """What was asked, by names alone; and the policies that were in force, by revision."""

    async def recorded(self, since: date, until: date) -> Recorded:
        """Return what was asked from *since* to *until*, both days included. Raises ``PolicyUnavailable``."""

    async def policy(self, revision: str) -> Mapping[str, str] | None:
        """Return the modules of the policies that were in force as *revision*, or whose name begins so.

        ``None`` where none is kept, or several begin so. Raises ``PolicyUnavailable``.
        """


class Candidate(Protocol):
    """A policy that is not in force, ready to be asked."""

    @property
    def revision(self) -> str:
        """Return the revision of its modules."""

    async def decide(self, requests: Sequence[AccessRequest]) -> list[Decision | None]:
        """Return what it decides on each of *requests*; ``None`` where it gave no decision, which means no.

        Raises ``InvalidRequest`` when it takes too long, or breaks the engine.
        """


class PolicySandbox(Protocol):
    """Where a policy is tried that nobody has reviewed: in a process apart, bounded, without network."""

    def open(self, modules: Mapping[str, str]) -> AbstractAsyncContextManager[Candidate]:
        """Compile *modules* (relative name to text) and yield them. Raises ``InvalidRequest`` with a sentence."""
