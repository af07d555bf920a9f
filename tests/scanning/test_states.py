"""Where the review of a column stands: rules without a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.classification import Proposal, ReviewState
from sekisho.domain.masks import TopBottom, TransformKind
from sekisho.domain.scans import (
    ColumnPlace,
    Decision,
    Drift,
    KnownColumn,
    Profile,
    Review,
    Scanned,
    after_review,
    after_scan,
    drift_between,
    in_force,
    is_stricter,
    stability_index,
)
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, DataSubjectKey
from sekisho.domain.transforms import fits
from sekisho.errors import InvalidRequest
from sekisho.scanning.catalogue_file import Entry, differences, entries_of, read, verdicts, written
from sekisho.scanning.reviews import Verdict

AT = datetime(2026, 11, 1, tzinfo=UTC)
NONE = Proposal("none", ColumnClass.NONE, None, 0.9)
EMAIL = Proposal("email", ColumnClass.DIRECT_IDENTIFIER, "email", 0.9)
PROFILE = Profile("text", 1000, 0, 900, 0.9, {"latin": 0.8, "digit": 0.2}, {"16": 1.0}, "aa", "r1")


def found(proposal: Proposal = EMAIL, declared: ColumnClass | None = None, **changes: object) -> Scanned:
    profile = replace(PROFILE, **changes)  # type: ignore[arg-type]
    return Scanned(ColumnPlace("crm", "t", "c"), "crm.t", declared, True, profile, proposal)


def known(proposal: Proposal = EMAIL, declared: ColumnClass | None = None) -> KnownColumn:
    return after_scan(None, "1", found(proposal, declared), AT, table_known=False)


def review(decision: Decision, column_class: ColumnClass, category: str | None = None) -> Review:
    return Review(decision, column_class, category, "officer", AT)


def dataset(column: Column) -> Dataset:
    key = Column("id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER)
    subject = DataSubjectKey("id", "customer_id")
    return Dataset("crm.t", "crm", "t", (key, column), subject, None, frozenset())


UNREVIEWED = Column("c", ColumnType.STRING, ColumnClass.DIRECT_IDENTIFIER, unreviewed=True)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"signature": "bb"}, ()),
        ({"type": "integer"}, (Drift.TYPE,)),
        ({"signature": "bb", "match_rate": 0.81}, ()),
        ({"signature": "bb", "match_rate": 0.79}, (Drift.MATCH_RATE,)),
        ({"signature": "bb", "charset": {"kanji": 0.7, "latin": 0.3}}, (Drift.CHARSET,)),
        ({"signature": "bb", "lengths": {"64": 1.0}}, (Drift.LENGTH,)),
        ({"signature": "bb", "lengths": {"64": 1.0}, "distinct": 20}, ()),
        ({"rules": "r2"}, ()),
    ],
    ids=["other-values", "type", "rate-steady", "rate-moved", "charset", "length", "too-few", "rules-that-agree"],
)
def test_what_counts_as_drift(changes, reasons):
    """A type, 10 points of the match rate, a shifted distribution; not other values alone, nor a handful of them."""
    assert drift_between(PROFILE, replace(PROFILE, **changes), EMAIL, EMAIL) == reasons


def test_another_kind_and_other_rules_are_told_apart():
    """A column that seems something else has drifted; under new rules it is the rules that see it otherwise."""
    moved = replace(PROFILE, signature="bb")
    assert Drift.KIND in drift_between(PROFILE, moved, EMAIL, NONE)
    assert drift_between(PROFILE, replace(moved, rules="r2"), EMAIL, NONE) == (Drift.RULES,)


def test_a_column_that_was_empty_at_its_review_is_looked_at_once_it_is_filled():
    """What a review said of no values at all is said of none of those that come."""
    nothing = Profile("text", 10, 10, 0, rules="r1")
    column = after_review(known(), review(Decision.CONFIRM, ColumnClass.NONE))
    column = replace(column, baseline=nothing, reviewed_proposal=NONE)
    empty = after_scan(column, "", replace(found(NONE), profile=nothing), AT, table_known=True)
    filled = after_scan(column, "", found(NONE), AT, table_known=True)
    assert (empty.state, filled.state) == (ReviewState.CONFIRMED, ReviewState.STALE)
    assert filled.drift == (Drift.KIND,)
    assert drift_between(nothing, PROFILE, None, EMAIL) == (Drift.KIND,)


def test_small_steps_add_up_to_drift():
    """Each scan moves the rate by six points: the second is told, since the review is what it is measured from."""
    column = after_review(known(), review(Decision.CONFIRM, EMAIL.column_class))
    one = after_scan(column, "", found(match_rate=0.84, signature="bb"), AT, table_known=True)
    two = after_scan(one, "", found(match_rate=0.78, signature="cc"), AT, table_known=True)
    assert (one.state, two.state) == (ReviewState.CONFIRMED, ReviewState.STALE)
    back = after_scan(two, "", found(), AT, table_known=True)
    assert back.state is ReviewState.STALE  # somebody has to look


@pytest.mark.parametrize("decision", list(Decision))
def test_a_review_settles_and_a_rescan_of_the_same_keeps_it(decision):
    """Each decision has its state, which the same values leave as it is."""
    column = after_review(known(), review(decision, ColumnClass.NONE))
    assert column.state.value == {"confirm": "confirmed", "reject": "rejected", "override": "overridden"}[decision]
    assert after_scan(column, "", found(), AT, table_known=True).state is column.state


def test_a_stricter_proposal_is_raised_until_it_is_reviewed():
    """A declared class that is too weak makes the column stale; once reviewed, the same proposal is no news."""
    column = known(EMAIL, ColumnClass.NONE)
    assert (column.state, column.drift) == (ReviewState.STALE, (Drift.STRICTER,))
    settled = after_review(column, review(Decision.REJECT, ColumnClass.NONE))
    assert after_scan(settled, "", found(EMAIL, ColumnClass.NONE), AT, table_known=True).state is ReviewState.REJECTED
    unsure = replace(EMAIL, confidence=0.4)
    assert known(unsure, ColumnClass.NONE).state is ReviewState.PROPOSED


def test_sensitive_and_direct_identifier_each_forbid_something():
    """The two are not ordered; every other class is."""
    assert is_stricter(ColumnClass.SENSITIVE, ColumnClass.DIRECT_IDENTIFIER)
    assert is_stricter(ColumnClass.DIRECT_IDENTIFIER, ColumnClass.SENSITIVE)
    assert not is_stricter(ColumnClass.NONE, ColumnClass.FREE_TEXT)
    assert not is_stricter(ColumnClass.NONE, ColumnClass.NONE)


@pytest.mark.parametrize("column_class", list(ColumnClass))
def test_an_unreviewed_column_gets_the_class_of_its_review_or_stays_closed(column_class):
    """Each class comes into force with what makes it safe; one that would show the value as it is does not."""
    column = after_review(known(), review(Decision.OVERRIDE, column_class, "email"))
    done = in_force(dataset(UNREVIEWED), {"c": column}, enforce=False).columns[1]
    if column_class is ColumnClass.QUASI_IDENTIFIER:
        assert (done.column_class, done.category) == (ColumnClass.DIRECT_IDENTIFIER, None)
        dated = replace(UNREVIEWED, type=ColumnType.DATE)
        dated = in_force(dataset(dated), {"c": column}, enforce=False).columns[1]
        assert (dated.column_class, dated.generalise) == (column_class, "year")
    else:
        assert (done.column_class, done.category) == (column_class, "email")
    assert (done.domain is not None) == (column_class is ColumnClass.LINKING_IDENTIFIER)
    stale = replace(column, state=ReviewState.STALE)
    assert in_force(dataset(UNREVIEWED), {"c": stale}, enforce=False).columns[1] == UNREVIEWED


@given(
    declared=st.sampled_from(list(ColumnClass)),
    reviewed=st.sampled_from(list(ColumnClass)),
    stale=st.booleans(),
    enforce=st.booleans(),
)
def test_no_review_makes_a_declared_class_weaker(declared, reviewed, stale, enforce):
    """Whatever is reviewed, fresh or stale, what the file forbids stays forbidden."""
    domain = "d" if declared is ColumnClass.LINKING_IDENTIFIER else None
    column = Column("c", ColumnType.STRING, declared, domain=domain, category="email")
    said = after_review(known(NONE, declared), review(Decision.OVERRIDE, reviewed))
    if stale:
        said = replace(said, state=ReviewState.STALE)
    done = in_force(dataset(column), {"c": said}, enforce=enforce).columns[1]
    assert done == column or is_stricter(done.column_class, declared) or done.column_class is declared
    assert done == column or done.category is None
    if is_stricter(reviewed, declared):
        assert done != column


@pytest.mark.parametrize("declared", [ColumnClass.DIRECT_IDENTIFIER, ColumnClass.SENSITIVE])
def test_claimed_to_be_both_a_column_is_shown_to_nobody(declared):
    """Sensitive here and a direct identifier there: a direct identifier that no category shows."""
    other = next(c for c in (ColumnClass.DIRECT_IDENTIFIER, ColumnClass.SENSITIVE) if c is not declared)
    column = Column("c", ColumnType.STRING, declared, category="email")
    said = after_review(known(NONE, declared), review(Decision.OVERRIDE, other, "email"))
    done = in_force(dataset(column), {"c": said}, enforce=False).columns[1]
    assert (done.column_class, done.category) == (ColumnClass.DIRECT_IDENTIFIER, None)


def test_the_stability_index_is_none_of_alike_and_large_of_unlike():
    """Equal shares have none; disjoint ones have much."""
    assert stability_index({"a": 1.0}, {"a": 1.0}) == 0
    assert stability_index({"a": 1.0}, {"b": 1.0}) > 1


# The file -------------------------------------------------------------------------------------------

PLACES = st.tuples(
    st.sampled_from(["crm", "pos"]),
    st.sampled_from(["t", "lines/*.parquet", "sales.orders"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12),
)
ENTRIES = st.builds(
    Entry, st.none() | st.sampled_from(list(ColumnClass)), st.none() | st.sampled_from(["email", "yes", "2026-01-01"])
)


@given(st.dictionaries(PLACES, ENTRIES, max_size=8))
def test_the_file_says_what_was_written(entries):
    """Every place and entry comes back as it was, whatever the names are; and equals nothing but itself."""
    entries = {k: v if v.column_class is not None else Entry(None) for k, v in entries.items()}
    text = written(entries)
    assert read(text.encode()) == entries
    assert differences(read(text.encode()), entries) == []
    assert written(read(text.encode())) == text


@given(
    st.lists(st.tuples(st.sampled_from(list(ColumnClass)), st.sampled_from([EMAIL, NONE])), min_size=1, max_size=6)
)
def test_applying_an_export_elsewhere_comes_to_the_same_file(reviews):
    """What one gateway exports, another applies; its export is the same, and applying it again reviews nothing."""

    def column(number: int, proposal: Proposal) -> KnownColumn:
        scanned = replace(found(proposal), place=ColumnPlace("crm", "t", f"c{number}"))
        return after_scan(None, str(number), scanned, AT, table_known=False)

    here = [
        after_review(column(n, proposal), review(Decision.OVERRIDE, chosen))
        for n, (chosen, proposal) in enumerate(reviews)
    ]
    there = [column(n, proposal) for n, (_, proposal) in enumerate(reviews)]
    file = entries_of(here)
    done = [after_review(each, _review(each, verdict)) for each, verdict in verdicts(file, there)]
    assert written(entries_of(done)) == written(file)
    assert verdicts(file, done) == []


def _review(column: KnownColumn, verdict: Verdict) -> Review:
    if verdict.column_class is not None:
        return review(verdict.decision, verdict.column_class, verdict.category)
    if verdict.decision is Decision.REJECT:
        return review(Decision.REJECT, ColumnClass.NONE)
    assert column.scanned.proposal is not None
    return review(Decision.CONFIRM, column.scanned.proposal.column_class, column.scanned.proposal.category)


def test_an_older_file_does_not_settle_what_has_drifted_since():
    """Applying the committed file again leaves a stale column stale; a file that says something new reviews it."""
    settled = after_review(known(NONE), review(Decision.CONFIRM, ColumnClass.NONE))
    drifted = after_scan(settled, "1", found(EMAIL, type="jsonb"), AT, table_known=True)
    assert drifted.state is ReviewState.STALE
    place = ("crm", "t", "c")
    assert verdicts({place: Entry(ColumnClass.NONE)}, [drifted]) == []
    ((_, verdict),) = verdicts({place: Entry(ColumnClass.DIRECT_IDENTIFIER, "email")}, [drifted])
    assert verdict.decision is Decision.CONFIRM


def test_a_new_field_inside_a_reviewed_column_counts_until_it_is_reviewed():
    """What was reviewed as a whole says nothing of a field that came later."""
    whole = after_review(known(NONE), review(Decision.CONFIRM, ColumnClass.NONE))
    inside = replace(found(EMAIL), place=ColumnPlace("crm", "t", "c.email"))
    field = after_scan(None, "2", inside, AT, table_known=False)
    done = in_force(dataset(UNREVIEWED), {"c": whole, "c.email": field}, enforce=False).columns[1]
    assert done.column_class is ColumnClass.DIRECT_IDENTIFIER
    nothing = replace(field, scanned=replace(inside, proposal=None))
    assert in_force(dataset(UNREVIEWED), {"c": whole, "c.email": nothing}, enforce=False).columns[1] == UNREVIEWED


@pytest.mark.parametrize("enforce", [False, True])
def test_a_mask_goes_with_the_class_that_it_was_declared_with(enforce):
    """A column that turned out to name people is not shown by the mask of an amount."""
    amount = Column("c", ColumnType.INTEGER, ColumnClass.SENSITIVE, category="health", mask=TopBottom(top=99_999_999))
    said = known(EMAIL, ColumnClass.SENSITIVE)
    if not enforce:
        said = after_review(said, review(Decision.CONFIRM, ColumnClass.DIRECT_IDENTIFIER, "email"))
    done = in_force(dataset(amount), {"c": said}, enforce=enforce).columns[1]
    assert (done.column_class, done.mask) == (ColumnClass.DIRECT_IDENTIFIER, None)
    assert not fits(TransformKind.TOP_BOTTOM, replace(amount, column_class=ColumnClass.DIRECT_IDENTIFIER))
    assert fits(TransformKind.TOP_BOTTOM, amount)


@pytest.mark.parametrize(
    "text",
    ["", "a: 1", "columns: [1]", "columns: {crm: {t: {c: {class: nonsense}}}}", "{", "\xff",
     "columns: {crm: {t: {c: {klass: none}}}}", "columns: {crm: {t: {c: {class: none, category: 3}}}}"],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_without_quoting_it(text):
    """Whatever stands in it, the fault names what is wanted and nothing of the file."""
    with pytest.raises(InvalidRequest) as refused:
        read(text.encode("latin-1"))
    assert "nonsense" not in refused.value.detail


def test_a_column_that_no_scan_has_found_is_not_applied():
    """All or nothing: a place that is unknown refuses the file."""
    with pytest.raises(InvalidRequest):
        verdicts({("crm", "t", "nowhere"): Entry(ColumnClass.NONE)}, [known()])
