"""What ``sekisho check`` says of columns that scans found and nobody has settled. Nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from sekisho.adapters.records.database import Database
from sekisho.adapters.records.scans import SqlColumnRecords
from sekisho.domain.classification import ReviewState
from sekisho.domain.scans import KnownColumn
from sekisho.errors import PolicyUnavailable
from sekisho.settings import Settings

_MOST_NAMED = 5


def unsettled(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield about what, and what it is."""
    known = [each for each in asyncio.run(_known(settings)) if each.scanned.governed]
    for column in known:
        if column.state is ReviewState.STALE:
            yield f"{column.scanned.dataset}.{column.scanned.place.name}", _stale(column)
    settled = {
        (each.scanned.dataset, each.scanned.place.name)
        for each in known
        if each.review is not None and each.state is not ReviewState.STALE
    }
    waiting = [
        f"{dataset.name}.{column.name}"
        for dataset in settings.catalogue.datasets.values()
        for column in dataset.columns
        if column.unreviewed and (dataset.name, column.name) not in settled
    ]
    if waiting:
        named = ", ".join(waiting[:_MOST_NAMED])
        more = f" and {len(waiting) - _MOST_NAMED} more" if len(waiting) > _MOST_NAMED else ""
        yield "scan", f"restricted until somebody has reviewed them: {named}{more}; sekisho scan, sekisho scan review"


def _stale(column: KnownColumn) -> str:
    proposal, reasons = column.scanned.proposal, ", ".join(column.drift)
    seems = "" if proposal is None else f"; it seems to be {proposal.column_class.value} ({proposal.kind})"
    return f"a scan found that it has to be looked at ({reasons}){seems}; sekisho scan review"


async def _known(settings: Settings) -> list[KnownColumn]:
    database = Database(settings.database_url)
    try:
        return await SqlColumnRecords(database).known()
    except PolicyUnavailable:  # whether the database answers is looked at elsewhere
        return []
    finally:
        await database.close()
