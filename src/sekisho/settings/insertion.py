"""Adding to a workspace file without touching the rest of it: comments, order and alignment stay byte for byte.

Lines are inserted at the places that the YAML parser names; nothing is written anew. Lists that several datasets
share by an anchor are spelled out where only some of them change, so that none is bound to a purpose by accident.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from sekisho.domain.terms import Catalogue
from sekisho.errors import InvalidRequest
from sekisho.settings.load import settings_of
from sekisho.settings.values import Settings

_ALIAS = re.compile(r":([ \t]+\*[\w-]+)")


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replace the characters from *start* to *end* by *text*."""

    start: int
    end: int
    text: str


def with_purpose(text: str, name: str, entry: str, datasets: Collection[str], requesters: Collection[str]) -> str:
    """Return the workspace file *text* with one purpose more, bound to *datasets* and held by *requesters*.

    Parameters
    ----------
    entry:
        The purpose's keys as YAML, one on a line, not indented.

    Raises ``InvalidRequest`` where the file is not written in the usual way.
    """
    root = _root(text)
    edits = [_entry(text, _child(root, "purposes"), name, entry)]
    edits += _bound(text, _child(root, "datasets"), name, datasets)
    edits += _bound(text, _child(root, "requesters"), name, requesters)
    return _edited(text, edits)


def with_policies(text: str, folder: str) -> str:
    """Return the workspace file *text* with ``policy.bundle`` naming *folder*."""
    root = _root(text)
    found = [value for key, value in root.value if key.value == "policy"]
    if not found:
        return f"{text.rstrip()}\n\npolicy:\n  engine: embedded\n  bundle: {folder}\n"
    for key, value in found[0].value if isinstance(found[0], yaml.MappingNode) else ():
        if key.value == "bundle":
            end = value.end_mark.index
            if not found[0].flow_style:
                end = _line_end(text, end) - 1  # a comment behind it spoke of the other policies
            return _edited(text, [_Edit(value.start_mark.index, end, folder)])
    if not isinstance(found[0], yaml.MappingNode) or found[0].flow_style:
        raise _unusual("policy")
    key = found[0].value[0][0]
    line = f"{' ' * key.start_mark.column}bundle: {folder}\n"
    start = key.start_mark.index - key.start_mark.column
    return _edited(text, [_Edit(start, start, line)])


def checked(text: str, folder: Path, before: Catalogue, name: str | None = None) -> Settings:
    """Return what *text* would mean as the file of the workspace in *folder*; it may differ in nothing but *name*.

    Raises ``WorkspaceError`` with its faults, ``InvalidRequest`` where something else would change.
    """
    settings = settings_of(text.encode(), folder.resolve())
    after = settings.catalogue
    if name is not None:
        after = replace(
            after,
            purposes={key: value for key, value in after.purposes.items() if key != name},
            datasets={key: replace(d, purposes=d.purposes - {name}) for key, d in after.datasets.items()},
            requesters={key: replace(r, purposes=r.purposes - {name}) for key, r in after.requesters.items()},
        )
    if replace(after, revision=before.revision) != before:
        raise InvalidRequest("Something else in sekisho.yaml would change with it; add the purpose by hand.")
    return settings


def _root(text: str) -> yaml.MappingNode:
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise _unusual("the file")
    return root


def _child(node: yaml.MappingNode, name: str) -> yaml.MappingNode:
    found = next((value for key, value in node.value if key.value == name), None)
    if not isinstance(found, yaml.MappingNode) or found.flow_style:
        raise _unusual(name)
    return found


def _unusual(what: str) -> InvalidRequest:
    return InvalidRequest(f"`{what}` in sekisho.yaml is not written as a block; add the purpose by hand.")


def _entry(text: str, purposes: yaml.MappingNode, name: str, entry: str) -> _Edit:
    column = purposes.value[0][0].start_mark.column
    indent = " " * column
    lines = [f"{indent}{name}:", *(f"{indent}{indent or '  '}{line}" if line else "" for line in entry.splitlines())]
    at = _after(text, purposes)
    gap = "\n" if "\n\n" in text[purposes.start_mark.index : at].rstrip("\n") else ""
    return _Edit(at, at, gap + "\n".join(lines) + "\n")


def _bound(text: str, section: yaml.MappingNode, name: str, wanted: Collection[str]) -> Iterable[_Edit]:
    """Yield what adds the purpose to the lists of those that are *wanted*, and to no others."""
    lists = {key.value: _purposes(value) for key, value in section.value}
    for each in wanted:
        if lists.get(each) is None:
            raise InvalidRequest(f"{each} has no list of purposes in sekisho.yaml; add the purpose by hand.")
    for each, found in lists.items():
        if found is None:
            continue
        key, node = found
        if node.start_mark.index < key.start_mark.index:  # an alias: the list stands above
            shared = next(e for e, other in lists.items() if other is not None and other[1] is node)
            if (each in wanted) != (shared in wanted):
                yield _spelled_out(text, key, node, name if each in wanted else None)
        elif each in wanted:
            yield _longer(text, node, name)


def _purposes(node: yaml.Node) -> tuple[yaml.Node, yaml.SequenceNode] | None:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == "purposes" and isinstance(value, yaml.SequenceNode):
            return key, value
    return None


def _spelled_out(text: str, key: yaml.Node, node: yaml.SequenceNode, name: str | None) -> _Edit:
    alias = _ALIAS.match(text, key.end_mark.index)
    if alias is None:
        raise _unusual("purposes")
    names = [item.value for item in node.value] + ([] if name is None else [name])
    indent = "\n" + " " * (key.start_mark.column + 2)
    return _Edit(alias.start(1), alias.end(1), "".join(f"{indent}- {each}" for each in names))


def _longer(text: str, node: yaml.SequenceNode, name: str) -> _Edit:
    if not node.value:
        start = text.index("[", node.start_mark.index)
        return _Edit(start, node.end_mark.index, f"[{name}]")
    last = node.value[-1]
    if node.flow_style:
        return _Edit(last.end_mark.index, last.end_mark.index, f", {name}")
    at = _line_end(text, last.end_mark.index)
    column = text.rindex("-", text.rindex("\n", 0, last.start_mark.index), last.start_mark.index)
    indent = column - text.rindex("\n", 0, column) - 1
    return _Edit(at, at, f"{' ' * indent}- {name}\n")


def _after(text: str, node: yaml.Node) -> int:
    """Return where the line after the last one of *node* begins; what follows as comment stays behind it."""
    end = max(_ends(node, node.start_mark.index))
    while end > 0 and text[end - 1] in " \n":  # a block of text reaches to what follows it
        end -= 1
    return _line_end(text, end)


def _ends(node: yaml.Node, least: int) -> Iterable[int]:
    if node.start_mark.index < least:  # an alias
        return
    children: list[Any] = []
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        children = node.value
    if not children:
        yield node.end_mark.index
    for child in children:
        yield from _ends(child, least)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _edited(text: str, edits: Iterable[_Edit]) -> str:
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
