"""What a column holds, from its name, its type and a sample of its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sekisho.detect.column_factors import Evidence, factors_of
from sekisho.detect.column_headers import MOST_CHARS, Header, read_dataset, read_header, says_nothing, words_of
from sekisho.detect.column_kinds import FREE_TEXT, KINDS, NONE, UNKNOWN
from sekisho.detect.column_model import Model, probabilities, trained
from sekisho.detect.column_owners import Owner
from sekisho.detect.column_values import Profile, profile
from sekisho.domain.classification import Proposal
from sekisho.domain.terms import ColumnClass

ENOUGH = 0.6
"""Least confidence in ``none``. Below it a column is of an unknown kind, and of the most restricted class."""
_TELLING = frozenset({
    "address", "age", "birth_date", "blood", "city", "cookie_id", "country", "creed", "criminal_record", "education",
    "email", "employment_insurance", "family_name", "gender", "given_name", "hashed_id", "health", "iban", "income",
    "invoice_number", "ip", "line_id", "location", "mac", "marital_status", "member_rank", "name", "name_kana",
    "number_plate", "occupation", "passport", "phone", "prefecture", "push_token", "race", "residence_card",
    "resident_code", "secret", "url", "user_agent",
})  # fmt: skip
"""Forms that values of nobody hardly ever have; articles, amounts and codes have those of the other numbers."""
_LEAST_PEOPLE = 2  # neighbours that tell a table of people
_CLEAR = 0.8  # of a name
_HALF = 0.5  # of the values, which have a form or read like sentences
_ALTERNATIVES = 3
_MOST_SIBLINGS = 300
_LEAST_ROWS = 100  # from which it is told whether values come again
_AGAIN = 0.75
_LITTLE_PROSE = 0.1
_COMMENTED = 0.8


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """What the classifier is told of one column. The values live as long as the call; nothing keeps them.

    Attributes
    ----------
    dataset, name:
        Where it stands; *name* is the path inside a nested value (``contact.email``, ``tags[]``).
    type:
        The store's word for the type.
    siblings:
        Names of the other columns of the dataset.
    values:
        Distinct values of the sample as text, no nulls, at most some thousand.
    rows, nulls, distinct:
        Rows sampled, nulls and distinct values among them.
    comment:
        The store's comment on the column, if any.
    """

    dataset: str
    name: str
    type: str
    siblings: tuple[str, ...]
    values: Sequence[str] = field(repr=False)
    rows: int
    nulls: int
    distinct: int
    comment: str | None = None


def classify(sample: ColumnSample) -> Proposal:
    """Return what the column seems to hold. Time is bounded, whatever the values are."""
    model = trained()
    try:
        return judge(evidence_of(sample), model)
    except Exception:  # noqa: BLE001 - whatever a value does, it stands in no error, and its column is restricted
        return Proposal(UNKNOWN, ColumnClass.DIRECT_IDENTIFIER, None, 0.0, {"fault": 1.0})


def evidence_of(sample: ColumnSample) -> Evidence:
    """Return all that is known of a column, without its values."""
    sample = _bare(sample)
    table = _table(sample)
    header = read_header(sample.name[-MOST_CHARS:], Owner.PERSON if _is_body(sample) else table)
    siblings = tuple(
        max(said, key=lambda kind: said[kind])
        for sibling in sample.siblings[:_MOST_SIBLINGS]
        if sibling != sample.name and (said := read_header(sibling[-MOST_CHARS:], table).kinds)
    )
    if "family_name" in siblings and (_is_name_alone(sample.name) or _is_beside_family(sample, table)):
        header = header._replace(kinds={"given_name": 0.9})
    if part := _numbered_part(sample, header):
        header = header._replace(kinds={part: 0.9})
    looks = profile(sample.values)
    if whole := _split_number(sample, header, looks):
        looks = replace(looks, forms={"groups": 1.0}, matches={whole: 1.0})
    if _labels_goods(header, sample, looks, table):
        header = header._replace(kinds={NONE: 0.8, FREE_TEXT: 0.2})
    comment = read_header(sample.comment[-MOST_CHARS:], table) if sample.comment else _SILENT
    if not header.kinds or (says_nothing(header) and comment.known == 1.0 and not says_nothing(comment)):
        # Where the name says nothing, or nothing personal, what the store says of the column counts as a name.
        header = header._replace(kinds={kind: _COMMENTED * strength for kind, strength in comment.kinds.items()})
    return Evidence(
        header=header,
        comment=comment,
        owner=header.owner if header.owner is not Owner.UNKNOWN else table,
        siblings=siblings,
        profile=looks,
        sort=_sort(sample.type),
        distinct=max(sample.distinct, len(sample.values)),
        present=max(sample.rows - sample.nulls, len(sample.values)),
    )


_GIVEN = frozenset({"name", "first", "neutral", "full_name"})


def _is_name_alone(path: str) -> bool:
    """Return whether *path* says a name and not whose or which: 名, mei_kanji, 氏名（名）."""
    words = words_of(path[-MOST_CHARS:])
    return any(concepts & {"name", "first"} for concepts in words) and all(concepts <= _GIVEN for concepts in words)


_SIZES = re.compile("length|width|depth|girth|長さ|幅|奥行|nagasa|haba", re.IGNORECASE)


def _is_body(sample: ColumnSample) -> bool:
    """Return whether a height or a weight is somebody's: they stand together, with no width; parcels have all."""
    if not any("body" in concepts for concepts in words_of(sample.name)):
        return False
    siblings = sample.siblings[:_MOST_SIBLINGS]
    others = sum(any("body" in concepts for concepts in words_of(sibling)) for sibling in siblings)
    return others > 0 and not any(map(_SIZES.search, siblings))


def _numbered_part(sample: ColumnSample, header: Header) -> str | None:
    """Return which part of somebody's name it is where names are in two columns: ``name01``, ``name02``."""
    parts = {"01": "family_name", "02": "given_name"}
    name, end = sample.name[:-2], sample.name[-2:]
    told = end in parts and max(header.kinds, key=header.kinds.__getitem__, default="") == "name"
    return parts[end] if told and {name + other for other in parts} <= {sample.name, *sample.siblings} else None


_PART = re.compile(
    "[ _(（]*(?:0?[1-4１-４]|[前上後下](?:[34３４]桁)?|市[外内]局番|加入者番号)[)）]*$"
)  # fmt: skip
_LONGEST_PART = 5  # digits of an area code with its zero


def _split_number(sample: ColumnSample, header: Header, looks: Profile) -> str | None:
    """Return what number a column holds a part of, where it is in several: ``tel01`` to ``tel03``, 郵便番号上3桁.

    Shops export telephone numbers in three columns and postal codes in two; four digits alone look like anything.
    """
    kind = max(header.kinds, key=header.kinds.__getitem__, default="")
    told = kind in {"phone", "postal_code"} and header.kinds[kind] >= _CLEAR
    if not told or looks.forms.get("digits", 0.0) < _CLEAR or looks.length > _LONGEST_PART:
        return None
    stem, parts = _PART.subn("", sample.name)
    others = {_PART.sub("", sibling) for sibling in sample.siblings if _PART.search(sibling)}
    return kind if parts and stem in others else None


def _is_beside_family(sample: ColumnSample, table: Owner) -> bool:
    """Return whether a name is somebody's beside the family name of the same: 注文者名前 beside 注文者名字."""
    beside: dict[str, set[str]] = {}
    for sibling in sample.siblings[:_MOST_SIBLINGS]:
        for cut in range(1, _MOST_BEFORE):
            if sibling[:cut] != sample.name[:cut] or len(sample.name) <= cut:
                break
            said = read_header(sibling[cut:][-MOST_CHARS:], table).kinds
            beside.setdefault(sample.name[cut:], set()).update(kind for kind in said if said[kind] >= _CLEAR)
    return any(
        "family_name" in kinds and "given_name" not in kinds and _is_name_alone(rest)
        for rest, kinds in beside.items()
    )


_MOST_BEFORE = 30  # characters of whose name it is
_PREFIX = re.compile("([A-Za-z]{1,5})[0-9]?_")
_LEAST_SHARING, _MOSTLY = 3, 0.6


def _bare(sample: ColumnSample) -> ColumnSample:
    """Return *sample* without what names of a table begin with, where it says nothing: ``HPI_SEX``, ``HPI_TEL``."""
    found = _PREFIX.match(sample.name)
    if not found or any(words_of(found[1])):
        return sample
    sharing = sum(sibling.startswith(found[0]) for sibling in sample.siblings)
    if sharing < max(_LEAST_SHARING, _MOSTLY * len(sample.siblings)):
        return sample
    return replace(
        sample,
        name=sample.name.removeprefix(found[0]),
        siblings=tuple(sibling.removeprefix(found[0]) for sibling in sample.siblings),
    )


def _labels_goods(header: Header, sample: ColumnSample, looks: Profile, table: Owner) -> bool:
    """Return whether a description is that of goods: beside their number, in words that come again and are no prose.

    What people write differs from row to row.
    """
    again = sample.rows - sample.nulls >= _LEAST_ROWS and sample.distinct <= _AGAIN * (sample.rows - sample.nulls)
    return (
        header.kinds.keys() == {FREE_TEXT, NONE}
        and again
        and looks.prose < _LITTLE_PROSE
        and any(
            read_header(sibling[-MOST_CHARS:], table).owner is Owner.THING
            and "id" in words_of(sibling[-MOST_CHARS:])[-1]
            for sibling in sample.siblings[:_MOST_SIBLINGS]
        )
    )


_SILENT = Header({}, Owner.UNKNOWN, 0.0)


def judge(evidence: Evidence, model: Model) -> Proposal:
    """Return what *model* makes of *evidence*."""
    factors = factors_of(evidence)
    likely = probabilities(model.scores(factors))
    ranked = sorted(likely.items(), key=lambda item: (-item[1], item[0]))
    kind, confidence = ranked[0]
    others = tuple((other, round(share, 3)) for other, share in ranked[1 : _ALTERNATIVES + 1] if share >= 0.01)
    shares = model.shares(factors[kind])
    if kind == NONE and (confidence < ENOUGH or _tells(evidence.profile) or _is_open(evidence)):
        return Proposal(
            UNKNOWN, ColumnClass.DIRECT_IDENTIFIER, None, round(1 - confidence, 3), shares, (ranked[0], *others)[:3]
        )
    facts = KINDS[kind]
    column_class, category = facts.column_class, facts.category
    if facts.of_things is not None and evidence.owner is Owner.THING and not _NAMES & {*evidence.siblings}:
        column_class, category = facts.of_things, None
    return Proposal(kind, column_class, category, round(confidence, 3), shares, others)


def _tells(looks: Profile) -> bool:
    """Return whether values say of themselves that they may be somebody's, whatever the name of the column says.

    A status that is an e-mail address is no status: somebody used the column for something else.
    """
    return looks.prose >= _HALF or any(looks.matches.get(form, 0.0) >= _HALF for form in _TELLING)


_PLAIN = ("epoch", "day", "date", "stamp", "clock", "decimal", "version")


def _is_open(evidence: Evidence) -> bool:
    """Return whether a name leaves it open that values are somebody's, which are no times and no amounts.

    Codes are, under a name that says something personal, and in a table of people under one that says nothing.
    """
    looks, said = evidence.profile, evidence.header.kinds
    if not looks.values or sum(looks.forms.get(form, 0.0) for form in _PLAIN) >= _HALF:
        return False
    personal = max((strength for kind, strength in said.items() if kind != NONE), default=0.0)
    return personal >= _CLEAR or (evidence.owner is Owner.PERSON and not said)


_NAMES = frozenset({"family_name", "given_name", "birth_date", "gender"})  # shops have kana, too
_SURELY_PEOPLE = frozenset(
    {"birth_date", "gender", "name_kana", "family_name", "given_name", "my_number", "age", "email"}
)
_THINGS = frozenset(
    [
        "price",
        "unit_price",
        "jan",
        "jan_code",
        "sku",
        "stock",
        "単価",
        "価格",
        "在庫",
        "在庫数",
        "商品コード",
        "tanka",
        "kakaku",
        "maker",
        "brand",
        "開店日",
        "営業時間",
        "売場面積",
    ]
)


def _table(sample: ColumnSample) -> Owner:
    """Return what the table is about: by its name, unless its columns say better."""
    named = read_dataset(sample.dataset[-MOST_CHARS:])
    if named in {Owner.UNKNOWN, Owner.THING} and _people(sample) >= _LEAST_PEOPLE:
        return Owner.PERSON
    if named is Owner.UNKNOWN and sum(sibling.lower() in _THINGS for sibling in sample.siblings) >= 2:
        return Owner.THING
    return named


def _people(sample: ColumnSample) -> int:
    """Return how many neighbours of a column only people have."""
    return sum(
        bool(
            _SURELY_PEOPLE
            & {kind for kind, strength in read_header(sibling[-MOST_CHARS:]).kinds.items() if strength >= _CLEAR}
        )
        for sibling in sample.siblings[:_MOST_SIBLINGS]
    )


def _sort(store_type: str) -> str:
    """Return whether the store holds text, numbers, dates or booleans; text when its word is not known."""
    word = store_type.lower()
    if "bool" in word or word == "bit":
        return "b"
    if "date" in word or "time" in word:
        return "d"
    if any(
        part in word for part in ("int", "numeric", "decimal", "float", "double", "real", "number", "serial", "money")
    ):
        return "n"
    return "s"
