"""Plans without stores: the world's catalogue and policy, no files."""

from __future__ import annotations

from pathlib import Path

from sekisho.query.plan import Plan
from sekisho.query.statements import Question, Statements
from tests.query.world import PURPOSES, REQUESTERS, ClassPolicy, catalogue


def question_of(sql: str, *, purpose: str = "recommendation") -> Question:
    """Return what *sql* asks the policy."""
    statements = Statements(catalogue(Path("/nowhere")))
    return statements.read(REQUESTERS["recommender"], PURPOSES[purpose], sql)


def plan_of(sql: str, *, purpose: str = "recommendation", policy: ClassPolicy | None = None) -> Plan:
    """Return the plan of *sql* under a policy by class."""
    question = question_of(sql, purpose=purpose)
    return question.plan((policy or ClassPolicy()).permit(question.request))
