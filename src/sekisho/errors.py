"""Every way in which Sekisho says no, drawn as a tree.

::

    SekishoError                     has a stable ``code`` and a sentence that helps
    ├── Unauthenticated              unauthenticated
    ├── Refused                      the answer is no, and asking again will not help
    │   ├── PurposeNotRegistered     purpose_not_registered
    │   ├── AccessDenied             access_denied
    │   ├── ColumnDenied             column_denied
    │   ├── StatementRefused         statement_refused
    │   ├── MaskedColumnUse          masked_column_use
    │   ├── AggregateRequired        aggregate_required
    │   ├── UnknownPurpose           unknown_purpose
    │   ├── UnknownDataset           unknown_dataset
    │   ├── UnknownColumn            unknown_column
    │   ├── InvalidRequest           invalid_request
    │   ├── NotFound                 not_found
    │   ├── RateLimited              rate_limited
    │   ├── BudgetExhausted          budget_exhausted
    │   ├── IdempotencyConflict      idempotency_conflict
    │   └── NoticeOutdated           notice_outdated
    ├── Unavailable                  the answer may be yes later; nothing was released
    │   ├── PolicyUnavailable        policy_unavailable
    │   ├── AuditUnavailable         audit_unavailable
    │   ├── ConsentUnavailable       consent_unavailable
    │   ├── StoreUnavailable         store_unavailable
    │   ├── KeysUnavailable          keys_unavailable
    │   └── MailUnavailable          mail_unavailable
    ├── WorkspaceError               a fault in sekisho.yaml, with its line and the remedy
    └── TamperedLog                  what ``audit verify`` finds

Codes are part of the contract; HTTP numbers are not (``http`` maps them). No message ever carries
a data value, SQL text of a requester, or a secret: messages name catalogue objects and constructs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class SekishoError(Exception):
    """A refusal or a failure with a stable code.

    Parameters
    ----------
    detail:
        One sentence that tells the reader what was refused and what would help. Never a data value.
    reasons:
        Machine-readable codes behind the refusal (policy reasons), for the audit record and ``:explain``.
    """

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reasons = reasons
        self.explained: Mapping[str, object] = {}  # what ``:explain`` tells besides


class Unauthenticated(SekishoError):
    """The credential is missing, expired, forged or meant for somebody else."""

    code = "unauthenticated"
    title = "Not authenticated"


class Refused(SekishoError):
    """The answer is no."""


class PurposeNotRegistered(Refused):
    """The requester is not registered for this purpose."""

    code = "purpose_not_registered"
    title = "Purpose not registered for this requester"


class AccessDenied(Refused):
    """The policy says no."""

    code = "access_denied"
    title = "Access denied by policy"


class ColumnDenied(Refused):
    """The policy says no to one of the columns."""

    code = "column_denied"
    title = "Column denied by policy"


class StatementRefused(Refused):
    """Not one read-only statement, or a construct that is not on the allow-list."""

    code = "statement_refused"
    title = "Statement refused"


class MaskedColumnUse(Refused):
    """A masked column is used where only its raw value could answer."""

    code = "masked_column_use"
    title = "Masked column used where only its raw value could answer"


class AggregateRequired(Refused):
    """The purpose releases statistics only, from published views."""

    code = "aggregate_required"
    title = "This purpose releases published statistics only"


class UnknownPurpose(Refused):
    """No such purpose."""

    code = "unknown_purpose"
    title = "Unknown purpose"


class UnknownDataset(Refused):
    """No such dataset, or one that this requester may not see."""

    code = "unknown_dataset"
    title = "Unknown dataset"


class UnknownColumn(Refused):
    """No such column in the datasets of the statement."""

    code = "unknown_column"
    title = "Unknown column"


class InvalidRequest(Refused):
    """The request cannot be read."""

    code = "invalid_request"
    title = "Invalid request"


class NotFound(Refused):
    """No such thing, or one that the caller may not see."""

    code = "not_found"
    title = "Not found"


class RateLimited(Refused):
    """Too many requests."""

    code = "rate_limited"
    title = "Too many requests"


class BudgetExhausted(Refused):
    """The privacy budget is spent."""

    code = "budget_exhausted"
    title = "Privacy budget exhausted"


class IdempotencyConflict(Refused):
    """The same idempotency key was used with another body."""

    code = "idempotency_conflict"
    title = "Idempotency key used with another body"


class NoticeOutdated(Refused):
    """A decision was made on a notice that is no longer in force."""

    code = "notice_outdated"
    title = "Notice outdated"


class Unavailable(SekishoError):
    """Something that must answer before data leaves did not: nothing was released."""


class PolicyUnavailable(Unavailable):
    """The policy decision point gave no usable answer."""

    code = "policy_unavailable"
    title = "Policy decision unavailable"


class AuditUnavailable(Unavailable):
    """The audit record could not be made durable."""

    code = "audit_unavailable"
    title = "Audit log unavailable"


class ConsentUnavailable(Unavailable):
    """The consent ledger could not be read, or changed while it was used."""

    code = "consent_unavailable"
    title = "Consent unavailable"


class ConsentMoved(ConsentUnavailable):
    """The consent ledger does not stand any more where a page was checked: the page is checked again."""


class ForgedConsent(ConsentUnavailable):
    """The consent ledger holds an event that is not chained by the gateway's key: somebody else wrote it."""


class StoreUnavailable(Unavailable):
    """A data store did not answer."""

    code = "store_unavailable"
    title = "Data store unavailable"


class KeysUnavailable(Unavailable):
    """The provider of keys did not answer, or what it wrapped cannot be unwrapped."""

    code = "keys_unavailable"
    title = "Keys unavailable"


class MailUnavailable(Unavailable):
    """A message could not be handed over."""

    code = "mail_unavailable"
    title = "Mail unavailable"


class WorkspaceError(SekishoError):
    """A fault in the workspace file.

    ``detail`` holds one fault per line, each with the line number and the remedy.
    """

    code = "workspace_invalid"
    title = "Workspace invalid"


class TamperedLog(SekishoError):
    """The audit log is not what was written."""

    code = "audit_tampered"
    title = "Audit log tampered with"
