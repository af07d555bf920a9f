"""Roots and proofs, held against pymerkle, which was written from the same definitions by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from pymerkle import InmemoryTree, InvalidProof
from pymerkle.core import _inclusion_path_layout
from pymerkle.proof import ConsistencyProof, InclusionProof

from sekisho.domain import tlog
from sekisho.domain.tlog import Frontier, ProofError
from tests.oracles.trees import MOST, RECORDS, changed, node, root, sample

_BLOCK = 250


@cache
def other_tree() -> InmemoryTree:
    """Return pymerkle's tree over the same records."""
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(RECORDS)
    return tree


@cache
def other_root(size: int) -> bytes:
    """Return pymerkle's root over the first *size* records."""
    found: bytes = other_tree().get_root(size)
    return found


def blocks() -> list[range]:
    """Return all sizes, in parts that workers share."""
    return [range(first, first + _BLOCK) for first in range(1, MOST + 1, _BLOCK)]


def check_inclusion(place: int, size: int) -> None:
    """Hold the proof of record *place* (from 1) in the tree of *size* against pymerkle, both ways."""
    proof = tlog.inclusion_proof(place - 1, size, node)
    base, *path = other_tree().prove_inclusion(place, size).path
    assert proof == path
    # Theirs in our eyes, ours in theirs.
    assert tlog.root_by_inclusion(base, place - 1, size, path) == other_root(size)
    rule, _ = _inclusion_path_layout(place, size)
    ours = InclusionProof("sha256", True, size, place, rule, [tlog.leaf_hash(RECORDS[place - 1]), *proof])
    ours.verify(base, other_root(size), index=place, size=size)


def as_the_rfc_has_it(proof: ConsistencyProof) -> list[bytes]:
    """Return pymerkle's proof in the shape of RFC 9162.

    Pymerkle goes down to a single leaf beside the old tree; the RFC takes the whole subtree there. And it tells the
    old root where that is known, which the RFC leaves out.
    """
    if proof.prior_size == proof.size:
        return []
    border = proof.subset.index(1)
    beside = proof.path[0]
    for bit, digest in zip(proof.rule, proof.path[1:border], strict=False):
        beside = tlog.node_hash(digest, beside) if bit else tlog.node_hash(beside, digest)
    known = proof.path[border : border + 1] if proof.prior_size & (proof.prior_size - 1) else []
    return [*known, beside, *proof.path[border + 1 :]]


def check_consistency(old: int, new: int) -> None:
    """Hold the proof between the trees of *old* and *new* records against pymerkle."""
    theirs = other_tree().prove_consistency(old, new)
    theirs.verify(root(old), root(new), prior_size=old, later_size=new)
    proof = tlog.consistency_proof(old, new, node)
    assert proof == as_the_rfc_has_it(theirs)
    tlog.check_consistency(old, other_root(old), new, other_root(new), proof)


def test_every_root_is_pymerkles() -> None:
    """Of all 2,001 trees, by the frontier of a growing log and from its tiles."""
    frontier = Frontier()
    assert frontier.root() == other_root(0) == tlog.tree_root([])
    for size, record in enumerate(RECORDS, 1):
        frontier.append(tlog.leaf_hash(record))
        assert root(size) == other_root(size), size
        if size % 13 == 0 or size % 128 < 2:
            assert frontier.root() == other_root(size), size


def test_proofs_of_inclusion_are_pymerkles() -> None:
    """Hash by hash; and each of the two accepts the other's."""
    for place, size in sample(1, 1_500):
        check_inclusion(place, size)


def test_proofs_of_consistency_are_pymerkles() -> None:
    """Hash by hash; pymerkle accepts our roots, and we accept its."""
    for old, new in sample(2, 1_500):
        check_consistency(old, new)


def wrong(seed: int) -> Iterator[tuple[int, int, int]]:
    """Yield pairs of places and sizes, and which hash of a proof is to be changed."""
    for number, (small, large) in enumerate(sample(seed, 300)):
        yield small, large, number


def test_a_proof_with_a_wrong_hash_is_refused_by_both() -> None:
    """One bit of one hash, of each kind of proof: neither side believes it."""
    refused = 0
    for small, large, number in wrong(3):
        included = tlog.inclusion_proof(small - 1, large, node)
        if included:
            bad = changed(included, number % len(included))
            leaf = tlog.leaf_hash(RECORDS[small - 1])
            assert tlog.root_by_inclusion(leaf, small - 1, large, bad) != root(large)
            rule, _ = _inclusion_path_layout(small, large)
            with pytest.raises(InvalidProof):
                InclusionProof("sha256", True, large, small, rule, [leaf, *bad]).verify(leaf, root(large))
            refused += 1
        consistent = tlog.consistency_proof(small, large, node)
        if consistent:
            bad = changed(consistent, number % len(consistent))
            with pytest.raises(ProofError):
                tlog.check_consistency(small, root(small), large, root(large), bad)
            theirs = other_tree().prove_consistency(small, large)
            theirs.path = changed(theirs.path, number % len(theirs.path))
            with pytest.raises(InvalidProof):
                theirs.verify(root(small), root(large))
            refused += 1
    assert refused > 1_000


@pytest.mark.long
@pytest.mark.parametrize("sizes", blocks(), ids=lambda sizes: f"{sizes[0]}-{sizes[-1]}")
def test_every_proof_of_inclusion_is_pymerkles(sizes: range) -> None:
    """All 2,001,000 of them: every record in every tree of up to 2,000."""
    for size in sizes:
        for place in range(1, size + 1):
            check_inclusion(place, size)


@pytest.mark.long
@pytest.mark.parametrize("sizes", blocks(), ids=lambda sizes: f"{sizes[0]}-{sizes[-1]}")
def test_every_proof_of_consistency_is_pymerkles(sizes: range) -> None:
    """All 2,001,000 of them: between every two trees of up to 2,000."""
    for new in sizes:
        for old in range(1, new + 1):
            check_consistency(old, new)
