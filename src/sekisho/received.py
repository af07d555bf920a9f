"""What was received and is to be turned back: pseudonyms of people, or tokens of what is theirs; and whose each is.

A pseudonym is its person's number, which the gateway reads by itself. A token (of an invoice, a ticket) is the value
that a store holds: whose it is, the store says, in a statement that the policy decides on and that is rewritten like
any other. Nobody's is everything else: made up, received by others, of somebody erased, in rows of several people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.access import AccessRequest, DatasetUse, Permit, TransformKind, Use
from sekisho.domain.terms import Column, ColumnClass, Dataset, DataSubjectKey, Purpose, Requester
from sekisho.errors import AccessDenied, InvalidRequest
from sekisho.gateway import Gateway
from sekisho.query.plan import bind
from sekisho.query.statements import Question
from sekisho.transform.page import numbers_of

_PAGE_ROWS: Final = 10_000
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Received:
    """What is to be turned back: pseudonyms that ``requester`` received for ``purpose``; of ``column``, tokens."""

    requester: str
    purpose: str
    pseudonyms: tuple[str, ...] = field(repr=False)
    column: str | None = None


class Source(Protocol):
    """Where it is known whose each of the received is."""

    @property
    def dataset(self) -> Dataset:
        """The dataset whose key is answered."""

    @property
    def request(self) -> AccessRequest:
        """What the policy is asked."""

    async def numbers(self, permit: Permit, received: Received) -> NDArray[np.int64]:
        """Return the person of each, -1 for nobody. Raises a ``SekishoError``."""


@dataclass(frozen=True, slots=True)
class OfPeople:
    """Pseudonyms: the gateway reads them."""

    gateway: Gateway
    dataset: Dataset
    request: AccessRequest

    async def numbers(self, permit: Permit, received: Received) -> NDArray[np.int64]:
        """See :class:`Source`. Raises ``AccessDenied`` where only some rows are shown."""
        if any(permit.row_filters.values()):
            raise AccessDenied(
                "The policy shows only some rows to this purpose, and a pseudonym is of no row.",
                reasons=("rows_narrowed",),
            )
        await self.gateway.pseudonymity.refresh()
        holder = self.gateway.catalogue.requesters[received.requester]
        return self.gateway.pseudonymity.numbers_of(holder, received.purpose, received.pseudonyms)


@dataclass(frozen=True, slots=True)
class OfThings:
    """Tokens of a linking identifier: the store says whose row each stands in."""

    gateway: Gateway
    dataset: Dataset
    column: Column
    question: Question

    @property
    def request(self) -> AccessRequest:
        """See :class:`Source`."""
        return self.question.request

    async def numbers(self, permit: Permit, received: Received) -> NDArray[np.int64]:
        """See :class:`Source`. Raises ``AccessDenied`` where the policy does not hold the column as tokens."""
        if permit.transforms[self.dataset.name][self.column.name] is not TransformKind.TOKEN:
            raise AccessDenied("The policy shows no tokens of this column.", reasons=("column_not_token",))
        gateway, domain = self.gateway, self.column.domain or ""
        plan = self.question.plan(permit)
        holder, purpose = (
            gateway.catalogue.requesters[received.requester],
            gateway.catalogue.purposes[received.purpose],
        )
        keyed = await gateway.pseudonymity.of(holder, purpose, plan)
        values = [keyed.token(domain, token) for token in received.pseudonyms]
        made = [token for token, value in zip(received.pseudonyms, values, strict=True) if value is not None]
        if not made:
            return np.full(len(values), _NOBODY, np.int64)
        given = made + made[-1:] * (plan.parameters - len(made))
        query = bind(plan, given, keyed, gateway.occasions.now())
        view = await gateway.consents.view(permit.cells) if permit.consent_required else None
        owners: dict[str, int] = {}
        async for page in gateway.store_of(query).fetch(query, view, gateway.people, page_rows=_PAGE_ROWS):
            people = numbers_of(page.column(len(query.outputs))).tolist()
            for value, person in zip(page.column(0).to_pylist(), people, strict=True):
                if owners.setdefault(str(value), person) != person:
                    owners[str(value)] = _NOBODY  # no one's: to name either would be to guess
        return np.array([owners.get(value or "", _NOBODY) for value in values], np.int64)


def source_of(
    gateway: Gateway, requester: Requester, purpose: Purpose, received: Received, identifier: str | None
) -> Source:
    """Return where it is known whose the *received* are, for an *identifier* (a kind; left out, the only one).

    Raises ``InvalidRequest`` where the purpose sees no such identifier or column.
    """
    seen = _datasets(gateway, purpose)
    if received.column is None:
        return _people(gateway, requester, purpose, seen, identifier)
    name, _, column_name = received.column.rpartition(".")
    dataset = seen.get(name)
    column = None if dataset is None else dataset.column(column_name)
    if dataset is None or column is None or column.column_class is not ColumnClass.LINKING_IDENTIFIER:
        raise InvalidRequest("column is a linking identifier of a dataset of this purpose: DATASET.COLUMN.")
    key = key_of(dataset)
    if identifier not in {None, key.identifier}:
        raise InvalidRequest("identifier is the one that names the people of the dataset of that column.")
    # As many places as the next power of two: few statements to plan, whatever the number of tokens.
    places = ", ".join("?" * (1 << (len(received.pseudonyms) - 1).bit_length()))
    # The names are the catalogue's.
    sql = f'SELECT "{column.name}", "{key.column}" FROM {dataset.name} WHERE "{column.name}" IN ({places})'
    return OfThings(gateway, dataset, column, gateway.statements.read(requester, purpose, sql))


def key_of(dataset: Dataset) -> DataSubjectKey:
    """Return the key of a *dataset* that was chosen because it has one."""
    key = dataset.data_subject
    assert key is not None  # noqa: S101 - as it was chosen
    return key


def _datasets(gateway: Gateway, purpose: Purpose) -> dict[str, Dataset]:
    """Return the datasets of *purpose* that name people."""
    about = {purpose.name, *purpose.ancestors}
    return {
        name: dataset
        for name, dataset in gateway.statements.catalogue.datasets.items()
        if dataset.data_subject is not None and about & dataset.purposes
    }


def _people(
    gateway: Gateway, requester: Requester, purpose: Purpose, seen: dict[str, Dataset], identifier: str | None
) -> OfPeople:
    """Return the first dataset of *purpose* whose key is an *identifier*."""
    kinds = {key_of(dataset).identifier: dataset for _, dataset in sorted(seen.items(), reverse=True)}
    if identifier is None and len(kinds) == 1:
        identifier = next(iter(kinds))
    if identifier is None or identifier not in kinds:
        raise InvalidRequest("identifier is one that names the people of a dataset of this purpose.")
    dataset = kinds[identifier]
    use = DatasetUse(dataset, {key_of(dataset).column: frozenset({Use.SHOWN})})
    return OfPeople(gateway, dataset, AccessRequest(requester, purpose, (use,), place=gateway.catalogue.place))
