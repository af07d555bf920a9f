"""YAML text to a tree whose nodes know their lines.

Only plain data is read: no tags, no merge keys, one document. PyYAML keeps the last of two equal keys
without a word and expands aliases without limit; here a repeated key is a fault, and size, depth and
the number of nodes after expansion are bounded, so that a file of a kilobyte cannot fill the memory
("billion laughs").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from sekisho.settings.faults import Faults, shown

_MAX_CHARACTERS = 1_000_000
_MAX_NODES = 50_000  # after aliases are expanded
_MAX_DEPTH = 20
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map"))

Value = "str | int | bool | None | Listing | Table | Odd"


@dataclass(frozen=True, slots=True)
class Odd:
    """A scalar that is none of text, whole number, true, false and nothing; *why* says what to write."""

    why: str


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line (from 1) on which it begins."""

    line: int
    value: Any  # Value; recursive aliases are more than mypy reads


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping: key to the line of the key and the value."""

    entries: dict[str, tuple[int, Node]]


class _TooMuch(Exception):
    """A limit was passed on *line*."""

    def __init__(self, line: int, wrong: str, remedy: str) -> None:
        super().__init__(wrong)
        self.line, self.wrong, self.remedy = line, wrong, remedy


class _Loader(yaml.SafeLoader):
    """Composes nodes; refuses depth before the recursion of the library meets it."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node of a bounded depth."""
        if self._depth >= _MAX_DEPTH:
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]  # PyYAML's
            raise _TooMuch(line, f"nested deeper than {_MAX_DEPTH} levels", "write it flatter")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def read(text: str, faults: Faults) -> Node | None:
    """Return the root of *text*, or ``None`` when it cannot be read at all; faults are noted."""
    if len(text) > _MAX_CHARACTERS:
        faults.add(1, "the file is longer than a million characters", "a workspace file has a few hundred lines")
        return None
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
        if root is None:
            faults.add(1, "the file is empty", "begin with `controller:`")
            return None
        return _Converter(faults).node(root, 0)
    except _TooMuch as limit:
        faults.add(limit.line, limit.wrong, limit.remedy)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(mark.line + 1 if mark else 1, f"not YAML: {error.problem}", _remedy(error.problem or ""))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        faults.add(line, "a character that YAML does not allow", "save the file as UTF-8 without control characters")
    return None


def _remedy(problem: str) -> str:
    if "\\t" in problem or "tab" in problem:
        return "indent with spaces, never with tabs"
    if "another document" in problem or "expected '<document start>'" in problem:
        return "keep one document in the file; leave out `---` and `...`"
    if "alias" in problem or "anchor" in problem:
        return "define the anchor (`&name`) once, above its use (`*name`)"
    if "mapping values are not allowed" in problem:
        return "check the indentation, and put text with `: ` in quotes"
    return "check indentation, quotes and brackets here and on the line above"


class _Converter:
    """Library nodes to ours, counting them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._count = 0

    def node(self, node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > _MAX_NODES or depth > _MAX_DEPTH:
            raise _TooMuch(line, "aliases expand to too much", "write the values out, without `*name`")
        if node.tag not in _PLAIN_TAGS:
            self._faults.add(
                line,
                f"the YAML tag {shown(node.tag.removeprefix(_TAG))} is not read here",
                "write plain text, numbers, lists and mappings",
            )
            return Node(line, Odd("plain text"))
        if isinstance(node, yaml.MappingNode):
            return Node(line, self._table(node, depth))
        if isinstance(node, yaml.SequenceNode):
            return Node(line, Listing(tuple(self.node(item, depth + 1) for item in node.value)))
        return Node(line, _scalar(node))

    def _table(self, node: yaml.MappingNode, depth: int) -> Table:
        entries: dict[str, tuple[int, Node]] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._faults.add(line, "a key that is a list or a mapping", "write a word before the colon")
                continue
            key, value = key_node.value, self.node(value_node, depth + 1)
            if key_node.tag == _TAG + "bool":
                self._faults.add(
                    line, f"the key {shown(key)} is read as true or false by YAML", f'put it in quotes: "{key}"'
                )
            if key in entries:
                self._faults.add(
                    line, f"the key {shown(key)} stands twice (first on line {entries[key][0]})", "keep one of them"
                )
                continue
            entries[key] = (line, value)
        return Table(entries)


def _scalar(node: yaml.Node) -> str | int | bool | Odd | None:
    text = str(node.value)
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            if text in {"true", "false"}:
                return text == "true"
            # YAML 1.1 reads yes, no, on and off as booleans; nobody can see which was meant.
            return Odd(f'`true`, `false`, or "{text}" in quotes')
        case "int":
            digits = text.removeprefix("-")
            # No octal, hexadecimal, underscores or base 60: 0700 would be 448.
            plain = digits.isdecimal() and digits.isascii() and len(digits) < 16
            return int(text) if plain and (digits == "0" or digits[0] != "0") else Odd("plain digits")
        case "float":
            return Odd("a whole number, or text in quotes")
        case _:
            return text
