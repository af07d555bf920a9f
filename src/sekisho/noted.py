"""Which questions were decided and how, noted in memory: what happens with it happens later and elsewhere.

Noting costs a look into a dictionary. Nothing waits for it, nothing fails by it, and what there is no room for is
counted and let go: the audit log is the evidence of what was released, this is not.
"""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.domain.access import AccessRequest, Decision
from sekisho.domain.asked import AskedQuestion
from sekisho.domain.request_context import RequestContext

_MOST = 4_096


@dataclass(eq=False, slots=True)
class Note:
    """One question, how often it was decided since notes were last taken, and the last occasion and decision."""

    request: AccessRequest
    context: RequestContext | None
    decision: Decision
    count: int = 0

    def question(self) -> AskedQuestion:
        """Return what may be kept of it: that a ticket or a grant was named, never which."""
        ticket = self.context is not None and self.context.ticket is not None
        grant = self.context is not None and self.context.grant is not None
        return AskedQuestion.of(self.request, ticket=ticket, grant=grant)


class Noted:
    """The notes of one process.

    Parameters
    ----------
    most:
        How many different questions are noted until notes are taken.
    """

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._notes: dict[tuple[int, bool, bool], Note] = {}
        self.left_out = 0

    def note(self, request: AccessRequest, context: RequestContext | None, decision: Decision) -> None:
        """Note that *request*, as a statement asks it again and again, was decided on the occasion of *context*."""
        if context is None:
            key = (id(request), False, False)
        else:
            key = (id(request), context.ticket is not None, context.grant is not None)
        note = self._notes.get(key)
        if note is None:
            if len(self._notes) >= self._most:
                self.left_out += 1
                return
            # The note holds the request, so that its identity is not given to another.
            note = self._notes[key] = Note(request, context, decision)
        note.count += 1
        note.context, note.decision = context, decision

    def take(self) -> tuple[list[Note], int]:
        """Return the notes since the last time, and how many decisions there was no room for."""
        notes, self._notes = list(self._notes.values()), {}
        left_out, self.left_out = self.left_out, 0
        return notes, left_out
