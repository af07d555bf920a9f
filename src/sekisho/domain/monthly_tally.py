"""What happened in a month, counted from the records of the audit log: a fold in memory that does not grow with them.

Everything is counted by names of the workspace, by codes and by days. What could grow with the log is listed up to a
bound, and counted beyond it.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

from sekisho.domain.log_presence import LogPresence
from sekisho.domain.month import Month
from sekisho.domain.provisions import consent_of, is_provision, party_of
from sekisho.domain.record import micros, moment
from sekisho.domain.withdrawal_effect import WithdrawalEffect, began_at

MOST_LISTED: Final = 500
"""Grants and changes that are told one by one."""

WITHDRAWALS: Final = ("consent.withdraw", "consent.object")
"""Kinds of the records by which a person takes back a yes, or objects where none was needed."""

CHANGES: Final = frozenset(
    {
        "purpose.publish", "notice.publish", "webhook.create", "webhook.delete", "webhook.pause", "webhook.resume",
        "consent.import_finished", "consent.replay", "data_subject.erase", "retention.prune",
        "key.epoch",
    }
)  # fmt: skip
"""Kinds of the records that tell of a change of what the gateway goes by."""

_Record = Mapping[str, Any]


@dataclass(slots=True)
class Access:
    """What was asked for one purpose: answers by day of the month, their pages and rows, and refusals."""

    by_day: list[int]
    releases: int = 0
    pages: int = 0
    rows: int = 0
    denied: int = 0
    requesters: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Denials:
    """How often a code was answered, by day and by purpose (empty: none that the workspace knows)."""

    by_day: list[int]
    purposes: Counter[str] = field(default_factory=Counter)


class ProvisionKey(NamedTuple):
    """One third party, as declared when the data left, what for, and on which ground."""

    requester: str
    purpose: str
    recipient: str
    country: str | None
    basis: str


@dataclass(slots=True)
class Provided:
    """What left to a third party, by which records.

    ``references`` counts the people of each page, so the same person repeatedly.
    """

    releases: int = 0
    pages: int = 0
    rows: int = 0
    references: int = 0
    consented: int = 0
    seqs: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class GrantUse:
    """A grant for an emergency: what its record says, as far as it is in the month, and what left on it."""

    said: dict[str, Any]
    releases: int = 0
    pages: int = 0
    rows: int = 0


@dataclass(slots=True)
class Exports:
    """Exports in one format: begun, ended by outcome, their records, and files fetched."""

    begun: int = 0
    scheduled: int = 0
    done: int = 0
    failed: int = 0
    records: int = 0
    read: int = 0
    deleted: int = 0
    readers: set[str] = field(default_factory=set)


class Span(NamedTuple):
    """First and last time, as records spell them, and how often."""

    first: str
    last: str
    times: int


class MonthlyTally:
    """Counts the records of *month*.

    Records from before it may be added too: withdrawals and writers are followed over its edge, and nothing else of
    them counts.

    Parameters
    ----------
    void:
        Whether the record of a page, by its sequence, is of one that never left.
    """

    def __init__(self, month: Month, void: Callable[[int], bool] = lambda _seq: False) -> None:
        self.month = month
        self._void = void
        self.records = 0
        self.voided = 0
        self.by_day = self._days()
        self.kinds: Counter[str] = Counter()
        self.access: dict[str, Access] = {}
        self.denials: dict[str, Denials] = {}
        self.reasons: Counter[str] = Counter()
        self.withdrawn: Counter[tuple[str, str]] = Counter()  # by purpose and kind
        self.repeated = 0
        self.provided: defaultdict[ProvisionKey, Provided] = defaultdict(Provided)
        self.grants: dict[str, GrantUse] = {}
        self.exports: defaultdict[str, Exports] = defaultdict(Exports)
        self.changes: list[dict[str, Any]] = []
        self.change_count = 0
        self.policies: dict[str, Span] = {}
        self.keys: dict[str, Span] = {}
        self.withdrawals = WithdrawalEffect()
        self.presence = LogPresence(micros(month.since), micros(month.until))
        self._formats: dict[str, str] = {}  # of exports that were begun, by id

    def add(self, record: _Record) -> None:
        """Take the next record of the log; what cannot be read as one of ours is counted by its kind alone."""
        kind, said = record.get("kind"), record.get("at")
        if not isinstance(kind, str) or not isinstance(said, str) or len(said) != 27:
            return
        at, counted = moment(said), self.month.holds(said)
        self.presence.add(record, at)
        if kind == "access.release":
            self._release(record, at, counted=counted)
        elif kind in WITHDRAWALS:
            self._withdrawal(record, at, counted=counted)
        if not counted:
            return
        self.records += 1
        self.kinds[kind] += 1
        self.by_day[self.month.day_of(said)] += 1
        counting = self._counting.get(kind)
        if counting is not None:
            counting(self, record)
        elif kind in CHANGES:
            self.change_count += 1
            if len(self.changes) < MOST_LISTED:
                self.changes.append({name: value for name, value in record.items() if name != "subjects"})

    # -- by kind -------------------------------------------------------------------------------------

    def _release(self, record: _Record, at: int, *, counted: bool) -> None:
        if self._void(record["seq"]):
            self.voided += counted
            return
        consent = record.get("consent")
        if isinstance(consent, Mapping):
            record_id = str(record["id"])
            began = began_at(str(record.get("parent_id", record_id)))
            self.withdrawals.released(record_id, began, at, consent["seq"], consent["cells"], counted=counted)
        if not counted:
            return
        first, rows = "parent_id" not in record, int(record.get("rows") or 0)
        self._seen(self.policies, str(record.get("policy", {}).get("revision")), record)
        access = self._access(record)
        access.releases += first
        access.pages += 1
        access.rows += rows
        access.by_day[self.month.day_of(record["at"])] += first
        if is_provision(record):
            self._provision(record, rows, first=first)
        grant = record.get("grant")
        if isinstance(grant, Mapping):
            use = self._grant({**grant, **{n: record.get(n) for n in ("requester", "purpose", "ticket")}})
            use.releases += first
            use.pages += 1
            use.rows += rows

    def _provision(self, record: _Record, rows: int, *, first: bool) -> None:
        told = self.provided[provision_key(record)]
        told.releases += first
        told.pages += 1
        told.rows += rows
        told.references += int(record["subjects"]["n"])
        told.seqs.append(int(record["seq"]))
        told.consented += bool(consent_of(record)["obtained"])

    def _withdrawal(self, record: _Record, at: int, *, counted: bool) -> None:
        if record.get("repeated"):
            self.repeated += counted
            return
        cells = record.get("cells")
        self.withdrawals.withdrawn(
            int(record["consent_seq"]), at, cells if isinstance(cells, list) else (), counted=counted
        )
        if counted:
            self.withdrawn[str(record.get("purpose") or ""), str(record["kind"])] += 1

    def _denied(self, record: _Record) -> None:
        code = str(record.get("code"))
        denials = self.denials.setdefault(code, Denials(self._days()))
        denials.by_day[self.month.day_of(record["at"])] += 1
        denials.purposes[str(record.get("purpose") or "")] += 1
        self.reasons.update(str(reason) for reason in record.get("reasons") or ())
        if record.get("purpose"):
            self._access(record).denied += 1

    def _granted(self, record: _Record) -> None:
        self._grant(record["grant"])

    def _revoked(self, record: _Record) -> None:
        grant = record["grant"]
        self._grant({**grant, "expires": min(grant["expires"], grant["revoked"])})

    def _export_begun(self, record: _Record) -> None:
        form = str(record.get("format"))
        self._formats[str(record["id"])] = form
        self.exports[form].begun += 1
        self.exports[form].scheduled += "every" in record

    def _export_ended(self, record: _Record) -> None:
        exports = self._exports_of(record)
        done = record.get("status") == "done"
        exports.done += done
        exports.failed += not done
        exports.records += int(record.get("records") or 0)

    def _export_read(self, record: _Record) -> None:
        exports = self._exports_of(record)
        exports.read += 1
        exports.readers.add(str(record.get("requester")))

    def _export_deleted(self, record: _Record) -> None:
        self._exports_of(record).deleted += 1

    def _opened(self, record: _Record) -> None:
        self._seen(self.keys, str(record.get("key")), record)

    # -- means ---------------------------------------------------------------------------------------

    def _days(self) -> list[int]:
        return [0] * len(self.month.days)

    def _access(self, record: _Record) -> Access:
        access = self.access.setdefault(str(record.get("purpose")), Access(self._days()))
        access.requesters.add(str(record.get("requester")))
        return access

    def _grant(self, said: Mapping[str, Any]) -> GrantUse:
        use = self.grants.setdefault(str(said.get("id")), GrantUse({}))
        use.said |= {name: value for name, value in said.items() if value is not None}
        return use

    def _exports_of(self, record: _Record) -> Exports:
        return self.exports[self._formats.get(str(record.get("export")), "")]

    def _seen(self, spans: dict[str, Span], name: str, record: _Record) -> None:
        at, before = record["at"], spans.get(name)
        spans[name] = Span(at, at, 1) if before is None else Span(before.first, at, before.times + 1)

    _counting: ClassVar[Mapping[str, Callable[[MonthlyTally, _Record], None]]] = {
        "access.deny": _denied,
        "break_glass.grant": _granted,
        "break_glass.revoke": _revoked,
        "export.create": _export_begun,
        "export.finish": _export_ended,
        "export.read": _export_read,
        "export.delete": _export_deleted,
        "writer.open": _opened,
    }


def provision_key(record: _Record) -> ProvisionKey:
    """Return under what a provision is counted."""
    party = party_of(record)
    country = party["country"]
    return ProvisionKey(
        str(record.get("requester")),
        str(record.get("purpose")),
        str(party["name"]),
        None if country is None else str(country),
        str(record.get("legal_basis")),
    )
