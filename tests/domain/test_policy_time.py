"""Which policies read the time, found in their text."""

from __future__ import annotations

import pytest

from sekisho.domain.policy_time import Timing, reading_time, timing_of

ENTRY = "package sekisho.access\n\nimport data.sekisho.hours\n\n_ends := hours.ends\n"
ENDS = "\n\nends contains input.now.midnight\n"
READS = [
    "late if input.now.epoch > 5",
    "late if input . now.weekday",
    'late if input["now"].epoch > 5',
    'late if input["n\\u006fw"].epoch > 5',
    "late if input[`now`].epoch > 5",
    "late if input[key].epoch > 5",
    'late if object.get(input, "now", {})',
    "late if { asked := input; asked.now.epoch > 5 }",
    "late if { walk(input, [_, x]); x == 5 }",
    'late if count($"{input.now.weekday}") > 3',
    "late if time.now_ns() > 5",
    "late if time . weekday(0)",
    "import input.now",
    "import input as asked",
    'note := "\\"" if input.now.epoch > 5 # "',
]
READS_NOT = [
    "early if input.purpose.name",
    'early if input["purpose"].now',
    'early if "input.now" in input.purpose.cells',
    "# input.now",
    "early if input.nowhere",
    "early if input.purpose.now.epoch > 5",
    "early if data.input.now",
    "early if x := `time.now_ns() input.now`",
    "early if overtime.x",
    "early if input.purpose.time.x",
]


@pytest.mark.parametrize("rule", READS)
def test_what_reads_the_time_is_found(rule: str) -> None:
    """However it is spelled; and without an end nothing is kept, with one what says it."""
    module = f"package sekisho.hours\n\n{rule}\n"
    assert timing_of([ENTRY, module], frozenset()) is Timing.NEVER
    assert timing_of([ENTRY, module + ENDS], frozenset()) is Timing.UNTIL


@pytest.mark.parametrize("rule", READS_NOT)
def test_what_does_not_read_the_time_is_kept(rule: str) -> None:
    """Words in comments and strings, and other values of the question, are no time."""
    assert timing_of([ENTRY, f"package sekisho.hours\n\n{rule}\n"], frozenset()) is Timing.KEPT


def test_an_end_that_nobody_gathers_is_none() -> None:
    """The entry point must import the package and name its ends."""
    module = f"package sekisho.hours{ENDS}"
    for entry in ("package sekisho.access\n", ENTRY.replace("hours.ends", "{}"), ENTRY.replace("import", "#")):
        assert timing_of([entry, module], frozenset({entry, module})) is Timing.NEVER
    assert timing_of([module], frozenset({module})) is Timing.NEVER
    assert timing_of([ENTRY, module], frozenset({module})) is Timing.KEPT
    assert timing_of([ENTRY + "x := input.now\n", module], frozenset({module})) is Timing.NEVER


def test_ends_may_stand_in_another_file_of_the_package() -> None:
    """A package is what its files say together."""
    parts = ["package sekisho.hours\n\nlate if input.now.epoch > 5\n", f"package sekisho.hours{ENDS}"]
    assert timing_of([ENTRY, *parts], frozenset(parts)) is Timing.KEPT
    assert dict(reading_time({"a": ENTRY, "b": parts[0], "c": parts[1]})) == {"b": True, "c": True}


@pytest.mark.parametrize(
    ("line", "timing"),
    [
        ("deny contains 1 if not hours.late", Timing.NEVER),
        ("deny contains 1 if not data.sekisho.hours._late", Timing.NEVER),
        ("deny contains 1 if not data.sekisho.hours[x]", Timing.NEVER),
        ("all := hours.obligations", Timing.KEPT),
        ("all := hoursx.late", Timing.KEPT),
    ],
)
def test_who_borrows_a_rule_that_reads_the_time_reads_it(line: str, timing: Timing) -> None:
    """A package that reaches into another one, past what that one's ends tell of, reads the time itself."""
    hours = f"package sekisho.hours\n\nlate if input.now.epoch > 5{ENDS}"
    other = f"package sekisho.other\n\nimport data.sekisho.hours\n\n{line}\n"
    assert timing_of([ENTRY, hours, other], frozenset({hours})) is timing
