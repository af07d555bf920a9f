"""A small retailer's catalogue and the questions that can be asked about it."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sekisho.domain.access import AccessRequest, DatasetUse, Use
from sekisho.domain.limits import DatasetClass, Keep, Limits, OutputClass, Place, ReleaseFormat
from sekisho.domain.request_context import Grant, Moment, RequestContext
from sekisho.domain.terms import (
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    LegalBasis,
    Purpose,
    Recipient,
    Requester,
)

CELLS = ("purchase", "behaviour", "intent", "profile")

PURPOSES = {
    purpose.name: purpose
    for purpose in (
        Purpose("recommendation", LegalBasis.CONSENT, cells=CELLS),
        Purpose("lifecycle_email", LegalBasis.CONSENT, cells=("purchase", "profile")),
        Purpose("micro_segmentation", LegalBasis.CONSENT, clear=frozenset({"email"})),
        Purpose("targeted_advertising", LegalBasis.CONSENT, third_party=True),
        Purpose("emotion_analysis", LegalBasis.CONSENT, explicit=frozenset({"sensitive"})),
        Purpose("churn_prediction", LegalBasis.CONSENT, explicit=frozenset({"income"})),
        Purpose("ab_measurement", LegalBasis.LEGITIMATE_INTEREST),
        Purpose("customer_support", LegalBasis.CONTRACT, clear=frozenset({"name", "email", "phone"})),
        Purpose(
            "fraud_prevention",
            LegalBasis.LEGAL_OBLIGATION,
            clear=frozenset({"name", "email", "ip", "customer_id", "quasi_identifiers"}),
            explicit=frozenset({"income"}),
        ),
        Purpose("management_statistics", LegalBasis.LEGITIMATE_INTEREST, output="statistics"),
    )
}

REQUESTERS = (
    Requester("recommender", frozenset({"recommendation", "ab_measurement"})),
    Requester("marketer", frozenset({"micro_segmentation", "lifecycle_email"}), recipient=Recipient.PROCESSOR),
    Requester("ads", frozenset({"targeted_advertising", "recommendation"}), recipient=Recipient.THIRD_PARTY),
    Requester(
        "analyst",
        frozenset({"churn_prediction", "ab_measurement", "emotion_analysis", "management_statistics"}),
        frozenset({"analyst"}),
    ),
    Requester("support_desk", frozenset({"customer_support"})),
    Requester("fraud_team", frozenset({"fraud_prevention"})),
    Requester("partner", frozenset({"customer_support"}), recipient=Recipient.THIRD_PARTY),
    Requester("auditor", frozenset()),
)

_ALL = frozenset(PURPOSES)
_D, _L, _Q = ColumnClass.DIRECT_IDENTIFIER, ColumnClass.LINKING_IDENTIFIER, ColumnClass.QUASI_IDENTIFIER
_S, _F, _N = ColumnClass.SENSITIVE, ColumnClass.FREE_TEXT, ColumnClass.NONE


def column(
    name: str, column_class: ColumnClass, category: str | None = None, generalise: str | None = None
) -> Column:
    """Return a text column."""
    return Column(name, ColumnType.STRING, column_class, category=category, generalise=generalise)


_KEY = column("customer_id", _D, "customer_id")


def dataset(name: str, category: str | None, purposes: frozenset[str], *columns: Column) -> Dataset:
    """Return a dataset; it is about people when ``customer_id`` is among its columns."""
    key = DataSubjectKey("customer_id", "customer_id") if _KEY in columns else None
    return Dataset(name, name.partition(".")[0], name, columns, key, category, purposes)


DATASETS = (
    dataset(
        "crm.customers",
        "profile",
        _ALL,
        _KEY,
        column("name", _D, "name"),
        column("email", _D, "email"),
        column("phone", _D, "phone"),
        column("postal_code", _Q, "postal_code", "prefix3"),
        column("birth_date", _Q, "birth_date", "year"),
        column("age", _Q, "age", "age_band"),
        column("prefecture", _Q),
        column("income_band", _S, "income"),
        column("member_rank", _N),
    ),
    dataset(
        "pos.order_lines",
        "purchase",
        _ALL,
        column("invoice", _L, "invoice"),
        column("stock_code", _N),
        _KEY,
        column("country", _Q, "country"),
    ),
    dataset(
        "web.events",
        "behaviour",
        _ALL - {"customer_support"},
        column("event_id", _L),
        _KEY,
        column("ip", _D, "ip"),
        column("user_agent", _Q, "user_agent", "browser"),
        column("referrer", _Q, "referrer", "host"),
        column("query_text", _F, "search_query"),
    ),
    dataset(
        "support.tickets",
        "support",
        frozenset({"customer_support", "fraud_prevention", "emotion_analysis", "management_statistics"}),
        column("ticket_id", _L),
        _KEY,
        column("health_note", _S, "health"),
        column("body", _F, "message"),
    ),
    dataset("shop.products", None, _ALL, column("stock_code", _N), column("title", _F)),
    dataset("lab.readings", "profile", _ALL, _KEY, column("odd", _Q, "odd", "blur")),
)

_USES = (
    frozenset({Use.SHOWN}),
    frozenset({Use.COMPARED}),
    frozenset({Use.JOINED, Use.GROUPED}),
    frozenset({Use.AGGREGATED, Use.PASSED}),
)


def ask(
    requester: Requester, purpose: Purpose, *uses: DatasetUse, action: str = "query", view: str | None = None
) -> AccessRequest:
    """Return the request."""
    return AccessRequest(requester, purpose, uses, action, view)


def using(of: Dataset, *names: str, uses: frozenset[Use] = _USES[0]) -> DatasetUse:
    """Return a use of the named columns, of all when none is named."""
    return DatasetUse(of, dict.fromkeys(names or [each.name for each in of.columns], uses))


NOW = Moment(1795305600, "monday", 1795359600)
"""A Monday morning in Tokyo."""
GRANT = Grant("01", "recommender", "recommendation", "INC-1", "privacy_officer", NOW.epoch - 600, NOW.epoch + 600)
_DATED = (*DATASETS[1].columns, Column("invoiced_at", ColumnType.TIMESTAMP, _N))
_OF_AGE = (*_DATED, Column("born_on", ColumnType.DATE, _Q, "year", category="birth_date"))

PURPOSE_CHANGES: Mapping[str, dict[str, object]] = {
    "needs less": {"needs": frozenset({"none", "linking_identifier"})},
    "needs all": {"needs": frozenset({_D, _L, _Q, _S, _F, _N})},
    "a role": {"roles": frozenset({"incident_responder"})},
    "of age": {"minimum_age": 18},
    "pseudonymised": {"output_class": OutputClass.PSEUDONYMISED},
    "anonymised": {"output_class": OutputClass.ANONYMISED},
    "limits": {"limits": Limits(500, 10, 1_000), "retention_days": 30},
    "forms": {"formats": (ReleaseFormat.JSON, ReleaseFormat.CSV), "watermark": True},
    "weekend": {"weekend_freeze": True},
    "emergency": {"break_glass_minutes": 60},
    "below another": {"ancestors": ("marketing", "churn_prediction")},
    "on a contract": {"legal_basis": LegalBasis.CONTRACT, "cells": (), "third_party": True},
    "told of the US": {"transfer_countries": ("US",), "person_related": True},
}
DATASET_CHANGES: Mapping[str, dict[str, object]] = {
    "as it is": {},
    "kept for two years": {"keep": Keep("invoiced_at", 730), "columns": _DATED},
    "in Japan alone": {"countries": ("JP",)},
    "of adults": {"least_age": 20},
    "with dates of birth": {"columns": _OF_AGE},
    "person-related": {"kind": DatasetClass.PERSON_RELATED},
    "pseudonymised": {"kind": DatasetClass.PSEUDONYMISED},
    "for a wider purpose": {"purposes": frozenset({"marketing"})},
}
REQUESTER_CHANGES: Mapping[str, dict[str, object]] = {
    "entrusted": {"roles": frozenset({"incident_responder"})},
    "an office": {"roles": frozenset({"auditor"})},
    "a processor in the US": {"recipient": Recipient.PROCESSOR, "country": "US"},
    "a processor in Germany": {"recipient": Recipient.PROCESSOR, "country": "DE"},
    "a third party": {"recipient": Recipient.THIRD_PARTY},
}
OCCASIONS: Mapping[str, dict[str, object]] = {
    "monday": {"now": NOW},
    "sunday": {"now": Moment(NOW.epoch, "sunday", NOW.midnight)},
    "never": {"now": None},
    "granted": {"now": NOW, "context": RequestContext("INC-1", GRANT)},
    "granted no more": {"now": NOW, "context": RequestContext("INC-1", replace(GRANT, expires=NOW.epoch))},
    "granted to another": {"now": NOW, "context": RequestContext("INC-1", replace(GRANT, requester="ads"))},
    "in Europe": {"now": NOW, "place": Place("FR", "Europe/Paris")},
}


def conditions() -> Iterator[AccessRequest]:
    """Yield one question for each change of purpose, dataset, requester and occasion, two changes at a time."""
    tables = {
        "purpose": PURPOSE_CHANGES, "dataset": DATASET_CHANGES, "requester": REQUESTER_CHANGES, "on": OCCASIONS,
    }  # fmt: skip
    changes = [(what, change) for what, table in tables.items() for change in table.values()]
    for pair in itertools.combinations(changes, 2):
        purpose, requester, dataset_used = PURPOSES["recommendation"], REQUESTERS[0], DATASETS[1]
        occasion: dict[str, object] = {"now": NOW}
        for what, change in pair:
            match what:
                case "purpose":
                    purpose = replace(purpose, **change)  # type: ignore[arg-type]  # tables of any field
                case "requester":
                    requester = replace(requester, **change)  # type: ignore[arg-type]
                case "dataset":
                    dataset_used = replace(dataset_used, **change)  # type: ignore[arg-type]
                case _:
                    occasion |= change
        yield replace(ask(requester, purpose, using(dataset_used)), **occasion)  # type: ignore[arg-type]
    sensitive = replace(PURPOSES["targeted_advertising"], explicit=frozenset({"sensitive"}))
    yield ask(REQUESTERS[2], sensitive, using(DATASETS[0], "income_band"))


def questions() -> Iterator[AccessRequest]:
    """Yield every requester with every purpose and dataset once, then mixed statements and views."""
    for requester, purpose, of in itertools.product(REQUESTERS, PURPOSES.values(), DATASETS):
        if purpose.name in requester.purposes:
            yield ask(requester, purpose, using(of))
            yield ask(requester, purpose, using(of, of.columns[-1].name), action="view", view="rfm_cells")
    for requester, purpose in itertools.product(REQUESTERS, PURPOSES.values()):
        yield ask(requester, purpose, using(DATASETS[1]))
    yield ask(REQUESTERS[0], PURPOSES["recommendation"])
    yield ask(REQUESTERS[0], PURPOSES["recommendation"], using(DATASETS[0]), action="dump")
    chance = random.Random(19)
    for _ in range(200):
        requester = chance.choice(REQUESTERS[:-1])
        purpose = PURPOSES[chance.choice(sorted(requester.purposes))]
        uses = [
            DatasetUse(
                of,
                {
                    each.name: chance.choice(_USES)
                    for each in chance.sample(of.columns, chance.randint(0, len(of.columns)))
                },
            )
            for of in chance.sample(DATASETS[:5], chance.randint(1, 3))
        ]
        yield ask(requester, purpose, *uses)
    yield from conditions()


def opa_program() -> str:
    """Return the ``opa`` program; skip the test without it, and fail on the build machine."""
    found = shutil.which("opa") or shutil.which("opa", path=str(_go_bin()))
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("the build machine must have opa: go install github.com/open-policy-agent/opa@v1.21.3")
    if found is None:
        pytest.skip("opa is not installed: go install github.com/open-policy-agent/opa@v1.21.3")
    return found


def _go_bin() -> Path:
    go = shutil.which("go")
    if go is None:
        return Path.home() / "go" / "bin"
    answer = subprocess.run([go, "env", "GOPATH"], check=True, capture_output=True, text=True)
    return Path(answer.stdout.strip()) / "bin"
