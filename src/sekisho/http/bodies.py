"""Request bodies: read once, checked once, and never quoted.

pydantic parses the bytes itself; nesting deeper than its parser allows, lone surrogates, ``NaN`` and
unknown members all end as ``invalid_request``, with the place and the kind of fault but no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from sekisho.domain.audit_export import ExportFormat
from sekisho.domain.instants import instant_of
from sekisho.errors import InvalidRequest

_T = TypeVar("_T")
_MAX_FAULTS: Final = 5

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
"""A name of the catalogue. None has a zero byte, and not every database can be asked for one."""
_EXPORTED_NAME: Final = r"^[a-z][a-z0-9_]{0,62}$"
Decided = Literal["permit", "deny", "confirm", "reject", "override"]
"""What a record says was decided: of an access, or of a column's class."""
SubjectText = Annotated[str, Field(min_length=3, max_length=512, pattern=r"^[a-z][a-z0-9_]*:[\s\S]+$")]
"""A person as services name them: ``TYPE:VALUE``."""
Scope = Annotated[dict[Name, Name], Field(min_length=1, max_length=8)]
"""One value per dimension, for example ``{"data_category": "behaviour"}``."""


def _printable(value: str) -> str:
    """Keep control characters out: neither every database nor the audit log holds them."""
    if not value.isprintable():
        raise ValueError("unprintable")
    return value


def _instant(value: object) -> datetime:
    """Keep out what pydantic takes for a time besides: a number is one in seconds or milliseconds since 1970."""
    try:
        return instant_of(value)
    except ValueError:
        raise PydanticCustomError("no_rfc3339_time", "no time as RFC 3339 spells it") from None


NoticeVersion = (
    Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
    | Annotated[int, Field(ge=1, le=2**31 - 1)]
)
"""A version of a notice, as a number or as its text."""
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")]
"""A language, for example ``ja``."""
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""A code or an id that names nobody."""
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
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""RFC 3339 with an offset, and nothing else; read as UTC."""


class Body(BaseModel):
    """Base of request bodies: strict types, no unknown members, values hidden in every text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class ContextBody(Body):
    """On what occasion is asked: the ticket or case worked on, and a grant for an emergency."""

    ticket: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    grant: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None


class QueryBody(Body):
    """``POST /v1/query`` and ``:explain``."""

    purpose: Name
    sql: Annotated[str, Field(min_length=1, max_length=50_000)]
    parameters: Annotated[list[Parameter], Field(max_length=10_000)] = Field(default_factory=list)
    max_rows: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    cursor: Annotated[str, Field(max_length=256)] | None = None
    context: ContextBody | None = None


class ViewBody(Body):
    """``POST /v1/views/{name}:read``."""

    purpose: Name
    parameters: Annotated[list[Parameter], Field(max_length=0)] = Field(default_factory=list)
    context: ContextBody | None = None


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


class FilterBody(Body):
    """``POST /v1/consents:filter``."""

    # 100,000 names are each another: looking for them among the texts that were seen takes longer than to read them.
    model_config = ConfigDict(cache_strings="keys")

    purpose: Name
    # The form of each name is seen to where they are taken apart: a pattern would cost more than the answer.
    data_subjects: Annotated[list[Annotated[str, Field(min_length=3, max_length=512)]], Field(max_length=100_000)]
    scope: Scope | None = None
    min_seq: Seq | None = None


class ActorBody(Body):
    """Who acted for a person."""

    type: Annotated[str, Field(pattern=r"^(data_subject|guardian|agent|operator|system|signal)$")]
    id: Name | None = None
    relation: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")] | None = None
    assurance: Annotated[str, Field(pattern=r"^(none|self_asserted|verified_contact|document|electronic_id)$")] = (
        "none"
    )


class EventBody(Body):
    """``POST /v1/consents/events``.

    ``actor`` is a name of whoever acted, or says what they are; ``age`` is in years, as established.
    """

    data_subject: SubjectText
    purpose: Name
    event: Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]
    method: Annotated[str, Field(pattern=r"^(web_form|call_centre|paper|api|signal)$")]
    notice_version: NoticeVersion | None = None
    locale: Locale | None = None
    served_id: Code | None = None
    actor: Name | ActorBody | None = None
    age: Annotated[int, Field(ge=0, le=150)] | None = None
    of_age_at: Instant | None = None
    consent_type: Annotated[str, Field(pattern=r"^(implied|expressed|explicit)$")] | None = None
    reason: Code | None = None
    occurred_at: Instant | None = None
    valid_until: Instant | None = None
    evidence: Annotated[dict[Name, Annotated[str, Field(max_length=4096)]], Field(max_length=16)] = Field(
        default_factory=dict
    )
    scope: Scope | None = None


class DecisionBody(Body):
    """One decision of a person; a yes says which notice was shown."""

    purpose: Name
    decision: Annotated[str, Field(pattern=r"^(give|refuse|withdraw)$")]
    scope: Scope | None = None
    notice_version: NoticeVersion | None = None
    locale: Locale | None = None


class DecisionsBody(Body):
    """``POST /v1/me/consents``: all or none."""

    decisions: Annotated[list[DecisionBody], Field(min_length=1, max_length=200)]


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
    decision: Decided | None = None
    cursor: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class AuditExportFilters(Body):
    """Which records of the range: what is named here is told in the manifest, so it is a name or a code."""

    requester: Annotated[str, Field(pattern=_EXPORTED_NAME)] | None = None
    purpose: Annotated[str, Field(pattern=_EXPORTED_NAME)] | None = None
    decision: Decided | None = None
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,31}$")] | None = None
    data_subject: SubjectText | None = None


class AuditExportBody(Body):
    """``POST /v1/audit/exports``. ``from`` inclusive, ``to`` exclusive."""

    form: Annotated[ExportFormat, Field(alias="format")]
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    filters: AuditExportFilters = AuditExportFilters()


QUERY: Final = TypeAdapter(QueryBody)
VIEW: Final = TypeAdapter(ViewBody)
CHECK: Final = TypeAdapter(CheckBody)
FILTER: Final = TypeAdapter(FilterBody)
EVENT: Final = TypeAdapter(EventBody)
DECISIONS: Final = TypeAdapter(DecisionsBody)
WITHDRAW: Final = TypeAdapter(WithdrawBody)
WITHDRAW_ALL: Final = TypeAdapter(WithdrawAllBody)
AUDIT_SEARCH: Final = TypeAdapter(AuditSearchBody)
AUDIT_EXPORT: Final = TypeAdapter(AuditExportBody)


async def read_body(request: Request, adapter: TypeAdapter[_T], *, default: bytes | None = None) -> _T:
    """Return the request's body, checked.

    Parameters
    ----------
    adapter:
        What the body must be.
    default:
        JSON that stands for an empty body, whatever its type is called; without it, an empty body is a fault.

    Raises ``InvalidRequest``, which names members of the contract and kinds of faults only.
    """
    content = await request.body()
    media_type = request.headers.get("content-type")
    if default is not None and not content:
        content = default
    elif media_type is not None and media_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest("Send the body as application/json.")
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    raise InvalidRequest("The body cannot be read: " + _sentence(faults) + ".")


def _members(model: type[Body] = Body) -> set[str]:
    """Return what a fault may name: members of the contract. One that the caller invented is a value of theirs."""
    own = {field.alias or name for name, field in model.model_fields.items()}
    return own.union(*(_members(part) for part in model.__subclasses__()))


def _sentence(faults: Iterable[Any]) -> str:
    places: dict[str, str] = {}
    members = _members()
    for fault in faults:
        place = ".".join(str(part) for part in fault["loc"] if isinstance(part, int) or part in members)
        kind = str(fault["type"]).replace("_", " ")
        # A value that fits none of several types has one fault for each of them.
        places[place] = kind if places.get(place, kind) == kind else "wrong type"
    named = [f"{place}: {kind}" if place else kind for place, kind in places.items()]
    if len(named) > _MAX_FAULTS:
        named[_MAX_FAULTS:] = ["and more"]
    return "; ".join(named)
