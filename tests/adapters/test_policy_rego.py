"""Policies evaluated inside the process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.adapters.rego import EmbeddedRego, policy_files, policy_revision, shipped_policies
from sekisho.domain.access import AccessRequest, Deny, Obligation, ObligationKind, Permit, TransformKind, Use
from sekisho.domain.terms import LegalBasis, Purpose, Requester
from sekisho.errors import PolicyUnavailable
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, dataset, using

RECOMMENDER, _, ADS, ANALYST, SUPPORT, FRAUD = REQUESTERS[:6]
CUSTOMERS, LINES, EVENTS, TICKETS, PRODUCTS, READINGS = DATASETS

ANSWER = """package sekisho.access

default decision := {
  "allow": false, "deny": [{"code": "access_denied", "reason": "undecided"}], "legal_basis": null,
  "consent": {"required": false, "cells": []},
  "columns": {}, "row_filters": {}, "obligations": [], "valid_until": null,
}

decision := {
  "allow": true, "deny": [], "legal_basis": "consent",
  "consent": {"required": true, "cells": ["recommendation/data_category=purchase"]},
  "columns": {"pos.order_lines": {"customer_id": "pseudonym"}},
  "row_filters": {}, "obligations": [], "valid_until": null,
} if input.action
"""


@pytest.fixture(scope="module")
def shipped():
    pdp = EmbeddedRego()
    yield pdp
    asyncio.run(pdp.close())


def question() -> AccessRequest:
    return ask(RECOMMENDER, PURPOSES["recommendation"], using(LINES, "customer_id"))


async def test_consenting_people_are_released_masked(shipped):
    """A consent purpose is allowed with its cells, its masks and a row limit."""
    request = ask(RECOMMENDER, PURPOSES["recommendation"], using(CUSTOMERS), using(EVENTS, "query_text"))
    decision = await shipped.decide(request)
    assert isinstance(decision, Permit)
    assert decision.cells == (
        "recommendation/data_category=behaviour",
        "recommendation/data_category=intent",
        "recommendation/data_category=profile",
    )
    assert decision.consent_required
    assert decision.transforms["crm.customers"] == {
        "customer_id": TransformKind.PSEUDONYM,
        "name": TransformKind.REDACT,
        "email": TransformKind.REDACT,
        "phone": TransformKind.REDACT,
        "postal_code": TransformKind.PREFIX3,
        "birth_date": TransformKind.YEAR,
        "age": TransformKind.AGE_BAND,
        "prefecture": TransformKind.CLEAR,
        "income_band": TransformKind.WITHHOLD,
        "member_rank": TransformKind.CLEAR,
    }
    assert decision.obligations == (Obligation(ObligationKind.MAX_ROWS, 10_000_000),)
    assert decision.revision == shipped.revision


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (ask(ADS, PURPOSES["ab_measurement"], using(LINES)), "purpose_not_registered", "purpose_not_registered"),
        (ask(SUPPORT, PURPOSES["customer_support"], using(EVENTS)), "access_denied", "dataset_not_for_purpose"),
        (ask(ANALYST, PURPOSES["management_statistics"], using(LINES)), "aggregate_required", "published_views_only"),
        (
            ask(ADS, PURPOSES["recommendation"], using(LINES)),
            "access_denied",
            "third_party_provision_not_declared",
        ),
        (
            ask(SUPPORT, PURPOSES["customer_support"], using(TICKETS, uses=frozenset({Use.COMPARED}))),
            "column_denied",
            "sensitive_not_needed",
        ),
        (ask(ANALYST, PURPOSES["ab_measurement"], using(READINGS)), "column_denied", "no_transform_for_column"),
        (ask(RECOMMENDER, PURPOSES["recommendation"], using(PRODUCTS)), "access_denied", "no_data_subject"),
    ],
)
async def test_refusals_carry_code_and_reason(shipped, request_, code, reason):
    """Each rule refuses with the code of the contract and a reason of its own."""
    decision = await shipped.decide(request_)
    assert isinstance(decision, Deny)
    assert decision.code == code
    assert reason in decision.reasons


async def test_support_reads_one_customer_in_the_clear(shipped):
    """Under contract the declared identifiers are shown, of one person at a time."""
    columns = ("customer_id", "name", "email")
    decision = await shipped.decide(ask(SUPPORT, PURPOSES["customer_support"], using(CUSTOMERS, *columns)))
    assert isinstance(decision, Permit)
    assert decision.transforms["crm.customers"]["name"] is TransformKind.CLEAR
    assert Obligation(ObligationKind.MAX_DATA_SUBJECTS, 1) in decision.obligations
    assert not decision.consent_required
    assert decision.cells == ()


async def test_a_published_view_needs_no_consent_but_groups(shipped):
    """A view under the statistics purpose reads without consent and suppresses small groups."""
    request = ask(ANALYST, PURPOSES["management_statistics"], using(LINES), action="view", view="rfm_cells")
    decision = await shipped.decide(request)
    assert isinstance(decision, Permit)
    assert not decision.consent_required
    assert decision.obligations == (Obligation(ObligationKind.MIN_GROUP, 10),)


def test_tests_and_checks_are_not_loaded():
    """Only the rules take part in decisions."""
    names = set(policy_files(shipped_policies()))
    assert "sekisho/access/access.rego" in names
    assert not [name for name in names if name.endswith("_test.rego") or name.startswith("checks/")]


def test_the_revision_follows_every_byte_and_name():
    """Two sets of policies have one revision only when they are the same."""
    sets = [{"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""}, {"a1": b""}, {"a": b"", "1": b""}]
    revisions = {policy_revision(files) for files in sets}
    assert len(revisions) == len(sets)
    assert all(len(revision) == 16 for revision in revisions)


@pytest.mark.parametrize(
    "source",
    [
        None,
        "package sekisho.access\n\ndecision := {",
        "package sekisho.other\n\ndecision := true\n",
        "package sekisho.access\n\ndecision := true if input.nothing\n",
        "package sekisho.access\n\ndecision := to_number(input.purpose.name)\n",
        "package sekisho.access\n\ndecision := 1 if input.action\n\ndecision := 2 if input.purpose\n",
        "package sekisho.access\n\ndecision := true\n",
        'package sekisho.access\n\ndecision := "true"\n',
        "package sekisho.access\n\ndecision := {}\n",
        'package sekisho.access\n\ndecision := {"allow": true}\n',
        ANSWER.replace('"obligations": []', '"obligations": [{"kind": "delete_after", "value": 30}]'),
        ANSWER.replace('"allow": true', '"allow": "true"'),
        ANSWER.replace("pseudonym", "show_all"),
        ANSWER.replace('"customer_id": "pseudonym"', '"invoice": "token"'),
        ANSWER.replace("recommendation/data", "ab_measurement/data"),
        ANSWER.replace('"deny": []', '"deny": [{"code": "access_denied", "reason": "x"}]'),
    ],
)
async def test_what_is_not_a_decision_is_no(tmp_path: Path, source: str | None):
    """Empty, broken, undefined, failing, conflicting and unknown answers are all unavailable policies."""
    if source is not None:
        (tmp_path / "access.rego").write_text(source)
    pdp = EmbeddedRego(tmp_path)
    with pytest.raises(PolicyUnavailable):
        await pdp.decide(question())
    await pdp.close()


async def test_policies_that_allow_what_nobody_asked_are_not_loaded(tmp_path: Path):
    """Policies that do not refuse the empty question decide nothing at all."""
    (tmp_path / "access.rego").write_text(ANSWER.replace(" if input.action", "").replace("default decision", "other"))
    pdp = EmbeddedRego(tmp_path)
    assert pdp.revision is None
    assert not await pdp.healthy()
    with pytest.raises(PolicyUnavailable):
        await pdp.decide(question())
    await pdp.close()


async def test_the_answer_of_these_tests_would_be_a_decision(tmp_path: Path):
    """The answer that the refused ones above are made from is read as a permit."""
    (tmp_path / "access.rego").write_text(ANSWER)
    pdp = EmbeddedRego(tmp_path)
    assert isinstance(await pdp.decide(question()), Permit)
    await pdp.close()


async def test_a_missing_folder_is_no_and_says_so_at_start(tmp_path: Path):
    """Without policies the point of decision exists, refuses, and reports the fault when asked."""
    pdp = EmbeddedRego(tmp_path / "nowhere")
    assert pdp.revision is None
    with pytest.raises(PolicyUnavailable):
        pdp.ensure_loaded()
    await pdp.close()


async def test_the_engine_recovers_after_a_failed_decision(tmp_path: Path):
    """A decision that failed leaves nothing of its input to the next one."""
    pdp = EmbeddedRego(threads=1)
    broken = ask(Requester("\ud800", frozenset()), PURPOSES["recommendation"], using(LINES))
    with pytest.raises(PolicyUnavailable):
        await pdp.decide(broken)
    assert isinstance(await pdp.decide(question()), Permit)
    await pdp.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1) | st.sampled_from(['x","y', '"],"required":false,"a":["', "a\\", "a\0b", "a\\u0022"]))
def test_no_name_changes_the_shape_of_the_question(shipped, name):
    """Quotes, backslashes and control characters in a name stay characters of that name."""
    purpose = Purpose(name, LegalBasis.CONSENT)
    of = dataset("pos.order_lines", None, frozenset({name}), *LINES.columns)
    decision = asyncio.run(shipped.decide(ask(Requester("r", frozenset({name})), purpose, using(of))))
    assert isinstance(decision, Permit)
    assert decision.cells == (name,)


async def test_the_event_loop_stays_free(shipped):
    """While policies are evaluated the event loop does other work (inline it would turn twice)."""
    task = asyncio.gather(*(shipped.decide(question()) for _ in range(200)))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert all(isinstance(decision, Permit) for decision in task.result())
    assert turns > 5
