"""``/v1/policy``: what another policy would have decided, for the privacy officer; itself recorded."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.errors import InvalidRequest, NotFound
from sekisho.http.auth import requester_with_role
from sekisho.http.bodies import Body, Instant, Name, read_body
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import services_of
from sekisho.ports import AuditEntry
from sekisho.simulation import MOST_LISTED, Asking, Compared, Simulation

ROUTER = router("policy")

_SECONDS: Final = 60.0
_Uses = Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=16)]
_Columns = Annotated[dict[Name, _Uses], Field(max_length=500)]
_Module = Annotated[str, Field(min_length=1, max_length=256)]


class SimulatedQuestion(Body):
    """One question: whose, why, and ``sql``, a ``view``, or the uses of each column of each dataset."""

    requester: Name
    purpose: Name
    sql: Annotated[str, Field(min_length=1, max_length=50_000)] | None = None
    view: Name | None = None
    datasets: (
        Annotated[dict[Name, Annotated[dict[Name, _Uses], Field(max_length=500)]], Field(max_length=50)] | None
    ) = None
    action: Literal["query", "view"] | None = None
    ticket: bool = False
    grant: bool = False


class SimulateBody(Body):
    """``POST /v1/policy:simulate``. ``policy`` is a set of Rego modules; ``from`` inclusive, ``to`` exclusive."""

    policy: Annotated[dict[_Module, str], Field(max_length=200)] | None = None
    requests: Literal["recorded"] | Annotated[list[SimulatedQuestion], Field(min_length=1, max_length=500)]
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    at: Instant | None = None


SIMULATE: Final = TypeAdapter(SimulateBody)


@ROUTER.post("/v1/policy:simulate", summary="What another policy would decide", openapi_extra=body_schema(SIMULATE))
async def simulate(request: Request) -> Response:
    """Answer what `policy` (left out: the policy in force) decides on `requests`, beside the policy in force.

    `"recorded"` are the questions that were asked from `from` to `to` (the last seven days), each once, with how
    often: of them those are listed on which the policies differ, and all without `policy`. `at` is the instant as of
    which both decide. Nothing is released and nothing changes.
    """
    officer = requester_with_role(request, PRIVACY_OFFICER)
    services = services_of(request)
    body = await read_body(request, SIMULATE)
    if services.simulation is None:
        raise NotFound("This gateway does not simulate.")
    recorded = body.requests == "recorded"
    # Who looked at what was asked is recorded first: without that record there is no answer.
    fields: dict[str, object] = {"requester": officer.name, "recorded": recorded, "given": body.policy is not None}
    await services.audit.append(AuditEntry("policy.simulate", fields))
    try:
        async with asyncio.timeout(_SECONDS):
            return json_response(await _answer(services.simulation, body))
    except TimeoutError:
        raise InvalidRequest("There is too much to decide at once; take a shorter period.") from None


async def _answer(simulation: Simulation, body: SimulateBody) -> dict[str, object]:
    at: datetime | None = body.at
    if body.requests == "recorded":
        period = simulation.period(body.since, body.until)
        difference = await simulation.difference(None, body.policy, period, at=at)
        listed = difference.compared if body.policy is None else difference.changed
        items = [each.to_json() for each in listed[:MOST_LISTED]]
        return {**difference.summary(), "items": items, "complete": len(listed) <= MOST_LISTED}
    if body.since is not None or body.until is not None:
        raise InvalidRequest("from and to are for recorded requests.")
    questions = [each.model_dump(exclude_none=True) for each in body.requests]
    difference, told_in_order = await simulation.given(questions, body.policy, at)
    return {**difference.summary(), "items": [_item(each) for each in told_in_order], "complete": True}


def _item(each: Asking | Compared) -> dict[str, object]:
    if isinstance(each, Compared):
        return each.to_json()
    assert each.fault is not None  # noqa: S101 - what was not compared has a fault
    refusal = {"decision": "deny", "code": each.fault.code, "detail": each.fault.detail}
    question = None if each.question is None else each.question.to_json()
    return {"question": question, "times": 1, "before": refusal, "after": refusal, "changes": {}}
