"""The figures of a monthly report as JSON values, told by the names of the workspace.

A number of people below the smallest group of the statistics is told as *fewer than* that number: ``{"fewer_than":
10}``. Sums and rests from which it could be computed are left out of the report.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from sekisho.domain.log_presence import Interval
from sekisho.domain.month import Month
from sekisho.domain.monthly_tally import MOST_LISTED, GrantUse, MonthlyTally, Span
from sekisho.domain.note import format_key
from sekisho.domain.processing_texts import BASES
from sekisho.domain.record import micros
from sekisho.domain.refusal_texts import CODE_TEXTS, LANGUAGES
from sekisho.domain.terms import Catalogue
from sekisho.domain.withdrawal_effect import GRACE, Effect, percentile
from sekisho.ports.reports import MonthRead

SMALLEST_GROUP: Final = 10
"""Where the workspace publishes no statistics; else the largest ``min_group`` of its views."""

STEPS: Final = (1, 10, 60, 600, 3_600, 86_400)
"""Seconds between the steps in which times to effect are told."""

Titles = Mapping[str, Mapping[str, str]]
_Told = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def figures_of(catalogue: Catalogue, read: MonthRead, reasons: Titles, now: datetime) -> _Told:
    """Return the figures of a month; *reasons* are the titles of what the policies say."""
    tally, month = read.tally, read.tally.month
    smallest = max((view.min_group for view in catalogue.views.values()), default=SMALLEST_GROUP)
    return {
        "month": month.name,
        "time_zone": str(catalogue.place.time_zone),
        "since": local(month.since, month.zone),
        "until": local(month.until, month.zone),
        "over": now >= month.until,
        "days": [day.isoformat() for day in month.days],
        "smallest_group": smallest,
        "records": {"count": tally.records, "by_day": tally.by_day, "unreadable": read.unreadable},
        "accesses": _accesses(catalogue, tally),
        "denials": _denials(catalogue, tally, reasons),
        "withdrawals": _withdrawals(catalogue, tally, smallest),
        "provisions": _provisions(catalogue, read, smallest),
        "break_glass": _break_glass(catalogue, tally),
        "exports": _exports(tally),
        "changes": _changes(tally),
        "log": _presence(tally, month, now),
        "verification": _verification(read),
    }


def people(count: int, smallest: int) -> int | dict[str, int]:
    """Return a number of people as it may be told: where it is small, only that it is."""
    return count if count == 0 or count >= smallest else {"fewer_than": smallest}


def _accesses(catalogue: Catalogue, tally: MonthlyTally) -> _Told:
    items = [
        {
            "purpose": name,
            "title": _title(catalogue.purposes, name),
            "releases": access.releases,
            "pages": access.pages,
            "rows": access.rows,
            "denied": access.denied,
            "requesters": sorted(access.requesters),
            "by_day": access.by_day,
        }
        for name, access in sorted(tally.access.items(), key=lambda item: (-item[1].releases, item[0]))
    ]
    return {
        "items": items,
        **{part: sum(item[part] for item in items) for part in ("releases", "pages", "rows")},
        "by_day": [sum(day) for day in zip(*(access.by_day for access in tally.access.values()), strict=True)]
        or [0] * len(tally.month.days),
        "void": tally.voided,
    }


def _denials(catalogue: Catalogue, tally: MonthlyTally, reasons: Titles) -> _Told:
    counted = sorted(tally.denials.items(), key=lambda item: (-sum(item[1].by_day), item[0]))
    return {
        "count": sum(sum(denials.by_day) for denials in tally.denials.values()),
        "codes": [
            {
                "code": code,
                "title": {each: CODE_TEXTS[code][each].title for each in LANGUAGES} if code in CODE_TEXTS else {},
                "explanation": {each: CODE_TEXTS[code][each].explanation for each in LANGUAGES}
                if code in CODE_TEXTS
                else {},
                "count": sum(denials.by_day),
                "by_day": denials.by_day,
                "purposes": [
                    {"purpose": name or None, "title": _title(catalogue.purposes, name), "count": count}
                    for name, count in sorted(denials.purposes.items(), key=lambda item: (-item[1], item[0]))
                ],
            }
            for code, denials in counted
        ],
        "reasons": [
            {"reason": reason, "title": dict(reasons.get(reason, {})), "count": count}
            for reason, count in sorted(tally.reasons.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _withdrawals(catalogue: Catalogue, tally: MonthlyTally, smallest: int) -> _Told:
    effect = tally.withdrawals.found()
    counts = sorted(tally.withdrawn.items(), key=lambda item: (-item[1], item[0]))
    told = [(key, people(count, smallest)) for key, count in counts]
    # Without the small ones: their number would follow from the sum.
    at_least = sum(count for _, count in told if isinstance(count, int))
    exact = all(isinstance(count, int) for _, count in told)
    return {
        "items": [
            {"purpose": name, "title": _title(catalogue.purposes, name), "kind": kind, "count": count}
            for (name, kind), count in told
        ],
        "at_least": at_least,
        "exact": exact,
        "effect": {
            **_seen_and_waiting(len(effect.seen_after), effect.waiting, at_least, smallest, exact=exact),
            **_effect(effect, smallest),
        },
    }


def _seen_and_waiting(seen: int, waiting: int, at_least: int, smallest: int, *, exact: bool) -> _Told:
    """Return both numbers as they may be told beside the sum of withdrawals, which is theirs too.

    Where one number is small, whichever would tell it by subtraction is ``None``.
    """
    told = {"seen": people(seen, smallest), "waiting": people(waiting, smallest)}
    if not exact or isinstance(told["seen"], dict):
        beyond = not exact and seen > max(at_least, smallest - 1)  # tells how many the small ones are at least
        return {"seen": None if beyond else told["seen"], "waiting": None}
    return told if isinstance(told["waiting"], int) else {**told, "seen": None}


def _steps(seen: Sequence[int], smallest: int) -> list[_Told]:
    """Return the share of each step of time; steps of few people are joined with their neighbours."""
    steps: list[tuple[int | None, int]] = []
    low = held = 0
    for below in (*STEPS, None):
        high = max(seen, default=0) + 1 if below is None else below * 1_000_000
        held += sum(low <= each < high for each in seen)
        low = high
        if held == 0 or held >= smallest:
            steps.append((below, held))
            held = 0
    if held:
        while steps and held < smallest:
            held += steps.pop()[1]
        steps.append((None, held))
    if len(steps) == 1 or len(seen) < smallest:
        return []
    return [{"below": below, "percent": round(100 * count / len(seen))} for below, count in steps]


def _effect(effect: Effect, smallest: int) -> _Told:
    seen = effect.seen_after if len(effect.seen_after) >= smallest else ()
    return {
        "seconds": {
            "p50": _seconds(percentile(seen, 50)),
            "p95": _seconds(percentile(seen, 95)),
            "max": _seconds(max(seen, default=None)),
        },
        "steps": _steps(seen, smallest),
        "grace_seconds": GRACE // 1_000_000,
        "under_way": {
            "pages": effect.under_way,
            "seconds": {
                "p50": _seconds(percentile(effect.lags, 50)),
                "p95": _seconds(percentile(effect.lags, 95)),
                "max": _seconds(max(effect.lags, default=None)),
            },
        },
        "began_late": effect.began_late,
        "left_late": effect.left_late,
        "broken": list(effect.broken),
    }


def _provisions(catalogue: Catalogue, read: MonthRead, smallest: int) -> _Told:
    counted = sorted(read.tally.provided.items(), key=lambda item: (-item[1].releases, str(item[0])))
    items = [
        {
            "requester": key.requester,
            "recipient": key.recipient,
            "country": key.country,
            "purpose": key.purpose,
            "title": _title(catalogue.purposes, key.purpose),
            "legal_basis": {"name": key.basis, "title": dict(BASES.get(key.basis, {}))},
            "releases": provided.releases,
            "pages": provided.pages,
            "rows": provided.rows,
            "all_on_consent": provided.consented == provided.pages,
            "people": None if read.people is None else people(read.people.get(key, 0), smallest),
        }
        for key, provided in counted
    ]
    return {"items": items, "releases": sum(provided.releases for _, provided in counted)}


def _break_glass(catalogue: Catalogue, tally: MonthlyTally) -> _Told:
    grants = sorted(tally.grants.items(), key=lambda item: (item[1].said.get("issued") or 0, item[0]))
    return {
        "count": len(grants),
        "items": [_grant(catalogue, name, use, tally.month.zone) for name, use in grants[:MOST_LISTED]],
        "releases": sum(use.releases for _, use in grants),
    }


def _grant(catalogue: Catalogue, name: str, use: GrantUse, zone: tzinfo) -> _Told:
    said = use.said
    officer, requester = (str(said.get(part) or "") for part in ("granted_by", "requester"))
    known = catalogue.requesters.get(officer)
    return {
        "id": name,
        "ticket": said.get("ticket"),
        "granted_by": officer,
        "roles": sorted(known.roles) if known is not None else [],
        "requester": requester,
        "purpose": said.get("purpose"),
        "title": _title(catalogue.purposes, str(said.get("purpose"))),
        "from": _instant(said.get("issued"), zone),
        "to": _instant(said.get("expires"), zone),
        "releases": use.releases,
        "pages": use.pages,
        "rows": use.rows,
    }


def _exports(tally: MonthlyTally) -> _Told:
    return {
        "items": [
            {
                "format": form or None,
                "begun": exports.begun,
                "scheduled": exports.scheduled,
                "done": exports.done,
                "failed": exports.failed,
                "records": exports.records,
                "read": exports.read,
                "readers": sorted(exports.readers),
                "deleted": exports.deleted,
            }
            for form, exports in sorted(tally.exports.items())
        ],
        "begun": sum(exports.begun for exports in tally.exports.values()),
        "read": sum(exports.read for exports in tally.exports.values()),
    }


def _changes(tally: MonthlyTally) -> _Told:
    zone = tally.month.zone
    kept = ("kind", "requester", "purpose", "purposes", "notice", "version", "change", "source", "id")
    return {
        "items": [
            {part: record[part] for part in kept if part in record} | {"at": _said(record["at"], zone)}
            for record in tally.changes
        ],
        "count": tally.change_count,
        "policies": [_span("revision", name, span, zone) for name, span in tally.policies.items()],
        "keys": [_span("key", name, span, zone) for name, span in tally.keys.items()],
    }


def _span(what: str, name: str, span: Span, zone: tzinfo) -> _Told:
    return {what: name, "first": _said(span.first, zone), "last": _said(span.last, zone), "count": span.times}


def _presence(tally: MonthlyTally, month: Month, now: datetime) -> _Told:
    found = tally.presence.found(micros(now))
    length = max(1, micros(min(now, month.until)) - micros(month.since))
    return {
        "writers": {"opened": found.opened, "closed": found.closed, "broken_off": found.broken_off},
        "heartbeats": tally.kinds["writer.heartbeat"],
        "beats_missed": found.beats_missed,
        "gaps": {
            "count": found.gap_count,
            "items": [_interval(gap, month.zone) for gap in found.gaps],
            "refused": dict(sorted(found.refused.items())),
        },
        "silent": {
            "count": found.silent_count,
            "seconds": _seconds(found.silent),
            "per_mille": round(1_000 * found.silent / length),
            "items": [_interval(each, month.zone) for each in found.silences],
        },
    }


def _verification(read: MonthRead) -> _Told:
    verdict, told = read.verdict, {}
    if verdict.checkpoint is not None:
        told = {
            "origin": verdict.checkpoint.origin,
            "size": verdict.checkpoint.size,
            "root": base64.b64encode(verdict.checkpoint.root).decode("ascii"),
            "note": verdict.note,
        }
    bad = verdict.bad
    return {
        "outcome": verdict.outcome.name.lower(),
        "finding": verdict.finding,
        "bad": None if bad is None else {"seq": bad.seq, "id": bad.id, "writer": bad.writer, "wseq": bad.wseq},
        "first_seq": verdict.first,
        "last_seq": verdict.last,
        "records": verdict.last - verdict.first + 1,
        "writers": verdict.writers,
        "heads": verdict.heads,
        "key": read.key,
        "checkpoint": told or None,
        "witnessed": verdict.witnessed,
        "cosigned": [
            {
                "name": key.name,
                "at": _instant(at, read.tally.month.zone),
                "key": format_key(key.name, key.public, key.kind),
            }
            for key, at in verdict.cosigned
        ],
    }


def _title(known: Mapping[str, Any], name: str) -> dict[str, str]:
    return dict(getattr(known.get(name), "title", {}))


def _seconds(micros_: int | None) -> float | None:
    return None if micros_ is None else micros_ / 1_000_000


def local(instant: datetime, zone: tzinfo) -> str:
    """Return *instant* by the clocks of *zone*, to the second (RFC 3339)."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def _said(at: str, zone: tzinfo) -> str:
    return local(datetime.fromisoformat(at), zone)


def _interval(found: Interval, zone: tzinfo) -> _Told:
    return {
        "from": local(_EPOCH + timedelta(microseconds=found.since), zone),
        "to": local(_EPOCH + timedelta(microseconds=found.until), zone),
        "seconds": _seconds(found.until - found.since),
    }


def _instant(seconds: object, zone: tzinfo) -> str | None:
    """Return the instant of seconds since 1970; what is none is told as unknown."""
    if not isinstance(seconds, int) or not 0 <= seconds < 1 << 36:
        return None
    return local(_EPOCH + timedelta(seconds=seconds), zone)
