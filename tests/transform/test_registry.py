"""The description of every transform, and the page that shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlglot import exp
from tests.adapters.test_policy_masks import MASKS

from sekisho.domain.masks import Hierarchy, TransformKind, parameters_of
from sekisho.domain.terms import ColumnType
from sekisho.domain.transforms import DECLARABLE, TRANSFORMS, Above, Reversible, Runs, Transform
from sekisho.errors import StatementRefused
from sekisho.query.dialects import DIALECTS, Dialect

PAGE = Path(__file__).parents[2] / "docs" / "transforms.md"


def line_of(each: Transform) -> str:
    """Return the line of the page's table that describes *each*."""
    types = [kind.value for kind in ColumnType if kind in each.types]
    said = [
        f"`{each.kind.value}`",
        each.said["en"],
        each.runs.value,
        "yes" if each.keyed else "no",
        "yes" if each.injective else "no",
        each.reversible.value,
        each.output.value,
        each.above.value,
        "any" if len(types) == len(ColumnType) else ", ".join(types),
        "the same" if each.gives is None else each.gives.value,
        ", ".join(f"`{kind.value}`" for kind in sorted(each.classes)) or "–",
    ]
    return "| " + " | ".join(said) + " |"


def test_the_page_describes_every_transform() -> None:
    """The table is the program's description, line by line."""
    text = PAGE.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if re.match(r"\| `[a-z0-9_]+` \| .*\| (scan|gateway) \|", line)] == [
        line_of(TRANSFORMS[kind]) for kind in TransformKind
    ]


@pytest.mark.parametrize("kind", list(TransformKind), ids=str)
def test_a_description_is_of_one_piece(kind: TransformKind) -> None:
    """What is keyed is never at the scan; what is undone needs a key; who declares a mask has classes for it."""
    each = TRANSFORMS[kind]
    assert set(each.said) == {"en", "ja"}
    assert not (each.keyed and each.runs is Runs.SCAN)
    assert not (each.runs is Runs.GATEWAY and each.above is Above.ANYTHING)
    assert each.keyed or each.reversible is not Reversible.GATEWAY
    assert bool(each.classes) is (kind in DECLARABLE) is (each.mask is not None)
    if each.mask is not None:
        assert each.mask.kind is kind


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.kind.value)
def test_every_engine_has_every_mask_of_the_scan(dialect: Dialect) -> None:
    """No mask of the scan falls back on the raw column, and none is missing in an engine."""
    from sqlglot import exp

    from sekisho.query.dialects import Dialect

    assert isinstance(dialect, Dialect)
    column = exp.column("c", quoted=True)
    for kind, each in TRANSFORMS.items():
        if each.runs is Runs.SCAN and kind is not TransformKind.CLEAR:
            for column_type in sorted(each.types & {ColumnType.STRING, ColumnType.INTEGER, ColumnType.DATE}):
                shown = dialect.mask(kind, column, column_type, MASKS.get(kind))
                assert shown != column


def test_a_parameter_is_told_and_a_list_of_values_is_not() -> None:
    """What ``:explain`` tells of a mask is its parameters alone."""
    assert parameters_of(Hierarchy("age", 2, {"secret": "x"})) == {"hierarchy": "age", "level": 2}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.kind.value)
def test_a_mask_without_parameters_shows_nothing(dialect: Dialect) -> None:
    """An engine that has no words for a mask refuses, and does not read the raw column."""
    for kind, each in TRANSFORMS.items():
        if each.runs is Runs.SCAN and each.needs_mask:
            with pytest.raises(StatementRefused, match=kind.value):
                dialect.mask(kind, exp.column("c", quoted=True), ColumnType.INTEGER)
