"""Plans without stores: the world's catalogue and policy, no files."""

from __future__ import annotations

from pathlib import Path

from sekisho.domain.terms import Catalogue
from sekisho.query.plan import Plan
from sekisho.query.statements import Question, Statements
from tests.query.shop import shop_catalogue
from tests.query.world import PURPOSES, REQUESTERS, ClassPolicy, catalogue


def question_of(sql: str, *, purpose: str = "recommendation", declared: Catalogue | None = None) -> Question:
    """Return what *sql* asks the policy."""
    statements = Statements(declared or catalogue(Path("/nowhere")))
    return statements.read(REQUESTERS["recommender"], PURPOSES[purpose], sql)


def plan_of(
    sql: str,
    *,
    purpose: str = "recommendation",
    policy: ClassPolicy | None = None,
    declared: Catalogue | None = None,
    shape: str = "",
    large: bool = False,
) -> Plan:
    """Return the plan of *sql* under a policy by class, where every dataset has ``copies``, or ``bits`` by key."""
    question = question_of(sql, purpose=purpose, declared=declared)
    offered = frozenset(use.dataset.name for use in question.request.datasets)
    copies, by_bits = (offered if shape == each else frozenset[str]() for each in ("copies", "bits"))
    return question.plan((policy or ClassPolicy()).permit(question.request), copies, by_bits, large=large)


def shop_plan(sql: str, *, purpose: str = "recommendation", policy: ClassPolicy | None = None) -> Plan:
    """Return the plan of *sql* about the store ``shop``, which is in PostgreSQL."""
    return plan_of(sql, purpose=purpose, policy=policy, declared=shop_catalogue())
