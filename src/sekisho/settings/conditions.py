"""How far a purpose or a dataset may be used: the keys that only narrow, and the tree of purposes.

A purpose that is part of another inherits what narrows that one, and may narrow it further. What would widen it is a
fault: a wider use is another purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypedDict

from sekisho.domain.limits import DatasetClass, Keep, Limits, OutputClass, ReleaseFormat
from sekisho.domain.purpose_facts import COUNTRIES, MOST_DAYS
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Purpose
from sekisho.settings.faults import nearest, shown
from sekisho.settings.keys import OFFICES
from sekisho.settings.section import Section

_MOST = 1_000_000_000
_CLASSES = tuple(OutputClass)


class Conditions(TypedDict):
    """Further fields of ``domain.terms.Purpose``."""

    needs: frozenset[str] | None
    output_class: OutputClass | None
    roles: frozenset[str]
    minimum_age: int | None
    limits: Limits
    formats: tuple[ReleaseFormat, ...]
    watermark: bool
    weekend_freeze: bool
    break_glass_minutes: int | None


def purpose_conditions(section: Section, categories: frozenset[str], *, output: str, clear: bool) -> Conditions:
    """Return what narrows one purpose, whose ``output`` and use of ``clear`` are known.

    *categories* are those that any column has.
    """
    known = frozenset(each.value for each in ColumnClass) | categories
    roles = section.names("roles")
    for role in sorted(OFFICES.intersection(roles)):
        section.wrong("roles", f"who has the role {role} reads no data", "name a role of those who do the work")
    output_class = section.choice("output_class", OutputClass)
    if output_class in {OutputClass.STATISTICS, OutputClass.ANONYMISED} and output != "statistics":
        section.wrong(
            "output_class", f"rows are never {output_class}", "write `output: statistics`, or pseudonymised here"
        )
    if output_class is OutputClass.PSEUDONYMISED and clear:
        section.wrong("output_class", "what `clear` shows unmasked is not pseudonymised", "leave one of them out")
    formats = section.names("formats", [each.value for each in ReleaseFormat], "format")
    if section.is_empty("formats"):
        section.wrong("formats", "`formats` names none, so that nothing could leave", "leave it out for all")
    return {
        "needs": frozenset(section.names("needs", known, "class or category")) if section.has("needs") else None,
        "output_class": output_class,
        "roles": frozenset(roles),
        "minimum_age": _whole(section, "minimum_age", 100),
        "limits": _limits(section.section("limits")),
        "formats": tuple(ReleaseFormat(each) for each in formats),
        "watermark": section.flag("watermark"),
        "weekend_freeze": section.flag("weekend_freeze"),
        "break_glass_minutes": _whole(section, "break_glass_minutes", 24 * 60),
    }


def _whole(section: Section, key: str, most: int) -> int | None:
    return section.whole(key, 0, 1, most) or None


def _limits(section: Section | None) -> Limits:
    if section is None:
        return Limits()
    return Limits(*(_whole(section, key, _MOST) for key in ("rows", "answers_per_minute", "rows_per_day")))


# -- the tree ----------------------------------------------------------------------------------------


def within(purposes: Mapping[str, Purpose], sections: Mapping[str, Section]) -> dict[str, Purpose]:
    """Return *purposes* with their wider purposes and what they inherit of them."""
    parents = {
        name: wider
        for name, section in sections.items()
        if (wider := section.name("part_of")) is not None and _is_known(section, wider, purposes)
    }
    found: dict[str, Purpose] = {}

    def resolve(name: str, below: tuple[str, ...]) -> Purpose:
        if name in found:
            return found[name]
        purpose, wider = purposes[name], parents.get(name)
        if wider in {name, *below}:
            sections[name].wrong("part_of", f"{wider} is part of {name} itself", "name a wider purpose")
            wider = None
        if wider is not None and wider in purposes:
            above = resolve(wider, (*below, name))
            purpose = _inherited(sections[name], purpose, above)
        found[name] = purpose
        return purpose

    for name in purposes:
        resolve(name, ())
    return {name: found[name] for name in purposes}


def _is_known(section: Section, wider: str, purposes: Mapping[str, Purpose]) -> bool:
    if wider in purposes:
        return True
    section.wrong("part_of", f"unknown purpose {shown(wider)}", nearest(wider, purposes))
    return False


def _inherited(section: Section, purpose: Purpose, above: Purpose) -> Purpose:
    """Return *purpose* with what narrows *above*, of which it is a part; what would widen that is a fault."""
    differs = [key for key in ("legal_basis", "output") if getattr(purpose, key) != getattr(above, key)]
    if purpose.third_party and not above.third_party:
        differs.append("third_party")
    for key in differs:
        section.wrong(key, f"`{key}` is another than that of {above.name}, of which it is part", "declare it apart")
    narrowed: dict[str, Any] = {"ancestors": (above.name, *above.ancestors)}
    for key, is_within in _NARROWER.items():
        own, wider = getattr(purpose, key), getattr(above, key)
        if own in (None, (), frozenset()):
            narrowed[key] = wider
        elif wider not in (None, (), frozenset()) and not is_within(own, wider):
            section.wrong(key, f"`{key}` goes further than {above.name}, of which it is part", "narrow it")
    narrowed["limits"] = _least(section, purpose.limits, above)
    narrowed["watermark"] = purpose.watermark or above.watermark
    narrowed["weekend_freeze"] = purpose.weekend_freeze or above.weekend_freeze
    return replace(purpose, **narrowed)


def _least(section: Section, own: Limits, above: Purpose) -> Limits:
    found: list[int | None] = []
    for key in ("rows", "answers_per_minute", "rows_per_day"):
        here, there = getattr(own, key), getattr(above.limits, key)
        if here is not None and there is not None and here > there:
            section.wrong("limits", f"`{key}` is more than {above.name} has, of which it is part", "lower it")
        found.append(there if here is None else here)
    return Limits(*found)


_NARROWER: Mapping[str, Callable[[Any, Any], bool]] = {
    "needs": lambda own, wider: own <= wider,
    "roles": lambda own, wider: own <= wider,
    "formats": lambda own, wider: set(own) <= set(wider),
    "output_class": lambda own, wider: _CLASSES.index(own) <= _CLASSES.index(wider),
    "minimum_age": lambda own, wider: own >= wider,
    "break_glass_minutes": lambda own, wider: own <= wider,
}


# -- datasets ----------------------------------------------------------------------------------------


class Use(TypedDict):
    """Further fields of ``domain.terms.Dataset``."""

    kind: DatasetClass | None
    countries: tuple[str, ...]
    keep: Keep | None
    least_age: int | None


def dataset_use(section: Section, columns: tuple[Column, ...]) -> Use:
    """Return how far one dataset with *columns* may be used."""
    kind = section.choice("class", DatasetClass)
    personal = [column.name for column in columns if column.column_class is not ColumnClass.NONE]
    if kind is DatasetClass.REFERENCE and personal:
        section.wrong(
            "class", f"data about nobody has personal columns ({', '.join(personal[:5])})", "correct one of them"
        )
    births = [column.name for column in columns if column.category == "birth_date" and column.type is ColumnType.DATE]
    if len(births) > 1:
        section.wrong("columns", f"{' and '.join(births)} are both the date of birth", "leave the category to one")
    return {
        "kind": kind,
        "countries": countries(section, "countries"),
        "keep": _keep(section, columns),
        "least_age": _whole(section, "least_age", 100),
    }


def _keep(dataset: Section, columns: tuple[Column, ...]) -> Keep | None:
    section = dataset.section("keep")
    if section is None:
        return None
    name, days = section.name("column"), _whole(section, "days", MOST_DAYS)
    column = next((each for each in columns if each.name == name), None)
    if name is not None and column is None and name not in dataset.keys_of("columns"):
        section.wrong("column", f"unknown column {shown(name)}", nearest(name, [each.name for each in columns]))
    if column is not None and column.type not in {ColumnType.DATE, ColumnType.TIMESTAMP}:
        section.wrong("column", "the column from which time runs is no date or timestamp", "correct its type")
    return Keep(name, days) if name and days else None


def countries(section: Section, key: str) -> tuple[str, ...]:
    """Return a list of countries."""
    found = section.texts(key)
    for each in found:
        _check_country(section, key, each)
    return found


def country(section: Section, key: str) -> str | None:
    """Return a country."""
    found = section.text(key)
    if found is not None:
        _check_country(section, key, found)
    return found


def _check_country(section: Section, key: str, text: str) -> None:
    if text not in COUNTRIES:
        section.wrong(key, f"{shown(text)} is no country", "write two capital letters of ISO 3166-1, for example US")
