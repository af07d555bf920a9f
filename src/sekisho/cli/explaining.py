"""Why a statement gets a yes or a no, in words or as JSON, without a server."""

from __future__ import annotations

import locale
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sekisho.cli.releasing import Form
from sekisho.cli.running import answer, answer_json, requester_named, with_workspace
from sekisho.domain.refusal_texts import LANGUAGES
from sekisho.errors import SekishoError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho.bootstrap import Workspace
    from sekisho.release import Ask

_HEADINGS = {
    "en": {"deny": "No", "permit": "Yes", "changes": "What would change it", "none": "No single change was found."},
    "ja": {
        "deny": "拒否",
        "permit": "許可",
        "changes": "こうすれば変わります",
        "none": "一つの変更では変わりません。",
    },
}
_WORDS = {
    "en": {"remedy": "What helps", "source": "Stands on", "rows": "Rows", "masks": "Columns"},
    "ja": {"remedy": "対処", "source": "根拠", "rows": "行", "masks": "列"},
}


def explain_it(
    workspace: Path, requester: str, ask: Ask, language: str | None, *, form: Form | None, as_json: bool
) -> None:
    """Write the explanation of *ask*. A refusal of the gateway's own is written, then raised."""
    chosen = _language(language)
    in_words = not as_json and (form is Form.TABLE or (form is None and sys.stdout.isatty()))

    async def tell(opened: Workspace) -> None:
        try:
            told: Mapping[str, Any] = await opened.gateway.explain(requester_named(opened, requester), ask, chosen)
        except SekishoError as error:
            if error.explained:
                _write({"code": error.code, "detail": error.detail, **error.explained}, chosen, in_words=in_words)
            raise
        _write(told, chosen, in_words=in_words)

    with_workspace(workspace, tell)


def _language(asked: str | None) -> str:
    if asked is not None and asked not in LANGUAGES:
        raise typer.BadParameter(f"explanations are in {' or '.join(LANGUAGES)}", param_hint="--language")
    known = asked or (locale.getlocale()[0] or "").partition("_")[0]
    return known if known in LANGUAGES else LANGUAGES[0]


def _write(told: Mapping[str, Any], language: str, *, in_words: bool) -> None:
    if not in_words:
        answer_json(told)
        return
    for line in _lines(told, language):
        answer(line)


def _lines(told: Mapping[str, Any], language: str) -> list[str]:
    headings, words = _HEADINGS[language], _WORDS[language]
    heading = told.get("title") or told.get("detail") or ""
    lines = [f"{headings[told['decision']]}: {heading}" if heading else headings[told["decision"]]]
    for why in told["why"]:
        lines.append(f"- {why.get('title') or why.get('reason')}")
        lines += [f"  {why['explanation']}"] if "explanation" in why else []
        lines += [f"  {words[part]}: {why[part]}" for part in ("source", "remedy") if why.get(part)]
    for dataset, rows in told.get("rows", {}).items():
        lines += [f"{words['rows']} {dataset}: {sentence}" for sentence in rows]
    for dataset, masks in told.get("masks", {}).items():
        lines += [f"{words['masks']} {dataset}.{column}: {mask}" for column, mask in masks.items()]
    if told["decision"] == "deny":
        lines.append(f"{headings['changes']}:" if told["changes"] else headings["none"])
        lines += [f"- {change['text']}" for change in told["changes"]]
    return lines
