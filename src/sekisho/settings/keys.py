"""Every key of a workspace file, as a table: what may stand where, and what must.

``*`` in a section's path stands for a name that the workspace chooses. The reference page is tested
against this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section.

    ``example`` completes "add `name: …`" when a required key is missing.
    """

    name: str
    example: str
    required: bool = False


def _must(name: str, example: str) -> Key:
    return Key(name, example, required=True)


SECTIONS: Mapping[str, tuple[Key, ...]] = {
    "": (
        _must("controller", "{name: …, contact: …}"),
        Key("law", "[appi@2022-04]"),
        Key("database", "{url: sqlite:///var/sekisho.db}"),
        Key("keys", "{directory: var/keys}"),
        Key("audit", "{heads: var/audit}"),
        Key("policy", "{engine: embedded}"),
        _must("identity", "{issuer: …, audience: …}"),
        Key("customers", "{base_url: https://privacy.shop.example}"),
        Key("mail", "{kind: file}"),
        _must("stores", "and one store at least"),
        _must("purposes", "and one purpose at least"),
        Key("hierarchies", "{age: {file: hierarchies/age.csv}}"),
        _must("datasets", "and one dataset at least"),
        _must("requesters", "and one requester at least"),
        Key("views", "and the statistics that are published"),
        Key("scan", "{every_hours: 24}"),
        Key("detect", "{recognizers: [shop.recognisers:staff_ids]}"),
    ),
    "controller": (
        _must("name", "the controller's name"),
        _must("contact", "where people can ask"),
        Key("country", "JP"),
        Key("time_zone", "Asia/Tokyo"),
    ),
    "database": (
        _must("url", "sqlite:///var/sekisho.db"),
        Key("password_file", "/run/secrets/sekisho"),
    ),
    "keys": (
        _must("directory", "var/keys"),
        Key("provider", "file"),
        Key("address", "https://vault.shop.example:8200"),
        Key("transit_key", "sekisho"),
        Key("token_file", "/run/secrets/vault-token"),
        Key("mount", "transit"),
        Key("namespace", "privacy"),
        Key("authority", "keys/vault-ca.pem"),
        Key("grace_epochs", "1"),
    ),
    "audit": (
        Key("heads", "var/audit"),
        Key("keep_days", "1825"),
        Key("export_jobs", "{keep_days: 7}"),
        Key("exports", "[{format: raw, every: day, folder: var/audit-exports}]"),
        Key("witnesses", "{auditor: {url: …, key: …}}"),
        Key("quorum", "1"),
        Key("tree", "{bucket: audit-log/tree, region: ap-northeast-1}"),
    ),
    "audit.tree": (
        _must("bucket", "audit-log/tree"),
        Key("region", "ap-northeast-1"),
        Key("endpoint", "https://objects.example"),
    ),
    "audit.witnesses.*": (
        _must("url", "https://witness.example"),
        _must("key", "the key that sekisho audit witness --show-key prints"),
    ),
    "audit.export_jobs": (
        Key("folder", "var/exports"),
        Key("keep_days", "7"),
        Key("gigabytes", "20"),
        Key("running", "2"),
    ),
    "audit.exports.*": (
        _must("format", "raw"),
        _must("every", "day"),
        _must("folder", "var/audit-exports"),
        Key("keep", "90"),
    ),
    "policy": (
        _must("engine", "embedded"),
        Key("bundle", "builtin"),
        Key("url", "unix:///run/opa/opa.sock"),
        Key("urls", "[https://opa-1.example, https://opa-2.example]"),
        Key("timeout_ms", "250"),
        Key("revision", "8f14e45fceea167a"),
        Key("keyid", "policies-2026"),
        Key("authority", "keys/ca.pem"),
        Key("certificate", "keys/gateway.pem"),
        Key("key", "keys/gateway.key"),
        Key("shadow", "policies-next"),
    ),
    "identity": (
        _must("issuer", "https://issuer.example"),
        _must("audience", "sekisho"),
        Key("customer_audience", "sekisho:customers"),
        Key("jwks", "embedded"),
        Key("algorithms", "[EdDSA]"),
    ),
    "customers": (
        _must("base_url", "https://privacy.shop.example"),
        Key("issuer", "https://login.shop.example"),
        Key("audience", "sekisho:privacy"),
        Key("jwks", "keys/customers.json"),
        Key("client_id", "sekisho"),
        Key("client_secret_file", "/run/secrets/oidc"),
        Key("identifier_claim", "email"),
        Key("algorithms", "[RS256]"),
        Key("proxies", "[10.0.0.0/8]"),
    ),
    "mail": (
        _must("kind", "file"),
        Key("folder", "var/outbox"),
        Key("host", "smtp.shop.example"),
        Key("port", "587"),
        Key("from", "privacy@shop.example"),
        Key("user", "sekisho"),
        Key("password_file", "/run/secrets/smtp"),
        Key("tls", "starttls"),
    ),
    "detect": (
        Key("recognizers", "[shop.recognisers:staff_ids]"),
        Key("processes", "4"),
        Key("memory_mb", "1024"),
        Key("cache_mb", "32"),
    ),
    "stores.*": (
        _must("kind", "sqlite"),
        Key("location", "the database file, or the folder of the files"),
        Key("url", "postgresql://sekisho_crm@db.shop.example/crm?sslmode=verify-full"),
        Key("password_file", "/run/secrets/crm"),
        Key("writes", "false"),
    ),
    "purposes.*": (
        _must("title", "{ja: …, en: …}"),
        _must("description", "{ja: …, en: …}"),
        _must("legal_basis", "consent"),
        Key("output", "rows"),
        Key("cells", "[purchase, behaviour]"),
        Key("explicit", "[free_text]"),
        Key("third_party", "true"),
        Key("gpc", "true"),
        Key("clear", "[email]"),
        Key("direct_marketing", "true"),
        Key("confirm", "double_opt_in"),
        Key("validity_days", "365"),
        Key("retention_days", "30"),
        Key("guardian_below_age", "16"),
        Key("data_categories", "[purchases, web and app use]"),
        Key("recipients", '["third_party: Example Ads K.K."]'),
        Key("transfer_countries", "[US]"),
        Key("transfer_information", "{US: {system: …, measures: …}}"),
        Key("person_related", "true"),
        Key("dpv", "dpv:PersonalisedAdvertising"),
        Key("legal_bases", "{gdpr: consent}"),
        Key("part_of", "marketing"),
        Key("needs", "[birth_date, none]"),
        Key("output_class", "pseudonymised"),
        Key("roles", "[incident_responder]"),
        Key("minimum_age", "18"),
        Key("limits", "{rows: 10000}"),
        Key("formats", "[json, csv]"),
        Key("watermark", "true"),
        Key("weekend_freeze", "true"),
        Key("break_glass_minutes", "60"),
        Key("detokenise", "[targeted_advertising]"),
    ),
    "purposes.*.limits": (
        Key("rows", "10000"),
        Key("answers_per_minute", "60"),
        Key("rows_per_day", "100000"),
    ),
    "purposes.*.transfer_information.*": (
        _must("system", "how the country protects personal data"),
        _must("measures", "what the recipient does to protect it"),
    ),
    "purposes.*.legal_bases": (Key("appi", "consent"), Key("gdpr", "consent")),
    "datasets.*": (
        _must("relation", "the table, or the file pattern below the store's folder"),
        Key("title", "{ja: …, en: …}"),
        _must("data_subject", "{column: customer_id, identifier: customer_id}, or none for data about nobody"),
        Key("data_category", "purchase"),
        _must("purposes", "[recommendation]"),
        Key("class", "personal"),
        Key("countries", "[JP]"),
        Key("keep", "{column: invoiced_at, days: 730}"),
        Key("least_age", "18"),
        _must("columns", "and one column at least"),
        Key("obtained_from", "{name: …, acquired: …, received_on: 2026-04-01}"),
    ),
    "datasets.*.keep": (_must("column", "invoiced_at"), _must("days", "730")),
    "datasets.*.data_subject": (_must("column", "customer_id"), _must("identifier", "customer_id")),
    "datasets.*.obtained_from": (
        _must("name", "Example Data K.K."),
        Key("address", "1-1 Marunouchi, Chiyoda-ku, Tokyo"),
        Key("representative", "who represents it"),
        Key("country", "JP"),
        _must("acquired", "how it had acquired the data, as you confirmed"),
        _must("received_on", "2026-04-01"),
        Key("consent", "true"),
    ),
    "datasets.*.columns.*": (
        _must("type", "string"),
        _must(
            "class",
            "direct_identifier, linking_identifier, quasi_identifier, sensitive, free_text, none or unreviewed",
        ),
        Key("generalise", "year"),
        Key("domain", "invoice"),
        Key("category", "email"),
        Key("title", "{ja: …, en: …}"),
        Key("mask", "{kind: bucket, width: 10}"),
    ),
    "scan": (Key("every_hours", "24"), Key("enforce", "true")),
    "datasets.*.columns.*.mask": (
        _must("kind", "partial, and its parameters"),
        Key("value", "hidden"),
        Key("keep", "last4"),
        Key("to", "month"),
        Key("hierarchy", "age"),
        Key("level", "2"),
        Key("width", "10"),
        Key("start", "0"),
        Key("bounds", "[0, 18, 65]"),
        Key("bottom", "0"),
        Key("top", "90"),
        Key("domain", "email"),
        Key("of", "name"),
        Key("days", "30"),
        Key("scale", "10"),
        Key("law", "laplace"),
    ),
    "hierarchies.*": (_must("file", "hierarchies/age.csv"),),
    "requesters.*": (
        Key("title", "{ja: …, en: …}"),
        _must("purposes", "[recommendation], or [] for a requester that reads no data"),
        Key("party", "{name: …, address: …, representative: …}"),
        Key("roles", "[collection_point]"),
        Key("recipient", "internal"),
        Key("country", "US"),
    ),
    "requesters.*.party": (
        _must("name", "Example Ads K.K."),
        Key("address", "1-1 Marunouchi, Chiyoda-ku, Tokyo"),
        Key("representative", "who represents it"),
        Key("records", "each"),
    ),
    "views.*": (
        _must("purpose", "management_statistics"),
        Key("title", "{ja: …, en: …}"),
        _must("people", "the output column that counts the people of a group"),
        Key("min_group", "10"),
        _must("sql", "the statement"),
    ),
}
"""Section path to its keys, in the order in which a file is best written."""

LOCALES = ("ja", "en")
"""Languages in which every text for people must stand."""

ROLES = frozenset({"collection_point", "withdrawal_relay", "privacy_officer", "auditor"})
"""What a requester may do besides reading data."""

OFFICES = frozenset({"privacy_officer", "auditor"})
"""Roles of those who watch over the use of data, and use none."""

CONFIRMATIONS = ("none", "double_opt_in")
"""How a yes may have to be confirmed before it counts."""

GENERALISATIONS: Mapping[str, frozenset[str]] = {
    "year": frozenset({"date", "timestamp"}),
    "age_band": frozenset({"date", "timestamp"}),
    "prefix3": frozenset({"string"}),
    "host": frozenset({"string"}),
    "browser": frozenset({"string"}),
}
"""Generalisation to the column types that it can be applied to."""

ALGORITHMS = ("EdDSA", "Ed25519", "ES256", "RS256")
"""Signature algorithms that a workspace may accept; symmetric ones and ``none`` are not among them."""

ALL_QUASI_IDENTIFIERS = "quasi_identifiers"
"""Word in ``clear`` by which a purpose sees quasi-identifiers as they are, and not generalised."""
