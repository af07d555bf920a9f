"""Rego tests for an engine that cannot be trusted with ``with``: the same test, asked with its input as the input.

rego-cpp aborts on some forms of ``with input as``. A test that gives one input to all of its statements says the same
when that input is computed first and then handed over as the real one. So it is taken apart into two rules: what the
input is, and whether the statements hold. A test that does anything else with ``with`` is not taken apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

INPUT = "input_of_the_test"
HOLDS = "holds_in_the_test"

_RULE = re.compile(r"\n(?=[^\s\n}\])#])")
_TEST = re.compile(r"(test_\w+)\s+if\s+(\{?)")
_WITH_INPUT = re.compile(r"\s+with\s+input\s+as\s+")
_WITH = re.compile(r"\swith\s")
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class RegoTest:
    """One test: its name, and the module that takes its place; ``None`` where it cannot be taken apart."""

    package: str
    name: str
    module: str | None


def tests_in(text: str) -> Iterator[RegoTest]:
    """Yield the tests of a test module."""
    package = _package(text)
    rules = _RULE.split(text)
    head = [rule for rule in rules if rule.startswith(("package", "import", "#"))]
    helping = [rule for rule in rules if not rule.startswith(("package", "import", "#", "test_"))]
    helping = [rule for rule in helping if not _WITH.search(rule)]
    for rule in rules:
        found = _TEST.match(rule)
        if found is None:
            continue
        body = rule[found.end() :]
        if found.group(2):
            body = body[: body.rindex("}")]
        parts = _apart(list(_statements(body)))
        module = None if parts is None else "\n".join([*head, "", *helping, *parts])
        yield RegoTest(package, found.group(1), module)


def _apart(statements: list[str]) -> list[str] | None:
    """Return the rules of the input and of the statements; ``None`` where there is not one input."""
    before: list[str] = []
    plain: list[str] = []
    inputs: list[str] = []
    for statement in statements:
        bare, *given = _WITH_INPUT.split(statement)
        inputs += given
        if not inputs and ":=" in bare:
            before.append(bare)
        plain.append(bare)
    if len(set(inputs)) > 1 or any(_WITH.search(part) for part in [*plain, *inputs]):
        return None
    lines = [*before, f"given := {inputs[0]}" if inputs else "given := {}"]
    return [_rule(f"{INPUT} := given", lines), _rule(HOLDS, plain)]


def _rule(head: str, lines: list[str]) -> str:
    body = "\n".join(f"\t{line}" for line in lines)
    return f"{head} if {{\n{body}\n}}\n"


def _statements(body: str) -> Iterator[str]:
    """Yield the statements of a rule's body: its lines, those within brackets joined, without comments."""
    depth, statement = 0, ""
    for line in body.splitlines():
        if line.strip().startswith("#"):
            continue
        statement = f"{statement}\n{line}" if statement else line.strip()
        # Brackets within texts come in pairs in what people write; where not, the engine refuses the module.
        depth += sum(line.count(each) for each in _OPENING) - sum(line.count(each) for each in _CLOSING)
        if depth <= 0 and statement.strip():
            yield statement.strip()
            depth, statement = 0, ""
    if statement.strip():
        yield statement.strip()


def _package(text: str) -> str:
    found = re.search(r"^package\s+([\w.]+)", text, re.MULTILINE)
    return found.group(1) if found else ""
