"""Masks that columns declare: what they mean, and each fault with its line and a remedy."""

from __future__ import annotations

import pytest

from sekisho.domain.masks import (
    Bucket,
    Constant,
    DatePart,
    DateShift,
    Fake,
    FakeOf,
    Hierarchy,
    Hmac,
    Keep,
    Law,
    Mask,
    Noise,
    Partial,
    Redact,
    TopBottom,
    Truncate,
    Withhold,
)
from tests.settings.conftest import GOOD, Workspace, line_of

EMAIL = "email: {type: string, class: direct_identifier, category: email}"
BIRTH = "birth_date: {type: date, class: quasi_identifier, generalise: year}"
AMOUNT = "amount: {type: double, class: none}"

MASKS: dict[str, tuple[str, str, Mask]] = {
    "withhold": ("string", "{kind: withhold}", Withhold()),
    "redact": ("date", "{kind: redact}", Redact()),
    "constant": ("string", "{kind: constant, value: hidden}", Constant("hidden")),
    "constant number": ("integer", "{kind: constant, value: -3}", Constant(-3)),
    "partial": ("string", "{kind: partial, keep: last4}", Partial(Keep.LAST4)),
    "truncate": ("timestamp", "{kind: truncate, to: quarter}", Truncate(DatePart.QUARTER)),
    "bucket": ("double", "{kind: bucket, width: 10, start: 5}", Bucket(10, 5)),
    "bounds": ("integer", "{kind: bucket, bounds: [-1, 18, 65]}", Bucket(bounds=(-1, 18, 65))),
    "top and bottom": ("integer", "{kind: top_bottom, bottom: 0, top: 90}", TopBottom(0, 90)),
    "top": ("integer", "{kind: top_bottom, top: 90}", TopBottom(None, 90)),
    "hmac": ("string", "{kind: hmac}", Hmac()),
    "hmac of a domain": ("string", "{kind: hmac, domain: mail}", Hmac("mail")),
    "fake": ("string", "{kind: fake, of: name_kana}", Fake(FakeOf.NAME_KANA)),
    "date shift": ("date", "{kind: date_shift, days: 30}", DateShift(30)),
    "noise": ("integer", "{kind: noise, scale: 5}", Noise(5)),
    "gaussian noise": ("double", "{kind: noise, scale: 5, law: gaussian}", Noise(5, Law.GAUSSIAN)),
}


@pytest.mark.parametrize(("kind", "written", "meant"), MASKS.values(), ids=MASKS)
def test_a_mask_means_what_it_says(workspace: Workspace, kind: str, written: str, meant: Mask) -> None:
    """Each mask is read with its parameters."""
    text = GOOD.replace(BIRTH, f"birth_date: {{type: {kind}, class: quasi_identifier, mask: {written}}}")
    column = workspace.load(text).catalogue.datasets["crm.customers"].column("birth_date")
    assert column is not None
    assert column.mask == meant


def with_hierarchy(mask: str = "{kind: hierarchy, hierarchy: age, level: 2}") -> str:
    """Return the good file with a hierarchy and a column that names it."""
    return GOOD.replace(BIRTH, f"birth_date: {{type: integer, class: quasi_identifier, mask: {mask}}}").replace(
        "datasets:\n", "hierarchies:\n  age: {file: age.csv}\ndatasets:\n"
    )


def test_a_hierarchy_is_read_from_its_file(workspace: Workspace) -> None:
    """The level that a mask names is what stands for each value; what the file says changes the revision."""
    (workspace.folder / "age.csv").write_text("1;0-4;0-9;*\n5;5-9;0-9;*\n", encoding="utf-8")
    first = workspace.load(with_hierarchy()).catalogue
    column = first.datasets["crm.customers"].column("birth_date")
    assert column is not None
    assert column.mask == Hierarchy("age", 2, {"1": "0-9", "5": "0-9"})
    (workspace.folder / "age.csv").write_text("1;0-4;0-9;*\n6;5-9;0-9;*\n", encoding="utf-8")
    assert workspace.load(with_hierarchy()).catalogue.revision != first.revision


FILES = {
    "not there": (None, "cannot read the hierarchy"),
    "no groups": ("1\n", "line 1 of the hierarchy names no group"),
    "a value twice": ("1;a\n1;b\n", "line 2 of the hierarchy names a value that stands there already"),
    "unlike levels": ("1;a\n2;a;b\n", "unlike levels"),
    "empty": ("", "no value, or too many"),
    "too many": ("".join(f"{n};a\n" for n in range(2_001)), "no value, or too many"),
    "not UTF-8": (b"\xff\xfe;a\n", "no CSV file in UTF-8"),
    "too large": ("1;" + "a" * (1 << 20), "larger than a mebibyte"),
}


@pytest.mark.parametrize(("content", "told"), FILES.values(), ids=FILES)
def test_a_hierarchy_with_faults_is_told(workspace: Workspace, content: str | bytes | None, told: str) -> None:
    """A hierarchy that cannot be read is told on its line, without a value of the file."""
    if content is not None:
        raw = content if isinstance(content, bytes) else content.encode()
        (workspace.folder / "age.csv").write_bytes(raw)
    text = with_hierarchy("{kind: hierarchy, hierarchy: age}")
    faults = workspace.faults(text)
    assert any(told in fault and fault.startswith(f"line {line_of('  age: {file', text)}:") for fault in faults)


FAULTS = {
    "unknown kind": (EMAIL, "{kind: bukket}", "did you mean `bucket`"),
    "kind of a class": (EMAIL, "{kind: pseudonym}", "no column declares `pseudonym`"),
    "no kind": (EMAIL, "{keep: first}", "has no `kind`"),
    "unknown parameter": (EMAIL, "{kind: partial, keeps: first}", "did you mean `keep`"),
    "parameter of another": (EMAIL, "{kind: partial, keep: first, width: 3}", "`width` is not for `partial`"),
    "parameter missing": (EMAIL, "{kind: partial}", "has no `keep`"),
    "unknown part": (EMAIL, "{kind: partial, keep: last5}", "did you mean `last4`"),
    "for another type": (EMAIL, "{kind: date_shift, days: 3}", "does not fit the type string"),
    "for another class": (AMOUNT, "{kind: bucket, width: 3}", "is not for the class none"),
    "beside a generalisation": (BIRTH, "{kind: date_shift, days: 3}", "has `generalise` already"),
    "number out of range": (BIRTH, "{kind: date_shift, days: 0}", "is not a whole number from 1"),
    "unknown hierarchy": (EMAIL.replace("direct", "quasi"), "{kind: hierarchy, hierarchy: age}", "unknown hierarchy"),
    "value missing": (EMAIL, "{kind: constant}", "has no `value`"),
}


@pytest.mark.parametrize(("column", "mask", "told"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_line(workspace: Workspace, column: str, mask: str, told: str) -> None:
    """Each fault of a mask stands on its line with a remedy."""
    name = column.partition(":")[0]
    old = next(line for line in (EMAIL, BIRTH, AMOUNT) if line.startswith(f"{name}:"))
    text = GOOD.replace(old, f"{column[:-1]}, mask: {mask}}}")
    faults = workspace.faults(text)
    assert any(told in fault and fault.startswith(f"line {line_of(f'{name}: {{type', text)}:") for fault in faults)


NUMBERS = {
    "width and bounds": ("{kind: bucket, width: 3, bounds: [1]}", "has not one of `width` and `bounds`"),
    "neither": ("{kind: bucket}", "has not one of `width` and `bounds`"),
    "bounds that fall": ("{kind: bucket, bounds: [3, 1]}", "do not ascend"),
    "bounds of words": ("{kind: bucket, bounds: [a]}", "is not a list of whole numbers"),
    "start of bounds": ("{kind: bucket, bounds: [1], start: 3}", "`start` is for a `width`"),
    "no top or bottom": ("{kind: top_bottom}", "has neither"),
    "bottom above top": ("{kind: top_bottom, bottom: 9, top: 1}", "is not below"),
    "noise without scale": ("{kind: noise}", "has no `scale`"),
    "constant of another type": ("{kind: constant, value: x}", "is not a whole number"),
}


@pytest.mark.parametrize(("mask", "told"), NUMBERS.values(), ids=NUMBERS)
def test_a_fault_of_numbers_is_told(workspace: Workspace, mask: str, told: str) -> None:
    """Numbers that mean nothing together are told."""
    text = GOOD.replace(BIRTH, f"birth_date: {{type: integer, class: quasi_identifier, mask: {mask}}}")
    assert any(told in fault for fault in workspace.faults(text))


def test_the_key_of_the_person_has_no_mask(workspace: Workspace) -> None:
    """The column that names the person is a pseudonym, whatever is declared."""
    old = "customer_id: {type: integer, class: direct_identifier}\n          email"
    new = "customer_id: {type: integer, class: direct_identifier, mask: {kind: redact}}\n          email"
    assert old.replace("          ", "      ") in GOOD
    text = GOOD.replace(old.replace("          ", "      "), new.replace("          ", "      "), 1)
    assert any("names the person and has a mask" in fault for fault in workspace.faults(text))
