"""The obligations of one answer: who takes care of which, and the proof of each page that all are discharged.

What concerns the whole answer is done before anything is read (:meth:`Duties.begin`), the rest with each page. A page
leaves only when :meth:`Discharges.prove` finds nothing open: an obligation that no step discharges refuses it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pyarrow as pa

from sekisho.domain.access import AccessRequest, Permit, TransformKind
from sekisho.domain.governed import Output
from sekisho.domain.limits import OutputClass
from sekisho.domain.obligations import Allowance, Discharges, ObligationKind, obligations_of
from sekisho.domain.terms import ColumnClass, ColumnType
from sekisho.domain.transforms import TRANSFORMS, Above, MaskedAs, kinds_above
from sekisho.errors import AccessDenied, BudgetExhausted, RateLimited
from sekisho.grants import Grants
from sekisho.ports import AuditEntry, AuditLog, Clock, Meter
from sekisho.release import Occasion

MARK = "__release"
"""Name of the column that says by which release a row left; no statement can name an output so."""

# What identifies somebody by itself may become this in pseudonymised data. A text is never proved clean.
_REPLACED = {
    ColumnClass.DIRECT_IDENTIFIER: frozenset(
        kind for kind, each in TRANSFORMS.items() if each.output is not MaskedAs.PERSONAL
    ),
    ColumnClass.LINKING_IDENTIFIER: kinds_above(Above.NOTHING) | {TransformKind.TOKEN},
    ColumnClass.FREE_TEXT: kinds_above(Above.NOTHING),
}

_ANY = frozenset(TransformKind)
_SPENDING = frozenset({ObligationKind.BUDGET, ObligationKind.RECORD, ObligationKind.MAX_DATA_SUBJECTS})


def begins_freely(permit: Permit) -> bool:
    """Return whether an answer may be begun, given up, and begun again: nothing is taken or counted on the way."""
    return not any(each.kind in _SPENDING or each.kind is ObligationKind.RATE_LIMIT for each in permit.obligations)


def shown_class(request: AccessRequest, permit: Permit) -> OutputClass:
    """Return the class of what a statement for rows shows at most: pseudonymised, or personal data."""
    for use in request.datasets:
        for name, kind in permit.transforms[use.dataset.name].items():
            column = use.dataset.column(name)
            if column is None or kind not in _REPLACED.get(column.column_class, _ANY):
                return OutputClass.PERSONAL
    return OutputClass.PSEUDONYMISED


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What keeps count and record of what was done, and of the grants on which it is done."""

    audit: AuditLog
    clock: Clock
    meter: Meter | None = None
    grants: Grants | None = None


@dataclass(eq=False)
class Duties:
    """The obligations of one answer.

    ``request`` is what was asked and ``permit`` what was decided; ``again`` decides anew, for an answer that is under
    way when its decision ends.
    """

    request: AccessRequest
    permit: Permit
    occasion: Occasion
    witnesses: Witnesses
    again: Callable[[], Awaitable[Permit]]
    done: Discharges = field(init=False)
    rows: int = 0
    _taken: int = 0

    def __post_init__(self) -> None:
        """Begin with everything to be done."""
        self.done = Discharges(self.permit.obligations)

    @property
    def marked(self) -> bool:
        """Whether each row says by which release it left."""
        return bool(obligations_of(self.permit.obligations, ObligationKind.WATERMARK))

    @property
    def spends(self) -> bool:
        """Whether a page takes of an allowance, counts people, or leaves a record of its own."""
        return any(each.kind in _SPENDING for each in self.permit.obligations)

    def columns(self, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
        """Return the visible columns of the answer."""
        return (*outputs, Output(MARK, ColumnType.STRING, TransformKind.CLEAR)) if self.marked else outputs

    async def begin(self, shown: OutputClass, kept_days: int) -> None:
        """Discharge what concerns the whole answer, which shows *shown* and is kept for *kept_days*.

        Raises ``AccessDenied`` for a form in which it may not leave, ``RateLimited`` when there were too many.
        """
        self.done.did(ObligationKind.OUTPUT_CLASS, shown)
        self.done.did(ObligationKind.RETENTION, kept_days)
        obligations = self.permit.obligations
        for forms in obligations_of(obligations, ObligationKind.FORMATS):
            if not isinstance(forms, tuple) or self.occasion.form not in forms:
                raise AccessDenied(
                    "For this purpose an answer does not leave in this form; :explain lists the forms.",
                    reasons=("format_not_allowed",),
                )
        self.done.did(ObligationKind.FORMATS, self.occasion.form)
        if not await self._spend(ObligationKind.RATE_LIMIT, "answers", 1, self.done):
            raise RateLimited("For this purpose there were as many answers as the policy allows; ask later.")

    def of_page(self) -> Discharges:
        """Return the obligations of the next page, without those that are discharged for the whole answer."""
        done = Discharges(self.permit.obligations)
        done.take_over(self.done)
        return done

    async def page(self, page: pa.RecordBatch, release_id: str, done: Discharges) -> pa.RecordBatch:
        """Return *page* as it may leave, and note in *done* what was discharged for it.

        Raises ``BudgetExhausted`` when its rows are more than may be had in their time.
        """
        await self._still_decided()
        self.rows += page.num_rows
        done.did(ObligationKind.MAX_ROWS, self.rows)
        due, self._taken = max(0, page.num_rows - self._taken), max(0, self._taken - page.num_rows)
        if not await self._spend(ObligationKind.BUDGET, "rows", due, done):
            raise BudgetExhausted("For this purpose as many rows were released as the policy allows; ask later.")
        if self.marked:
            page = page.append_column(MARK, pa.array([release_id] * page.num_rows, pa.string()))
            done.did(ObligationKind.WATERMARK, "release_id")
        await self._record(done, release_id)
        return page

    def take_back(self, rows: int) -> None:
        """Go back to *rows* released: a page did not leave, and the next one has what it took of an allowance."""
        self._taken += self.rows - rows
        self.rows = rows

    async def renew(self) -> None:
        """Find that the decision still stands. Raises ``AccessDenied`` when it does not."""
        await self._still_decided()

    def fields(self) -> dict[str, object]:
        """Return what each release record says of the obligations and of the occasion."""
        told: dict[str, object] = {}
        if self.permit.obligations:
            told["obligations"] = [{"kind": o.kind.value, "value": o.value_json()} for o in self.permit.obligations]
        context = self.request.context
        if context.ticket is not None:
            told["ticket"] = context.ticket
        if context.grant is not None:
            told["grant"] = {"id": context.grant.id, "granted_by": context.grant.granted_by}
        return told

    async def _spend(self, kind: ObligationKind, what: str, amount: int, done: Discharges) -> bool:
        """Take *amount* of each allowance of *kind*; return whether there was as much.

        Those of one length share a count, so it is taken once, of the least. Without a meter nothing is taken, and
        the obligation stays open.
        """
        meter = self.witnesses.meter
        if meter is None:
            return True
        asked = [each for each in obligations_of(self.permit.obligations, kind) if isinstance(each, Allowance)]
        account = f"{self.request.requester.name}/{self.request.purpose.name}"
        for seconds in sorted({each.seconds for each in asked}):
            same = [each for each in asked if each.seconds == seconds]
            least = min(same, key=lambda each: each.amount)
            if amount and not await meter.take(account, what, amount, least):
                return False
            for allowance in same:
                done.did(kind, allowance)
        return True

    async def _record(self, done: Discharges, release_id: str) -> None:
        """Leave the further records that were asked for, once an answer and before anything of it leaves."""
        for kind in obligations_of(self.permit.obligations, ObligationKind.RECORD):
            if self.done.is_open(ObligationKind.RECORD):
                request = self.request
                fields: dict[str, object] = {
                    "requester": request.requester.name,
                    "purpose": request.purpose.name,
                    "release": release_id,
                    "datasets": [use.dataset.name for use in request.datasets],
                    **self.fields(),
                }
                grant = request.context.grant
                if grant is not None:
                    fields["expires"] = grant.expires
                await self.witnesses.audit.append(AuditEntry(str(kind), fields))
                self.done.did(ObligationKind.RECORD, kind)
            done.take_over(self.done)

    async def _still_decided(self) -> None:
        """Find that the decision stands: a grant may be called back, and where rules know time it ends by itself."""
        grant = self.request.context.grant
        if grant is not None and self.witnesses.grants is not None:
            await self.witnesses.grants.demand(grant)
        until = self.permit.valid_until
        if until is None or self.witnesses.clock.now() < until:
            return
        permit = await self.again()
        if replace(permit, valid_until=until) != self.permit:
            raise AccessDenied(
                "The decision ended while the answer was under way; ask again.", reasons=("decision_ended",)
            )
        self.permit = permit
