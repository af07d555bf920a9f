"""The monthly report as one page that prints well (HTML): nothing is fetched for it, and nothing in it runs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sekisho.consents.markup import Markup, el, joined
from sekisho.consents.monthly_sections import (
    Words,
    accesses,
    break_glass,
    coded,
    denials,
    none,
    number,
    pairs,
    provisions,
    records_of_days,
    section,
    table,
    withdrawals,
)
from sekisho.domain.monthly_texts import MONTHS, TEXTS

_COLUMNS: Final = 7  # purposes beside one another in the appendix

_STYLE: Final = """
:root{--ink:#1b2430;--quiet:#556070;--rule:#d5dbe3;--accent:#1f5c8a;--warn:#9b1c1c}
*{box-sizing:border-box}
body{font:10.5pt/1.65 "Hiragino Sans","Noto Sans JP","Noto Sans CJK JP","Yu Gothic",system-ui,sans-serif}
body{color:var(--ink);background:#fff;margin:0 auto;max-width:52rem;padding:3.5rem 2rem 5rem;overflow-wrap:break-word}
body:lang(en){font-family:system-ui,"Helvetica Neue","Noto Sans","Noto Sans CJK JP",sans-serif}
header p.month{color:var(--accent);font-size:1.05rem;margin:0;letter-spacing:.04em}
h1{font-size:1.9rem;font-weight:600;line-height:1.25;margin:.1rem 0 1.6rem}
h2{font-size:1.2rem;font-weight:600;margin:0 0 .4rem;line-height:1.4}
h2 .place{display:inline-block;min-width:1.9rem;padding-right:.5rem;color:var(--accent)}
section{margin-top:3.2rem}
p{margin:.5rem 0}p.lead{color:var(--quiet);max-width:42rem;margin-bottom:1.2rem}
p.note{color:var(--quiet);font-size:.86rem;margin-top:1.2rem;padding-left:.9rem;border-left:2px solid var(--rule)}
p.none{color:var(--quiet)}
.quiet{color:var(--quiet)}
code,pre{font-family:ui-monospace,"SFMono-Regular","DejaVu Sans Mono",monospace;font-size:.86em}
td code,th code{color:var(--quiet)}
th code{white-space:nowrap}table.facts code{word-break:break-all}
table.wide3 td:nth-child(3){width:48%}
pre{background:#f5f7f9;padding:.9rem 1rem;margin:.5rem 0;white-space:pre-wrap;word-break:break-all;line-height:1.5}
table{border-collapse:collapse;width:100%;margin:1.2rem 0;font-size:.88rem;line-height:1.5}
caption{text-align:left;font-weight:600;padding-bottom:.4rem}
th,td{padding:.38rem .7rem .38rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
thead th{border-bottom:1.5px solid var(--ink);font-weight:600;white-space:nowrap}
tbody th{font-weight:400}
tbody tr:last-child>*{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.n:last-child,th.n:last-child{padding-right:0}
.n+:not(.n){padding-left:1rem}
.appendix table{table-layout:fixed}.appendix thead th{white-space:normal}
table.pairs th{width:55%}table.facts th{width:11rem;color:var(--quiet)}
.item{display:inline-block;margin-right:.8em}
.verdict{border:1.5px solid var(--accent);padding:1rem 1.2rem;margin:0 0 1.8rem}
.verdict strong{color:var(--accent);font-size:1.1rem;display:block}
.verdict.bad{border:3px double var(--warn)}.verdict.bad strong{color:var(--warn)}
dl.key{display:grid;grid-template-columns:repeat(6,1fr);gap:1rem;margin:0 0 1.8rem}
dl.key div{border-top:1.5px solid var(--ink);padding-top:.5rem}
dl.key dt{color:var(--quiet);font-size:.8rem;line-height:1.4;min-height:2.3rem}
dl.key dd{margin:0;font-size:1.5rem;line-height:1.3;font-variant-numeric:tabular-nums}
dl.key dd.words{font-size:1rem;line-height:1.95rem}
.promise{border-top:1.5px solid var(--accent);border-bottom:1px solid var(--rule);padding:.6rem 0}
.promise .big{font-size:1.7rem;font-variant-numeric:tabular-nums;color:var(--accent);margin-right:.4rem}
.promise.broken,.promise.broken .big{color:var(--warn);font-weight:600}
nav ol{columns:2;margin:.4rem 0 0;padding-left:1.4rem}
a{color:var(--accent)}
figure{margin:1.2rem 0}svg{display:block;width:100%;height:auto}
svg text{font-size:11px;fill:var(--ink)}
svg .name{text-anchor:end}svg .total{text-anchor:end;font-variant-numeric:tabular-nums}
svg .axis{text-anchor:middle;fill:var(--quiet);font-size:10px}
svg .bar{fill:var(--accent)}svg .warn{fill:var(--warn)}svg .weekend{fill:#f3f5f8}
svg .base{stroke:#aab4c0;stroke-width:1}svg .grid{stroke:var(--rule);stroke-width:1}
footer{margin-top:3.5rem;color:var(--quiet);font-size:.86rem;border-top:1px solid var(--rule);padding-top:.8rem}
@media (max-width:40rem){dl.key{grid-template-columns:repeat(2,1fr)}body{padding:1.5rem 1rem}nav ol{columns:1}}
@media (max-width:40rem){table{display:block;overflow-x:auto}}
@page{size:A4;margin:16mm 15mm 18mm}
@media print{body{max-width:none;padding:0;font-size:9pt}section{margin-top:9mm}h1{font-size:18pt}
h2,caption,thead{break-after:avoid}figure,tr,.verdict,.promise,dl.key{break-inside:avoid}nav{display:none}
svg .bar,svg .weekend,pre{print-color-adjust:exact;-webkit-print-color-adjust:exact}
a{color:inherit;text-decoration:none}.appendix{break-before:page}.appendix table{font-size:7.5pt}
.appendix th,.appendix td{padding-top:.1rem;padding-bottom:.1rem}}
""".strip()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""What a browser may load for the page: its own style, and nothing else."""

_SECTIONS: Final = (
    "accesses", "denials", "withdrawals", "provisions", "break_glass", "exports", "changes", "log", "verification",
    "appendix",
)  # fmt: skip


def as_html(figures: Mapping[str, Any], locale: str) -> str:
    """Return the report on *figures* in *locale*."""
    words = Words(figures, locale)
    year, month = figures["month"].split("-")
    named = words("month", year=year, month=int(month), name=MONTHS[int(month) - 1])
    title = f"{words('title')} {named}"
    made = {
        "accesses": accesses,
        "denials": denials,
        "withdrawals": withdrawals,
        "provisions": provisions,
        "break_glass": break_glass,
        "exports": _exports,
        "changes": _changes,
        "log": _log,
        "verification": _verification,
        "appendix": _appendix,
    }
    body = el(
        "body",
        el(
            "header",
            el("p", named, class_="month"),
            el("h1", words("title")),
            _verdict(words),
            _promise(words),
            _key_figures(words),
        ),
        el("main", _facts(words), _contents(words), [
            el("div", section(words, place, key, made[key](words)), class_="appendix" if key == "appendix" else None)
            for place, key in enumerate(_SECTIONS, start=1)
        ]),
        el("footer", f"{figures['controller']['name']} · {title} · {figures['record']['id']}"),
    )  # fmt: skip
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("title", title),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Markup(f"<style>{_STYLE}</style>"),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang=locale)}\n"


def _verdict(words: Words) -> Markup:
    told = words.figures["verification"]
    if told["outcome"] == "ok":
        said = words("ok_none") if not told["records"] else words(
            "ok_is", first=number(told["first_seq"]), last=number(told["last_seq"])
        )  # fmt: skip
        lines = [f"✓ {words('ok')}", said]
        lines += [words("witnessed_no")] if told["witnessed"] is False else []
    else:
        lines = [f"✕ {words(told['outcome'])}", words("bad_is", finding=told["finding"])]
        bad = told["bad"]
        if bad is not None:
            lines.append(words("bad_at", seq=bad["seq"] or words("unknown"), id=bad["id"] or words("unknown")))
    first, *rest = lines
    kind = "verdict" if told["outcome"] == "ok" else "verdict bad"
    return el("div", el("strong", first), [el("p", line) for line in rest], class_=kind, role="status")


def _promise(words: Words) -> Markup | None:
    """Say at the top that data left without regard to a withdrawal, if any did."""
    effect = words.figures["withdrawals"]["effect"]
    counts = [
        (words("broken_promise"), effect["began_late"]),
        (words("left_late", s=effect["grace_seconds"]), effect["left_late"]),
    ]
    if not any(count for _, count in counts):
        return None
    lines = [el("p", f"{name}: {number(count)} ({words('broken_zero')})") for name, count in counts]
    return el("div", el("strong", f"▲ {words('broken')}"), lines, class_="verdict bad")


def _key_figures(words: Words) -> Markup:
    figures = words.figures
    taken_back = figures["withdrawals"]
    counts = [
        ("accesses", number(figures["accesses"]["releases"])),
        ("denials", number(figures["denials"]["count"])),
        ("withdrawals", _taken_back(words, taken_back)),
        ("provisions", number(figures["provisions"]["releases"])),
        ("break_glass", number(figures["break_glass"]["count"])),
        ("outages", number(figures["log"]["gaps"]["count"])),
    ]
    return el(
        "dl",
        [
            el(
                "div",
                el("dt", words(name)),
                el("dd", value, class_=None if value[:1].isdigit() and " " not in value else "words"),
            )
            for name, value in counts
        ],
        class_="key",
        aria_label=words("key_figures"),
    )


def _taken_back(words: Words, told: Mapping[str, Any]) -> str:
    if told["exact"]:
        return number(told["at_least"])
    if told["at_least"]:
        return words("at_least", n=number(told["at_least"]))
    return words("fewer_than", n=words.figures["smallest_group"]) if len(told["items"]) == 1 else "–"


def _facts(words: Words) -> Markup:
    figures = words.figures
    rows = [
        (words("controller"), figures["controller"]["name"]),
        (words("contact"), figures["controller"]["contact"]),
        (words("period"), words("period_is", since=words.at(figures["since"]), until=words.at(figures["until"]))),
        (words("zone"), figures["time_zone"]),
        (words("generated"), words.at(figures["generated_at"])),
        (words("record_of"), words("record_is", **figures["record"])),
    ]
    unreadable = figures["records"]["unreadable"]
    notes = [
        None if figures["over"] else el("strong", words("not_over"), " "),
        el("strong", words("unreadable", n=number(unreadable)), " ") if unreadable else None,
        words("source", zone=figures["time_zone"]),
        " ",
        words("small", n=figures["smallest_group"]),
    ]
    body = [el("tr", el("th", name, scope="row"), el("td", value)) for name, value in rows]
    facts = el("table", el("caption", words("period")), el("tbody", body), class_="facts")
    empty = None if figures["records"]["count"] else el("p", el("strong", words("nothing")))
    return joined([facts, el("p", notes, class_="note"), empty])


def _contents(words: Words) -> Markup:
    items = [el("li", el("a", words(key), href=f"#{key}")) for key in _SECTIONS]
    return el("nav", el("ol", items), aria_label=words("contents"))


def _exports(words: Words) -> Markup:
    items = words.figures["exports"]["items"]
    if not items:
        return none(words)
    parts = ("begun", "scheduled", "done", "failed", "records", "read", "deleted")
    lines = [
        [
            coded(item["format"]) if item["format"] else words("earlier"),
            *(number(item[part]) for part in parts),
            ", ".join(item["readers"]),
        ]
        for item in items
    ]
    return table(words("exports"), [words(each) for each in ("format", *parts, "readers")], lines, " nnnnnnn")


def _changes(words: Words) -> Markup:
    told = words.figures["changes"]
    lines = [
        [words.at(item["at"]), words(item["kind"]), _changed(words, item), _by(words, item)] for item in told["items"]
    ]
    parts = [
        table(words("changes"), [words(each) for each in ("at", "kind", "what", "by")], lines)
        if lines
        else none(words)
    ]
    if told["count"] > len(lines):
        parts.append(el("p", words("and_more", n=number(told["count"] - len(lines)))))
    for name, what, counted in (("policies", "revision", "pages"), ("keys", "key", "runs")):
        heads = [words(each) for each in (what, "first", "last", counted)]
        rows = [
            [coded(one[what]), words.at(one["first"]), words.at(one["last"]), number(one["count"])]
            for one in told[name]
        ]
        if rows:
            parts.append(table(words(name), heads, rows, "   n"))
    return joined(parts)


def _changed(words: Words, item: Mapping[str, Any]) -> list[object]:
    what: list[object] = [coded(item[part]) for part in ("purpose", "notice") if item.get(part)]
    if "version" in item:
        change = str(item.get("change"))
        change = words(change) if change in TEXTS else change
        what += [" ", words("version", v=item["version"], change=change)]
    return what


def _by(words: Words, item: Mapping[str, Any]) -> str:
    return str(item.get("requester") or (words("by_file") if item.get("source") == "file" else "–"))


def _log(words: Words) -> Markup:
    told = words.figures["log"]
    silent, gaps = told["silent"], told["gaps"]
    refused = ", ".join(f"{kind} {number(count)}" for kind, count in gaps["refused"].items())
    share = f"{silent['per_mille'] / 10:.1f} %"
    rows: list[tuple[str, object]] = [
        (words("records"), number(words.figures["records"]["count"])),
        *((words(part), number(told["writers"][part])) for part in ("opened", "closed", "broken_off")),
        *((words(part), number(told[part])) for part in ("heartbeats", "beats_missed")),
        (words("gaps"), number(gaps["count"])),
        (words("refused"), refused or number(0)),
        (words("silent"), words(
            "silent_is", n=number(silent["count"]), t=words.time(silent["seconds"] or 0), share=share
        )),
    ]  # fmt: skip
    heads = [words(each) for each in ("from", "to", "length")]
    parts: list[object] = [
        records_of_days(words) if words.figures["records"]["count"] else None,
        pairs(words("log"), rows),
    ]
    for name, items in (("outages", gaps["items"]), ("longest", silent["items"][:10])):
        lines = [[words.at(each["from"]), words.at(each["to"]), words.time(each["seconds"])] for each in items]
        if lines:
            parts.append(table(words(name), heads, lines, "  n"))
    return joined(parts)


def _verification(words: Words) -> Markup:
    told = words.figures["verification"]
    checkpoint = told["checkpoint"]
    outcome = words(told["outcome"]) + (f": {told['finding']}" if told["finding"] else "")
    checked = (
        words("checked_is", n=number(told["records"]), first=number(told["first_seq"]), last=number(told["last_seq"]),
              writers=number(told["writers"]), heads=number(told["heads"]))
        if told["records"]
        else words("checked_none")
    )  # fmt: skip
    signed = [f"{one['name']} ({words.at(one['at'])})" for one in told["cosigned"]]
    witnesses = words("no_witness") if told["witnessed"] is None else ", ".join(signed) or words("none")
    if told["witnessed"] is False:
        witnesses = f"{witnesses}. {words('witnessed_no')}"
    rows: list[tuple[str, object]] = [
        (words("outcome"), outcome),
        (words("checked"), [checked, el("br"), el("span", words("lookback"), class_="quiet")]),
        (words("key"), coded(told["key"])),
    ]
    if checkpoint is not None:
        rows += [
            (words("origin"), coded(checkpoint["origin"])),
            (words("size"), number(checkpoint["size"])),
            (words("root"), coded(checkpoint["root"])),
        ]
    rows.append((words("witnesses"), witnesses))
    body = [el("tr", el("th", name, scope="row"), el("td", value)) for name, value in rows]
    parts = [el("table", el("caption", words("verification")), el("tbody", body), class_="facts")]
    parts += [el("h3", words("command")), el("pre", command(told))]
    if checkpoint is None:
        parts.append(el("p", words("no_checkpoint")))
    else:
        parts += [el("h3", words("checkpoint")), el("p", words("keep")), el("pre", checkpoint["note"])]
    return joined(parts)


def command(told: Mapping[str, Any]) -> str:
    """Return the command by which a reader verifies the log; the keys in it are to be compared with their owners'."""
    parts = ["sekisho audit verify var/audit/tree", f"--key {told['key']}"]
    parts += [f"--witness {one['key']}" for one in told["cosigned"]]
    if told["cosigned"]:
        parts.append(f"--quorum {len(told['cosigned'])}")
    return " \\\n    ".join(parts)


def _appendix(words: Words) -> Markup:
    figures = words.figures
    items = [item for item in figures["accesses"]["items"] if item["releases"]]
    first = [("records", figures["records"]["by_day"]), ("releases", figures["accesses"]["by_day"])]
    denied = [sum(day) for day in zip(*(each["by_day"] for each in figures["denials"]["codes"]), strict=True)]
    columns = [(words(name), days) for name, days in first]
    columns.append((words("denied"), denied or [0] * len(words.days)))
    tables = [_by_day(words, words("appendix"), columns)]
    for start in range(0, len(items), _COLUMNS):
        part = [(words.named(item), item["by_day"]) for item in items[start : start + _COLUMNS]]
        tables.append(_by_day(words, words("accesses_plot"), part))
    return joined(tables)


def _by_day(words: Words, caption: str, columns: list[tuple[str, list[int]]]) -> Markup:
    rows = [
        [f"{day.month}/{day.day}", *(number(days[place]) for _, days in columns)]
        for place, day in enumerate(words.days)
    ]
    rows.append([words("total"), *(number(sum(days)) for _, days in columns)])
    return table(caption, [words("day"), *(name for name, _ in columns)], rows, " " + "n" * len(columns))
