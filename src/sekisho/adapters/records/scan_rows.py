"""Columns, reviews and scans as rows, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping

from sekisho.domain.classification import Proposal, ReviewState
from sekisho.domain.record import micros
from sekisho.domain.scans import ColumnPlace, Decision, Drift, KnownColumn, Profile, Review, Scanned
from sekisho.domain.terms import ColumnClass
from sekisho.ports.scans import ScanRun, ScanStatus

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NAME: Final = 512


def stored_name(name: str) -> str:
    """Return *name* as it stands in a row: of a very long one the beginning, and a hash that tells it from others."""
    if len(name) <= _MOST_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name[: _MOST_NAME - len(digest) - 1]}~{digest}"


def renamed(
    columns: Iterable[tuple[str, str, str, str]],
    results: Iterable[tuple[str, str]],
    shown: Callable[[ColumnPlace], str],
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the new name of each of *columns* (id, store, relation, name) and the new text of each of *results*.

    Those that stay are not among them. A new name ends in the column's id, so that no two are alike.
    """
    names: dict[str, str] = {}
    for column_id, store, relation, name in columns:
        ending = f"~{column_id}"
        kept = name.removesuffix(ending)
        if (found := shown(ColumnPlace(store, relation, kept))) != kept:
            names[column_id] = found[: _MOST_NAME - len(ending)] + ending
    texts: dict[str, str] = {}
    for run_id, text in results:
        told = json.loads(text)
        for each in (*told.get("findings", ()), *told.get("ungoverned", ())):
            place = ColumnPlace(each.get("store", ""), each.get("relation", ""), each["column"])
            each["column"] = names.get(each.get("id", ""), shown(place))
        if _text(told) != text:
            texts[run_id] = _text(told)
    return names, texts


def column_row(known: KnownColumn) -> dict[str, Any]:
    """Return the row of a column."""
    scanned = known.scanned
    return {
        "id": known.id,
        "store": scanned.place.store,
        "relation": stored_name(scanned.place.relation),
        "name": stored_name(scanned.place.name),
        "dataset": scanned.dataset,
        "declared": None if scanned.declared is None else scanned.declared.value,
        "governed": scanned.governed,
        "profile": _text(asdict(scanned.profile)),
        "proposal": proposal_text(scanned.proposal),
        "baseline": _text(asdict(known.baseline)),
        "reviewed_proposal": proposal_text(known.reviewed_proposal),
        "state": known.state.value,
        "drift": _text([reason.value for reason in known.drift]),
        "review": None if known.review is None else review_text(known.review),
        "scanned_at": micros(known.scanned_at),
        "gone_at": None,
    }


def column_of(row: RowMapping) -> KnownColumn:
    """Return the column of a row."""
    declared = row["declared"]
    return KnownColumn(
        id=row["id"],
        scanned=Scanned(
            ColumnPlace(row["store"], row["relation"], row["name"]),
            row["dataset"],
            None if declared is None else ColumnClass(declared),
            bool(row["governed"]),
            Profile(**json.loads(row["profile"])),
            _proposal(row["proposal"]),
        ),
        state=ReviewState(row["state"]),
        drift=tuple(Drift(reason) for reason in json.loads(row["drift"])),
        baseline=Profile(**json.loads(row["baseline"])),
        reviewed_proposal=_proposal(row["reviewed_proposal"]),
        review=None if row["review"] is None else review_of(row["review"]),
        scanned_at=_instant(row["scanned_at"]),
    )


def proposal_text(proposal: Proposal | None) -> str | None:
    """Return a proposal as JSON."""
    if proposal is None:
        return None
    return _text(
        {
            "kind": proposal.kind,
            "column_class": proposal.column_class.value,
            "category": proposal.category,
            "confidence": proposal.confidence,
            "factors": dict(proposal.factors),
            "alternatives": [list(each) for each in proposal.alternatives],
        }
    )


def _proposal(text: str | None) -> Proposal | None:
    if text is None:
        return None
    told = json.loads(text)
    return Proposal(
        told["kind"],
        ColumnClass(told["column_class"]),
        told["category"],
        told["confidence"],
        told["factors"],
        tuple((kind, confidence) for kind, confidence in told["alternatives"]),
    )


def review_text(review: Review) -> str:
    """Return a review as JSON."""
    return _text(
        {
            "decision": review.decision.value,
            "column_class": review.column_class.value,
            "category": review.category,
            "by": review.by,
            "at": micros(review.at),
            "note": review.note,
        }
    )


def review_of(text: str) -> Review:
    """Return the review of its JSON."""
    told = json.loads(text)
    return Review(
        Decision(told["decision"]),
        ColumnClass(told["column_class"]),
        told["category"],
        told["by"],
        _instant(told["at"]),
        told["note"],
    )


def run_row(run: ScanRun) -> dict[str, Any]:
    """Return the row of a scan."""
    return {
        "id": run.id,
        "requester": run.by,
        "wanted": _text(list(run.wanted)),
        "started_at": micros(run.started_at),
        "updated_at": micros(run.updated_at),
        "status": run.status.value,
        "progress": run.progress,
        "result": _text(dict(run.result)),
        "error": run.error,
    }


def run_of(row: RowMapping) -> ScanRun:
    """Return the scan of a row."""
    return ScanRun(
        row["id"],
        row["requester"],
        tuple(json.loads(row["wanted"])),
        _instant(row["started_at"]),
        _instant(row["updated_at"]),
        ScanStatus(row["status"]),
        row["progress"],
        json.loads(row["result"]),
        row["error"],
    )


def _instant(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
