"""Every fault of a workspace file: found, with its line, and with a remedy."""

from __future__ import annotations

import re

import pytest

from tests.settings.conftest import GOOD, line_of

# what is spoilt: (old, new, where the fault is told, what the message says)
FAULTS = {
    "unknown key": ("contact:", "contakt:", "contact:", r"unknown key `contakt`; did you mean `contact`\?"),
    "unknown section": ("views:", "vews:", "views:", r"unknown key `vews`; did you mean `views`\?"),
    "missing key": ("    relation: customers\n", "", "  crm.customers:", r"has no `relation`; add `relation: "),
    "missing section": ("requesters:", "x:", "controller:", "has no `requesters`; add"),
    "missing class": (", class: free_text", "", "note:", "column note has no `class`"),
    "law unknown": (
        "stores:\n",
        "law: [appi@1999-01]\nstores:\n",
        "stores:",
        "no set of rules; there is no such rule set",
    ),
    "law of nobody": ("stores:\n", "law: []\nstores:\n", "stores:", "names no set of rules"),
    "class misspelt": ("class: free_text", "class: free_txt", "note:", r"no class; did you mean `free_text`\?"),
    "type unknown": ("{type: double,", "{type: money,", "amount:", "`money` is no type; choose one of"),
    "legal basis unknown": ("legal_basis: contract", "legal_basis: contrakt", "legal_basis: contract", "`contract`"),
    "output unknown": ("output: statistics", "output: statistic", "output:", "did you mean `statistics`"),
    "store kind unknown": ("kind: sqlite", "kind: sqlit", "crm: {", "did you mean `sqlite`"),
    "unknown store": ("crm.customers:", "crn.customers:", "crm.customers:", "store `crn`; did you mean `crm`"),
    "unknown purpose": ("purposes: [recommendation, s", "purposes: [recomendation, s", "purposes: [rec", "`recommen"),
    "unknown purpose of a requester": ("{purposes: [rec", "{purposes: [ric", "recommender:", "unknown purpose"),
    "unknown purpose of a view": ("purpose: statistics", "purpose: statistic", "purpose: stat", "did you mean"),
    "unknown role": ("[collection_point]", "[collector]", "desk:", "unknown role `collector`"),
    "unknown recipient": ("desk: {", "desk: {recipient: third, ", "desk:", "`third` is no recipient"),
    "unknown category in clear": ("clear: [email]", "clear: [e_mail]", "clear:", "did you mean `email`"),
    "generalise unknown": ("generalise: year", "generalise: yeer", "birth_date:", "did you mean `year`"),
    "generalise for another type": (
        "generalise: year",
        "generalise: host",
        "birth_date:",
        "does not fit the type date",
    ),
    "generalise for another class": (
        "category: email}",
        "generalise: prefix3, category: email}",
        "email: {type",
        "is for quasi-identifiers",
    ),
    "linking identifier without domain": (", domain: invoice", "", "invoice:", "needs a `domain`"),
    "domain of another class": ("class: none", "class: none, domain: invoice", "amount:", "is for linking"),
    "data subject unknown": (
        "{column: customer_id,",
        "{column: custmer_id,",
        "data_subject:",
        "did you mean `customer_id`",
    ),
    "data subject of another class": (
        "customer_id: {type: integer, class: direct_identifier}",
        "customer_id: {type: integer, class: none}",
        "data_subject:",
        "is not a direct identifier",
    ),
    "data subject of another type": (
        "customer_id: {type: integer, class: direct_identifier}",
        "customer_id: {type: double, class: direct_identifier}",
        "data_subject:",
        "no integer or string",
    ),
    "data subject left out": (
        "    data_subject: {column: customer_id, identifier: customer_id}\n",
        "",
        "crm.customers:",
        "has no `data_subject`",
    ),
    "personal data about nobody": (
        "{column: customer_id, identifier: customer_id}",
        "none",
        "data_subject:",
        r"about nobody has personal columns \(customer_id, email, birth_date, note\)",
    ),
    "no cell for a category": (
        "data_category: profile",
        "data_category: web",
        "data_category: p",
        "has no cell for `web`",
    ),
    "no category for cells": ("    data_category: profile\n", "", "data_category: p", "no cell for data without"),
    "upper case column": ("note:", "Note:", "note:", "names are lower case; write `note`"),
    "reserved column": ("note:", "__note:", "note:", "two underscores in front are reserved"),
    "column that looks alike": ("note:", "nоte:", "note:", "names are ASCII"),
    "column with a blank": ("note:", "no te:", "note:", "not a name"),
    "column of 64 letters": ("note:", f"{'n' * 64}:", "note:", "not a name"),
    "dataset without dot": ("crm.customers:", "customers:", "crm.customers:", "is not called store.table"),
    "dataset in upper case": ("crm.customers:", "crm.Customers:", "crm.customers:", "names are lower case"),
    "requester in another script": ("recommender:", "推薦:", "recommender:", "names are ASCII"),
    "table name with a quote": ("relation: customers", "relation: cust'omers", "relation: c", "no table name"),
    "SQLite's own table": ("relation: customers", "relation: sqlite_master", "relation: c", "no table name"),
    "pattern outside the folder": ('"*.parquet"', '"../*.parquet"', 'relation: "', "no file pattern"),
    "pattern with an address": ('"*.parquet"', '"https://x/a.parquet"', 'relation: "', "no file pattern"),
    "pattern of another kind": ('"*.parquet"', '"*.db"', 'relation: "', "no file pattern"),
    "absolute pattern": ('"*.parquet"', '"/etc/a.csv"', 'relation: "', "no file pattern"),
    "store outside": ("stores/crm.db", "../crm.db", "crm: {", "outside the workspace; write an absolute path"),
    "store over the records": ("stores/crm.db", "var/sekisho.db", "crm: {", "reaches the gateway's own database"),
    "store over the keys": ("location: stores/pos", "location: var/keys", "pos: {", "reaches the keys"),
    "store over everything": ("location: stores/pos", "location: .", "pos: {", "reaches the workspace file"),
    "store of a home folder": ("stores/crm.db", "~/crm.db", "crm: {", "no system understands"),
    "clear under consent": ("cells: [purchase, profile]", "clear: [email]", "cells:", "shows no column unmasked"),
    "explicit on a contract": ("clear: [email]", "explicit: [free_text]", "clear:", "no explicit consent"),
    "cells on a contract": ("clear: [email]", "cells: [purchase]", "clear:", "nobody consents to contract"),
    "third party for an inner purpose": (
        "desk: {purposes: []",
        "desk: {recipient: third_party, purposes: [support]",
        "desk:",
        "APPI 27",
    ),
    "title in one language": ("{ja: 統計, en: Statistics}", "{ja: 統計}", "title: {ja: 統", "missing in `en`"),
    "title in a third language": ("{ja: 統計,", "{fr: x, ja: 統計,", "title: {ja: 統", "`fr` is no language"),
    "title without text": ("en: Statistics", "en: ''", "title: {ja: 統", "in `en` is not a text"),
    "title a word": ("{ja: 統計, en: Statistics}", "統計", "title: {ja: 統", "is not {ja: …, en: …}"),
    "view for rows": ("purpose: statistics", "purpose: support", "purpose: stat", "releases rows"),
    "view counting nobody": ("people: people", "people: peple", "people: peo", "did you mean `people`"),
    "view over another purpose's data": (
        "FROM pos.lines",
        "FROM crm.customers",
        "sql:",
        "not for the purpose statistics",
    ),
    "view over nothing known": (
        "FROM pos.lines",
        "FROM pos.line",
        "sql:",
        "dataset `pos.line`; did you mean `pos.lines`",
    ),
    "view over a bare table": ("FROM pos.lines", "FROM lines", "sql:", "unknown dataset `lines`"),
    "view with a star": ("invoice, COUNT(DISTINCT customer_id) AS people", "*", "sql:", "list the columns"),
    "view that does not parse": ("SELECT invoice", "SELEC invoice", "sql:", "cannot be parsed|not one SELECT"),
    "view that deletes": ("sql: SELECT", "sql: DELETE FROM pos.lines; SELECT", "sql:", "not one SELECT"),
    "view for two people": ("min_group: 10", "min_group: 2", "min_group:", "whole number from 3"),
    "number with a fraction": ("min_group: 10", "min_group: 10.5", "min_group:", "write a whole number"),
    "number in octal": ("min_group: 10", "min_group: 010", "min_group:", "write plain digits"),
    "number that is true": ("min_group: 10", "min_group: true", "min_group:", "whole number"),
    "text that YAML reads as no": ("en: Statistics", "en: no", "title: {ja: 統", "not a text"),
    "key that YAML reads as yes": ("note:", "yes:", "note:", "read as true or false by YAML; put it in quotes"),
    "flag in words": ("output: statistics", "gpc: yes", "output:", "write `true`, `false`"),
    "confirmation unknown": ("cells: [purchase, profile]", "confirm: double_optin", "cells:", "mean `double_opt_in`"),
    "confirmation on a contract": ("clear: [email]", "confirm: none", "clear:", "nobody consents to contract"),
    "validity of nothing": ("cells: [purchase, profile]", "validity_days: 0", "cells:", "number from 1 to 36,500"),
    "validity on legitimate interest": (
        "output: statistics",
        "validity_days: 30",
        "output:",
        "nobody consents to legitimate_interest",
    ),
    "retention without end": ("clear: [email]", "retention_days: 99999", "clear:", "number from 1 to 36,500"),
    "guardian of grown-ups": (
        "cells: [purchase, profile]",
        "guardian_below_age: 30",
        "cells:",
        "number from 1 to 25",
    ),
    "guardian on a contract": ("clear: [email]", "guardian_below_age: 16", "clear:", "nobody consents to contract"),
    "selling on a contract": ("clear: [email]", "direct_marketing: true", "clear:", "GDPR 21"),
    "data not a list": ("clear: [email]", "data_categories: purchases", "clear:", r"is not a list: \[a, b\]"),
    "data twice": ("clear: [email]", "data_categories: [web use, web use]", "clear:", "`web use` stands twice"),
    "data on two lines": ("clear: [email]", 'data_categories: ["a\\nb"]', "clear:", "200 characters on one line"),
    "data in one language": ("clear: [email]", "data_categories: [{en: web use}]", "clear:", "add `ja: …`"),
    "data twice in English": (
        "clear: [email]",
        "data_categories: [web use, {ja: 閲覧, en: web use}]",
        "clear:",
        "`web use` stands twice",
    ),
    "data in another language": (
        "clear: [email]",
        "data_categories: [{ja: 閲覧, en: web use, fr: web}]",
        "clear:",
        "`fr` is no language",
    ),
    "data a number": ("clear: [email]", "data_categories: [1.5]", "clear:", "write a whole number, or text"),
    "recipient without relation": ("clear: [email]", "recipients: [Example]", "clear:", "does not say what"),
    "recipient of another relation": (
        "clear: [email]",
        'recipients: ["procesor: X"]',
        "clear:",
        "did you mean `processor`",
    ),
    "third party not told of": ("clear: [email]", 'recipients: ["third_party: X"]', "clear:", "third_party: true"),
    "country unknown": ("clear: [email]", "transfer_countries: [XX]", "clear:", "`XX` is no country"),
    "country in small letters": ("clear: [email]", "transfer_countries: [us]", "clear:", "two capital letters"),
    "country that YAML reads as no": ("clear: [email]", "transfer_countries: [NO]", "clear:", '"NO" in quotes'),
    "country that nothing goes to": (
        "clear: [email]",
        "transfer_information: {US: {system: a, measures: b}}",
        "clear:",
        "unknown country `US`",
    ),
    "term unknown": ("clear: [email]", "dpv: Marketing", "clear:", "no term of the Data Privacy Vocabulary"),
    "regime unknown": ("clear: [email]", "legal_bases: {gdrp: consent}", "clear:", "did you mean `gdpr`"),
    "ground of a regime unknown": (
        "clear: [email]",
        "legal_bases: {gdpr: contrakt}",
        "clear:",
        "is no legal basis; did you mean `contract`",
    ),
    "regime that asks for more": (
        "clear: [email]",
        "legal_bases: {gdpr: consent}",
        "clear:",
        "make `legal_basis` consent",
    ),
    "list a word": ("clear: [email]", "clear: email", "clear:", r"is not a list: \[a, b\]"),
    "list of lists": ("clear: [email]", "clear: [[email]]", "clear:", "is not a word"),
    "word twice": ("[purchase, profile]", "[purchase, purchase, profile]", "cells:", "stands twice"),
    "section a word": ("{name: Shop, contact: privacy@shop.example}", "Shop", "controller:", "is not a mapping"),
    "column a word": ("{type: double, class: none}", "double", "amount:", "is not a mapping"),
    "no requesters": (
        "  recommender: {purposes: [recommendation]}\n  desk: {purposes: [], roles: [collection_point]}\n",
        "",
        "requesters:",
        "at least one requester",
    ),
    "same key twice": ("      note:", "      email:", "note:", "stands twice"),
    "same dataset twice": ("  pos.lines:", "  crm.customers:", "pos.lines:", "stands twice"),
    "YAML tag": ("name: Shop", "name: !!python/name:os.system ''", "controller:", "tag .* is not read here"),
    "merge key": ("controller: {", "controller: {<<: {}, ", "controller:", "tag|unknown key"),
    "blank name": ("name: Shop", "name: ' '", "controller:", "not a text"),
    "audience with a blank": ("audience: sekisho", "audience: se kisho", "identity:", "white space"),
    "one audience for all": (
        "audience: sekisho",
        "audience: sekisho, customer_audience: sekisho",
        "identity:",
        "one audience",
    ),
    "algorithm none": (
        "audience: sekisho",
        "audience: sekisho, algorithms: [none]",
        "identity:",
        "unknown algorithm",
    ),
    "symmetric algorithm": (
        "audience: sekisho",
        "audience: sekisho, algorithms: [HS256]",
        "identity:",
        "unknown algorithm",
    ),
    "no algorithm": ("audience: sekisho", "audience: sekisho, algorithms: []", "identity:", "accepts none"),
    "embedded issuer without EdDSA": (
        "audience: sekisho",
        "audience: sekisho, algorithms: [RS256]",
        "identity:",
        "signs with EdDSA",
    ),
    "key set outside": (
        "audience: sekisho",
        "audience: sekisho, jwks: ../k.json",
        "identity:",
        "outside the workspace",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_told_with_line_and_remedy(workspace, name):
    """A spoilt file is refused with the line of what is wrong, what is wrong, and what would help."""
    old, new, where, message = FAULTS[name]
    found = workspace.faults_of(old, new)

    assert all(re.fullmatch(r"line \d+: .+; .+", fault) for fault in found), found
    assert any(fault.startswith(f"line {line_of(where)}:") and re.search(message, fault) for fault in found), found


@pytest.mark.parametrize("name", FAULTS)
def test_one_slip_is_told_once(workspace, name):
    """A single slip does not set off an avalanche of faults that follow from it."""
    old, new, _, _ = FAULTS[name]

    assert len(workspace.faults_of(old, new)) <= 5


SECTIONS = {
    "opa without address": ("policy: {engine: opa}", "needs a `url`"),
    "address without opa": ("policy: {engine: embedded, url: 'http://127.0.0.1:8181'}", "for the engine `opa`"),
    "address with a path": ("policy: {engine: opa, url: 'http://h:1/v1/data'}", "base address"),
    "address with a password": ("policy: {engine: opa, url: 'http://u:hunter2@h:1'}", "base address"),
    "address of a file": ("policy: {engine: opa, url: 'file:///etc/passwd'}", "base address"),
    "address with a bad port": ("policy: {engine: opa, url: 'http://h:99999'}", "base address"),
    "no address in a list": ("policy: {engine: opa, urls: []}", "names no server"),
    "two kinds of address": ("policy: {engine: opa, url: 'unix:///a', urls: ['unix:///b']}", "keep one of them"),
    "decisions in the open": ("policy: {engine: opa, url: 'http://opa.example:8181'}", "can decide instead of it"),
    "one of them in the open": (
        "policy: {engine: opa, urls: ['unix:///a', 'http://10.0.0.8:8181']}",
        "can decide instead of it",
    ),
    "a socket on a host": ("policy: {engine: opa, url: 'unix://host/run/opa.sock'}", "base address"),
    "a socket without a path": ("policy: {engine: opa, url: 'unix:///'}", "base address"),
    "key without opa": ("policy: {engine: embedded, keyid: k}", "for the engine `opa`"),
    "certificate without its key": ("policy: {engine: opa, url: 'https://h', certificate: c.pem}", "belong together"),
    "revision with a space": ("policy: {engine: embedded, revision: 'a b'}", "white space"),
    "engine unknown": ("policy: {engine: oppa}", "did you mean `opa`"),
    "time of nothing": ("policy: {engine: embedded, timeout_ms: 0}", "whole number from 10"),
    "bundle outside": ("policy: {engine: embedded, bundle: ../p}", "outside the workspace"),
    "database in memory": ("database: {url: 'sqlite://'}", "names no database file"),
    "database called memory": ("database: {url: 'sqlite:///:memory:'}", "names no database file"),
    "database of another kind": ("database: {url: 'mysql://u:hunter2@h/d'}", "no database that can hold"),
    "database without name": ("database: {url: 'postgresql://u:hunter2@h'}", "names no database;"),
    "database with a bad port": ("database: {url: 'postgresql://u:hunter2@h:x/d'}", "names no database;"),
    "database outside": ("database: {url: 'sqlite:///../x.db'}", "outside the workspace"),
    "keys outside": ("keys: {directory: ../keys}", "outside the workspace"),
    "heads a list": ("audit: {heads: [var]}", "not a text"),
    "export of no format": ("audit: {exports: [{format: ocfs, every: day, folder: x}]}", "did you mean `ocsf`"),
    "export at no time": ("audit: {exports: [{format: raw, every: week, folder: x}]}", "`week` is no every"),
    "export without a folder": ("audit: {exports: [{format: raw, every: day}]}", "has no `folder`"),
    "export outside": ("audit: {exports: [{format: raw, every: day, folder: ../x}]}", "outside the workspace"),
    "export of none kept": (
        "audit: {exports: [{format: raw, every: day, folder: x, keep: 0}]}",
        "whole number from 1",
    ),
    "exports no list": ("audit: {exports: {format: raw}}", "not a list of mappings"),
    "export a word": ("audit: {exports: [raw]}", "item 1 of `exports` is not a mapping"),
    "exports that meet": (
        "audit: {exports: [{format: raw, every: day, folder: x}, {format: raw, every: hour, folder: x}]}",
        "the same folder",
    ),
    "tree without a bucket": ("audit: {tree: {region: eu-west-1}}", "has no `bucket`"),
    "tree in no bucket": ("audit: {tree: {bucket: s3://Logs}}", "not the name of a bucket"),
    "tree in no region": ("audit: {tree: {bucket: logs, region: EU west}}", "not the name of a region"),
    "tree without TLS": (
        "audit: {tree: {bucket: logs, endpoint: 'http://objects.example'}}",
        "not an address over TLS",
    ),
    "tree with a user": ("audit: {tree: {bucket: logs, endpoint: 'https://a:b@objects.example'}}", "not an address"),
    "jobs for ever": ("audit: {export_jobs: {keep_days: 0}}", "whole number from 1"),
    "jobs unknown": ("audit: {export_jobs: {keepdays: 3}}", "did you mean `keep_days`"),
    "keys empty": ("keys:", "not a mapping"),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_fault_of_the_gateways_own_sections(workspace, name):
    """Sections about the gateway are checked likewise, and no message repeats what may be a secret."""
    section, message = SECTIONS[name]
    found = workspace.faults(GOOD + section + "\n")
    last = GOOD.count("\n") + 1

    assert [fault for fault in found if fault.startswith(f"line {last}:") and re.search(message, fault)], found
    assert "hunter2" not in "".join(found)


def test_all_faults_at_once(workspace):
    """Whoever writes the file learns of every fault in one run, in the order of the file."""
    text = GOOD
    for old, new in [
        ("contact:", "contakt:"),
        ("kind: duckdb", "kind: duckdbb"),
        ("legal_basis: contract", "legal_basis: contrakt"),
        ("generalise: year", "generalise: yeer"),
        ("roles: [collection_point]", "roles: [collector]"),
        ("people: people", "people: peple"),
    ]:
        text = text.replace(old, new)
    found = workspace.faults(text)
    lines = [int(fault.split(":")[0].removeprefix("line ")) for fault in found]

    assert len(found) == 7  # contakt is unknown, and contact is missing
    assert lines == sorted(lines)


def test_column_types_of_one_identifier_agree(workspace):
    """Two datasets that name people by one identifier give it one type, or joins would match nothing."""
    head, tail = GOOD.split("  pos.lines:")
    found = workspace.faults(head + "  pos.lines:" + tail.replace("{type: integer,", "{type: string,"))

    assert len(found) == 1
    assert "the identifier customer_id is string here and integer in crm.customers" in found[0]


def test_relation_has_one_name(workspace):
    """One table under two names would be under two sets of rules."""
    copy = GOOD[GOOD.index("  crm.customers:") : GOOD.index("  pos.lines:")].replace("crm.customers", "crm.again")
    found = workspace.faults_of("  pos.lines:", copy + "  pos.lines:")

    assert len(found) == 1
    assert "governed as crm.customers already" in found[0]


def test_view_over_several_stores(workspace):
    """A view may read what lies in several stores."""
    text = GOOD.replace("purposes: [recommendation, support]", "purposes: [recommendation, support, statistics]")
    assert workspace.load(
        text.replace("FROM pos.lines", "FROM pos.lines JOIN crm.customers USING (customer_id)")
    ).catalogue.views
