"""What policies tell of themselves: the METADATA beside each rule, and the reference page made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sekisho.errors import SekishoError

_BLOCK = re.compile(r"^# METADATA\n((?:^#.*\n)+)", re.MULTILINE)


def rules_in(folder: Path) -> Iterator[dict[str, str]]:
    """Yield what the METADATA of each rule that can refuse says. Raises ``SekishoError`` when one cannot be read."""
    for path in sorted(folder.rglob("*.rego")):
        if path.stem.endswith("_test") or "checks" in path.parts:
            continue
        for block in _BLOCK.finditer(path.read_text("utf-8")):
            try:
                about = yaml.safe_load(re.sub(r"^# ?", "", block.group(1), flags=re.MULTILINE))
                custom = about.get("custom") or {}
            except (yaml.YAMLError, AttributeError):
                raise SekishoError(f"The METADATA of a rule in {path.name} cannot be read.") from None
            if "reason" in custom:
                yield {
                    "code": str(custom["code"]),
                    "reason": str(custom["reason"]),
                    "title": str(about.get("title", "")),
                    "description": str(about.get("description", "")),
                    "source": str(custom.get("source", "")),
                    "remedy": str(custom.get("remedy", "")),
                    "title_ja": str(custom.get("title_ja", "")),
                    "description_ja": str(custom.get("description_ja", "")),
                    "remedy_ja": str(custom.get("remedy_ja", "")),
                    "file": path.relative_to(folder).as_posix(),
                }


# -- the reference page ------------------------------------------------------------------------------

_BEFORE = re.compile(r"^# METADATA\n((?:^#.*\n)+)^(.+)$", re.MULTILINE)

HEAD = """# Policies

<!-- Made of the METADATA in policies/ by `sekisho policy docs`; a test holds it to them. Change the rules. -->

What the shipped policies can say no to, and why. No refusal means yes, on the conditions that the other rules name: a
transform for each column, row filters, consent cells, obligations. A refusal of any package refuses: deny overrides.
Codes are those of the [contract](errors.md); the reason stands in the answer, and `sekisho policy show` lists them.
How to change a rule: [Change a policy](../how-to/policies.md).
"""


@dataclass(slots=True)
class Package:
    """One package: what it is about, the names that others read, and what it can say no to."""

    name: str
    title: str
    description: str
    names: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[dict[str, str]] = field(default_factory=list)


def packages_in(folder: Path) -> Iterator[Package]:
    """Yield the packages below *folder* that take part in decisions. Raises ``SekishoError``."""
    refusals: dict[str, list[dict[str, str]]] = {}
    for rule in rules_in(folder):
        refusals.setdefault(rule["file"], []).append(rule)
    for path in sorted(folder.rglob("*.rego")):
        if path.stem.endswith("_test") or "checks" in path.parts:
            continue
        package: Package | None = None
        for block in _BEFORE.finditer(path.read_text("utf-8")):
            about, line = _read(block.group(1), path), block.group(2)
            if line.startswith("package "):
                package = Package(line.removeprefix("package ").strip(), _text(about, "title"), _description(about))
            elif package is not None and "reason" not in (about.get("custom") or {}):
                name = re.split(r"[^A-Za-z0-9_]", line.removeprefix("default "))[0]
                package.names.append((name, _description(about)))
        if package is None:
            raise SekishoError(f"The package in {path.name} has no METADATA.")
        package.refusals = refusals.get(path.relative_to(folder).as_posix(), [])
        yield package


def page(folder: Path) -> str:
    """Return the reference page of the policies in *folder*, in Markdown."""
    parts = [HEAD]
    for package in packages_in(folder):
        parts.append(f"\n## `{package.name}`\n\n**{package.title}.** {package.description}\n")
        if package.refusals:
            parts.append("\n| code | reason | when | source | what helps |\n|---|---|---|---|---|\n")
            parts += [
                f"| `{r['code']}` | `{r['reason']}` | {_both(r, 'description')} | {_cell(r['source'])} "
                f"| {_both(r, 'remedy')} |\n"
                for r in package.refusals
            ]
        if package.names:
            parts.append("\n| other rules read | meaning |\n|---|---|\n")
            parts += [f"| `{name}` | {_cell(description)} |\n" for name, description in package.names]
    return "".join(parts)


def _read(block: str, path: Path) -> dict[str, Any]:
    try:
        about = yaml.safe_load(re.sub(r"^# ?", "", block, flags=re.MULTILINE))
    except yaml.YAMLError:
        about = None
    if not isinstance(about, dict):
        raise SekishoError(f"The METADATA of a rule in {path.name} cannot be read.")
    return about


def _text(about: dict[str, Any], key: str) -> str:
    return str(about.get(key, "")).strip()


def _description(about: dict[str, Any]) -> str:
    return " ".join(_text(about, "description").split())


def _both(rule: dict[str, str], key: str) -> str:
    """Return a text of a rule in both languages."""
    japanese = _cell(rule[f"{key}_ja"])
    return _cell(rule[key]) + (f"<br>{japanese}" if japanese else "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
