"""What ``sekisho policy new`` writes: a purpose's entry, its test, a rule of its own. Text from values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sekisho.domain.access import Decision, Permit
from sekisho.domain.terms import Catalogue, Column, ColumnClass, Dataset, LegalBasis
from sekisho.errors import InvalidRequest

ENTRY_POINT = "sekisho/access/access.rego"
"""The policy that gathers the refusals of all others."""

_LISTED = re.compile(r"(\w+\.deny),(?=\s*[]}])")  # the last of a list, or a set, of refusals
_UNITED = re.compile(r"^_reasons := ([\w.|() ]+\.deny\)*)$", re.MULTILINE)
_IMPORT = re.compile(r"^import data\.sekisho\.\w+$\n?", re.MULTILINE)
_UNASKED = frozenset({ColumnClass.DIRECT_IDENTIFIER, ColumnClass.SENSITIVE, ColumnClass.FREE_TEXT})


@dataclass(frozen=True, slots=True)
class NewPurpose:
    """What somebody asked for.

    ``columns`` are by dataset, in the order in which they were named; empty for those that say least.
    """

    name: str
    title: Mapping[str, str]
    legal_basis: LegalBasis
    datasets: tuple[str, ...]
    requesters: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    explicit: tuple[str, ...]
    retention_days: int

    def shown(self, dataset: Dataset) -> list[Column]:
        """Return the columns of *dataset* that the purpose's test asks for; the person's key first."""
        key = dataset.data_subject.column if dataset.data_subject is not None else None
        named = self.columns.get(dataset.name)
        chosen = [c for c in dataset.columns if (c.name in named if named else c.column_class not in _UNASKED)]
        return [c for c in dataset.columns if c.name == key] + [c for c in chosen if c.name != key]

    def statement(self, dataset: Dataset) -> str:
        """Return a statement that shows them."""
        return f"SELECT {', '.join(column.name for column in self.shown(dataset))} FROM {dataset.name}"


def entry_of(new: NewPurpose, catalogue: Catalogue) -> str:
    """Return the purpose's keys as YAML."""
    columns = _named(new, catalogue)
    words = {locale: data_words(new, catalogue, locale) for locale in ("ja", "en")}
    japanese, english = new.title["ja"], new.title["en"]
    lines = [
        f"title: {{ja: {_quoted(japanese)}, en: {_quoted(english)}}}",
        "description: # what customers read: what is done, and with what",
        "  ja: " + _quoted(f"「{japanese}」のために、{'・'.join(words['ja'])}を利用します。"),
        "  en: " + _quoted(f"{english}: we use your {', '.join(words['en']).lower()} for this."),
        f"legal_basis: {new.legal_basis.value}",
    ]
    if new.explicit:
        lines.append(f"explicit: [{', '.join(new.explicit)}]")
    if columns:
        needed = dict.fromkeys(column.category or column.column_class.value for column in columns)
        lines.append(f"needs: [{', '.join(needed)}] # no other column is used")
    lines.append("data_categories: # what customers read that it needs")
    for in_japanese, in_english in zip(words["ja"], words["en"], strict=True):
        lines.append(f"  - {{ja: {_quoted(in_japanese)}, en: {_quoted(in_english)}}}")
    lines.append(f"retention_days: {new.retention_days} # how long a recipient may keep what it received")
    return "\n".join(lines) + "\n"


def test_of(name: str, asked: Sequence[tuple[str, str, Mapping[str, object], Decision]]) -> str:
    """Return the purpose's test: the questions of *asked* (requester, dataset, input, decision) and their answers."""
    text = (
        f"# What {name} may see. The questions are those that the gateway asks; what is expected is what the\n"
        "# policies answered when this was written. Change it to what you want, then the policies until it passes.\n"
        f"package workspace.{name}_test\n\nimport data.sekisho.access\n"
    )
    for requester, dataset, question, decision in asked:
        case = f"{requester}_{dataset.replace('.', '_')}"
        text += f"\n_{case} := {_rego(question)}\n"
        if isinstance(decision, Permit):
            masks = {n: {c: kind.value for c, kind in sorted(t.items())} for n, t in decision.transforms.items()}
            text += (
                f"\ntest_{case}_is_answered if access.decision.allow with input as _{case}\n"
                f"\ntest_{case}_is_masked if {{\n\texpected := {_rego(masks, 1)}\n"
                f"\taccess.decision.columns == expected with input as _{case}\n}}\n"
            )
            if decision.consent_required:
                text += f"\ntest_{case}_needs_consent if access.decision.consent.required with input as _{case}\n"
        else:
            reasons = ", ".join(json.dumps(reason) for reason in sorted(decision.reasons))
            text += (
                f"\ntest_{case}_is_refused if {{\n"
                f"\treasons := {{refusal.reason | some refusal in access.decision.deny}} with input as _{case}\n"
                f"\treasons == {{{reasons}}}\n}}\n"
            )
        text += (
            f"\ntest_without_registration_{case}_is_refused if {{\n"
            f'\tother := json.patch(_{case}, [{{"op": "replace", "path": "/requester/purposes", "value": []}}])\n'
            "\tnot access.decision.allow with input as other\n}\n"
        )
    return text


def rule_of(new: NewPurpose) -> str:
    """Return a rule of the purpose's own, to begin with: it may read its datasets and no others."""
    datasets = ", ".join(json.dumps(name) for name in new.datasets)
    title = new.title["en"].replace("\n", " ")
    return f"""# METADATA
# title: {json.dumps(title)}
# description: What holds for the purpose {new.name} besides what holds for all.
package sekisho.{new.name}

_datasets := {{{datasets}}}

# METADATA
# title: {json.dumps(f"{title}: another dataset")}
# description: The purpose {new.name} reads the datasets that it was reviewed for, and is joined with no other.
# custom:
#   code: access_denied
#   reason: {new.name}_reads_its_own_datasets
#   source: APPI 18(1); GDPR 5(1)(b)
#   remedy: Leave the other dataset out, or add it to _datasets after review.
#   title_ja: {json.dumps(f"{new.title['ja']}: 別のデータセット", ensure_ascii=False)}
#   description_ja: この利用目的は、確認を受けたデータセットだけを読み、ほかとは結合しません。
#   remedy_ja: そのデータセットを外すか、確認のうえ _datasets に加えてください。
deny contains {{"code": "access_denied", "reason": "{new.name}_reads_its_own_datasets"}} if {{
	input.purpose.name == "{new.name}"
	not _own_datasets
}}

_own_datasets if count(_used - _datasets) == 0

_used := {{name | input.datasets[name]}}
"""


def rule_test_of(new: NewPurpose) -> str:
    """Return the test beside that rule."""
    datasets = ", ".join(f"{json.dumps(name)}: {{}}" for name in new.datasets)
    return f"""package sekisho.{new.name}_test

import data.sekisho.{new.name}

_asked(purpose, datasets) := {{"purpose": {{"name": purpose}}, "datasets": datasets}}

test_its_own_datasets_are_read if {{
	asked := _asked("{new.name}", {{{datasets}}})
	count({new.name}.deny) == 0 with input as asked
}}

test_another_dataset_is_refused if {{
	asked := _asked("{new.name}", {{{datasets}, "other.dataset": {{}}}})
	{new.name}.deny == {{{{
		"code": "access_denied",
		"reason": "{new.name}_reads_its_own_datasets",
	}}}} with input as asked
}}

test_other_purposes_are_not_touched if {{
	asked := _asked("other", {{"other.dataset": {{}}}})
	count({new.name}.deny) == 0 with input as asked
}}
"""


def gathered(entry_point: str, name: str) -> str:
    """Return the entry point with one package more. Raises ``InvalidRequest`` where it is not written as usual."""
    imports = list(_IMPORT.finditer(entry_point))
    listed, united = _LISTED.findall(entry_point), _UNITED.findall(entry_point)
    if not imports or len(listed) + len(united) != 1:
        raise InvalidRequest(f"{ENTRY_POINT} does not gather `_reasons` as it is shipped; add the rule by hand.")
    line = f"import data.sekisho.{name}\n"
    after = [found for found in imports if found.group(0) < line]
    at = after[-1].end() if after else imports[0].start()
    text = f"{entry_point[:at]}{line}{entry_point[at:]}"
    if listed:
        return _LISTED.sub(rf"\1, {name}.deny,", text)
    return _UNITED.sub(rf"_reasons := (\1) | {name}.deny", text)


def data_words(new: NewPurpose, catalogue: Catalogue, locale: str) -> list[str]:
    """Return what people are told that *new* uses in *locale*: its columns, or its datasets where none is named."""
    words = [column.title.get(locale) or column.name for column in _named(new, catalogue)]
    return words or [catalogue.datasets[name].title.get(locale) or name for name in new.datasets]


def _named(new: NewPurpose, catalogue: Catalogue) -> list[Column]:
    named = [(catalogue.datasets[d], c) for d in new.datasets for c in new.columns.get(d, ())]
    return [column for dataset, name in named if (column := dataset.column(name)) is not None]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _rego(value: object, depth: int = 0) -> str:
    """Return a value as ``opa fmt`` writes it."""
    inner, outer = "\t" * (depth + 1), "\t" * depth
    if isinstance(value, Mapping) and value:
        items = "".join(f"{inner}{_quoted(str(k))}: {_rego(v, depth + 1)},\n" for k, v in value.items())
        return f"{{\n{items}{outer}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_rego(item, depth + 1) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)
