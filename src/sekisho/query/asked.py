"""What a statement asks of keys: whether they may stand for the people inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sekisho.query.kinds import PERSON, Sort
from sekisho.query.order import numbers_rows

if TYPE_CHECKING:
    from sekisho.query.draft import Draft


def keys_stand_for_people(draft: Draft) -> bool:
    """Return whether the keys, one for each person, may stand for the person numbers inside the statement.

    Where keys are joined, grouped by and counted, and neither shown nor compared with a value, nobody can tell one
    from the other. All tables must then hold keys of one kind, and no row be put in an order of its person.
    """
    about = [r.dataset for r in draft.statement.relations if r.dataset is not None and r.dataset.data_subject]
    kinds = {dataset.data_subject.identifier for dataset in about if dataset.data_subject is not None}
    compared = any(slot.domain == PERSON or slot.identifier is not None for slot in draft.slots.values())
    compared = compared or numbers_rows(draft.statement, draft.kinds)
    shown = draft.rowwise or any(kind.sort is Sort.KEYED for kind in draft.output_kinds)
    return len(kinds) == 1 and not compared and not shown and all(d.name in draft.by_bits for d in about)
