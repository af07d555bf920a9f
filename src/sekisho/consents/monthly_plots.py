"""The plots of the monthly report: inline SVG, drawn as bars and marks, each with a title and a description.

One colour; what a mark means is told by its place and by words. Every figure also stands in a table of the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sekisho.consents.markup import Markup, el

_WIDTH = 720
_LABEL = 200  # names to the left
_VALUE = 60  # numbers to the right
_FIELD = _WIDTH - _LABEL - _VALUE


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a plot: its name, what is drawn, and the number beside it."""

    name: str
    values: Sequence[int]
    told: str


def small_multiples(key: str, title: str, desc: str, rows: Sequence[Row], days: Sequence[int]) -> Markup:
    """Return one row of bars for each of *rows*, a bar for each day; all but the first, their sum, on one scale.

    *days* are the days of the week, from Monday, 0; weekends are shaded.
    """
    most = max((max(row.values, default=0) for row in rows[1:]), default=0) or 1
    height, top = 34, 4
    step = _FIELD / len(days)
    bottom = top + height * len(rows)
    parts = [
        el("rect", x=_at(_LABEL + step * n), y=top, width=_at(step), height=bottom - top, class_="weekend")
        for n, day in enumerate(days)
        if day >= 5
    ]
    for place, row in enumerate(rows):
        base = top + height * (place + 1) - 4
        parts.append(_name(row.name, base - 7))
        parts.append(_told(row.told, base - 7))
        parts.append(el("line", x1=_LABEL, x2=_LABEL + _FIELD, y1=base, y2=base, class_="base"))
        parts += _bars(row.values, step, base, most if place else max([1, *row.values]), height - 10)
    parts += _days(len(days), step, bottom + 12)
    return _svg(key, title, desc, bottom + 18, parts)


def day_bars(
    key: str, title: str, desc: str, values: Sequence[int], days: Sequence[int], marked: Sequence[int]
) -> Markup:
    """Return one row of bars, a bar for each day; *marked* days carry a triangle."""
    step, height, top = (_WIDTH - 20) / len(days), 84, 16
    most, base = max(values, default=0) or 1, top + height
    parts = [
        el("rect", x=_at(10 + step * n), y=top, width=_at(step), height=height, class_="weekend")
        for n, day in enumerate(days)
        if day >= 5
    ]
    parts.append(el("line", x1=10, x2=_WIDTH - 10, y1=base, y2=base, class_="base"))
    parts += _bars(values, step, base, most, height, left=10)
    for day in marked:
        x = 10 + step * (day + 0.5)
        parts.append(el("path", d=f"M{x - 4:.1f} 3h8l-4 7z", class_="warn"))
    parts += _days(len(days), step, base + 12, left=10)
    return _svg(key, title, desc, base + 18, parts)


def bars(key: str, title: str, desc: str, rows: Sequence[Row]) -> Markup:
    """Return one horizontal bar for the first value of each of *rows*."""
    most = max((row.values[0] for row in rows), default=0) or 1
    height, parts = 24, []
    for place, row in enumerate(rows):
        y, width = 4 + height * place, _FIELD * row.values[0] / most
        parts.append(_name(row.name, y + 13))
        parts.append(el("line", x1=_LABEL, x2=_LABEL, y1=y, y2=y + height - 6, class_="base"))
        if row.values[0]:
            parts.append(el("rect", x=_LABEL, y=y + 2, width=_at(max(2, width)), height=height - 10, class_="bar"))
        told = el("text", row.told, x=_at(_LABEL + width + 8), y=y + 13, class_="number")
        parts.append(told)
    return _svg(key, title, desc, 8 + height * len(rows), parts)


def timeline(
    key: str, title: str, desc: str, rows: Sequence[tuple[str, float, float]], days: Sequence[int]
) -> Markup:
    """Return one row for each of *rows*: a name, and from which day until which day, as fractions of days."""
    step, height, top = _FIELD / len(days), 22, 4
    bottom = top + height * len(rows)
    parts = [
        el("rect", x=_at(_LABEL + step * n), y=top, width=_at(step), height=bottom - top, class_="weekend")
        for n, day in enumerate(days)
        if day >= 5
    ]
    for place, (name, since, until) in enumerate(rows):
        y, begin = top + height * place, _LABEL + step * max(0.0, since)
        end = _LABEL + step * min(float(len(days)), until)
        parts.append(_name(name, y + 14))
        parts.append(el("line", x1=_LABEL, x2=_LABEL + _FIELD, y1=y + 10, y2=y + 10, class_="grid"))
        parts.append(
            el("rect", x=_at(begin - 3), y=y + 6, width=_at(max(6, end - begin)), height=8, rx=3, class_="bar")
        )
    parts += _days(len(days), step, bottom + 12)
    return _svg(key, title, desc, bottom + 18, parts)


def _bars(
    values: Sequence[int], step: float, base: float, most: int, height: float, left: float = _LABEL
) -> list[Markup]:
    return [
        el(
            "rect",
            x=_at(left + step * day + step * 0.15),
            y=_at(base - max(1.5, height * value / most)),
            width=_at(step * 0.7),
            height=_at(max(1.5, height * value / most)),
            class_="bar",
        )
        for day, value in enumerate(values)
        if value
    ]


def _days(count: int, step: float, y: float, left: float = _LABEL) -> list[Markup]:
    return [
        el("text", day, x=_at(left + step * (day - 0.5)), y=y, class_="axis") for day in (1, 5, 10, 15, 20, 25, count)
    ]


def _name(name: str, y: float) -> Markup:
    return el("text", _cut(name), x=_LABEL - 12, y=y, class_="name")


def _told(told: str, y: float) -> Markup:
    return el("text", told, x=_WIDTH - 2, y=y, class_="total")


def _cut(name: str) -> str:
    """Return as much of *name* as there is room for; letters of East Asia are twice as wide."""
    room, found = 31.0, ""
    for letter in name:
        room -= 2 if ord(letter) > 0x2E7F else 1
        if room < 0:
            return found[:-1] + "…"
        found += letter
    return found


def _at(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _svg(key: str, title: str, desc: str, height: float, parts: Sequence[Markup]) -> Markup:
    return el(
        "svg",
        el("title", title, id=f"{key}-title"),
        el("desc", desc, id=f"{key}-desc"),
        parts,
        viewBox=f"0 0 {_WIDTH} {_at(height)}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        xmlns="http://www.w3.org/2000/svg",
    )
