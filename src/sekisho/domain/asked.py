"""A question that was asked, by names alone: what is kept of it so that it can be decided again.

No SQL text, no literal, no parameter, no ticket and no token is part of it: who asked, why, which columns of which
datasets and how each was used, all in the words of the catalogue. It is decided again over the catalogue of that
later day, so that what differs between two answers comes from the policies alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sekisho.domain.access import AccessRequest, DatasetUse, Use
from sekisho.domain.read_json import as_flag, as_list, as_mapping, as_string
from sekisho.domain.request_context import Grant, Moment, RequestContext
from sekisho.domain.terms import Catalogue

_RECORDED = "recorded"
_GRANTED_S = 60


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """Who asked, why, and which columns were used how.

    ``ticket`` and ``grant`` say whether one was named, never which.
    """

    requester: str
    purpose: str
    action: str
    view: str | None
    datasets: Mapping[str, Mapping[str, tuple[str, ...]]]
    ticket: bool = False
    grant: bool = False

    @classmethod
    def of(cls, request: AccessRequest, *, ticket: bool = False, grant: bool = False) -> AskedQuestion:
        """Return what is kept of *request*."""
        datasets = {
            use.dataset.name: {column: tuple(sorted(u.value for u in uses)) for column, uses in use.columns.items()}
            for use in request.datasets
        }
        return cls(
            request.requester.name, request.purpose.name, request.action, request.view, datasets, ticket, grant
        )

    def canonical(self) -> bytes:
        """Return the bytes in which it is kept; equal questions have equal bytes."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    def fingerprint(self) -> bytes:
        """Return the 16 bytes under which it is kept."""
        return hashlib.sha256(self.canonical()).digest()[:16]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON says it."""
        return {
            "requester": self.requester,
            "purpose": self.purpose,
            "action": self.action,
            "view": self.view,
            "datasets": {
                name: {column: list(uses) for column, uses in columns.items()}
                for name, columns in self.datasets.items()
            },
            "ticket": self.ticket,
            "grant": self.grant,
        }

    @classmethod
    def read(cls, value: object) -> AskedQuestion:
        """Return the question that :meth:`to_json` wrote. Raises ``ValueError``."""
        body = as_mapping(value, "question")
        datasets = {
            name: {
                column: tuple(as_string(use, "use") for use in as_list(uses, "uses"))
                for column, uses in as_mapping(columns, "columns").items()
            }
            for name, columns in as_mapping(body.get("datasets"), "datasets").items()
        }
        view = body.get("view")
        return cls(
            as_string(body.get("requester"), "requester"),
            as_string(body.get("purpose"), "purpose"),
            as_string(body.get("action", "query"), "action"),
            None if view is None else as_string(view, "view"),
            datasets,
            as_flag(body.get("ticket", False), "ticket"),
            as_flag(body.get("grant", False), "grant"),
        )

    def request(self, catalogue: Catalogue, now: Moment) -> AccessRequest | None:
        """Return it as it would be asked at *now*; ``None`` where the catalogue does not have its names any more.

        Where a grant was named, one stands there that fits: whether the real one did is not kept.
        """
        requester, purpose = catalogue.requesters.get(self.requester), catalogue.purposes.get(self.purpose)
        if requester is None or purpose is None or not catalogue.datasets.keys() >= self.datasets.keys():
            return None
        uses = []
        for name, columns in sorted(self.datasets.items()):
            dataset = catalogue.datasets[name]
            if any(dataset.column(column) is None for column in columns):
                return None
            try:
                kinds = {column: frozenset(Use(use) for use in each) for column, each in columns.items()}
            except ValueError:
                return None
            uses.append(DatasetUse(dataset, kinds))
        context = RequestContext(
            _RECORDED if self.ticket or self.grant else None,
            Grant(_RECORDED, self.requester, self.purpose, _RECORDED, _RECORDED, now.epoch, now.epoch + _GRANTED_S)
            if self.grant
            else None,
        )
        return AccessRequest(
            requester, purpose, tuple(uses), self.action, self.view, catalogue.place, context=context, now=now
        )
