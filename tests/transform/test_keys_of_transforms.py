"""Every keyed transform hangs on purpose, requester, epoch and the secret: with any other of them it is unrelated."""

from __future__ import annotations

import hashlib
import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sekisho.domain.governed import Output
from sekisho.domain.masks import Hmac, TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.pseudonymity import Pseudonymity
from sekisho.transform.page import transform_page

PEOPLE = np.arange(1, 9, dtype=np.int64)
TEXTS = pa.array(["536365", "536366"])


class Ring:
    """Derives by label from one secret, in one epoch."""

    def __init__(self, secret: str = "one", epoch: int = 1) -> None:
        self.epoch = epoch
        self._secret = secret

    def derive(self, label: str, length: int = 32) -> bytes:
        """Return a key for a label."""
        return hashlib.shake_256(f"{self._secret}\0{label}".encode()).digest(length)


async def made(ring: Ring, requester: str, purpose: str, what: str) -> str:
    """Return what a transform gives out."""
    parts: Any = (ring, None)
    asked: Any = (SimpleNamespace(name=requester), SimpleNamespace(name=purpose))
    keyed = await Pseudonymity(*parts).of(*asked)
    if what == "pseudonym":
        return str(keyed.pseudonyms.encode(PEOPLE).to_pylist())
    if what == "token":
        return str(keyed.tokens("invoice").encode(TEXTS).to_pylist())
    if what == "hmac":
        return str(keyed.hashes("invoice").encode(TEXTS).to_pylist())
    if what == "order":
        return str([keyed.seed(name) for name in ("order0", "order1", "order2")])
    return str([word.tolist() for word in keyed.draws(what).words(PEOPLE)])


@pytest.mark.parametrize("what", ["pseudonym", "token", "hmac", "order", "fake", "date_shift", "noise/crm.points"])
async def test_no_two_of_them_share_a_key(what: str) -> None:
    """Two requesters, purposes, epochs or secrets give unrelated values, and the same ones the same."""
    rings = [Ring(), Ring(epoch=2), Ring("other")]
    asked = list(itertools.product(rings, ("marketer", "desk"), ("marketing", "support")))
    given = [await made(*each, what) for each in asked]
    assert len(set(given)) == len(given)
    assert given == [await made(*each, what) for each in asked]


async def test_every_draw_is_of_its_own() -> None:
    """The shift of somebody's dates says nothing of the noise on their numbers, nor of another column's."""
    given = [await made(Ring(), "desk", "support", what) for what in ("fake", "date_shift", "noise/a.b", "noise/a.c")]
    assert len(set(given)) == len(given)


@pytest.mark.parametrize("kind", [TransformKind.HMAC, TransformKind.TOKEN, TransformKind.FAKE])
async def test_what_the_page_does_not_know_shows_nothing(kind: TransformKind) -> None:
    """A transform that lacks what it needs, or that no branch knows, leaves no raw column behind."""
    parts: Any = (Ring(), None)
    asked: Any = (SimpleNamespace(name="desk"), SimpleNamespace(name="support"))
    keyed = await Pseudonymity(*parts).of(*asked)
    batch = pa.record_batch({"text": TEXTS, "__person": pa.array([1, 2])})
    output = Output("text", ColumnType.STRING, kind, None, Hmac("mail"), 0)
    with pytest.raises(ValueError, match="a transform"):
        transform_page(batch, (output,), keyed, list)
