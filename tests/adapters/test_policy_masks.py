"""Masks that columns declare, and the policies: both know the same ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sekisho.adapters.rego import EmbeddedRego
from sekisho.domain.access import AccessRequest, DatasetUse, Permit, TransformKind, Use, decision_from_json
from sekisho.domain.masks import (
    Bucket,
    Constant,
    DatePart,
    DateShift,
    Fake,
    FakeOf,
    Hierarchy,
    Hmac,
    Mask,
    Noise,
    Partial,
    Redact,
    TopBottom,
    Truncate,
    Withhold,
)
from sekisho.domain.terms import Column, ColumnClass, ColumnType
from sekisho.domain.transforms import DECLARABLE, TRANSFORMS
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask

MASKS: dict[TransformKind, Mask] = {
    mask.kind: mask
    for mask in (
        Withhold(), Redact(), Constant("x"), Partial(), Truncate(DatePart.MONTH), Hierarchy("h", 1, {}), Bucket(10),
        TopBottom(0, 9), Hmac(), Fake(FakeOf.NAME), DateShift(3), Noise(3),
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> Iterator[EmbeddedRego]:
    """Return the policies that come with the program."""
    pdp = EmbeddedRego()
    yield pdp
    asyncio.run(pdp.close())


def question(column: Column, purpose: str = "recommendation") -> AccessRequest:
    """Return the question about one column beside the person's key."""
    customers = DATASETS[0]
    dataset = replace(customers, columns=(customers.columns[0], column))
    uses = {name: frozenset({Use.SHOWN}) for name in ("customer_id", column.name)}
    return replace(ask(REQUESTERS[0], PURPOSES[purpose]), datasets=(DatasetUse(dataset, uses),))


def column_with(mask: Mask, column_class: ColumnClass) -> Column:
    """Return a column of a type that *mask* takes."""
    kind = min(TRANSFORMS[mask.kind].types, key=list(ColumnType).index)
    return Column("value", kind, column_class, mask=mask)


def test_every_mask_that_may_be_declared_is_tried() -> None:
    """No mask is left out here."""
    assert set(MASKS) == set(DECLARABLE)


CASES = [(kind, each) for kind in DECLARABLE for each in sorted(TRANSFORMS[kind].classes)]


@pytest.mark.parametrize(("kind", "column_class"), CASES, ids=[f"{k.value} {c.value}" for k, c in CASES])
async def test_a_declared_mask_is_the_answer(
    shipped: EmbeddedRego, kind: TransformKind, column_class: ColumnClass
) -> None:
    """The shipped policies answer with the declared mask; what is sensitive needs explicit consent besides."""
    decision = await shipped.decide(question(column_with(MASKS[kind], column_class)))
    assert isinstance(decision, Permit)
    sensitive = column_class is ColumnClass.SENSITIVE
    assert decision.transforms["crm.customers"]["value"] is (TransformKind.WITHHOLD if sensitive else kind)


def answer(kind: str) -> dict[str, object]:
    """Return a policy's yes with *kind* for the column."""
    return {
        "allow": True, "deny": [], "legal_basis": "consent",
        "consent": {"required": True, "cells": ["recommendation/data_category=profile"]},
        "columns": {"crm.customers": {"customer_id": "pseudonym", "value": kind}},
        "row_filters": {}, "obligations": [], "valid_until": None,
    }  # fmt: skip


@pytest.mark.parametrize("kind", [*(k.value for k in TransformKind if TRANSFORMS[k].needs_mask), "bukket", ""])
def test_a_mask_without_parameters_is_no_answer(kind: str) -> None:
    """A policy that names a transform which does not exist, or lacks its parameters, says nothing: that is a no."""
    asked = question(Column("value", ColumnType.STRING, ColumnClass.QUASI_IDENTIFIER))
    with pytest.raises(ValueError, match=r"transform|TransformKind|valid"):
        decision_from_json(answer(kind), asked, "r1")
    for mask in MASKS.values():
        if mask.kind.value != kind:
            other = question(replace(column_with(mask, ColumnClass.QUASI_IDENTIFIER)))
            with pytest.raises(ValueError, match=r"transform|TransformKind|valid"):
                decision_from_json(answer(kind), other, "r1")


def test_a_transform_that_the_type_does_not_take_is_no_answer() -> None:
    """A date has no first three characters, and a text is no date."""
    asked = question(Column("value", ColumnType.DATE, ColumnClass.QUASI_IDENTIFIER))
    with pytest.raises(ValueError, match="does not take"):
        decision_from_json(answer("prefix3"), asked, "r1")
    decision_from_json(answer("year"), asked, "r1")
