"""Detokenising: pseudonyms and tokens that a requester received become identifiers again, for a purpose of its own.

It takes the same steps as a statement: the purpose is registered, the policy decides (it must show the key of the
data subject unmasked to this purpose), consent is asked where the policy demands it, obligations are discharged, and
the record names everybody who is told of before anything leaves. Besides, there is a limit per call and per day.

What was made up, belongs to others, is too old or leads to somebody who was erased is answered as what nobody ever
received.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.discharge import Duties, Witnesses
from sekisho.domain.access import AccessRequest, Deny, ObligationKind, Permit, TransformKind
from sekisho.domain.limits import OutputClass
from sekisho.domain.obligations import Allowance, strictest
from sekisho.domain.provisions import provided_to
from sekisho.domain.releases import keep_until, kept_days
from sekisho.domain.terms import Dataset, Purpose, Requester, SubjectNumber
from sekisho.errors import (
    AccessDenied,
    AuditUnavailable,
    BudgetExhausted,
    ConsentUnavailable,
    InvalidRequest,
    PurposeNotRegistered,
    SekishoError,
    UnknownPurpose,
)
from sekisho.gateway import Gateway
from sekisho.ports import AuditEntry, People
from sekisho.received import Received, Source, key_of, source_of
from sekisho.release import STALE_SECONDS, Occasion

MOST: Final = 1_000
"""Pseudonyms in one call."""
MOST_A_DAY: Final = 10_000
"""Pseudonyms that one requester may hand in for one purpose in a day, whatever becomes of them."""
_DAY: Final = Allowance(MOST_A_DAY, 86_400)


@dataclass(frozen=True, slots=True)
class TurnedBack:
    """The answer: one row for each pseudonym, in order, with null where nobody is told of."""

    id: str
    audit_seq: int
    policy_revision: str
    rows: pa.RecordBatch = field(repr=False)


class Detokenising:
    """Turns pseudonyms back, with the parts of a gateway; *people* knows the identifiers."""

    def __init__(self, gateway: Gateway, people: People) -> None:
        self._gateway = gateway
        self._people = people

    async def turn_back(
        self,
        requester: Requester,
        purpose: str,
        received: Received,
        identifier: str | None = None,
        occasion: Occasion | None = None,
    ) -> TurnedBack:
        """Return the *identifier* (a kind; left out, the only one that the purpose may see) of each pseudonym.

        Raises a ``SekishoError``; then nothing was released.
        """
        try:
            declared = self._purpose(requester, purpose, received)
            await self._gateway.statements.bring_up()
            source = source_of(self._gateway, requester, declared, received, identifier)
            return await self._answer(source, received, occasion or Occasion())
        except SekishoError as refusal:
            await self._record_refusal(requester, purpose, refusal)
            raise

    def _purpose(self, requester: Requester, name: str, received: Received) -> Purpose:
        catalogue = self._gateway.catalogue
        purpose = catalogue.purposes.get(name)
        if purpose is None:
            raise UnknownPurpose("There is no such purpose in this workspace.")
        if name not in requester.purposes:
            raise PurposeNotRegistered(f"{requester.name} is not registered for the purpose {name}.")
        if received.purpose not in purpose.detokenises:
            raise AccessDenied(
                "For this purpose no pseudonyms of that purpose are turned back; sekisho.yaml declares them with"
                " `detokenise`.",
                reasons=("not_detokenised_for_purpose",),
            )
        if received.requester not in catalogue.requesters:
            raise InvalidRequest("received_by is no registered requester.")
        if not 1 <= len(received.pseudonyms) <= MOST:
            raise InvalidRequest(f"1 to {MOST:,} pseudonyms are turned back at once.")
        return purpose

    async def _answer(self, source: Source, received: Received, occasion: Occasion) -> TurnedBack:
        gateway = self._gateway
        request = await gateway.occasions.asked(source.request, occasion)
        permit = await self._decide(request, source.dataset)
        duties = Duties(
            request,
            permit,
            occasion,
            Witnesses(gateway.audit, gateway.clock, gateway.meter, gateway.grants),
            partial(self._again, request, source.dataset),
        )
        await duties.begin(OutputClass.PERSONAL, kept_days(request.purpose, permit.obligations))
        account = f"{request.requester.name}/{request.purpose.name}"
        if gateway.meter is None or not await gateway.meter.take(
            account, "detokenised", len(received.pseudonyms), _DAY
        ):
            raise BudgetExhausted(
                "For this purpose as many pseudonyms were handed in as may be in a day; ask tomorrow."
            )
        numbers = await source.numbers(permit, received)
        checked = gateway.clock.monotonic()
        people, values, consent = await self._named(permit, key_of(source.dataset).identifier, numbers)
        done = duties.of_page()
        most = strictest(permit.obligations, ObligationKind.MAX_DATA_SUBJECTS)
        if most is not None:
            if np.unique(people).size > most:
                raise AccessDenied(
                    "For this purpose an answer is about one person at a time.",
                    reasons=("one_data_subject_at_a_time",),
                )
            done.did(ObligationKind.MAX_DATA_SUBJECTS, int(np.unique(people).size))
        release_id = gateway.clock.new_id()
        columns = [pa.array(received.pseudonyms, pa.string()), pa.array(values, pa.string())]
        page = pa.RecordBatch.from_arrays(columns, names=["pseudonym", "identifier"])
        page = await duties.page(page, release_id, done)
        done.prove()
        fields = {
            **self._fields(request, permit, source.dataset, received),
            **duties.fields(),
            **consent,
            "rows": int(people.size),
            "subjects": gateway.pseudonymity.references(people),
        }
        receipt = await gateway.audit.append(AuditEntry("access.release", fields, release_id))
        if gateway.clock.monotonic() - checked > STALE_SECONDS:
            await gateway.audit.append(AuditEntry("access.void", {"parent_id": release_id, "page": 0}))
            raise ConsentUnavailable("The answer waited too long after people were looked up; ask again.")
        return TurnedBack(release_id, receipt.seq, permit.revision, page)

    async def _named(
        self, permit: Permit, identifier: str, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], list[str | None], dict[str, object]]:
        """Return the people who are told of, the identifier of each of *numbers*, and what is recorded of consent."""
        gateway = self._gateway
        consent: dict[str, object] = {}
        if permit.consent_required:
            view = await gateway.consents.view(permit.cells)
            numbers = np.where(view.allowed(numbers), numbers, -1)
            consent["consent"] = {"cells": list(permit.cells), "seq": view.seq, "read_at": view.seq}
        wanted = [SubjectNumber(number) for number in np.unique(numbers[numbers >= 0]).tolist()]
        held = await self._people.identifiers_of_many(wanted)
        # The newest of several; of somebody erased there is none.
        named = {
            int(number): ref.value for number, refs in held.items() for ref in refs if ref.identifier == identifier
        }
        values = [named.get(number) for number in numbers.tolist()]
        return np.array(sorted(named), np.int64), values, consent

    async def _decide(self, request: AccessRequest, dataset: Dataset) -> Permit:
        decision = await self._gateway.policy.decide(request)
        if isinstance(decision, Deny):
            raise AccessDenied(f"The policy says no: {', '.join(decision.reasons)}.", reasons=decision.reasons)
        if decision.transforms[dataset.name][key_of(dataset).column] is not TransformKind.CLEAR:
            raise AccessDenied(
                "The policy does not show this identifier to this purpose.", reasons=("identifier_not_clear",)
            )
        return decision

    async def _again(self, request: AccessRequest, dataset: Dataset) -> Permit:
        return await self._decide(self._gateway.occasions.again(request), dataset)

    def _fields(
        self, request: AccessRequest, permit: Permit, dataset: Dataset, received: Received
    ) -> dict[str, object]:
        of = received.column or dataset.name
        asked = f"{received.requester}/{received.purpose}/{of}"
        return {
            "requester": request.requester.name,
            "recipient": request.requester.recipient.value,
            "purpose": request.purpose.name,
            "legal_basis": permit.legal_basis.value,
            **provided_to(request),
            "decision": "permit",
            "action": "detokenise",
            "received_by": received.requester,
            "received_for": received.purpose,
            **({} if received.column is None else {"received_of": received.column}),
            "datasets": [dataset.name],
            "stores": [dataset.store],
            "columns": {f"{n}.{c}": k.value for n, t in permit.transforms.items() for c, k in t.items()},
            "policy": {"revision": permit.revision},
            "query_fp": hashlib.sha256(f"detokenise/{asked}".encode()).hexdigest(),
            "page": 0,
            "keep_until": keep_until(request.purpose, self._gateway.clock.now(), permit.obligations),
        }

    async def _record_refusal(self, requester: Requester, purpose: str, refusal: SekishoError) -> None:
        fields: dict[str, object] = {
            "requester": requester.name,
            "decision": "deny",
            "action": "detokenise",
            "code": refusal.code,
            "reasons": list(refusal.reasons),
        }
        if purpose in self._gateway.catalogue.purposes:  # a caller's own text has no place in the log
            fields["purpose"] = purpose
        with suppress(AuditUnavailable):  # nothing leaves with a refusal; the log itself notes the gap
            await self._gateway.audit.append(AuditEntry("access.deny", fields))
