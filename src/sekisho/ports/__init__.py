"""What the gateway needs from outside, as protocols; adapters and fakes carry the same names.

The words map to XACML: :class:`PolicyDecisionPoint` is the PDP, ``gateway.Gateway`` the PEP,
:class:`ConsentLedger`, :class:`People` and the catalogue are the PIP, ``policies/`` the PAP.
"""

from __future__ import annotations

from sekisho.ports.access import (
    Clock,
    DataStore,
    Detector,
    IdentityProvider,
    KeyBits,
    KeyRing,
    Mailer,
    Meter,
    NumberedCopies,
    PolicyDecisionPoint,
    ViewCache,
)
from sekisho.ports.audit import (
    AuditEntry,
    AuditLog,
    AuditProofs,
    AuditQuery,
    AuditReceipt,
    Witnesses,
    WitnessFault,
    WitnessState,
    WitnessStatus,
)
from sekisho.ports.consent import (
    ConsentEventInput,
    ConsentLedger,
    ConsentView,
    ConsentViews,
    DataSubjectRef,
    Names,
    NoticeRegistry,
    People,
    PeopleIndex,
    PeopleKeys,
    Pseudonyms,
    RecordedConsentEvent,
    listed,
)

__all__ = [
    "AuditEntry",
    "AuditLog",
    "AuditProofs",
    "AuditQuery",
    "AuditReceipt",
    "Clock",
    "ConsentEventInput",
    "ConsentLedger",
    "ConsentView",
    "ConsentViews",
    "DataStore",
    "DataSubjectRef",
    "Detector",
    "IdentityProvider",
    "KeyBits",
    "KeyRing",
    "Mailer",
    "Meter",
    "Names",
    "NoticeRegistry",
    "NumberedCopies",
    "People",
    "PeopleIndex",
    "PeopleKeys",
    "PolicyDecisionPoint",
    "Pseudonyms",
    "RecordedConsentEvent",
    "ViewCache",
    "WitnessFault",
    "WitnessState",
    "WitnessStatus",
    "Witnesses",
    "listed",
]
