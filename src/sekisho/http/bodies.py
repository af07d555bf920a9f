"""Request bodies: read once, checked once, and never quoted.

pydantic parses the bytes itself; nesting deeper than its parser allows, lone surrogates, ``NaN`` and
unknown members all end as ``invalid_request``, with the place and the kind of fault but no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from sekisho.errors import InvalidRequest

_T = TypeVar("_T")
_MAX_FAULTS: Final = 5

Name = Annotated[str, Field(min_length=1, max_length=128)]
"""A name of the catalogue."""
SubjectText = Annotated[str, Field(min_length=3, max_length=512, pattern=r"^[a-z][a-z0-9_]*:[\s\S]+$")]
"""A person as services name them: ``TYPE:VALUE``."""
Scope = Annotated[dict[Name, Name], Field(min_length=1, max_length=8)]
"""One value per dimension, for example ``{"data_category": "behaviour"}``."""
Seq = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A consent sequence."""


def _no_integer(value: object) -> object:
    """Keep an integer of more than 64 bits from becoming a rounded float."""
    if isinstance(value, int):
        raise ValueError("integer")  # noqa: TRY004 - pydantic reads ValueError
    return value


Parameter = (
    Annotated[str, Field(max_length=65_536)]
    | bool
    | Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
    | Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_no_integer)]
    | None
)
"""A value of ``?`` in a statement."""
Instant = AwareDatetime
"""RFC 3339 with an offset."""


class Body(BaseModel):
    """Base of request bodies: strict types, no unknown members, values hidden in every text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class QueryBody(Body):
    """``POST /v1/query`` and ``:explain``."""

    purpose: Name
    sql: Annotated[str, Field(min_length=1, max_length=50_000)]
    parameters: Annotated[list[Parameter], Field(max_length=10_000)] = Field(default_factory=list)
    max_rows: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class ViewBody(Body):
    """``POST /v1/views/{name}:read``."""

    purpose: Name
    parameters: Annotated[list[Parameter], Field(max_length=0)] = Field(default_factory=list)


class CheckItem(Body):
    """One question of a consent check."""

    data_subject: SubjectText
    purpose: Name
    scope: Scope | None = None


class CheckBody(Body):
    """``POST /v1/consents:check``."""

    items: Annotated[list[CheckItem], Field(min_length=1, max_length=1000)]
    min_seq: Seq | None = None
    valid_at: Instant | None = None
    known_at: Instant | None = None
    explain: bool = False


class EventBody(Body):
    """``POST /v1/consents/events``."""

    data_subject: SubjectText
    purpose: Name
    event: Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]
    method: Annotated[str, Field(pattern=r"^(web_form|call_centre|paper|api|signal)$")]
    notice_version: Name | None = None
    actor: Name | None = None
    occurred_at: Instant | None = None
    valid_until: Instant | None = None
    evidence: Annotated[dict[Name, Annotated[str, Field(max_length=4096)]], Field(max_length=16)] = Field(
        default_factory=dict
    )
    scope: Scope | None = None


class WithdrawBody(Body):
    """The optional body of a customer's withdrawal."""

    scope: Scope | None = None


class WithdrawAllBody(Body):
    """The optional body of withdrawing everything: an empty object."""


class AuditSearchBody(Body):
    """``POST /v1/audit/records:search``. ``from`` inclusive, ``to`` exclusive."""

    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    requester: Name | None = None
    purpose: Name | None = None
    data_subject: SubjectText | None = None
    decision: Name | None = None
    cursor: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


_MODELS: Final = (QueryBody, ViewBody, CheckItem, CheckBody, EventBody, WithdrawBody, AuditSearchBody)
# What a fault may name: members of the contract. A member that the caller invented is a value of theirs.
_MEMBERS: Final = frozenset(field.alias or name for model in _MODELS for name, field in model.model_fields.items())

QUERY: Final = TypeAdapter(QueryBody)
VIEW: Final = TypeAdapter(ViewBody)
CHECK: Final = TypeAdapter(CheckBody)
EVENT: Final = TypeAdapter(EventBody)
WITHDRAW: Final = TypeAdapter(WithdrawBody)
WITHDRAW_ALL: Final = TypeAdapter(WithdrawAllBody)
AUDIT_SEARCH: Final = TypeAdapter(AuditSearchBody)


async def read_body(request: Request, adapter: TypeAdapter[_T], *, default: bytes | None = None) -> _T:
    """Return the request's body, checked.

    Parameters
    ----------
    adapter:
        What the body must be.
    default:
        JSON that stands for an empty body; without it, an empty body is a fault.

    Raises ``InvalidRequest``, which names members of the contract and kinds of faults only.
    """
    media_type = request.headers.get("content-type")
    if media_type is not None and media_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest("Send the body as application/json.")
    content = await request.body()
    if default is not None and not content:
        content = default
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    raise InvalidRequest("The body cannot be read: " + _sentence(faults) + ".")


def _sentence(faults: Iterable[Any]) -> str:
    places: dict[str, str] = {}
    for fault in faults:
        place = ".".join(str(part) for part in fault["loc"] if isinstance(part, int) or part in _MEMBERS)
        kind = str(fault["type"]).replace("_", " ")
        # A value that fits none of several types has one fault for each of them.
        places[place] = kind if places.get(place, kind) == kind else "wrong type"
    named = [f"{place}: {kind}" if place else kind for place, kind in places.items()]
    if len(named) > _MAX_FAULTS:
        named[_MAX_FAULTS:] = ["and more"]
    return "; ".join(named)
