"""Step (4) of one answer: whose consent it is begun with, and whether the ledger was asked for it.

A small answer may begin by what the last look at the ledger found, without another one: its record is written only if
all of that still holds, which the transaction of the record finds out. Where it does not hold, or anything else goes
wrong on the way, nothing was released and nothing recorded; then the ledger is asked, and the answer begun anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from sekisho.costs import Laps, Step
from sekisho.domain.access import Permit
from sekisho.errors import AuditUnavailable, SekishoError
from sekisho.ports import ConsentView, ConsentViews, Ground

T = TypeVar("T")

Begin = Callable[[ConsentView | None, Ground | None], Awaitable[T]]
"""Begins an answer with a view and where it stands: with a whole ground nobody looked since the request came."""


async def by_consent(consents: ConsentViews, permit: Permit, begin: Begin[T], laps: Laps, *, freely: bool) -> T:
    """Return what *begin* makes of who agrees to what *permit* asks for; *freely*: it may be begun twice.

    Raises what *begin* raises, and ``ConsentUnavailable``. Of what is begun without a look nothing is told but an
    answer that was recorded: an error may be of somebody who has withdrawn since. That of the log is of nobody.
    """
    if not permit.consent_required:
        return await begin(None, None)
    if freely:
        view = consents.standing(permit.cells)
        ground = None if view is None else consents.ground(view)
        if ground is not None:
            try:
                return await begin(view, replace(ground, whole=True))
            except AuditUnavailable:
                raise
            except SekishoError:
                laps.lap(Step.CONSENT)
    view = await consents.view(permit.cells)
    laps.lap(Step.CONSENT)
    return await begin(view, consents.ground(view))
