"""What a right workspace file becomes, and the demonstration's own."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

import sekisho
from sekisho.domain.audit_export import Every, ExportFormat
from sekisho.domain.terms import ColumnClass, LegalBasis, Recipient, StoreKind
from sekisho.settings import FILE_NAME, SECTIONS, ExportSchedule, ExportSettings, PolicyEngine, load
from sekisho.settings.values import BucketSettings
from tests.settings.conftest import GOOD

DEMO = Path(sekisho.__file__).parent / "demo"
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "sekisho-yaml.md"


def test_defaults(workspace):
    """What need not be written has a default inside the workspace, and paths are absolute."""
    settings, folder = workspace.load(), workspace.folder.resolve()

    assert settings.folder == folder
    assert settings.database_url == f"sqlite:///{folder}/var/sekisho.db"
    assert (settings.keys_folder, settings.audit_folder) == (folder / "var/keys", folder / "var/audit")
    assert settings.policy.engine is PolicyEngine.EMBEDDED
    assert (settings.policy.bundle, settings.policy.urls, settings.policy.timeout_ms) == (None, (), 2_000)
    assert settings.identity.embedded
    assert settings.identity.customer_audience == "sekisho:customers"
    assert settings.identity.algorithms == ("EdDSA",)


def test_everything_written(workspace):
    """What is written overrides each default."""
    text = GOOD.replace(
        "audience: sekisho}",
        "audience: a, customer_audience: b, jwks: keys/jwks.json, algorithms: [ES256, RS256]}",
    )
    text += (
        "database: {url: 'postgresql://u@h:5433/d'}\nkeys: {directory: /srv/keys}\naudit: {heads: heads}\n"
        "policy: {engine: opa, url: 'http://127.0.0.1:8181/', bundle: policies, timeout_ms: 100}\n"
    )
    settings, folder = workspace.load(text), workspace.folder.resolve()

    assert settings.database_url == "postgresql+psycopg://u@h:5433/d"
    assert (settings.keys_folder, settings.audit_folder) == (Path("/srv/keys"), folder / "heads")
    assert settings.policy.bundle == folder / "policies"
    assert (settings.policy.urls, settings.policy.timeout_ms) == (("http://127.0.0.1:8181",), 100)
    assert settings.identity.jwks == folder / "keys/jwks.json"
    assert not settings.identity.embedded


def test_repr_hides_the_database(workspace):
    """A password in the database's address does not reach a log through repr."""
    settings = workspace.load(GOOD + "database: {url: 'postgresql://u:hunter2@h/d'}\n")

    assert "hunter2" in settings.database_url
    assert "hunter2" not in repr(settings)


def test_settings_are_frozen(workspace):
    """Nobody changes settings once they are read."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        workspace.load().folder = Path("/")


def test_revision_follows_the_file(workspace):
    """The catalogue's revision is the beginning of the file's SHA-256, so that any change shows."""
    first = workspace.load().catalogue.revision

    assert first == hashlib.sha256(GOOD.encode()).hexdigest()[:16]
    assert workspace.load(GOOD + "# a comment\n").catalogue.revision != first


def test_catalogue_values(workspace):
    """Columns, keys, purposes and views arrive as they are written."""
    catalogue = workspace.load().catalogue
    customers = catalogue.datasets["crm.customers"]

    assert [c.name for c in customers.columns] == ["customer_id", "email", "birth_date", "note"]
    assert customers.column("birth_date").generalise == "year"
    assert customers.data_subject.identifier == "customer_id"
    assert catalogue.stores["pos"].kind is StoreKind.DUCKDB
    assert catalogue.purposes["recommendation"].all_cells() == (
        "recommendation/data_category=purchase",
        "recommendation/data_category=profile",
    )
    assert catalogue.purposes["support"].title == {"ja": "サポート", "en": "Support"}
    assert catalogue.requesters["desk"].roles == {"collection_point"}
    assert catalogue.views["sales"].min_group == 10


def test_data_about_nobody(workspace):
    """A dataset without a person says so in words, and holds no personal column."""
    text = GOOD.replace(
        "requesters:",
        "  pos.products:\n    relation: products/*.csv\n    data_subject: none\n    purposes: [support]\n"
        "    columns: {code: {type: string, class: none}}\nrequesters:",
        1,
    )

    assert workspace.load(text).catalogue.datasets["pos.products"].data_subject is None


# The demonstration ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo():
    return load(DEMO).catalogue


def test_demo_names(demo):
    """The demonstration has the datasets, purposes, requesters and views that its readers rely on."""
    assert {n: len(d.columns) for n, d in demo.datasets.items()} == {
        "crm.customers": 14,
        "pos.order_lines": 8,
        "web.events": 11,
        "app.events": 8,
        "survey.answers": 5,
        "support.tickets": 8,
    }
    assert " ".join(demo.purposes) == (
        "recommendation micro_segmentation lifecycle_email realtime_web targeted_advertising personalised_video "
        "social_advertising churn_prediction emotion_analysis ab_measurement customer_support fraud_prevention "
        "management_statistics"
    )
    assert " ".join(demo.requesters) == (
        "recommender marketer ads analyst support_desk fraud_team consent_desk privacy_officer auditor"
    )
    assert list(demo.views) == ["sales_by_month_country", "rfm_cells", "channel_kpis"]


def test_demo_people(demo):
    """Every dataset of the demonstration is about customers, named by one whole number."""
    for dataset in demo.datasets.values():
        assert (dataset.data_subject.column, dataset.data_subject.identifier) == ("customer_id", "customer_id")
        assert dataset.column("customer_id").type == "integer"


def test_demo_classes(demo):
    """Direct identifiers have a category each; only income is sensitive; texts are free text."""
    columns = [c for d in demo.datasets.values() for c in d.columns]
    direct = {c.name for c in columns if c.column_class is ColumnClass.DIRECT_IDENTIFIER}

    assert all(c.category for c in columns if c.column_class is not ColumnClass.NONE)
    assert direct == {
        *("customer_id", "name", "name_kana", "email", "phone", "address", "line_id"),
        *("cookie_id", "ip", "device_id", "push_token"),
    }
    assert [c.name for c in columns if c.column_class is ColumnClass.SENSITIVE] == ["income_band"]
    assert {c.name for c in columns if c.column_class is ColumnClass.FREE_TEXT} == {
        *("query_text", "comment", "subject", "body"),
    }
    assert {c.name: c.generalise for c in columns if c.column_class is ColumnClass.QUASI_IDENTIFIER} == {
        "postal_code": "prefix3",
        "prefecture": None,
        "birth_date": "year",
        "gender": None,
        "country": None,
        "user_agent": "browser",
        "referrer": "host",
    }


def test_demo_purposes(demo):
    """Legal bases, cells and what is shown are as the demonstration promises to its customers."""
    basis = {name: p.legal_basis for name, p in demo.purposes.items() if p.legal_basis is not LegalBasis.CONSENT}
    cells = {name: p.cells for name, p in demo.purposes.items() if p.cells}

    assert basis == {
        "ab_measurement": LegalBasis.LEGITIMATE_INTEREST,
        "customer_support": LegalBasis.CONTRACT,
        "fraud_prevention": LegalBasis.LEGAL_OBLIGATION,
        "management_statistics": LegalBasis.LEGITIMATE_INTEREST,
    }
    assert cells == dict.fromkeys(
        ("recommendation", "lifecycle_email"), ("purchase", "behaviour", "intent", "profile")
    )
    assert demo.purposes["customer_support"].clear == {"name", "email", "phone"}
    assert not {"line_id", "push_token", "income"} & demo.purposes["fraud_prevention"].clear
    assert {n for n, p in demo.purposes.items() if p.gpc} == {"targeted_advertising", "social_advertising"}
    assert not any("sensitive" in p.explicit or "income" in p.explicit for p in demo.purposes.values())


def test_demo_requesters(demo):
    """Who keeps consent and audit reads no data, and only the advertising company is a third party."""
    for name, roles in {
        "consent_desk": {"collection_point"},
        "privacy_officer": {"privacy_officer", "collection_point"},
        "auditor": {"auditor"},
    }.items():
        assert (demo.requesters[name].purposes, demo.requesters[name].roles) == (frozenset(), roles)
    assert {n for n, r in demo.requesters.items() if r.recipient is Recipient.THIRD_PARTY} == {"ads"}
    assert demo.datasets["support.tickets"].purposes == {
        *("customer_support", "fraud_prevention", "management_statistics", "emotion_analysis"),
    }
    assert all({"fraud_prevention", "management_statistics"} <= d.purposes for d in demo.datasets.values())


def test_demo_views_pass_the_rewriter(demo):
    """The published statements are within what the gateway allows of any statement."""
    from sekisho.query.parse import parse
    from sekisho.query.resolve import resolve

    visible = demo.visible_to(demo.requesters["analyst"])
    kinds = {name: store.kind for name, store in demo.stores.items()}
    for view in demo.views.values():
        tree, _ = parse(view.sql, visible, kinds)
        assert view.people in resolve(tree, visible).outputs


ASKED = """\
    direct_marketing: true
    confirm: double_opt_in
    validity_days: 365
    retention_days: 30
    guardian_below_age: 16
    data_categories: [{ja: 購入の記録, en: purchases}, web and app use]
    recipients: ["third_party: Example Ads K.K.", "processor: 印刷会社"]
    transfer_countries: [US, "NO"]
    transfer_information: {US: {system: no general act, measures: standard clauses}}
    third_party: true
    person_related: true
    dpv: dpv:PersonalisedAdvertising
    legal_bases: {appi: legitimate_interest}
"""


def test_what_people_are_told(workspace):
    """Every optional key of a purpose is read, and left out it says nothing."""
    purposes = workspace.load(GOOD.replace("    cells: [purchase, profile]\n", ASKED)).catalogue.purposes
    read, plain = purposes["recommendation"], purposes["support"]

    assert (read.direct_marketing, read.confirm, read.third_party, read.person_related) == (True,) * 4
    assert (read.validity_days, read.retention_days, read.guardian_below_age) == (365, 30, 16)
    assert read.data_categories == ("purchases", "web and app use")
    assert read.data_titles == {"purchases": {"ja": "購入の記録", "en": "purchases"}}
    assert read.recipients == ("third_party: Example Ads K.K.", "processor: 印刷会社")
    assert read.transfer_countries == ("US", "NO")
    assert read.transfer_information == {"US": {"system": "no general act", "measures": "standard clauses"}}
    assert read.dpv == "dpv:PersonalisedAdvertising"
    assert read.legal_bases == {"appi": LegalBasis.LEGITIMATE_INTEREST}
    assert (plain.direct_marketing, plain.confirm, plain.person_related) == (False,) * 3
    assert (plain.validity_days, plain.retention_days, plain.guardian_below_age, plain.dpv) == (None,) * 4
    assert (plain.data_categories, plain.recipients, plain.transfer_countries) == ((), (), ())
    assert (plain.legal_bases, plain.transfer_information) == ({}, {})
    none = workspace.load(GOOD.replace("cells: [purchase, profile]", "confirm: none")).catalogue.purposes
    assert not none["recommendation"].confirm


def test_exports_of_the_audit_log(workspace):
    """What is exported by itself, and what exports may take; nothing and the defaults when nothing is said."""
    assert workspace.load(GOOD).exports.schedules == ()
    text = GOOD + (
        "audit:\n  export_jobs: {folder: var/e, keep_days: 3}\n"
        "  exports:\n    - {format: ocsf, every: hour, folder: var/siem, keep: 9}\n"
        "    - {format: raw, every: day, folder: /srv/audit}\n"
    )
    read = workspace.load(text)
    assert read.audit_folder == read.folder / "var" / "audit"
    assert read.exports == ExportSettings(
        read.folder / "var" / "e",
        keep_days=3,
        schedules=(
            ExportSchedule(ExportFormat.OCSF, Every.HOUR, read.folder / "var" / "siem", 9),
            ExportSchedule(ExportFormat.RAW, Every.DAY, Path("/srv/audit")),
        ),
    )


def test_the_tree_of_the_audit_log_in_object_storage(workspace):
    """Where it lies is said; rights are not."""
    assert workspace.load(GOOD).audit_tree is None
    text = (
        GOOD + "audit: {tree: {bucket: audit-log/tree, region: ap-northeast-1, endpoint: 'http://127.0.0.1:9000'}}\n"
    )
    assert workspace.load(text).audit_tree == BucketSettings(
        "audit-log/tree", "ap-northeast-1", "http://127.0.0.1:9000"
    )


# The reference page --------------------------------------------------------------------------------


def _documented() -> dict[str, set[str]]:
    """Return the keys in the first column of the table below each heading ``## `section` ``."""
    parts = re.split(r"^## `(.*?)`.*$", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        section: set(re.findall(r"^\| `([a-z_]+)` \|", text, flags=re.MULTILINE))
        for section, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_key_is_documented():
    """The reference page has every key of every section, and none that does not exist."""
    expected = {path or FILE_NAME: {key.name for key in keys} for path, keys in SECTIONS.items()}

    assert _documented() == expected


def test_reference_example_is_valid(workspace):
    """The example on the reference page is a workspace file without faults."""
    example = re.search(r"```yaml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert example is not None

    assert list(workspace.load(example[1]).catalogue.datasets) == ["shop.orders"]
