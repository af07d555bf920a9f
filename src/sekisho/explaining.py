"""How often one requester may have decisions explained, counted over all workers.

An explanation is no answer, and leaves no record; but it asks the policy up to twenty-five times, and tells of the
policy what an answer does not. So it is limited as answers are.
"""

from __future__ import annotations

from typing import Final

from sekisho.domain.obligations import Allowance
from sekisho.domain.terms import Purpose, Requester
from sekisho.errors import RateLimited
from sekisho.ports import Meter

MOST_A_MINUTE: Final = 120
"""Explanations for one requester, of whatever purposes."""

_SECONDS: Final = 60
_WHAT: Final = "explanations"


async def may_explain(meter: Meter | None, requester: Requester, purpose: Purpose | None) -> None:
    """Count an explanation for *requester*, of a statement for *purpose* (``None``: one that nobody declared).

    A purpose that limits answers in a minute has as many explanations, yes and no alike. Raises ``RateLimited`` when
    there were too many, ``PolicyUnavailable`` when nobody can count; without a meter nothing is counted.
    """
    if meter is None:  # a gateway that serves nobody
        return
    if not await meter.take(requester.name, _WHAT, 1, Allowance(MOST_A_MINUTE, _SECONDS)):
        raise RateLimited(f"A requester has {MOST_A_MINUTE} explanations in a minute; ask later.")
    if purpose is None or purpose.name not in requester.purposes or purpose.limits.answers_per_minute is None:
        return
    allowance = Allowance(purpose.limits.answers_per_minute, _SECONDS)
    if not await meter.take(f"{requester.name}/{purpose.name}", _WHAT, 1, allowance):
        raise RateLimited("For this purpose there were as many explanations as it has answers; ask later.")
