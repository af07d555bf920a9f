"""Reviews of columns: by the privacy officer, recorded before they count, kept for good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sekisho.consents.publications import require_role
from sekisho.domain.classification import ReviewState
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.domain.scans import Decision, KnownColumn, Review
from sekisho.domain.terms import Catalogue, ColumnClass, Requester
from sekisho.errors import InvalidRequest, NotFound
from sekisho.ports import AuditEntry, AuditLog, Clock
from sekisho.ports.scans import ColumnRecords

PAGE: Final = 200
"""Columns on a page."""
MOST_NOTE: Final = 500
"""Characters of a note."""

_KIND: Final = "catalog.review"
_NO_COLUMN: Final = "There is no such column."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer hands in; ``column_class`` and ``category`` are for an override."""

    decision: Decision
    column_class: ColumnClass | None = None
    category: str | None = None
    note: str | None = None


class ColumnReviews:
    """The use cases of reviewing.

    Parameters
    ----------
    catalogue:
        Returns the catalogue in force.
    records, audit, clock:
        See ``sekisho.ports``.
    changed:
        Called when classes may have changed.
    """

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        records: ColumnRecords,
        audit: AuditLog,
        clock: Clock,
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._catalogue = catalogue
        self._records = records
        self._audit = audit
        self._clock = clock
        self._changed = changed

    async def page(
        self,
        requester: Requester,
        *,
        state: str | None = None,
        dataset: str | None = None,
        cursor: str | None = None,
    ) -> dict[str, object]:
        """Return ``{items, next_cursor?}``. Raises ``AccessDenied``, ``InvalidRequest``."""
        require_role(requester, {PRIVACY_OFFICER})
        if state is not None and state not in set(ReviewState):
            raise InvalidRequest(f"state is one of {', '.join(ReviewState)}.")
        await self._changed()  # so that it tells what is in force now
        found = await self._records.page(state=state, dataset=dataset, after=cursor, limit=PAGE + 1)
        answer: dict[str, object] = {"items": [self.told(known) for known in found[:PAGE]]}
        if len(found) > PAGE:
            answer["next_cursor"] = found[PAGE - 1].id
        return answer

    async def known(self, requester: Requester) -> list[KnownColumn]:
        """Return every column. Raises ``AccessDenied``."""
        require_role(requester, {PRIVACY_OFFICER})
        return await self._records.known()

    async def history(self, requester: Requester, column_id: str) -> list[dict[str, object]]:
        """Return every review of a column, oldest first. Raises ``NotFound``, also for who may not see it."""
        await self._column(requester, column_id)
        return [review_told(review) for review in await self._records.history(column_id)]

    async def review(self, requester: Requester, column_id: str, verdict: Verdict) -> dict[str, object]:
        """Take a decision about a column; it counts on every worker for what starts from now on.

        Raises
        ------
        NotFound
            When there is no such column, or *requester* may not see it.
        InvalidRequest
            When the verdict says too little, or too much.
        AuditUnavailable
            When it could not be recorded; then nothing changed.
        """
        column = await self._column(requester, column_id)
        done = await self.review_all(requester, [(column, verdict)])
        return self.told(done[0])

    async def review_all(
        self, requester: Requester, verdicts: Sequence[tuple[KnownColumn, Verdict]]
    ) -> list[KnownColumn]:
        """Take decisions about columns, all or none. Raises as :meth:`review`, and ``AccessDenied``."""
        require_role(requester, {PRIVACY_OFFICER})
        now = self._clock.now()
        reviews = [
            (self._clock.new_id(), column, _review(column, verdict, requester.name, now))
            for column, verdict in verdicts
        ]
        for review_id, column, review in reviews:
            # First the record: a class that nobody can account for must not open a column.
            await self._audit.append(AuditEntry(_KIND, _fields(column, review, requester), review_id))
        if not reviews:
            return []
        done = await self._records.review([(review_id, column.id, review) for review_id, column, review in reviews])
        await self._changed()
        return done

    def told(self, known: KnownColumn) -> dict[str, object]:
        """Return a column as an item of a list."""
        scanned, proposal = known.scanned, known.scanned.proposal
        profile = scanned.profile
        return {
            "id": known.id,
            "dataset": scanned.dataset,
            "store": scanned.place.store,
            "relation": scanned.place.relation,
            "column": scanned.place.name,
            "type": profile.type,
            "governed": scanned.governed,
            "declared": None if scanned.declared is None else scanned.declared.value,
            "in_force": self._in_force(known),
            "state": known.state.value,
            "drift": [reason.value for reason in known.drift],
            "kind": None if proposal is None else proposal.kind,
            "proposal": None
            if proposal is None
            else {"kind": proposal.kind, "class": proposal.column_class.value, "category": proposal.category},
            "confidence": None if proposal is None else round(proposal.confidence, 4),
            "factors": {} if proposal is None else dict(proposal.factors),
            "alternatives": []
            if proposal is None
            else [{"kind": kind, "confidence": round(sure, 4)} for kind, sure in proposal.alternatives],
            "sample": {"rows": profile.rows, "nulls": profile.nulls, "distinct": profile.distinct},
            "review": None if known.review is None else review_told(known.review),
            "scanned_at": rfc3339(known.scanned_at),
        }

    def _in_force(self, known: KnownColumn) -> str | None:
        """Return the class that statements meet; ``None`` for a column that none can reach."""
        dataset = self._catalogue().datasets.get(known.scanned.dataset or "")
        column = None if dataset is None else dataset.column(known.scanned.place.top)
        if column is None:
            return None
        return "unreviewed" if column.unreviewed else column.column_class.value

    async def _column(self, requester: Requester, column_id: str) -> KnownColumn:
        found = None if requester.roles.isdisjoint({PRIVACY_OFFICER}) else await self._records.find(column_id)
        if found is None:
            raise NotFound(_NO_COLUMN)
        return found


def review_told(review: Review) -> dict[str, object]:
    """Return a review as answers tell it."""
    return {
        "decision": review.decision.value,
        "class": review.column_class.value,
        "category": review.category,
        "by": review.by,
        "at": rfc3339(review.at),
        "note": review.note,
    }


def _review(column: KnownColumn, verdict: Verdict, by: str, at: object) -> Review:
    proposal = column.scanned.proposal
    override = verdict.decision is Decision.OVERRIDE
    if override is not (verdict.column_class is not None) or (verdict.category is not None and not override):
        raise InvalidRequest("An override names a class, and maybe a category; no other decision does.")
    if verdict.note is not None and (len(verdict.note) > MOST_NOTE or not verdict.note.isprintable()):
        raise InvalidRequest(f"A note is one line of at most {MOST_NOTE} characters.")
    if verdict.column_class is not None:
        column_class, category = verdict.column_class, verdict.category
    elif verdict.decision is Decision.REJECT:
        column_class, category = ColumnClass.NONE, None
    elif proposal is None:
        raise InvalidRequest("Nothing was proposed for this column, so there is nothing to confirm; name its class.")
    else:
        column_class, category = proposal.column_class, proposal.category
    return Review(verdict.decision, column_class, category, by, at, verdict.note)  # type: ignore[arg-type]


def _fields(column: KnownColumn, review: Review, requester: Requester) -> dict[str, object]:
    """Return what the audit record says: names and classes, and of the note only that there is one."""
    scanned = column.scanned
    return {
        "requester": requester.name,
        "column_id": column.id,
        "store": scanned.place.store,
        "relation": scanned.place.relation,
        "column": scanned.place.name,
        "dataset": scanned.dataset,
        "decision": review.decision.value,
        "class": review.column_class.value,
        "category": review.category,
        "proposed": None if scanned.proposal is None else scanned.proposal.column_class.value,
        "state_before": column.state.value,
        "noted": review.note is not None,
    }
