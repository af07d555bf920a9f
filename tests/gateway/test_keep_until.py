"""A release record says until when its recipient may keep the data."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from tests.fakes import FakeClock

from sekisho.domain.access import Permit
from sekisho.domain.terms import LegalBasis, Purpose, Requester
from sekisho.query.statements import Question
from sekisho.release import described


def test_a_release_is_recorded_with_its_deadline() -> None:
    """Every page of an answer carries the deadline of its purpose, counted from the release."""
    purpose = Purpose("lifecycle_email", LegalBasis.CONSENT, retention_days=7)
    request = SimpleNamespace(
        requester=Requester("mailer", frozenset({"lifecycle_email"})), purpose=purpose, action="read", datasets=()
    )
    permit = SimpleNamespace(legal_basis=LegalBasis.CONSENT, transforms={}, revision="r1", obligations=())
    question = cast("Question", SimpleNamespace(request=request))
    fields = described(question, cast("Permit", permit), "fingerprint", FakeClock().now())
    assert fields["keep_until"] == "2026-01-08T00:00:00.000000Z"
