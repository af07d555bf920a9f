"""Guards that refuse nothing: they mask, filter, fence, order and key. Each can be taken away alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
from sqlglot import exp
from tests.query.doubles import ClassPolicy

from sekisho import answer
from sekisho.domain.obligations import ObligationKind
from sekisho.domain.terms import Catalogue
from sekisho.errors import MaskedColumnUse
from sekisho.pseudonymity import KeyedTransforms, Pseudonymity
from sekisho.query import conjuncts, plan, rules
from sekisho.query.dialects import Dialect
from sekisho.query.kinds import PERSON
from sekisho.query.names import Physical
from sekisho.query.statements import Question, Statements


def _everybody_listed(relation: Any, draft: Any) -> Any:
    """The people table of a dataset, of all people instead of those who agreed."""
    found = _PEOPLE(relation, draft)
    if found is None:
        return None
    del draft.projections[found.table]
    found = replace(found, table=found.table[:-1] + "x", cells=())
    draft.projections[found.table] = found
    return found


def _any_conjunct(conjunct: exp.Expr, statement: Any, kinds: Any, _how: Any) -> Any:
    """The relation that *conjunct* is about, whatever the conjunct is."""
    columns = list(conjunct.find_all(exp.Column))
    definition = statement.definitions.get(id(columns[0])) if len(columns) == 1 else None
    return definition.relation if isinstance(definition, Physical) else None


def _raw_where_no_token(slot: Any, parameters: Sequence[object], codec: Any, now: Any) -> object:
    """A value compared with a key: what is no token is taken for the raw key."""
    try:
        return _VALUE(slot, parameters, codec, now)
    except MaskedColumnUse:
        value = parameters[slot.given] if slot.given is not None else slot.literal
        if slot.domain == PERSON:
            if slot.identifier is not None:
                return int(str(value)) if str(value).isdigit() else None
            known = codec.raw_keys["customer_id"].keys
            return dict(zip(known.values.to_pylist(), known.numbers.tolist(), strict=True)).get(str(value))
        return value


def _raw_page(batch: pa.RecordBatch, outputs: Sequence[object], *_: object) -> pa.RecordBatch:
    return batch.select(range(len(outputs)))


def _one_label(self: Any, _requester: str, _purpose: str) -> KeyedTransforms:
    return _TRANSFORMS(self, "everybody", "everything")


def _by_text(self: Any, _requester: object, _purpose: object, sql: str) -> Any:
    return next((question for key, question in self._known.items() if key[2] == sql), None)


def _first_plan(self: Any, permit: Any, *offered: frozenset[str], large: bool = False) -> Any:
    return next(iter(self._plans.values()), None) or _PLAN(self, permit, *offered, large=large)


async def _permitted(self: Any, request: Any) -> Any:
    return self.permit(request)


_PEOPLE = rules._people
_VALUE = plan._value
_TRANSFORMS = Pseudonymity._transforms
_PLAN = Question.plan
_KNOWN = Statements.known

SILENT: dict[str, list[tuple[object, str, Callable[..., object]]]] = {
    "mask at the scan": [(Dialect, "mask", lambda _self, _kind, column, _type, _mask=None: column)],
    "transform on the way out": [(answer, "transform_page", _raw_page)],
    "consent at the scan": [(rules, "_people", _everybody_listed)],
    "row filter at the scan": [(rules, "filtered", lambda *_: exp.true())],
    "recheck": [(answer, "everybody", lambda _hidden, _view, rows: np.ones(rows, np.bool_))],
    "fence": [(Dialect, "fence", lambda _self, select: select)],
    "judgement of expressions": [(rules, "leak_proof", lambda *_: True)],
    "list of what may be hoisted": [(conjuncts, "hoistable", _any_conjunct)],
    "order of tokens": [
        (KeyedTransforms, "sort_keys", lambda _self, column, _output: np.arange(len(column), dtype=np.uint64))
    ],
    "end of ties": [(rules, "end_ties", lambda *_: False)],
    "tokens": [(plan, "_value", _raw_where_no_token)],
    "keys of one purpose and requester": [(Pseudonymity, "_transforms", _one_label)],
    "datasets of the purpose": [(Catalogue, "visible_to", lambda self, _requester: dict(self.datasets))],
    "decision": [(ClassPolicy, "decide", _permitted)],
    "cache by requester and purpose": [(Statements, "known", _by_text)],
    "plan of one permit": [(Question, "plan", _first_plan)],
    "one person at a time": [
        (answer.Answer, "_count", lambda _self, _people, done: done.did(ObligationKind.MAX_DATA_SUBJECTS, 1))
    ],
}


@contextmanager
def without(*guards: str) -> Iterator[None]:
    """Take *guards* away."""
    with ExitStack() as stack:
        for guard in guards:
            for target, name, instead in SILENT[guard]:
                stack.enter_context(mock.patch.object(target, name, instead))
        yield
