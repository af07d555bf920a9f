"""Records of processing activities (GDPR 30): what is declared of each purpose, and what really happened.

The declarations are those by which the gateway decides, so that the record cannot say something else than what is
enforced. What happened is added up from the audit log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sekisho.consents.parts import Parts
from sekisho.consents.provisions import ROLES, received
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.processing_texts import BASES, MEASURES, NEVER_UNDECLARED, RELATIONS, SINCE_REMOVED, SOURCE, TITLE
from sekisho.domain.releases import DEFAULT_RETENTION_DAYS
from sekisho.domain.terms import ColumnClass, Dataset, Purpose, Requester
from sekisho.errors import AccessDenied
from sekisho.ports import AuditEntry
from sekisho.ports.registers import Activity, Registers

MOST_REFERENCES: Final = 5_000_000
"""References of people in the log up to which the distinct people are counted."""


class Processing:
    """The use case of this module.

    Parameters
    ----------
    parts, registers:
        The ports.
    controller:
        ``name`` and ``contact``.
    """

    def __init__(self, parts: Parts, registers: Registers, controller: Mapping[str, str]) -> None:
        self._parts = parts
        self._registers = registers
        self._controller = dict(controller)

    async def records(self, requester: Requester) -> dict[str, object]:
        """Return the records as JSON values; that they were read is recorded.

        Raises ``AccessDenied`` for anybody but the privacy officer and the auditor, ``AuditUnavailable``.
        """
        if requester.roles.isdisjoint(ROLES):
            raise AccessDenied("The records of processing are for the privacy officer and the auditor.")
        await self._parts.audit.append(AuditEntry("ropa.read", {"requester": requester.name}))
        catalogue = self._parts.catalogue
        happened = await self._registers.activities()
        reached = await self._registers.people_reached(MOST_REFERENCES)
        by_purpose: dict[str, list[Activity]] = {}
        for activity in happened:
            by_purpose.setdefault(activity.purpose, []).append(activity)
        return {
            "title": dict(TITLE),
            "source": dict(SOURCE),
            "generated_at": rfc3339(self._parts.clock.now()),
            "controller": self._controller,
            "catalogue_revision": catalogue.revision,
            "activities": [
                self._activity(purpose, by_purpose.get(purpose.name, ()), reached)
                for purpose in catalogue.purposes.values()
            ],
            "security_measures": [dict(measure) for measure in MEASURES],
            "received": received(catalogue),
            "used_not_declared": {"items": [], "note": dict(NEVER_UNDECLARED)},
            "removed_since": {"items": self._removed(happened, reached), "note": dict(SINCE_REMOVED)},
        }

    def _activity(
        self, purpose: Purpose, happened: Sequence[Activity], reached: Mapping[tuple[str, str], int] | None
    ) -> dict[str, object]:
        catalogue = self._parts.catalogue
        home = catalogue.place.country
        datasets = [dataset for dataset in catalogue.datasets.values() if purpose.name in dataset.purposes]
        requesters = [one for one in catalogue.requesters.values() if purpose.name in one.purposes]
        used = {activity.requester for activity in happened}
        read = {name for activity in happened for name in activity.datasets}
        return {
            "purpose": purpose.name,
            "title": dict(purpose.title),
            "description": dict(purpose.description),
            "dpv": purpose.dpv,
            "legal_basis": {"name": purpose.legal_basis.value, "title": dict(BASES[purpose.legal_basis.value])},
            "output": purpose.output,
            "data_subjects": _people(datasets),
            "data_categories": list(purpose.data_categories) or sorted({d.data_category or d.name for d in datasets}),
            "data_titles": {text: dict(titles) for text, titles in purpose.data_titles.items()},
            "datasets": [_dataset(dataset) for dataset in datasets],
            "special_categories": _sensitive(datasets),
            "recipients": [_recipient(requester, requester.country or home) for requester in requesters],
            "recipients_told": list(purpose.recipients),
            "transfers": _transfers(purpose, requesters, home),
            "retention_days": DEFAULT_RETENTION_DAYS if purpose.retention_days is None else purpose.retention_days,
            "happened": _happened(happened, reached),
            "never_used": {
                "requesters": [one.name for one in requesters if one.name not in used],
                "datasets": [dataset.name for dataset in datasets if dataset.name not in read],
            },
        }

    def _removed(
        self, happened: Iterable[Activity], reached: Mapping[tuple[str, str], int] | None
    ) -> list[dict[str, object]]:
        """Return what was used and does not stand in the workspace any more."""
        catalogue = self._parts.catalogue
        gone = []
        for activity in happened:
            requester = catalogue.requesters.get(activity.requester)
            held = activity.purpose in catalogue.purposes and requester and activity.purpose in requester.purposes
            bound = all(
                name in catalogue.datasets and activity.purpose in catalogue.datasets[name].purposes
                for name in activity.datasets
            )
            if not (held and bound):
                gone.append(activity)
        purposes = sorted({activity.purpose for activity in gone})
        return [
            {"purpose": purpose, **each}
            for purpose in purposes
            for each in _happened([a for a in gone if a.purpose == purpose], reached)
        ]


def _happened(
    activities: Sequence[Activity], reached: Mapping[tuple[str, str], int] | None
) -> list[dict[str, object]]:
    """Return one item for each requester."""
    found: dict[str, list[Activity]] = {}
    for activity in activities:
        found.setdefault(activity.requester, []).append(activity)
    return [
        {
            "requester": requester,
            "releases": sum(each.releases for each in those),
            "pages": sum(each.pages for each in those),
            "rows": sum(each.rows for each in those),
            "first": rfc3339(min(each.first for each in those)),
            "last": rfc3339(max(each.last for each in those)),
            "people": None if reached is None else reached.get((requester, those[0].purpose), 0),
            "datasets": sorted({name for each in those for name in each.datasets}),
        }
        for requester, those in found.items()
    ]


def _people(datasets: Sequence[Dataset]) -> list[dict[str, object]]:
    """Return whom the data is about: those known by one kind of identifier, and the datasets about them."""
    found: dict[str, list[Dataset]] = {}
    for dataset in datasets:
        if dataset.data_subject is not None:
            found.setdefault(dataset.data_subject.identifier, []).append(dataset)
    return [
        {"known_by": kind, "datasets": [dataset.name for dataset in those]} for kind, those in sorted(found.items())
    ]


def _dataset(dataset: Dataset) -> dict[str, object]:
    classes: dict[str, list[str]] = {}
    for column in dataset.columns:
        classes.setdefault(column.column_class.value, []).append(column.name)
    return {
        "dataset": dataset.name,
        "title": dict(dataset.title),
        "data_category": dataset.data_category,
        "columns": classes,
    }


def _sensitive(datasets: Sequence[Dataset]) -> list[str]:
    return [
        f"{dataset.name}.{column.name}"
        for dataset in datasets
        for column in dataset.columns
        if column.column_class is ColumnClass.SENSITIVE
    ]


def _recipient(requester: Requester, country: str) -> dict[str, object]:
    party = requester.party
    return {
        "requester": requester.name,
        "title": dict(requester.title),
        "recipient": requester.recipient.value,
        "recipient_title": dict(RELATIONS[requester.recipient.value]),
        "party": None
        if party is None
        else {
            "name": party.name,
            "address": party.address,
            "representative": party.representative,
        },
        "country": country,
    }


def _transfers(purpose: Purpose, requesters: Sequence[Requester], home: str) -> list[dict[str, object]]:
    """Return the countries that people are told of, and those of recipients that are not in the controller's."""
    outside = {one.country for one in requesters if one.country is not None}
    countries = dict.fromkeys([*purpose.transfer_countries, *sorted(outside - {home})])
    return [
        {
            "country": country,
            **{part: purpose.transfer_information.get(country, {}).get(part) for part in ("system", "measures")},
            "requesters": [one.name for one in requesters if one.country == country],
        }
        for country in countries
    ]
