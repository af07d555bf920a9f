"""What narrows purposes and datasets: faults with line and remedy, and the tree that inherits it."""

from __future__ import annotations

import re

import pytest

from sekisho.domain.limits import DatasetClass, Keep, Limits, OutputClass, Place, ReleaseFormat
from tests.settings.conftest import GOOD, line_of

# what is spoilt: (old, new, where the fault is told, what the message says)
FAULTS = {
    "country of the controller": (
        "{name: Shop,",
        "{country: JPN, name: Shop,",
        "controller:",
        "`JPN` is no country; write two",
    ),
    "time zone unknown": ("{name: Shop,", "{time_zone: Edo, name: Shop,", "controller:", "`Edo` is no time zone"),
    "country of a requester": ("desk: {", "desk: {country: Japan, ", "desk:", "`Japan` is no country"),
    "part of nothing": ("    clear: [email]", "    part_of: help", "clear:", "unknown purpose `help`; "),
    "part of itself": ("    clear: [email]", "    part_of: support", "clear:", "support is part of support itself"),
    "part of another ground": (
        "    clear: [email]",
        "    part_of: recommendation",
        "legal_basis: contract",
        "another than that of recommen",
    ),
    "need unknown": ("    clear: [email]", "    needs: [e_mail]", "clear:", "unknown class or category `e_mail`"),
    "output class unknown": ("    clear: [email]", "    output_class: none", "clear:", "no output_class"),
    "output class of sets": (
        "    clear: [email]",
        "    output_class: anonymised",
        "clear:",
        "rows are never anonymised",
    ),
    "output class of clear identifiers": (
        "    clear: [email]",
        "    clear: [email]\n    output_class: pseudonymised",
        "statistics:",
        "unmasked is not pseudonymised",
    ),
    "role of an office": ("    clear: [email]", "    roles: [auditor]", "clear:", "the role auditor reads no data"),
    "age of nobody": ("    clear: [email]", "    minimum_age: 200", "clear:", "a whole number from 1 to 100"),
    "limit of nothing": ("    clear: [email]", "    limits: {rows: 0}", "clear:", "`rows` is not a whole number"),
    "limit unknown": (
        "    clear: [email]",
        "    limits: {row: 5}",
        "clear:",
        "unknown key `row`; did you mean `rows`",
    ),
    "no format": ("    clear: [email]", "    formats: []", "clear:", "names none, so that nothing could leave"),
    "format unknown": ("    clear: [email]", "    formats: [xlsx]", "clear:", "unknown format `xlsx`"),
    "grant without end": (
        "    clear: [email]",
        "    break_glass_minutes: 9999",
        "clear:",
        "number from 1 to 1,440",
    ),
    "dataset class unknown": (
        "    relation: customers\n",
        "    relation: customers\n    class: secret\n",
        "data_subject:",
        "no class; choose",
    ),
    "reference about people": (
        "    relation: customers\n",
        "    relation: customers\n    class: reference\n",
        "data_subject:",
        "data about nobody has personal columns",
    ),
    "kept by no column": (
        "    relation: customers\n",
        "    relation: customers\n    keep: {column: birthdate, days: 9}\n",
        "data_subject:",
        "unknown column `birthdate`; did you mean `birth_date`",
    ),
    "kept by no date": (
        "    relation: customers\n",
        "    relation: customers\n    keep: {column: email, days: 9}\n",
        "data_subject:",
        "is no date or timestamp",
    ),
    "country of a dataset": (
        "    relation: customers\n",
        "    relation: customers\n    countries: [XX]\n",
        "data_subject:",
        "`XX` is no country",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_told_once_with_line_and_remedy(workspace, name):
    """A spoilt file is refused with the line of what is wrong, what is wrong, and what would help."""
    old, new, where, message = FAULTS[name]
    (fault,) = workspace.faults_of(old, new)
    assert fault.startswith(f"line {line_of(where)}: ")
    assert re.search(message, fault)


def below(conditions: str, above: str = "") -> str:
    """Return the good file with a purpose that is part of ``recommendation``, which has further keys *above*."""
    part = (
        "  birthday:\n    title: {ja: 誕生日, en: Birthdays}\n"
        "    description: {ja: お祝いします, en: We send wishes}\n"
        f"    legal_basis: consent\n    part_of: recommendation\n{conditions}  support:\n"
    )
    text = GOOD.replace("    cells: [purchase, profile]\n", "    cells: [purchase, profile]\n" + above, 1)
    text = text.replace("generalise: year}", "generalise: year, category: birth_date}")
    return text.replace("  support:\n", part, 1)


ABOVE = (
    "    needs: [none, birth_date]\n    roles: [night, day]\n    minimum_age: 18\n    formats: [json, csv]\n"
    "    limits: {rows: 100, rows_per_day: 1000}\n    watermark: true\n    output_class: pseudonymised\n"
)


def test_a_part_inherits_what_narrows_the_whole(workspace):
    """What the wider purpose is narrowed by holds for its part, unless that is narrower still."""
    text = below("    minimum_age: 20\n    formats: [csv]\n    limits: {rows: 9}\n", ABOVE)
    part = workspace.load(text).catalogue.purposes["birthday"]
    assert part.ancestors == ("recommendation",)
    assert part.needs == {"none", "birth_date"}
    assert part.roles == {"night", "day"}
    assert part.minimum_age == 20
    assert part.formats == (ReleaseFormat.CSV,)
    assert part.limits == Limits(9, None, 1000)
    assert part.watermark
    assert part.output_class is OutputClass.PSEUDONYMISED


def test_a_part_sees_the_datasets_of_the_whole_and_its_requester_nothing_else(workspace):
    """Datasets serve the parts of the purposes that they are bound to; registration is of a purpose alone."""
    text = below("").replace(
        "recommender: {purposes: [recommendation]}", "wisher: {purposes: [birthday]}\n  recommender: {purposes: []}"
    )
    catalogue = workspace.load(text).catalogue
    assert set(catalogue.visible_to(catalogue.requesters["wisher"])) == {"crm.customers", "pos.lines"}
    assert catalogue.visible_to(catalogue.requesters["recommender"]) == {}


@pytest.mark.parametrize(
    ("wider", "message"),
    [
        ("    needs: [none, email]\n", "`needs` goes further than recommendation"),
        ("    roles: [night, noon]\n", "`roles` goes further"),
        ("    minimum_age: 16\n", "`minimum_age` goes further"),
        ("    formats: [json, arrow]\n", "`formats` goes further"),
        ("    output_class: personal\n", "`output_class` goes further"),
        ("    limits: {rows: 101}\n", "`rows` is more than recommendation has"),
        ("    third_party: true\n", "`third_party` is another than that of recommendation"),
    ],
)
def test_a_part_is_never_wider_than_the_whole(workspace, wider, message):
    """A wider use is another purpose: it is refused, with the line of what is wider."""
    text = below(wider, ABOVE)
    (fault,) = workspace.faults(text)
    assert message in fault
    assert fault.startswith(f"line {line_of(wider, text)}: ")


def test_purposes_that_are_part_of_each_other_are_a_fault(workspace):
    """A circle has no widest purpose."""
    assert any("is part of" in fault for fault in workspace.faults(below("", "    part_of: birthday\n")))


def test_everything_that_narrows_is_read(workspace):
    """Conditions of purposes, datasets, requesters and the controller reach the catalogue as they stand."""
    text = GOOD.replace("{name: Shop,", "{country: DE, time_zone: Europe/Berlin, name: Shop,")
    narrow = "    clear: [email]\n    break_glass_minutes: 60\n    weekend_freeze: true\n"
    text = text.replace("    clear: [email]\n", narrow)
    text = text.replace(
        "    relation: customers\n",
        "    relation: customers\n    class: person_related\n    countries: [DE, JP]\n    least_age: 16\n"
        "    keep: {column: birth_date, days: 9}\n",
    )
    catalogue = workspace.load(text.replace("desk: {", "desk: {country: US, ")).catalogue
    assert catalogue.place == Place("DE", "Europe/Berlin")
    purpose, dataset = catalogue.purposes["support"], catalogue.datasets["crm.customers"]
    assert (purpose.break_glass_minutes, purpose.weekend_freeze) == (60, True)
    assert dataset.dataset_class is DatasetClass.PERSON_RELATED
    assert (dataset.countries, dataset.least_age, dataset.keep) == (("DE", "JP"), 16, Keep("birth_date", 9))
    assert catalogue.requesters["desk"].country == "US"
