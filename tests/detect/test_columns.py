"""What a column is taken for: evidence of name, form, check digits and neighbours, never a value."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import partial

import pytest
from tests.columns import (
    banks,
    checkups,
    contracts,
    held_out,
    loans,
    offices,
    passengers,
    registers,
    strange,
    tills,
    trades,
)
from tests.columns.people import born, digits, email, licence, luhn, my_number, rare
from tests.columns.scores import classes, judged, kinds, macro_f1, ours
from tests.columns.things import goods_number, ip4, joined, remark, stamp, version

from sekisho.detect.column_factors import AGAINST, FACTORS, check_evidence
from sekisho.detect.column_headers import read_header
from sekisho.detect.column_kinds import KINDS, NONE, UNKNOWN
from sekisho.detect.column_model import trained
from sekisho.detect.columns import ENOUGH, ColumnSample, classify, evidence_of
from sekisho.domain.terms import ColumnClass


def column(name: str, make=None, *, dataset: str = "t1", siblings: tuple[str, ...] = (), **more) -> ColumnSample:
    """Return a column of 300 made values, or an empty one."""
    rng = random.Random(name)
    values = sorted({make(rng) for _ in range(300)}) if make else []
    told = {"type": "text", "rows": 300, "nulls": 0 if make else 300, "distinct": len(values), **more}
    return ColumnSample(dataset=dataset, name=name, siblings=siblings, values=values, **told)


@pytest.mark.parametrize(
    ("tables", "least"),
    [(held_out.TABLES, 0.95), (trades.TABLES, 0.95), (strange.TABLES, 0.9), (contracts.TABLES, 0.9)],
    ids=["held out", "other trades", "strange names", "contracts"],
)
def test_held_out_tables_are_classified(tables, least: float) -> None:
    """On tables that nothing was fitted by, macro F1 is high over kinds and classes, and nothing personal is none."""
    found = judged(tables, ours)
    assert len(found) >= 100
    assert macro_f1(kinds(found)) >= least
    assert macro_f1(classes(found)) >= 0.95
    assert not any(each.column_class == "none" != each.column.column_class for each in found)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (email, "email"), (digits("090-9999-9999"), "phone"), (rare("{F} {G}"), "name"),
        (rare("{f} {g}"), "name_kana"),
        (my_number(), "my_number"), (luhn("4", 16), "card"), (ip4, "ip"), (remark, "free_text"),
        (licence, "driver_licence"),
    ],
    ids=["email", "phone", "name", "name_kana", "my_number", "card", "ip", "free_text", "driver_licence"],
)  # fmt: skip
def test_values_tell_where_the_name_does_not(make, kind: str) -> None:
    """A column with a meaningless name is known by its values."""
    assert classify(column("f07", make)).kind == kind


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("phone", stamp("epoch")), ("f07", version), ("name", joined("青葉|本町|駅前", "店|センター")),
        ("tel_flag", digits("9")),
        ("mail_count", digits("9")), ("jan", goods_number), ("version", version), ("created_at", stamp()),
    ],
    ids=["epoch seconds", "versions", "shops", "flag", "count", "goods", "version", "time"],
)  # fmt: skip
def test_traps_are_no_personal_kind_by_conviction(name: str, make) -> None:
    """What only looks like personal data, or only is called so, is none, or unknown where the name insists."""
    proposal = classify(column(name, make))
    assert proposal.kind in {NONE, UNKNOWN} or proposal.confidence < 0.8, proposal


def test_twelve_digits_without_check_digits_are_no_individual_numbers() -> None:
    """Order numbers of twelve digits pass the check of My Number in a tenth of cases, and are not taken for it."""
    orders = classify(column("f07", digits("202699999999")))
    assert orders.kind not in {"my_number", "driver_licence"}
    assert classify(column("f07", my_number())).confidence > 0.9


def test_check_digits_are_weighed_against_chance() -> None:
    """The tenth that passes by chance speaks against a kind, nearly all speak for it, and few values say little."""
    assert check_evidence(50, 5) == -1.0
    assert check_evidence(50, 49) == 1.0
    assert 0 < check_evidence(1, 1) < 0.2
    assert check_evidence(0, 0) == 0.0


def test_births_spread_over_decades() -> None:
    """Dates of fifty years are births without a telling name; an archive of three years of orders is not."""
    assert classify(column("f07", born("%Y-%m-%d"))).kind == "birth_date"
    assert classify(column("f07", born("%Y-%m-%d", 2013, 2016))).kind != "birth_date"


def test_goods_have_a_check_digit_of_their_own() -> None:
    """Thirteen digits that pass as JAN numbers are goods, not corporate numbers."""
    assert classify(column("code13", goods_number, dataset="items")).column_class is ColumnClass.NONE


def test_a_shop_is_nobody() -> None:
    """The prefecture of a shop keeps its kind and is of no class; a customer's is a quasi-identifier."""
    prefectures = joined("東京都|大阪府|北海道|福岡県|愛知県")
    of_shops = classify(column("prefecture", prefectures, dataset="stores", siblings=("store_name", "floor_area")))
    of_people = classify(column("prefecture", prefectures, dataset="customers", siblings=("email",)))
    assert (of_shops.kind, of_shops.column_class) == ("prefecture", ColumnClass.NONE)
    assert (of_people.kind, of_people.column_class) == ("prefecture", ColumnClass.QUASI_IDENTIFIER)


def test_the_comment_of_the_store_counts() -> None:
    """A column whose name says nothing is known by the store's comment on it."""
    silent = column("c12", digits("9999999"), dataset="customers")
    assert classify(replace(silent, comment="基本給")).kind == "income"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("zyuusyo", "address"), ("seinen_gappi", "birth_date"), ("tourokubangou", "invoice_number"),
        ("hihokensya_bangou", "insured_number"), ("ntnlty", "nationality"), ("occup_cd", "occupation"),
        ("zyusinka", "health"),
    ],
)  # fmt: skip
def test_names_are_read_however_they_are_spelled(name: str, kind: str) -> None:
    """Romaji of any system, words without vowels and beginnings of words say what the word says."""
    assert max(read_header(name).kinds.items(), key=lambda said: said[1])[0] == kind


def test_the_number_of_a_text_is_a_number() -> None:
    """A name that ends in a number says no text, score or count, whatever stands before it."""
    assert read_header("comment_no").kinds.get("free_text") is None
    assert read_header("供給地点番号").kinds[NONE] < 0.5


def test_the_number_of_a_thing_may_be_somebodys_in_a_table_of_people() -> None:
    """A meter's number in a table of people is not none by its name."""
    own = column("meter_no", digits("9999999999"), dataset="customers", siblings=("name", "birth_date"))
    assert classify(own).column_class is not ColumnClass.NONE


def test_descriptions_of_goods_are_none_and_remarks_are_not() -> None:
    """Beside the number of goods, words that come again are labels; sentences, and words that do not, stay texts."""
    colours, things = "RED|BLUE|WHITE|PINK|GREEN", "LANTERN|MUG|CLOCK|BAG|TRAY|PLATE"
    labels = joined(colours, things, "LARGE|SMALL|OVAL|ROUND", sep=" ")
    beside = partial(column, "description", dataset="pos.order_lines", siblings=("stock_code", "quantity"))
    assert classify(beside(labels)).kind == NONE
    assert classify(beside(remark)).kind == "free_text"
    assert classify(column("description", labels, dataset="pos.order_lines", siblings=())).kind != NONE
    once = classify(beside(digits("AAA AAAA AAA")))
    assert once.kind != NONE


MENDED = (tills, banks, passengers, checkups, loans, offices, registers)


@pytest.mark.parametrize("tables", [each.TABLES for each in MENDED], ids=[each.__name__[14:] for each in MENDED])
def test_sets_that_were_blind_once_stay_mended(tables) -> None:
    """Sets judged blind, and mended by general rules since, are classified well."""
    found = judged(tables, ours)
    assert len(found) >= 70
    assert macro_f1(kinds(found)) >= 0.9
    assert macro_f1(classes(found)) >= 0.94


@pytest.mark.parametrize("name", ["status", "type", "区分"])
@pytest.mark.parametrize(
    "make", [email, ip4, rare("{F} {G}"), remark, born("%Y-%m-%d"), digits("090-9999-9999")],
    ids=["email", "ip", "name", "prose", "birth_date", "phone"],
)  # fmt: skip
def test_no_name_of_a_column_makes_none_of_what_looks_like_somebodys(name: str, make) -> None:
    """A status whose values are e-mail addresses is no status, whatever it is."""
    proposal = classify(column(name, make))
    assert proposal.kind != NONE
    assert proposal.column_class is not ColumnClass.NONE


@pytest.mark.parametrize("name", ["f12", "item_03", "Q3", "項目5", "回答 2", "option-1", "FIELD10"])
def test_a_place_that_was_kept_for_anything_says_nothing(name: str) -> None:
    """A numbered field, question or item leaves it to the values."""
    assert read_header(name).kinds == {}
    assert classify(column(name, email)).kind == "email"


def test_lists_of_peoples_words_hold_against_a_name_that_says_nothing() -> None:
    """Occupations and prefectures under a spare or general name are no `none`; labels of goods stay none."""
    work = joined("会社員|公務員|自営業|学生|無職|専業主婦")
    assert classify(column("予備項目3", work)).kind == "occupation"
    assert classify(column("area", joined("東京都|大阪府|福岡県|北海道|愛知県"))).kind == "prefecture"
    assert classify(column("梱包区分", joined("箱|袋|封筒|その他"))).kind == NONE


def test_the_form_of_one_kind_of_number_holds_against_a_general_name() -> None:
    """A user's id that is an e-mail address or an id of LINE is that, and codes before words are left out."""
    line = digits("Uxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
    assert classify(column("user_id", email)).kind == "email"
    assert classify(column("userId", line, dataset="friends")).kind == "line_id"
    assert classify(column("c07", joined("1:男|2:女"), dataset="members")).kind == "gender"


def test_a_number_that_is_never_the_same_twice_is_not_none_by_a_vague_name() -> None:
    """Codes that never come again under a name that says nothing are somebody's, or to be looked at."""
    vague = column("name", digits("#99999"), dataset="orders_export")
    assert classify(vague).column_class is not ColumnClass.NONE


def test_given_names_stand_beside_family_names() -> None:
    """名 is a given name where 姓 stands in the same table."""
    assert classify(column("名", rare("{G}"), dataset="会員", siblings=("姓",))).kind == "given_name"
    beside = column("mei_kanji", rare("{G}"), dataset="会員", siblings=("sei_kanji",))
    assert classify(beside).kind == "given_name"


def test_an_empty_column_is_judged_by_its_name_and_never_none_for_lack_of_evidence() -> None:
    """Without values a clear name is proposed; without both the column is unknown and restricted most."""
    assert classify(column("email")).kind == "email"
    nothing = classify(column("zzz"))
    assert (nothing.kind, nothing.column_class) == (UNKNOWN, ColumnClass.DIRECT_IDENTIFIER)


def test_none_needs_conviction() -> None:
    """No column is none with less than the least confidence, whatever is tried."""
    rng = random.Random(3)
    makers = [
        digits("999999999999"),
        digits("A9A9A9"),
        rare("{F}"),
        joined("あ|い|う", "え|お|か"),
        digits("9999999"),
    ]
    for _ in range(60):
        sample = column("".join(rng.choice("abcxyz") for _ in range(4)), rng.choice(makers))
        proposal = classify(replace(sample, values=sample.values[: rng.choice((1, 5, 200))]))
        assert proposal.kind != NONE or proposal.confidence >= ENOUGH


CANARY = "canary-7f3a"


@pytest.mark.parametrize("name", ["name", "email", "memo", "zzz", "住所"])
def test_no_value_leaves_the_classifier(name: str) -> None:
    """Neither the proposal nor the sample's own repr holds a value."""
    values = [f"{CANARY}{number}@example.com" for number in range(50)] + [f"山田{CANARY}", f"東京都{CANARY}1-2-3"]
    sample = ColumnSample("t1", name, "text", (), values, 52, 0, 52)
    assert CANARY not in repr(classify(sample)) + repr(sample)


def test_a_fault_over_values_restricts_the_column_and_says_no_value(monkeypatch) -> None:
    """An exception while values are read becomes an unknown column, not an error that holds the value."""

    def fail(values):
        raise ValueError(values[0])

    monkeypatch.setattr("sekisho.detect.columns.profile", fail)
    proposal = classify(ColumnSample("t1", "price", "text", (), [CANARY], 1, 0, 1))
    assert (proposal.kind, proposal.column_class, proposal.confidence) == (
        UNKNOWN,
        ColumnClass.DIRECT_IDENTIFIER,
        0.0,
    )
    assert CANARY not in repr(proposal)


HOSTILE = {
    "64 KB of letters": "a" * 65_536, "64 KB of digits": "1" * 65_536, "marks": "e" + "\u0301" * 30_000,
    "growing": "\ufdfa" * 3_000,
    "at signs": "a@" * 30_000, "dots": "1." * 30_000, "nulls": "\x00" * 100, "surrogates": "\ud800" * 100,
    "spaces": " " * 60_000,
    "kanji": "丁目" * 30_000, "superscript": "²" * 12, "other digits": "٣" * 12, "empty": "",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_are_judged(text: str) -> None:
    """Values of any length and any characters, five thousand of them, end in a proposal without fault."""
    values = [f"{text}{number}" if text else "" for number in range(5_000 if len(text) < 1_000 else 60)]
    proposal = classify(ColumnSample("t1", "f07", "text", (), values, len(values), 0, len(values)))
    assert "fault" not in proposal.factors


def test_factors_explain_the_confidence() -> None:
    """Each factor of a proposal is one that the model knows, and their sum is the winner's score."""
    proposal = classify(column("email", email, dataset="customers"))
    assert set(proposal.factors) <= set(FACTORS)
    assert proposal.factors["header"] > 0
    assert proposal.factors["marked"] > 0
    assert all(kind in KINDS for kind, _ in proposal.alternatives)


def test_coefficients_keep_their_sign() -> None:
    """No factor counts for what it speaks against, so that more evidence never lowers a kind."""
    for name, value in trained().coefficients.items():
        if not name.startswith("base_"):
            assert value <= 0 if name in AGAINST else value >= 0, name


@pytest.mark.long
def test_readings_are_those_of_the_dictionary() -> None:
    """Written again, the spellings of the dictionary's words in romaji are those of the file."""
    from tests.columns.readings import READINGS, readings

    kept = json.loads(READINGS.read_text(encoding="utf-8"))
    assert {concept: " ".join(words) for concept, words in readings().items()} == kept


@pytest.mark.long
def test_training_gives_the_model_that_is_kept() -> None:
    """Fitted again, the coefficients are those of the file."""
    from tests.columns.fit import examples, fitted

    again = dict(zip(FACTORS, fitted(*examples()[:3]), strict=True))
    assert again == pytest.approx(dict(trained().coefficients), abs=0.01)


def test_codes_under_an_open_name_are_not_none() -> None:
    """In a table of people, codes under a name that says nothing are unknown, and times and amounts stay none."""
    people = ("birth_date", "gender", "family_name")
    codes, times = digits("9"), stamp("%Y-%m-%d")
    assert classify(column("zbkt", codes, dataset="customers", siblings=people)).kind == UNKNOWN
    assert classify(column("zbkt", times, dataset="customers", siblings=people)).kind == NONE
    assert classify(column("card_no", digits("9"), dataset="shipments")).kind != NONE


def test_a_comment_says_what_a_name_does_not() -> None:
    """A comment that says something personal, of words that are all known, outweighs a mere label."""
    score = column("jisha_score", digits("999"), dataset="shipments")
    assert classify(score).kind == NONE
    assert classify(replace(score, comment="与信スコア")).kind == "credit"


def test_what_all_names_of_a_table_begin_with_is_left_out() -> None:
    """A prefix that says nothing, and that most columns share, is no part of their names."""
    siblings = ("HPI_SAIYO", "HPI_BUSHO", "HPI_KANA", "HPI_TEL")
    alone, shared = column("HPI_SHOKAIMEI", dataset="t1"), column("HPI_SEX", dataset="t1", siblings=siblings)
    assert evidence_of(shared).header == read_header("SEX")
    assert evidence_of(alone).header == read_header("HPI_SHOKAIMEI")


def test_parts_of_names_are_told_by_their_neighbours() -> None:
    """A name beside the family name of the same person is a given one; so are two numbered names."""
    assert evidence_of(column("注文者名前", siblings=("注文者名字",))).header.kinds == {"given_name": 0.9}
    numbered = [evidence_of(column(name, siblings=("name01", "name02"))) for name in ("name01", "name02")]
    assert [list(each.header.kinds) for each in numbered] == [["family_name"], ["given_name"]]


def test_a_height_beside_a_weight_is_somebodys_where_no_width_is() -> None:
    """Parcels have a width besides."""
    tall = partial(column, "height", dataset="shipments")
    assert max(evidence_of(tall(siblings=("weight",))).header.kinds.items(), key=lambda said: said[1])[0] == "health"
    assert "health" not in evidence_of(tall(siblings=("weight", "width"))).header.kinds


def test_a_place_beside_names_of_people_is_no_shops() -> None:
    """In a table that seems to be about things, a prefecture beside a family name stays a quasi-identifier."""
    place = joined("東京都|大阪府|福岡県")
    beside = column("prefecture", place, dataset="stores", siblings=("family_name", "floor_area"))
    assert classify(beside).column_class is ColumnClass.QUASI_IDENTIFIER


@pytest.mark.parametrize(
    ("name", "other", "form", "kind"),
    [
        ("tel01", "tel03", "09", "phone"),
        ("注文者電話番号3", "注文者電話番号1", "9999", "phone"),
        ("電話番号（市外局番）", "電話番号（加入者番号）", "099", "phone"),
        ("zip01", "zip02", "999", "postal_code"),
        ("郵便番号下4桁", "郵便番号上3桁", "9999", "postal_code"),
    ],
)
def test_a_number_in_several_columns_is_one(name: str, other: str, form: str, kind: str) -> None:
    """Few digits under a telephone's name are part of one beside another part, and of an unknown kind alone."""
    assert classify(column(name, digits(form), siblings=(other,))).kind == kind
    if kind == "phone":
        assert classify(column(name, digits(form))).kind == UNKNOWN


def test_a_title_of_somebody_is_her_post() -> None:
    """``Title`` beside somebody's names is an occupation; the title of a work is not."""
    posts = joined("Sales Manager|Engineer|Buyer|Director|CEO")
    siblings = ("FirstName", "LastName")
    assert classify(column("Title", posts, dataset="contacts", siblings=siblings)).kind == "occupation"
    assert classify(column("title_of_work", posts, dataset="contacts", siblings=siblings)).kind != "occupation"
