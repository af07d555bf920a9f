"""Proof that an audit log is what was written, for somebody who trusts a public key and nothing else.

Everything is computed anew from the bytes of the records; stored hashes and columns are never believed,
only compared. What is held against the records, in this order:

(1) every writer's chain: begun at its own beginning, no place left out, none used twice;
(2) the sequence of the whole log: contiguous;
(3) signed heads: those saved outside the database, those inside it, and a checkpoint that the verifier
    kept (``since``). A history that was rewritten and chained anew fits no earlier head, and a tail
    that was cut off is missing records that a head counts.

What this cannot see is said in ``docs/audit.md``: above all, records after the newest head that somebody
outside holds.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from enum import IntEnum
from itertools import chain as concatenated
from pathlib import Path
from typing import Any

import orjson

from sekisho.audit_heads import HeldHeads, TrustedKey, VerificationFailed, Outcome
