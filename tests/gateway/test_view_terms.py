"""A view's release is another one exactly where what it reads, or what decides it, is another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sekisho.demo
from sekisho.domain.access import Obligation, ObligationKind, Permit, TransformKind
from sekisho.domain.limits import DatasetClass, Keep, Place
from sekisho.domain.masks import Hierarchy, Redact, Withhold
from sekisho.domain.row_filters import Comparison, IsNull
from sekisho.domain.terms import (
    Catalogue,
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    LegalBasis,
    StatisticsView,
    StoreKind,
)
from sekisho.query.statements import Statements
from sekisho.settings.load import settings_of
from sekisho.view_terms import released_as

CUSTOMERS, PURPOSE = "crm.customers", "management_statistics"
VIEW = StatisticsView(
    "residents",
    PURPOSE,
    "SELECT prefecture, COUNT(DISTINCT customer_id) AS people FROM crm.customers GROUP BY prefecture",
    "people",
    10,
)
PERMIT = Permit(
    LegalBasis.LEGITIMATE_INTEREST,
    consent_required=False,
    cells=(),
    transforms={CUSTOMERS: {"customer_id": TransformKind.PSEUDONYM, "prefecture": TransformKind.CLEAR}},
    row_filters={CUSTOMERS: (IsNull("birth_date"),)},
    obligations=(Obligation(ObligationKind.MIN_GROUP, 10),),
    revision="1",
)
FILE = (Path(sekisho.demo.__file__).parent / "sekisho.yaml").read_text(encoding="utf-8")

Change = Callable[[Catalogue], Catalogue]


def catalogue_of(text: str, folder: Path) -> Catalogue:
    """The catalogue of the demonstration's workspace file, or one like it, in *folder*."""
    return settings_of(text.encode(), folder).catalogue


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """The demonstration's, whose view is the one here."""
    return catalogue_of(FILE, tmp_path)


def terms(catalogue: Catalogue, permit: Permit = PERMIT, view: StatisticsView = VIEW, smallest: int = 10) -> str:
    """The terms of *view* over *catalogue*, as the analyst asks for it."""
    question = Statements(catalogue).view(catalogue.requesters["analyst"], catalogue.purposes[view.purpose], view)
    return released_as(view, question, permit, smallest)


def dataset(**parts: Any) -> Change:
    """Other *parts* of the dataset that the view reads."""
    return lambda c: replace(c, datasets={**c.datasets, CUSTOMERS: replace(c.datasets[CUSTOMERS], **parts)})


def column(name: str, **parts: Any) -> Change:
    """Other *parts* of one of its columns."""

    def changed(known: Dataset) -> tuple[Column, ...]:
        return tuple(replace(each, **parts) if each.name == name else each for each in known.columns)

    return lambda c: dataset(columns=changed(c.datasets[CUSTOMERS]))(c)


def store(**parts: Any) -> Change:
    """Other *parts* of its store."""
    return lambda c: replace(c, stores={**c.stores, "crm": replace(c.stores["crm"], **parts)})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(column("prefecture", type=ColumnType.INTEGER), id="type"),
        pytest.param(column("prefecture", column_class=ColumnClass.SENSITIVE), id="class"),
        pytest.param(column("prefecture", generalise="prefix3"), id="generalise"),
        pytest.param(column("prefecture", domain="places"), id="domain"),
        pytest.param(column("prefecture", category="address"), id="category"),
        pytest.param(column("prefecture", mask=Redact()), id="mask"),
        pytest.param(column("customer_id", type=ColumnType.STRING), id="key's type"),
        pytest.param(column("birth_date", type=ColumnType.TIMESTAMP), id="filtered column's type"),
        pytest.param(column("birth_date", column_class=ColumnClass.NONE), id="filtered column's class"),
        pytest.param(dataset(relation="people"), id="relation"),
        pytest.param(dataset(data_subject=DataSubjectKey("customer_id", "member_id")), id="identifier"),
        pytest.param(dataset(data_subject=DataSubjectKey("line_id", "customer_id")), id="data subject's column"),
        pytest.param(dataset(data_category="purchase"), id="data category"),
        pytest.param(dataset(kind=DatasetClass.PSEUDONYMISED), id="kind of information"),
        pytest.param(dataset(keep=Keep("signed_up_on", 90)), id="how long rows may be used"),
        pytest.param(dataset(least_age=18), id="least age"),
        pytest.param(store(named="stores/other.db"), id="location"),
        pytest.param(store(kind=StoreKind.POSTGRESQL), id="engine"),
        pytest.param(store(kind=StoreKind.POSTGRESQL, writes=False), id="where it is run"),
        pytest.param(lambda c: replace(c, place=Place("JP", "Europe/Berlin")), id="time zone"),
        pytest.param(lambda c: replace(c, place=Place("DE")), id="country"),
    ],
)
def test_what_a_view_reads_is_part_of_its_terms(catalogue: Catalogue, change: Change) -> None:
    """A change of what the release is made of makes another release."""
    if change(catalogue).stores["crm"].kind is StoreKind.POSTGRESQL and not change(catalogue).stores["crm"].writes:
        catalogue = store(kind=StoreKind.POSTGRESQL)(catalogue)
    assert terms(change(catalogue)) != terms(catalogue)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"legal_basis": LegalBasis.CONTRACT}, id="legal basis"),
        pytest.param({"obligations": ()}, id="whether the rows of nobody count"),
        pytest.param({"row_filters": {CUSTOMERS: (Comparison("birth_date", "<", "2000-01-01"),)}}, id="row filters"),
        pytest.param(
            {"transforms": {CUSTOMERS: {**PERMIT.transforms[CUSTOMERS], "prefecture": TransformKind.REDACT}}},
            id="transforms",
        ),
    ],
)
def test_what_the_policy_answers_is_part_of_its_terms(catalogue: Catalogue, parts: dict[str, Any]) -> None:
    """An answer that may show other values, or other people's, makes another release."""
    assert terms(catalogue, replace(PERMIT, **parts)) != terms(catalogue)


def test_the_view_itself_is_part_of_its_terms(catalogue: Catalogue) -> None:
    """Its statement, the column that counts people, the smallest group, its name and its purpose."""
    first = terms(catalogue)
    two = VIEW.sql.replace("COUNT", "1 AS more, COUNT")
    other = replace(catalogue.purposes[PURPOSE], name="other_statistics")
    beside = replace(catalogue, purposes={**catalogue.purposes, "other_statistics": other})
    assert first not in {
        terms(catalogue, view=replace(VIEW, sql=two)),
        terms(catalogue, view=replace(VIEW, people="prefecture")),
        terms(catalogue, view=replace(VIEW, name="others")),
        terms(beside, view=replace(VIEW, purpose="other_statistics")),
        terms(catalogue, smallest=11),
    }


def test_the_key_of_a_dataset_is_part_of_the_terms_also_where_the_view_does_not_name_it(catalogue: Catalogue) -> None:
    """By it rows are of somebody."""
    counting = replace(VIEW, sql="SELECT prefecture, COUNT(*) AS people FROM crm.customers GROUP BY prefecture")
    changed = column("customer_id", type=ColumnType.STRING)(catalogue)
    assert terms(changed, view=counting) != terms(catalogue, view=counting)


def test_masks_alike_but_in_kind_or_in_what_they_call_a_value_differ(catalogue: Catalogue) -> None:
    """Masks without parameters differ by their kind, and a hierarchy by what its file says."""
    masks = (
        Redact(),
        Withhold(),
        Hierarchy("regions", 1, {"Osaka": "West"}),
        Hierarchy("regions", 1, {"Osaka": "Kansai"}),
    )
    assert len({terms(column("prefecture", mask=mask)(catalogue)) for mask in masks}) == len(masks)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c: replace(c, revision="another"), id="another file"),
        pytest.param(column("phone", column_class=ColumnClass.NONE), id="class of a column that it does not read"),
        pytest.param(column("prefecture", title={"en": "Where"}), id="title of a column"),
        pytest.param(lambda c: dataset(columns=c.datasets[CUSTOMERS].columns[::-1])(c), id="order of columns"),
        pytest.param(dataset(purposes=frozenset({PURPOSE, "anything"})), id="further purpose of its dataset"),
        pytest.param(store(location="/elsewhere/crm.db", password_file="/secret"), id="where the workspace lies"),
        pytest.param(
            lambda c: replace(c, datasets={k: v for k, v in c.datasets.items() if k != "support.tickets"}),
            id="another dataset",
        ),
    ],
)
def test_what_a_view_does_not_read_is_no_part_of_its_terms(catalogue: Catalogue, change: Change) -> None:
    """Two releases could be compared: nothing makes a second one that need not."""
    assert terms(change(catalogue)) == terms(catalogue)
    assert terms(catalogue, replace(PERMIT, revision="2")) == terms(catalogue)


def test_machines_read_the_same_data_by_its_place_in_the_workspace(tmp_path: Path) -> None:
    """The same file in two folders has the same terms; another location or folder outside has its own."""
    here = terms(catalogue_of(FILE, tmp_path / "a"))
    assert terms(catalogue_of(FILE + "\n# a comment\n", tmp_path / "b")) == here
    elsewhere = FILE.replace("location: stores/crm.db", "location: stores/crm2.db")
    assert terms(catalogue_of(elsewhere, tmp_path / "a")) != here
    outside = FILE.replace("location: stores/crm.db", "location: /srv/crm.db")
    assert terms(catalogue_of(outside, tmp_path / "a")) not in {here, terms(catalogue_of(elsewhere, tmp_path / "a"))}
