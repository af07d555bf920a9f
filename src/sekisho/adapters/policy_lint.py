"""Holds policies to the rules of the house, over their text: no program is needed for it.

What a rule demands is what makes a refusal explainable and safe: METADATA that says code, reason, article and remedy;
one directory, package and test for each subject; nothing that depends on more than the question; and no refusal that
an absent value would silently undo. Where the program ``opa`` is there, it checks besides what only it can.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from sekisho.domain.policy_time import reading_time

CODES: Final = frozenset({"purpose_not_registered", "access_denied", "aggregate_required", "column_denied"})
"""What a refusal may answer: codes of the contract."""

_FIELDS: Final = ("code", "reason", "source", "remedy")
_ENTRY = "sekisho/access/access.rego"
_PACKAGE = re.compile(r"^package ([\w.]+)\s*$", re.MULTILINE)
_RULE = re.compile(r"^(?:default )?([a-z_]\w*)")
_ANSWER = re.compile(r'"(code|reason)"\s*:\s*"([^"]*)"')
_FORBIDDEN = re.compile(
    r"\b((?:http\.send|opa\.runtime|rego\.parse_module|trace|print|(?:time|net|rand|uuid|providers)\.\w+(?:\.\w+)*)"
    r"|io\.jwt\.\w+)\s*\("
)
_AS_TEXT = re.compile(r"\b(min|max)\s*\(")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
_COMMENT = re.compile(r"#.*$")


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong: in which file (relative to the policies), on which line, by which check, and what to do.

    ``advice`` is what somebody should look at, and may find right as it is.
    """

    file: str
    line: int
    check: str
    says: str
    advice: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule or the package of a file: its name, first line, whole text, and the METADATA right above it."""

    name: str
    line: int
    text: str
    about: Mapping[str, object] | None = field(default=None)

    @property
    def custom(self) -> Mapping[str, object]:
        custom = (self.about or {}).get("custom")
        return custom if isinstance(custom, Mapping) else {}


def lint(folder: Path, files: Mapping[str, bytes], program: str | None = None) -> list[Found]:
    """Return what is wrong with the policies below *folder*, by file and line.

    Parameters
    ----------
    files:
        Those of them that take part in decisions, by name.
    program:
        The path of ``opa``, where it is there.
    """
    texts = {name: content.decode("utf-8", "replace") for name, content in files.items()}
    found = [each for name, text in texts.items() for each in _file(folder, name, text)]
    found += _reasons(texts)
    found += _gathered(texts)
    found += _timed(texts)
    if program is not None:
        found += _opa(folder, program)
    return sorted(found, key=lambda each: (each.file, each.line, each.check))


def _file(folder: Path, name: str, text: str) -> Iterator[Found]:
    path = Path(name)
    package = _PACKAGE.search(text)
    if package is None:
        yield Found(name, 1, "package", "name the package: `package sekisho.<directory>`")
        return
    line = text.count("\n", 0, package.start()) + 1
    wanted = ".".join(path.parent.parts)
    if package.group(1) != wanted or path.stem != path.parent.name:
        says = f"directory, package and file carry one name: {wanted}, {path.parent.name}.rego"
        yield Found(name, line, "directory", says)
    yield from _test(folder, path)
    rules = list(_rules(text))
    about = next((rule.about for rule in rules if rule.name == "package"), None)
    if not _described(about):
        yield Found(
            name, line, "metadata", "say what it is about in METADATA above the package: title and description"
        )
    for rule in rules:
        if rule.name == "deny":
            yield from _refusal(name, rule)
    for number, code in enumerate(_code(text).splitlines(), 1):
        for used in _FORBIDDEN.finditer(code):
            says = f"leave {used.group(1)} out: a decision rests on the question alone, and is kept for equal ones"
            yield Found(name, number, "builtin", says)
        for used in _AS_TEXT.finditer(code):
            says = f"compare instead of {used.group(1)}: the embedded interpreter puts 10 before 9, as texts"
            yield Found(name, number, "order", says)


def _test(folder: Path, path: Path) -> Iterator[Found]:
    test = path.with_name(f"{path.stem}_test.rego")
    try:
        text = (folder / test).read_text("utf-8")
    except (OSError, UnicodeError):
        yield Found(path.as_posix(), 1, "test", f"put its tests beside it: {test.name}")
        return
    if not re.search(r"^test_\w+ if\b", text, re.MULTILINE):
        yield Found(test.as_posix(), 1, "test", "there is no test in it: `test_what_must_hold if { … }`")


def _refusal(name: str, rule: _Rule) -> Iterator[Found]:
    if not _described(rule.about):
        yield Found(name, rule.line, "metadata", "say in METADATA above the refusal: title and description")
    for part in _FIELDS:
        if not str(rule.custom.get(part) or "").strip():
            yield Found(name, rule.line, "metadata", f"say custom.{part} in the METADATA above the refusal")
    code = rule.custom.get("code")
    if code and code not in CODES:
        yield Found(name, rule.line, "code", f"custom.code is one of {', '.join(sorted(CODES))}")
    answered = dict(_ANSWER.findall(rule.text))
    if any(answered.get(part) != rule.custom.get(part) for part in ("code", "reason") if rule.custom.get(part)):
        yield Found(name, rule.line, "answer", "answer the code and the reason that the METADATA says")
    if not _total(rule) and not rule.custom.get("guarded_by"):
        says = (
            "refuse with `not` and a helper that says what is required: an absent value is refused to nobody;"
            " or name the rule that does then: custom.guarded_by"
        )
        yield Found(name, rule.line, "not", says, advice=True)


def _total(rule: _Rule) -> bool:
    """Return whether a refusal says something about values that are absent: by ``not``, or by counting."""
    return re.search(r"^\s*not \w|\bcount\(", _code(rule.text), re.MULTILINE) is not None


def _reasons(files: Mapping[str, str]) -> Iterator[Found]:
    first: dict[str, str] = {}
    total: set[str] = set()
    refusals = [(name, rule) for name, text in files.items() for rule in _rules(text) if rule.name == "deny"]
    for name, rule in refusals:
        reason = str(rule.custom.get("reason") or "")
        if reason and reason in first:
            yield Found(name, rule.line, "reason", f"{reason} names a rule of {first[reason]} already")
        first.setdefault(reason, name)
        if _total(rule):
            total.add(reason)
    for name, rule in refusals:
        guard = rule.custom.get("guarded_by")
        if guard and guard not in total:
            yield Found(name, rule.line, "not", f"{guard} names no rule that refuses absent values")


def _gathered(files: Mapping[str, str]) -> Iterator[Found]:
    """A package whose refusals the entry point does not gather refuses nobody."""
    entry = _code(files.get(_ENTRY, ""))
    for name, text in files.items():
        package = _PACKAGE.search(text)
        if package is None or not any(rule.name == "deny" for rule in _rules(text)):
            continue
        short = package.group(1).rsplit(".", 1)[-1]
        imported = re.search(rf"^import data\.{re.escape(package.group(1))}$", entry, re.MULTILINE)
        if imported is None or not re.search(rf"\b{short}\.deny\b", entry):
            says = f"gather its refusals in {_ENTRY}: import the package, and join {short}.deny to `_reasons`"
            yield Found(name, text.count("\n", 0, package.start()) + 1, "gathered", says)


def _timed(files: Mapping[str, str]) -> Iterator[Found]:
    """A decision that rests on the time is kept until it says that it ends."""
    for name, told in reading_time(files):
        if not told:
            says = f"say in `ends` from when it may answer otherwise, and gather that in {_ENTRY}: it reads the time"
            yield Found(name, 1, "time", says)


def _rules(text: str) -> Iterator[_Rule]:
    """Yield the package and the rules of a file; what begins in the first column begins a rule."""
    lines = text.splitlines()
    comments: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        start = _RULE.match(line)
        if line.startswith("#"):
            comments = [*comments, line]
        elif start is None:
            comments = []
        else:
            end = number + 1
            while end < len(lines) and not _RULE.match(lines[end]) and not lines[end].startswith("#"):
                end += 1
            yield _Rule(start.group(1), number + 1, "\n".join(lines[number:end]), _about(comments))
            comments, number = [], end - 1
        number += 1


def _about(comments: list[str]) -> Mapping[str, object] | None:
    if "# METADATA" not in comments:
        return None
    block = comments[len(comments) - comments[::-1].index("# METADATA") :]
    try:
        read = yaml.safe_load("\n".join(line.removeprefix("#").removeprefix(" ") for line in block))
    except yaml.YAMLError:
        return None
    return read if isinstance(read, dict) else None


def _described(about: Mapping[str, object] | None) -> bool:
    return about is not None and all(str(about.get(part) or "").strip() for part in ("title", "description"))


def _code(text: str) -> str:
    """Return *text* without strings and comments, line for line."""
    return "\n".join(_COMMENT.sub("", _STRING.sub('""', line)) for line in text.splitlines())


def _opa(folder: Path, program: str) -> Iterator[Found]:
    """What only ``opa`` sees: rules that do not fit together, names that nothing defines, and its format."""
    checked = _run(program, "check", "--strict", "--format", "json", str(folder))
    errors = _errors(checked.stderr) or _errors(checked.stdout)
    for error in errors:
        place = error.get("location") or {}
        told = error.get("message", "").replace(f"{folder}/", "")
        yield Found(_inside(folder, place.get("file", ".")), place.get("row") or 1, "strict", " ".join(told.split()))
    if checked.returncode and not errors:
        yield Found(".", 1, "strict", "it does not compile strictly")
    for file in _run(program, "fmt", "--list", str(folder)).stdout.splitlines():
        if file.endswith(".rego"):
            yield Found(_inside(folder, file), 1, "format", "format it: opa fmt --write")


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - opa, found by its name, and a folder of the workspace
        [program, *arguments], check=False, capture_output=True, text=True
    )


def _errors(told: str) -> list[dict[str, Any]]:
    """Return the errors in what ``opa check`` told; none when it told something else."""
    try:
        return list(json.loads(told)["errors"])
    except (ValueError, KeyError, TypeError):
        return []


def _inside(folder: Path, file: str) -> str:
    path = Path(file)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
