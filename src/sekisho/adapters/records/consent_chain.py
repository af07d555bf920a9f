"""The chain of the consent ledger: every event carries a keyed hash that depends on all before it.

``hash_n = HMAC-SHA-256(key, hash_{n-1} || SHA-256(canonical_n))``, begun from :data:`GENESIS`. ``canonical_n`` is
the row as JSON (RFC 8785: sorted keys, no white space): every column but the hash, the version of this layout as
``v``, and the SHA-256 of the sealed evidence in its place. Evidence that can no longer be opened, or was deleted,
leaves every hash as it was.

The key is the gateway's, not the database's: who can write to the tables alone cannot add a yes that fits.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson

from sekisho.adapters.records.consent_rows import EventRow
from sekisho.domain.keyed_hash import KeyedHash
from sekisho.ports import KeyRing

GENESIS = hashlib.sha256(b"sekisho consent ledger v1").digest()
"""What the first event is chained to."""
DIGEST = "sealed_sha256"
"""Name among the facts of an event that was written again: the SHA-256 of the evidence that it had."""


class EventChain:
    """Computes and proves the hashes of events. ``keys``: key ring; the label is ``consent-chain``."""

    __slots__ = ("_keyed",)

    def __init__(self, keys: KeyRing) -> None:
        self._keyed = KeyedHash(keys.derive("consent-chain"))

    def following(self, before: bytes, row: tuple[Any, ...]) -> bytes:
        """Return the hash of a new *row* (its columns, whatever hash they hold), chained to *before*."""
        return self._hash(before, canonical_event(row))

    def expected(self, before: bytes, row: EventRow) -> bytes:
        """Return the hash that *row* must have behind *before*, also when its evidence is gone.

        A row that was written again from the audit log has no evidence; the SHA-256 of it stands among its facts,
        and takes the place that it had when the event was recorded.
        """
        canonical = canonical_event(row)
        if row.sealed is None and DIGEST in row.facts:
            facts = orjson.loads(row.facts)
            digest = facts.pop(DIGEST, None)
            said = orjson.loads(canonical)
            said |= {"facts": orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode(), "sealed": digest}
            canonical = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
        return self._hash(before, canonical)

    def holds(self, before: bytes, row: EventRow) -> bool:
        """Return whether *row* is what the gateway recorded behind *before*."""
        return hmac.compare_digest(self.expected(before, row), bytes(row.hash))

    def _hash(self, before: bytes, canonical: bytes) -> bytes:
        return self._keyed.digest(before + hashlib.sha256(canonical).digest())


def canonical_event(row: tuple[Any, ...]) -> bytes:
    """Return the canonical bytes of an event: every column but its hash, the evidence by its SHA-256."""
    (
        seq, event_id, number, purpose, cells, kind, method, actor, notice_version, occurred_at, recorded_at, said_at,
        counts_at, valid_until, facts, sealed, _, outcome, holds_until, effects,
    ) = row  # fmt: skip
    # The keys in order: sorting them anew for every event would take as long as all the rest.
    return orjson.dumps(
        {
            "actor": actor,
            "cells": cells,
            "counts_at": counts_at,
            "effects": effects,
            "facts": facts,
            "holds_until": holds_until,
            "id": event_id,
            "kind": kind,
            "method": method,
            "notice_version": notice_version,
            "number": number,
            "occurred_at": occurred_at,
            "outcome": outcome,
            "purpose": purpose,
            "recorded_at": recorded_at,
            "said_at": said_at,
            "sealed": None if sealed is None else hashlib.sha256(sealed).hexdigest(),
            "seq": seq,
            "v": 1,  # of this layout
            "valid_until": valid_until,
        }
    )
