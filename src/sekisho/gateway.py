"""The gateway: the policy enforcement point, and the only way to customer data. Read this first.

One request takes nine steps:

(1) identify   a credential becomes a :class:`~sekisho.domain.terms.Requester` (``IdentityProvider``; the
               HTTP and command-line faces call it and hand the requester over)
(2) parse      the text becomes one read-only statement, every table and column resolved in the catalogue
(3) decide     the whole statement, with how it uses each column, is put to the policy: permit or deny
(4) consent    the ledger is caught up and says who agrees to the cells that the permit names; of a small answer
               the record of step (8) finds out that what was known still holds (:mod:`sekisho.standing`)
(5) plan       the statement is rewritten; a rule may only narrow what it sees
(6) fetch      a store runs the governed statement and yields raw pages
(7) transform  keys become pseudonyms, texts are masked; every obligation is discharged or nothing leaves
(8) recheck    consent withdrawn since (4) drops rows; then the audit record is made durable
(9) release    the page may leave

No customer data leaves a store without a purpose, a decision, a consent and a record.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa

from sekisho.anonymity.threshold import suppress_small_groups
from sekisho.answer import SMALL_PAGE_ROWS, Answer, Means
from sekisho.costs import Costs, Key, Laps, Step
from sekisho.counterfactual import Counterfactual
from sekisho.discharge import Duties, Witnesses, begins_freely, shown_class
from sekisho.domain.access import AccessRequest, Decision, Deny, ObligationKind, Permit
from sekisho.domain.governed import GovernedQuery, Output
from sekisho.domain.limits import OutputClass
from sekisho.domain.obligations import strictest
from sekisho.domain.refusal_texts import LANGUAGES
from sekisho.domain.releases import kept_days
from sekisho.domain.terms import Catalogue, Dataset, Purpose, Requester, StatisticsView, StoreKind
from sekisho.domain.transforms import TRANSFORMS, Runs
from sekisho.errors import (
    AccessDenied,
    AggregateRequired,
    AuditUnavailable,
    ColumnDenied,
    ConsentMoved,
    InvalidRequest,
    NotFound,
    PolicyUnavailable,
    PurposeNotRegistered,
    Refused,
    SekishoError,
    StoreUnavailable,
    UnknownPurpose,
)
from sekisho.explaining import may_explain
from sekisho.explanation import PolicyRule, fault, permission, refusal
from sekisho.grants import Grants
from sekisho.noted import Noted
from sekisho.occasions import Occasions
from sekisho.paging import Paging
from sekisho.ports import (
    AuditEntry,
    AuditLog,
    Clock,
    ConsentView,
    ConsentViews,
    DataStore,
    Detector,
    Ground,
    KeyBits,
    KeyRing,
    KeysByEpoch,
    Meter,
    NumberedCopies,
    PeopleIndex,
    PolicyDecisionPoint,
    SmallTables,
    ViewCache,
)
from sekisho.ports.grants import GrantRegister
from sekisho.ports.held import HeldAnswers
from sekisho.pseudonymity import AskedOnce, Pseudonymity
from sekisho.query.plan import Plan, bind
from sekisho.query.statements import Question, Statements
from sekisho.release import Ask, Occasion, Release, ReleasedPage, as_page, described
from sekisho.standing import by_consent
from sekisho.view_terms import released_as

MAX_ROWS = 10_000_000
LONG_STATEMENT = 4_000
"""Characters from which a statement is parsed in a thread, so that it holds nobody up."""


@dataclass(frozen=True)
class Gateway:
    """Steps (2) to (8) for every request, in this order and nowhere else.

    ``stores`` has one for DuckDB (``"duckdb"``), which joins what lies in several, and one for each other. ``rules``
    reads what policies tell of their reasons, ``noted`` is told each decision, ``held`` keeps answers read by cursor,
    ``spool`` is for rows that memory does not hold, ``epochs`` are of keys, ``in_force``: the catalogue with reviews;
    ``register`` keeps grants for emergencies.
    """

    catalogue: Catalogue
    policy: PolicyDecisionPoint
    consents: ConsentViews
    people: PeopleIndex
    stores: Mapping[str, DataStore]
    keys: KeyRing
    detector: Detector
    audit: AuditLog
    clock: Clock
    view_cache: ViewCache
    copies: NumberedCopies | None = None
    rules: Callable[[], Mapping[str, PolicyRule]] = dict
    costs: Costs = field(default_factory=Costs, repr=False)
    noted: Noted = field(default_factory=Noted, repr=False)
    key_bits: Sequence[KeyBits] = ()
    small_tables: Sequence[SmallTables] = ()
    held: HeldAnswers | None = None
    spool: Path | None = None
    meter: Meter | None = None
    epochs: KeysByEpoch | None = None
    in_force: Callable[[], Awaitable[Catalogue]] | None = None
    register: GrantRegister | None = None
    statements: Statements = field(init=False, repr=False)
    pseudonymity: Pseudonymity = field(init=False, repr=False)
    means: Means = field(init=False, repr=False)
    occasions: Occasions = field(init=False, repr=False)
    grants: Grants = field(init=False, repr=False)
    _releasing: dict[str, asyncio.Lock] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the caches of statements and keyed transforms."""
        object.__setattr__(self, "grants", Grants(self.catalogue, self.keys, self.audit, self.clock, self.register))
        object.__setattr__(self, "occasions", Occasions(self.catalogue.place, self.grants, self.clock))
        object.__setattr__(self, "statements", Statements(self.catalogue, self.in_force))
        pseudonymity = Pseudonymity(self.keys, self.people, self.epochs)
        object.__setattr__(self, "pseudonymity", pseudonymity)
        means = Means(self.consents, self.detector, self.audit, self.clock, pseudonymity, self.spool)
        object.__setattr__(self, "means", means)

    # -- the faces -----------------------------------------------------------------------------------

    async def query(self, requester: Requester, ask: Ask, *, page_rows: int = 10_000) -> Release:
        """Run all steps for *ask*. Raises a ``SekishoError``; then nothing was released."""
        try:
            laps = Laps(self.clock.monotonic)
            purpose = self._purpose(requester, ask.purpose)
            question = await self._read(requester, purpose, ask.sql)  # (2)
            laps.lap(Step.PARSE)
            return await self._answer(question, ask, page_rows, laps)
        except SekishoError as refusal:
            await self._record_refusal(requester, ask.purpose, refusal)
            raise

    async def explain(self, requester: Requester, ask: Ask, language: str = LANGUAGES[0]) -> dict[str, object]:
        """Return decision, reasons, rows, masks, the governed SQL without literals, and governance's share.

        Of a no, return why and which single change would make it a yes. A refusal of the gateway's own is raised,
        with the same in :attr:`SekishoError.explained`.
        """
        other = Counterfactual(self.catalogue, self.statements, partial(self._decision, ask.occasion), self._plan)
        await may_explain(self.meter, requester, self.catalogue.purposes.get(ask.purpose))
        question = None
        try:
            question = await self._read(requester, self._purpose(requester, ask.purpose), ask.sql)
            decision = await self._decision(ask.occasion, question)
            if isinstance(decision, Deny):
                return refusal(decision, await asyncio.to_thread(self.rules), await other.of(question), language)
            plan = await self._plan(question, decision)
        except SekishoError as error:
            error.explained = fault(error, await other.after(error, requester, ask.sql, question), language)
            raise
        return permission(question, decision, plan, self.costs.of(_key(question, plan)), language)

    def datasets(self, requester: Requester) -> list[Dataset]:
        """Return the datasets that *requester* may see."""
        return list(self.statements.catalogue.visible_to(requester).values())

    def views(self, requester: Requester) -> list[StatisticsView]:
        """Return the published views of *requester*'s purposes."""
        return [view for view in self.catalogue.views.values() if view.purpose in requester.purposes]

    async def read_view(
        self, requester: Requester, name: str, purpose: str, occasion: Occasion | None = None
    ) -> Release:
        """Return the one cached release of a published statistics view."""
        occasion = occasion or Occasion()
        try:
            declared = self._purpose(requester, purpose)
            view = self.catalogue.views.get(name)
            if view is None or view.purpose != purpose:
                raise NotFound("There is no such view for this purpose (GET /v1/views).")
            await self.statements.bring_up()
            question = self.statements.view(requester, declared, view)  # (2)
            request = await self.occasions.asked(question.request, occasion)
            permit = await self._decide(request, question.request)  # (3)
            duties = self._duties(request, permit, occasion)
            fields = described(question, permit, question.fingerprint, self.clock.now()) | duties.fields()
            await duties.begin(OutputClass.STATISTICS, kept_days(declared, permit.obligations))
            smallest = max([view.min_group, strictest(permit.obligations, ObligationKind.MIN_GROUP) or 0])
            kept_as = released_as(view, question, permit, smallest)
            # One computation at a time and one release ever, so that two answers can never be compared.
            async with self._releasing.setdefault(name, asyncio.Lock()):
                cached = await self.view_cache.get(name, kept_as)
                if cached is None:
                    made = await self._published(view, question, permit, smallest)  # (5) to (7)
                    cached = await self.view_cache.put(name, kept_as, made)
            outputs = tuple(Output(o.name, o.type, o.transform) for o in question.plan(permit).outputs)
            fields |= {"view": name, "rows": cached.num_rows, "page": 0}
            release_id, done = self.clock.new_id(), duties.of_page()
            done.did(ObligationKind.MIN_GROUP, smallest)
            batch = await duties.page(as_page(cached), release_id, done)
            done.prove()
            receipt = await self.audit.append(AuditEntry("access.release", fields, release_id))  # (8)
            page = ReleasedPage(batch, receipt.seq, last=True, complete=True)
            return Release(receipt.id, permit.revision, 0, duties.columns(outputs), batch.schema, page, None)
        except SekishoError as refusal:
            await self._record_refusal(requester, purpose, refusal)
            raise

    # -- the steps -----------------------------------------------------------------------------------

    def _purpose(self, requester: Requester, name: str) -> Purpose:
        purpose = self.catalogue.purposes.get(name)
        if purpose is None:
            raise UnknownPurpose("There is no such purpose in this workspace.")
        if name not in requester.purposes:
            raise PurposeNotRegistered(f"{requester.name} is not registered for the purpose {name}.")
        if purpose.detokenises:
            raise AccessDenied("This purpose does nothing but detokenise.", reasons=("detokenises_only",))
        return purpose

    def _duties(self, request: AccessRequest, permit: Permit, occasion: Occasion) -> Duties:
        async def again() -> Permit:
            return await self._decide(self.occasions.again(request))

        return Duties(request, permit, occasion, Witnesses(self.audit, self.clock, self.meter, self.grants), again)

    async def _decision(self, occasion: Occasion, question: Question) -> Decision:
        return await self.policy.decide(await self.occasions.asked(question.request, occasion))

    async def _decide(self, request: AccessRequest, asked: AccessRequest | None = None) -> Permit:
        """Return the permit on *request*; *asked* is the question as its statement keeps it, for what is noted."""
        decision = await self.policy.decide(request)
        if asked is not None:
            self.noted.note(asked, request.context, decision)
        if isinstance(decision, Permit):
            return decision
        kinds: dict[str, type[Refused]] = {
            "purpose_not_registered": PurposeNotRegistered,
            "aggregate_required": AggregateRequired,
            "column_denied": ColumnDenied,
        }
        kind = kinds.get(decision.code, AccessDenied)
        raise kind(f"The policy says no: {', '.join(decision.reasons)}.", reasons=decision.reasons)

    async def _answer(self, question: Question, ask: Ask, page_rows: int, laps: Laps) -> Release:
        request = await self.occasions.asked(question.request, ask.occasion)
        permit = await self._decide(request, question.request)  # (3)
        laps.lap(Step.DECIDE)
        begin = partial(self._begun, question, request, permit, ask, page_rows, laps)
        freely = ask.cursor is None and begins_freely(permit)
        return await by_consent(self.consents, permit, begin, laps, freely=freely)  # (4)

    async def _begun(
        self,
        question: Question,
        request: AccessRequest,
        permit: Permit,
        ask: Ask,
        page_rows: int,
        laps: Laps,
        view: ConsentView | None,
        ground: Ground | None,
    ) -> Release:
        """Answer by *view*, read at *ground*; by a whole ground only what tells and costs nothing in vain."""
        assumed = ground if ground is not None and ground.whole else None
        duties = self._duties(request, permit, ask.occasion)
        people = AskedOnce(self.people, ground)
        plan = await self._plan(question, permit, people, large=page_rows > SMALL_PAGE_ROWS)  # (5)
        if assumed is not None and (plan.fenced or not self.costs.quick(_key(question, plan))):
            raise ConsentMoved("What takes a while, or may fail on somebody's row, rests on a look at the ledger.")
        of = question.request
        keyed = await self.pseudonymity.of(of.requester, of.purpose, plan, people, ground)
        query = bind(plan, ask.parameters, keyed, self.occasions.now())
        release_id = self.clock.new_id()
        fields = described(question, permit, plan.fingerprint, self.clock.now()) | duties.fields()
        await duties.begin(shown_class(request, permit), kept_days(request.purpose, permit.obligations))
        answer = Answer(
            self.means,
            self.store_of(query),
            people.to_look_again(),
            permit,
            query,
            view,
            keyed,
            fields,
            release_id,
            ask.max_rows or MAX_ROWS,
            query.page_of(page_rows),
            laps=laps,
            ended=partial(self.costs.take, _key(question, plan)),
            duties=duties,
            assumed=assumed,
        )
        laps.lap(Step.PLAN)
        first, pages = await self._pages(answer, question.request.requester, ask)  # (6) to (8)
        return Release(
            id=answer.release_id,
            policy_revision=permit.revision,
            consent_seq=answer.view.seq if answer.view is not None else 0,  # an aggregate may have read it anew
            columns=duties.columns(plan.outputs),
            schema=first.batch.schema,
            _first=first,
            _rest=pages,
            _renew=answer.renew,
        )

    async def _pages(
        self, answer: Answer, requester: Requester, ask: Ask
    ) -> tuple[ReleasedPage, AsyncGenerator[ReleasedPage, None] | None]:
        """Return the first page, or the one that a cursor names, and those that follow in the same answer."""
        if ask.cursor is not None and self.held is None:
            raise InvalidRequest("This gateway holds no answers; ask again without the cursor.")
        if self.held is not None and (ask.paged or ask.cursor is not None):
            paging = Paging(self.held, self.keys, answer.keyed.epoch)
            if ask.cursor is None:
                return await paging.first(answer, requester, ask), None
            turn = await paging.turn(requester, ask)
            try:
                return await paging.next(answer, turn, requester, ask), None
            finally:
                turn.held.close()
        first = await anext(pages := answer.pages())
        if first.last:
            await pages.aclose()
            return first, None
        return first, pages

    async def _plan(
        self, question: Question, permit: Permit, people: PeopleIndex | None = None, *, large: bool = False
    ) -> Plan:
        copies = by_bits = few = frozenset[str]()
        names = [use.dataset.name for use in question.request.datasets]
        for each in self.small_tables:
            few |= await each.few(names)
        if permit.consent_required:
            if self.copies is not None:
                copies = await self.copies.usable(names)
            for store in self.key_bits:
                by_bits |= await store.by_bits(names, people or self.people, copies, rowwise=question.rowwise)
        return question.plan(permit, copies, by_bits, few, large=large)

    async def _read(self, requester: Requester, purpose: Purpose, sql: str) -> Question:
        await self.statements.bring_up()
        if len(sql) > LONG_STATEMENT and self.statements.known(requester, purpose, sql) is None:
            return await asyncio.to_thread(self.statements.read, requester, purpose, sql)
        return self.statements.read(requester, purpose, sql)

    async def _published(self, view: StatisticsView, question: Question, permit: Permit, smallest: int) -> pa.Table:
        """Return a view's release: its statement, run once, without its groups of fewer than *smallest* people."""
        plan = question.plan(permit)
        keyed = await self.pseudonymity.of(question.request.requester, question.request.purpose, plan)
        if any(TRANSFORMS[output.transform].runs is Runs.GATEWAY for output in plan.outputs):
            raise PolicyUnavailable("A statistics view shows a key or a text; its release is refused.")
        query = bind(plan, (), keyed, self.occasions.now())
        batches = [batch async for batch in self.store_of(query).fetch(query, None, self.people, page_rows=65_536)]
        return suppress_small_groups(pa.Table.from_batches(batches), view.people, smallest)

    def store_of(self, query: GovernedQuery) -> DataStore:
        """Return the store that runs *query*. Raises ``StoreUnavailable``."""
        store = self.stores.get("duckdb" if query.engine is StoreKind.DUCKDB else query.stores[0])
        if store is None:
            raise StoreUnavailable("The store of this dataset is not connected.")
        return store

    # -- records -------------------------------------------------------------------------------------

    async def _record_refusal(self, requester: Requester, purpose: str, refusal: SekishoError) -> None:
        fields: dict[str, object] = {
            "requester": requester.name,
            "decision": "deny",
            "code": refusal.code,
            "reasons": list(refusal.reasons),
        }
        if purpose in self.catalogue.purposes:  # a caller's own text has no place in the log
            fields["purpose"] = purpose
        with suppress(AuditUnavailable):  # nothing leaves with a refusal; the log itself notes the gap
            await self.audit.append(AuditEntry("access.deny", fields))


def _key(question: Question, plan: Plan) -> Key:
    """Return under what the costs of a statement are kept: another plan of it starts anew."""
    return question.request.requester.name, question.request.purpose.name, plan.fingerprint
