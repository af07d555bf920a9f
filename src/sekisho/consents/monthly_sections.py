"""The sections of the monthly report, each from its part of the figures: words, a plot, and tables with the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sekisho.consents.markup import Markup, el, joined
from sekisho.consents.monthly_plots import Row, bars, day_bars, small_multiples, timeline
from sekisho.domain.monthly_texts import TEXTS, text

_MOST_ROWS: Final = 12  # of a plot, and of a list that goes on in a number
_FEW: Final = 3  # purposes beside a code
_Told = Mapping[str, Any]


class Words:
    """The words of one report: its language, and how numbers, names and times are spelled there."""

    def __init__(self, figures: _Told, locale: str) -> None:
        self.figures, self.locale = figures, locale
        self.days = [date.fromisoformat(day) for day in figures["days"]]
        self.weekdays = [day.weekday() for day in self.days]

    def __call__(self, name: str, /, **parts: object) -> str:
        """Return the text *name*."""
        return text(name, self.locale, **parts)

    def named(self, item: _Told, name: str = "purpose") -> str:
        """Return what *item* is called in this language."""
        return str(item["title"].get(self.locale) or item[name] or self("no_purpose"))

    def people(self, count: object) -> str:
        """Return a number of people, which may be one that is not told."""
        if isinstance(count, Mapping):
            return self("fewer_than", n=count["fewer_than"])
        return self("unknown") if count is None else number(count)

    def time(self, seconds: float | None) -> str:
        """Return a length of time in the unit that fits it."""
        if seconds is None:
            return "–"
        if seconds < 1:
            return self("ms", n=f"{seconds * 1000:.0f}")
        for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
            if seconds >= length:
                return self(unit, n=f"{seconds / length:.1f}".removesuffix(".0"))
        return self("s", n=f"{seconds:.1f}".removesuffix(".0"))

    def times(self, of: _Told) -> str:
        """Return median, 95th percentile and longest."""
        return " / ".join(self.time(of[part]) for part in ("p50", "p95", "max"))

    def at(self, instant: str | None) -> str:
        """Return an instant to the minute; the report says in which time zone."""
        return self("unknown") if instant is None else instant[:16].replace("T", " ")


def number(count: object) -> str:
    """Return a number with its thousands apart."""
    return f"{count:,}" if isinstance(count, int) else str(count)


def section(words: Words, place: int, key: str, *content: object) -> Markup:
    """Return a numbered section with its heading and its introduction, if it has one."""
    told = f"{key}_told"
    return el(
        "section",
        el("h2", el("span", place, class_="place"), words(key), id=key),
        el("p", words(told), class_="lead") if told in TEXTS else None,
        content,
        aria_labelledby=key,
    )


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]], numbers: str = "", kind: str | None = None
) -> Markup:
    """Return a table; its first column names the rows. *numbers* has ``n`` at the place of each column of numbers."""
    classes = [("n" if numbers[place : place + 1] == "n" else None) for place in range(len(heads))]
    body = [
        el(
            "tr",
            el("th", row[0], scope="row"),
            [el("td", cell, class_=each) for cell, each in zip(row[1:], classes[1:], strict=True)],
        )
        for row in rows
    ]
    head = el("tr", [el("th", one, scope="col", class_=each) for one, each in zip(heads, classes, strict=True)])
    return el("table", el("caption", caption), el("thead", head), el("tbody", body), class_=kind)


def pairs(caption: str, rows: Iterable[tuple[str, object]]) -> Markup:
    """Return a table of names and values."""
    body = [el("tr", el("th", name, scope="row"), el("td", value)) for name, value in rows]
    return el("table", el("caption", caption), el("tbody", body), class_="pairs")


def none(words: Words) -> Markup:
    """Return that there is nothing."""
    return el("p", words("none"), class_="none")


def coded(name: object) -> Markup:
    """Return a code or a name of the workspace, as such."""
    return el("code", str(name))


def figure(plot: Markup) -> Markup:
    """Return a plot as a figure."""
    return el("figure", plot)


def accesses(words: Words) -> Markup:
    """Accesses by purpose and day."""
    told = words.figures["accesses"]
    items = told["items"]
    if not items:
        return none(words)
    shown = [item for item in items if item["releases"]][:_MOST_ROWS]
    rest = [item for item in items if item["releases"]][_MOST_ROWS:]
    rows = [Row(words("total"), told["by_day"], number(told["releases"]))]
    rows += [Row(words.named(item), item["by_day"], number(item["releases"])) for item in shown]
    if rest:
        days = [sum(day) for day in zip(*(item["by_day"] for item in rest), strict=True)]
        rows.append(Row(words("other_purposes"), days, number(sum(days))))
    most = max((max(row.values) for row in rows[-len(shown) :]), default=0)
    desc = words("accesses_desc", most=number(most), all=number(max(told["by_day"])))
    plot = small_multiples("plot-accesses", words("accesses_plot"), desc, rows, words.weekdays)
    parts = ("releases", "pages", "rows", "denied")
    lines = [
        [
            [words.named(item), " ", coded(item["purpose"])],
            *(number(item[part]) for part in parts),
            _listed(item["requesters"]),
        ]
        for item in items
    ]
    lines.append(
        [
            words("total"),
            *(number(told[part]) for part in parts[:3]),
            number(sum(item["denied"] for item in items)),
            "",
        ]
    )
    heads = [words(each) for each in ("purpose", *parts, "requesters")]
    return joined(
        [
            figure(plot) if told["releases"] else None,
            table(words("accesses"), heads, lines, " nnnn"),
            el("p", words("void", n=number(told["void"]))) if told["void"] else None,
        ]
    )


def denials(words: Words) -> Markup:
    """Denials by code, with their sentences, and the reasons of the policies."""
    told = words.figures["denials"]
    if not told["codes"]:
        return none(words)
    rows = [Row(each["code"], [each["count"]], number(each["count"])) for each in told["codes"]]
    lines = [
        [
            coded(each["code"]),
            number(each["count"]),
            [
                el("strong", each["title"].get(words.locale, each["code"])),
                el("br"),
                each["explanation"].get(words.locale, ""),
            ],
            _listed(
                [
                    *[f"{words.named(one)} {number(one['count'])}" for one in each["purposes"][:_FEW]],
                    _rest(words, each),
                ]
            ),
        ]
        for each in told["codes"]
    ]
    reasons = [
        [coded(each["reason"]), each["title"].get(words.locale, ""), number(each["count"])]
        for each in told["reasons"]
    ]
    return joined(
        [
            figure(bars("plot-denials", words("denials_plot"), words("denials_desc"), rows)),
            table(
                words("denials"),
                [words(each) for each in ("code", "count", "meaning", "purposes")],
                lines,
                " n",
                "wide3",
            ),
            table(words("reasons"), [words(each) for each in ("reason", "meaning", "count")], reasons, "  n")
            if reasons
            else None,
        ]
    )


def withdrawals(words: Words) -> Markup:
    """Withdrawals by purpose, and what the log shows of their effect."""
    told = words.figures["withdrawals"]
    effect, items = told["effect"], told["items"]
    late, grace = effect["began_late"], effect["grace_seconds"]
    lines = [
        [[words.named(item), " ", coded(item["purpose"])], words(item["kind"]), words.people(item["count"])]
        for item in items
    ]
    if told["at_least"]:
        sum_ = number(told["at_least"])
        lines.append([words("total"), "", sum_ if told["exact"] else words("at_least", n=sum_)])
    steps = [(_step(words, place, effect["steps"]), each["percent"]) for place, each in enumerate(effect["steps"])]
    plot = [Row(name, [percent], f"{percent} %") for name, percent in steps]
    under_way = effect["under_way"]
    return joined(
        [
            el(
                "p",
                el("span", number(late), class_="big"),
                " ",
                words("broken_promise"),
                " ",
                el("span", f"({words('broken_zero')})", class_="quiet"),
                class_="promise" if late == 0 else "promise broken",
            ),
            pairs(
                words("withdrawals"),
                [
                    (words("left_late", s=grace), number(effect["left_late"])),
                    (words("under_way", s=grace), number(under_way["pages"])),
                    (words("under_way_lag"), words.times(under_way["seconds"])),
                    (words("seen"), _rest_of(words, effect["seen"])),
                    (words("seen_after"), words.times(effect["seconds"])),
                    (words("waiting"), _rest_of(words, effect["waiting"])),
                    *([(words("broken_ids"), _listed(effect["broken"]))] if effect["broken"] else []),
                ],
            ),
            figure(bars("plot-effect", words("effect_plot"), words("effect_desc"), plot)) if plot else None,
            table(
                words("effect_plot"),
                [words("time"), words("share")],
                [[name, f"{percent} %"] for name, percent in steps],
                " n",
            )
            if steps
            else None,
            table(words("withdrawals"), [words(each) for each in ("purpose", "kind", "count")], lines, "  n")
            if lines
            else None,
            el("p", words("measured"), class_="note"),
        ]
    )


def _rest_of(words: Words, count: object) -> str:
    return words("not_told") if count is None else words.people(count)


def provisions(words: Words) -> Markup:
    """Provisions to third parties, by recipient, country, purpose and ground."""
    items = words.figures["provisions"]["items"]
    if not items:
        return none(words)
    by_name: dict[str, int] = {}
    for item in items:
        by_name[item["recipient"]] = by_name.get(item["recipient"], 0) + item["releases"]
    rows = [Row(name, [count], number(count)) for name, count in list(by_name.items())[:_MOST_ROWS]]
    lines = [
        [
            [item["recipient"], " ", coded(item["requester"])],
            item["country"] or words("unknown"),
            words.named(item),
            item["legal_basis"]["title"].get(words.locale, item["legal_basis"]["name"]),
            number(item["releases"]),
            number(item["rows"]),
            words.people(item["people"]),
        ]
        for item in items
    ]
    heads = [words(each) for each in ("recipient", "country", "purpose", "basis", "releases", "rows", "people")]
    return joined(
        [
            figure(bars("plot-provisions", words("provisions_plot"), words("bars_desc"), rows)),
            table(words("provisions"), heads, lines, "    nnn"),
        ]
    )


def break_glass(words: Words) -> Markup:
    """Grants for emergencies, and what left on them."""
    told = words.figures["break_glass"]
    if not told["items"]:
        return none(words)
    begin = datetime.fromisoformat(words.figures["since"])
    rows = [
        (
            str(item["ticket"] or item["id"]),
            (datetime.fromisoformat(item["from"]) - begin) / timedelta(days=1),
            (datetime.fromisoformat(item["to"]) - begin) / timedelta(days=1),
        )
        for item in told["items"]
        if item["from"] is not None and item["to"] is not None
    ]
    plot = timeline("plot-glass", words("break_glass_plot"), words("break_glass_desc"), rows[:20], words.weekdays)
    lines = [
        [
            el("span", item["ticket"] or words("unknown"), class_="item"),
            [item["granted_by"], f" ({', '.join(item['roles'])})" if item["roles"] else None],
            item["requester"],
            words.named(item),
            _listed([f"{words.at(item['from'])} –", words.at(item["to"])]),
            *(number(item[part]) for part in ("pages", "rows")),
        ]
        for item in told["items"]
    ]
    heads = [words(e) for e in ("ticket", "granted_by", "requester", "purpose", "from_to", "pages", "rows")]
    return joined(
        [
            figure(plot) if rows else None,
            table(words("break_glass"), heads, lines, "     nn"),
            _more(words, told["count"] - len(lines)),
        ]
    )


def _more(words: Words, count: int) -> Markup | None:
    return el("p", words("and_more", n=number(count))) if count > 0 else None


def _rest(words: Words, denied: _Told) -> str | None:
    left = len(denied["purposes"]) - _FEW
    return words("and_more", n=number(left)) if left > 0 else None


def _step(words: Words, place: int, steps: Sequence[_Told]) -> str:
    below = steps[place]["below"]
    if place == 0:
        return words("below", t=words.time(below))
    above = words.time(steps[place - 1]["below"])
    return words("above", t=above) if below is None else f"{above} – {words.time(below)}"


def _listed(names: Iterable[str | None]) -> Markup:
    return joined(el("span", name, class_="item") for name in names if name is not None)


def records_of_days(words: Words) -> Markup:
    """The plot of the log: its records by day, and the days with an outage."""
    told = words.figures["records"]
    gaps = {item["from"][:10] for item in words.figures["log"]["gaps"]["items"]}
    marked = [place for place, day in enumerate(words.figures["days"]) if day in gaps]
    desc = words("log_desc", most=number(max(told["by_day"], default=0)))
    return figure(day_bars("plot-log", words("log_plot"), desc, told["by_day"], words.weekdays, marked))
