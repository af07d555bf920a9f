"""The records of processing as a table (CSV, RFC 4180) and as a page that prints well (HTML)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from sekisho.domain.processing_texts import NEVER_UNDECLARED, SINCE_REMOVED, SOURCE, TITLE, label
from sekisho.domain.spreadsheets import FORMULA_START

LOCALES: Final = ("ja", "en")

_STYLE: Final = """
body{font:11pt/1.5 "Hiragino Sans","Noto Sans JP",system-ui,sans-serif;margin:2rem auto;padding:0 1rem}
body{max-width:60rem;color:#1c2430;background:#fff;overflow-wrap:break-word}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #c9d1dc}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{border:1px solid #c9d1dc;padding:.3rem .5rem;text-align:left;vertical-align:top}
th{background:#f3f6f9;font-weight:600}
section>table th{width:11rem}section>table.happened th{width:auto}.happened{font-size:.85em}
@media print{body{max-width:none;margin:0;font-size:9pt}section{break-inside:avoid}h2{break-after:avoid}}
@page{size:A4;margin:15mm}
""".strip()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'"
)
"""What a browser may load for the page: its own style, and nothing else."""

_FRACTION = re.compile(r"(?<=T\d\d:\d\d:\d\d)\.\d+(?=Z$)")
_COLUMNS = (
    "purpose", "legal_basis", "people", "data", "datasets", "sensitive", "transfers", "retention",
    "requester", "recipient", "releases", "rows", "reached", "first", "last", "read",
)  # fmt: skip


def as_csv(records: Mapping[str, Any], locale: str) -> str:
    """Return one line for each purpose and requester, with headings in *locale*."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([label(name, locale) for name in _COLUMNS])
    for activity in records["activities"]:
        happened = {each["requester"]: each for each in activity["happened"]}
        recipients = {each["requester"]: each for each in activity["recipients"]}
        for name in dict.fromkeys([*recipients, *happened]) or [""]:
            line = {
                **_declared(activity, locale),
                "requester": _named(recipients[name], locale) if name in recipients else name,
                "recipient": recipients[name]["recipient_title"][locale] if name in recipients else "",
                **_counted(happened.get(name), locale),
            }
            writer.writerow([_cell(line[column]) for column in _COLUMNS])
    return text.getvalue()


def as_html(records: Mapping[str, Any], locale: str) -> str:
    """Return the page in *locale*; its style is the only thing that it needs."""
    controller = records["controller"]
    head = _table(
        [
            (label("controller", locale), controller["name"]),
            (label("contact", locale), controller["contact"]),
            (label("generated_at", locale), _read(records["generated_at"])),
            (label("measures", locale), [measure[locale] for measure in records["security_measures"]]),
        ]
    )
    parts = [_activity(activity, locale) for activity in records["activities"]]
    received = [
        f"{each['title'].get(locale, each['dataset'])}: {each['third_party']['name']}, {each['received_on']}"
        for each in records["received"]
    ]
    removed = [
        f"{each['purpose']}, {each['requester']}, {each['last']}" for each in records["removed_since"]["items"]
    ]
    tail = f"<p>{escape(NEVER_UNDECLARED[locale])}</p>"
    if received:
        tail += f"<h2>{escape(label('received', locale))}</h2>{_list(received)}"
    if removed:
        heading, note = escape(label("removed", locale)), escape(SINCE_REMOVED[locale])
        tail += f"<h2>{heading}</h2><p>{note}</p>{_list(removed)}"
    title = escape(TITLE[locale])
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{escape(SOURCE[locale])}</p>{head}{''.join(parts)}{tail}</body></html>\n"
    )


def _declared(activity: Mapping[str, Any], locale: str) -> dict[str, object]:
    transfers = [f"{each['country']}" for each in activity["transfers"]]
    return {
        "purpose": activity["title"].get(locale) or activity["purpose"],
        "legal_basis": activity["legal_basis"]["title"][locale],
        "people": [each["known_by"] for each in activity["data_subjects"]],
        "data": [activity["data_titles"].get(text, {}).get(locale, text) for text in activity["data_categories"]],
        "datasets": [each["dataset"] for each in activity["datasets"]],
        "sensitive": activity["special_categories"],
        "transfers": transfers,
        "retention": f"{activity['retention_days']} {label('days', locale)}",
    }


def _counted(happened: Mapping[str, Any] | None, locale: str) -> dict[str, object]:
    if happened is None:
        return {"releases": 0, "rows": 0, "reached": 0, "first": "", "last": "", "read": ""}
    people = label("not_counted", locale) if happened["people"] is None else happened["people"]
    told = {name: happened[name] for name in ("releases", "rows", "first", "last")}
    return {**told, "reached": people, "read": happened["datasets"]}


def _activity(activity: Mapping[str, Any], locale: str) -> str:
    declared = _declared(activity, locale)
    recipients = [
        f"{_named(each, locale)} ({each['recipient_title'][locale]})"
        + (f": {', '.join(filter(None, each['party'].values()))}" if each["party"] else "")
        for each in activity["recipients"]
    ]
    unused = activity["never_used"]
    rows: list[tuple[str, object]] = [
        (label(name, locale), declared[name]) for name in ("legal_basis", "people", "data", "datasets", "sensitive")
    ]
    rows += [(label("recipients", locale), recipients)]
    rows += [(label(name, locale), declared[name]) for name in ("transfers", "retention")]
    rows += [(label("unused", locale), [*unused["requesters"], *unused["datasets"]])]
    rows = [(heading, value or label("none", locale)) for heading, value in rows]
    columns = ("requester", "releases", "rows", "reached", "first", "last", "read")
    lines = [
        [each["requester"], *(_read(_counted(each, locale)[column]) for column in columns[1:])]
        for each in activity["happened"]
    ]
    happened = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in line)}</tr>" for line in lines)
    heads = "".join(f"<th>{escape(label(column, locale))}</th>" for column in columns)
    table = f'<table class="happened"><tr>{heads}</tr>{happened}</table>' if lines else ""
    told = escape(label("happened", locale)) + (f": {escape(label('none', locale))}" if not lines else "")
    return (
        f"<section><h2>{escape(str(declared['purpose']))} <code>{escape(activity['purpose'])}</code></h2>"
        f"<p>{escape(activity['description'].get(locale, ''))}</p>{_table(rows)}<p>{told}</p>{table}</section>"
    )


def _named(recipient: Mapping[str, Any], locale: str) -> str:
    return str(recipient["title"].get(locale) or recipient["requester"])


def _table(rows: Iterable[tuple[str, object]]) -> str:
    lines = "".join(f"<tr><th>{escape(heading)}</th><td>{_text(value)}</td></tr>" for heading, value in rows)
    return f"<table>{lines}</table>"


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _text(value: object) -> str:
    return "<br>".join(escape(str(each)) for each in value) if isinstance(value, list) else escape(str(value))


def _read(value: object) -> object:
    """Return a number or an instant as people read it: thousands apart, no fraction of a second."""
    return f"{value:,}" if isinstance(value, int) else _FRACTION.sub("", value) if isinstance(value, str) else value


def _cell(value: object) -> object:
    """Return *value* as it stands in a cell: a text that a spreadsheet would compute is marked as text."""
    text = "; ".join(map(str, value)) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and FORMULA_START.match(text) else text
