"""Provision of personal data to third parties (第三者提供), and receipt from them: what has to be on record.

A provision record is not kept beside the audit log: it is read from the record of the release itself, which was
durable before the data left. The Enforcement Rules of the APPI name what it must say (Rule 20(1)): the date, the
third party's name, address and representative, what identifies the person, the items of personal data, and that
the person consented; and for how long it is kept (Rule 21). Who receives data from a third party keeps a record
of its own (APPI 30; Rules 22 to 25).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from sekisho.domain.instants import instant_of

if TYPE_CHECKING:
    from sekisho.domain.access import AccessRequest

RELEASE: Final = "access.release"
"""Kind of the audit records that provision records are read from."""

PARTY: Final = "provided_to"
"""Field of a release record that holds what was declared of the third party when the data left."""

_THIRD_PARTY = "third_party"
_Day = TypeVar("_Day", date, datetime)
_HIDDEN = frozenset({"withhold", "redact"})  # transforms that say nothing of a value
_DEMANDED = ("address", "representative", "country")


class Keeping(StrEnum):
    """How provision records are made, which decides how long they are kept (Rules 19 and 21)."""

    EACH = "each"  # one for each provision: three years
    BATCH = "batch"  # continuous or repeated provision: three years from the last one
    CONTRACT = "contract"  # a document of the contract with the person stands in: a year from the last provision


_RULES: Mapping[Keeping, tuple[int, str]] = {
    Keeping.EACH: (3, "Rule 19(1), 21(iii)"),
    Keeping.BATCH: (3, "Rule 19(2), 21(ii)"),
    Keeping.CONTRACT: (1, "Rule 19(3), 21(i)"),
}


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation outside, as ``sekisho.yaml`` declares it.

    Attributes
    ----------
    name, address, representative:
        What Rule 20(1)(i)(ロ) asks for; of a company the name of its representative.
    country:
        Where it is (ISO 3166-1); of a requester its own ``country`` says so.
    keeping:
        How records of what it receives are made.
    """

    name: str
    address: str | None = None
    representative: str | None = None
    country: str | None = None
    keeping: Keeping = Keeping.EACH

    def recorded(self, country: str) -> dict[str, object]:
        """Return what stands in the audit record of each release to it; *country* is where it is."""
        told = {"name": self.name, "address": self.address, "representative": self.representative}
        return {**told, "country": country, "keeping": self.keeping.value}


@dataclass(frozen=True, slots=True)
class Origin:
    """The third party from which the controller received a dataset (APPI 30; Rule 24).

    Attributes
    ----------
    party:
        Who provided it.
    acquired:
        How that party had acquired it (取得の経緯), as was confirmed.
    received_on:
        When it was received, the last time where it is received repeatedly.
    consent:
        Whether that party said that the people consented.
    """

    party: Party
    acquired: str
    received_on: date
    consent: bool


def provided_to(request: AccessRequest) -> dict[str, object]:
    """Return what the record of a release says of a third party, as it is declared now; of others nothing."""
    requester = request.requester
    if requester.recipient != _THIRD_PARTY or requester.party is None:
        return {}
    return {PARTY: requester.party.recorded(requester.country or request.place.country)}


def is_provision(record: Mapping[str, object]) -> bool:
    """Return whether an audit record is of personal data that was provided to a third party."""
    people = record.get("subjects")
    named = people.get("n") if isinstance(people, Mapping) else 0
    return record.get("kind") == RELEASE and record.get("recipient") == _THIRD_PARTY and bool(named)


def party_of(record: Mapping[str, object]) -> dict[str, object]:
    """Return what was declared of the third party when this release was made; ``missing`` names what was not."""
    told = record.get(PARTY)
    party: dict[str, object] = dict(told) if isinstance(told, Mapping) else {"name": record.get("requester")}
    party.pop("keeping", None)
    missing = [part for part in _DEMANDED if party.get(part) is None]
    if not isinstance(told, Mapping):
        missing = ["name", *missing]
    return {**{part: party.get(part) for part in ("name", *_DEMANDED)}, "missing": missing}


def keeping_of(record: Mapping[str, object]) -> Keeping:
    """Return how the record of this release is kept; the longest where nothing was declared."""
    told = record.get(PARTY)
    word = told.get("keeping") if isinstance(told, Mapping) else None
    return Keeping(word) if isinstance(word, str) and word in set(Keeping) else Keeping.EACH


def provided_columns(record: Mapping[str, object]) -> list[str]:
    """Return the columns of which the recipient learnt something, as ``dataset.column``, in order."""
    columns = record.get("columns")
    return sorted(c for c, kind in columns.items() if kind not in _HIDDEN) if isinstance(columns, Mapping) else []


def consent_of(record: Mapping[str, object]) -> dict[str, object]:
    """Return that the person consented, and on what; else the ground on which no consent was needed."""
    consent, party = record.get("consent"), record.get(PARTY)
    country = party.get("country") if isinstance(party, Mapping) else None
    article = "APPI 27(1)" if country in {None, "JP"} else "APPI 28(1)"
    if not isinstance(consent, Mapping) or record.get("legal_basis") != "consent":
        return {"obtained": False, "ground": record.get("legal_basis")}
    return {"obtained": True, "article": article, "cells": consent.get("cells", []), "seq": consent.get("seq")}


def kept_until(keeping: Keeping, provided_at: datetime, last_at: datetime | None = None) -> datetime:
    """Return until when a record must be kept at least (Rule 21).

    *last_at* is the last provision to the same third party for the same purpose, which counts where records are
    made together.
    """
    years, _ = _RULES[keeping]
    start = provided_at if keeping is Keeping.EACH or last_at is None else max(provided_at, last_at)
    return _years_later(start, years)


def least_days(keeping: Keeping) -> int:
    """Return how many days a record must be kept at least, leap days and all (Rule 21)."""
    years, _ = _RULES[keeping]
    return 365 * years + -(-years // 4)


def rule_of(keeping: Keeping) -> str:
    """Return the rules that say how a record is made and how long it is kept."""
    return _RULES[keeping][1]


def received_until(received_on: date) -> date:
    """Return until when the record of a dataset that was received must be kept at least (Rule 25)."""
    return _years_later(received_on, 3)


def provided_at(record: Mapping[str, object]) -> datetime:
    """Return when the data of this record was provided."""
    return instant_of(record["at"])


def _years_later(day: _Day, years: int) -> _Day:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year + years, month=3, day=1)
