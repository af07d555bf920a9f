"""The tree of the log: roots, proofs and tiles, held against the definitions and against published values."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain import tlog
from sekisho.domain.tlog import Frontier, ProofError, Tile

# The leaves and roots that Certificate Transparency publishes for its own implementations (RFC 6962, 2.1).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# And the proofs over them that its verifiers are tested with: place or older size, size, the leaves under each hash.
CT_NODES = {
    "leaf 0": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "leaf 1": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "leaf 4": "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "leaf 6": "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "0 to 1": "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "2 to 3": "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "4 to 5": "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "6 to 7": "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "0 to 3": "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4 to 7": "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
}
CT_INCLUSION = [
    (0, 1, []),
    (0, 8, ["leaf 1", "2 to 3", "4 to 7"]),
    (5, 8, ["leaf 4", "6 to 7", "0 to 3"]),
    (2, 3, ["0 to 1"]),
    (1, 5, ["leaf 0", "2 to 3", "leaf 4"]),
]
CT_CONSISTENCY = [
    (1, 1, []),
    (1, 8, ["leaf 1", "2 to 3", "4 to 7"]),
    (6, 8, ["4 to 5", "6 to 7", "0 to 3"]),
    (2, 5, ["2 to 3", "leaf 4"]),
    (6, 7, ["4 to 5", "leaf 6", "0 to 3"]),
]
LEAVES = [tlog.leaf_hash(str(number).encode()) for number in range(1_100)]
SIZES = st.one_of(st.integers(1, 300), st.sampled_from([255, 256, 257, 511, 512, 513, 1_023, 1_024, 1_025]))


def by_definition(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    middle = half(len(leaves))
    return tlog.node_hash(by_definition(leaves[:middle]), by_definition(leaves[middle:]))


def half(size: int) -> int:
    """The largest power of two below *size*."""
    found = 1
    while found * 2 < size:
        found *= 2
    return found


def path_by_definition(index: int, leaves: list[bytes]) -> list[bytes]:
    """The audit path as RFC 6962 defines it."""
    if len(leaves) == 1:
        return []
    middle = half(len(leaves))
    if index < middle:
        return [*path_by_definition(index, leaves[:middle]), by_definition(leaves[middle:])]
    return [*path_by_definition(index - middle, leaves[middle:]), by_definition(leaves[:middle])]


def consistency_by_definition(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """The consistency proof as RFC 6962 defines it."""
    if old == len(leaves):
        return [] if whole else [by_definition(leaves)]
    middle = half(len(leaves))
    if old <= middle:
        return [*consistency_by_definition(old, leaves[:middle], whole=whole), by_definition(leaves[middle:])]
    rest = consistency_by_definition(old - middle, leaves[middle:], whole=False)
    return [*rest, by_definition(leaves[:middle])]


def tiles(size: int) -> dict[str, bytes]:
    """Every tile of the tree of the first *size* leaves, by its path, as a log that grew leaf by leaf keeps them."""
    frontier, kept = Frontier(), {}
    for leaf in LEAVES[:size]:
        kept.update({tile.path: data for tile, data in frontier.append(leaf)})
    return kept | {tile.path: data for tile, data in frontier.partial()}


def nodes(size: int) -> tlog.Nodes:
    """The nodes of that tree, read from its tiles."""
    kept = tiles(size)
    return tlog.nodes_from(size, lambda tile: kept[tile.path])


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_certificate_transparency_publishes(size: int) -> None:
    """Eight leaves and the empty tree, value by value."""
    leaves = [tlog.leaf_hash(leaf) for leaf in CT_LEAVES[:size]]
    assert tlog.tree_root(leaves).hex() == CT_ROOTS[size]


def ct_node(level: int, index: int) -> bytes:
    """A node of that tree."""
    return tlog.tree_root([tlog.leaf_hash(leaf) for leaf in CT_LEAVES[index << level : (index + 1) << level]])


@pytest.mark.parametrize(("index", "size", "named"), CT_INCLUSION)
def test_proofs_of_inclusion_are_those_that_certificate_transparency_publishes(
    index: int, size: int, named: list[str]
) -> None:
    """Hash by hash, and they lead to the published root."""
    proof = [bytes.fromhex(CT_NODES[name]) for name in named]
    assert tlog.inclusion_proof(index, size, ct_node) == proof
    found = tlog.root_by_inclusion(tlog.leaf_hash(CT_LEAVES[index]), index, size, proof)
    assert found.hex() == CT_ROOTS[size]


@pytest.mark.parametrize(("old", "new", "named"), CT_CONSISTENCY)
def test_proofs_of_consistency_are_those_that_certificate_transparency_publishes(
    old: int, new: int, named: list[str]
) -> None:
    """Hash by hash, and they hold between the published roots."""
    proof = [bytes.fromhex(CT_NODES[name]) for name in named]
    assert tlog.consistency_proof(old, new, ct_node) == proof
    tlog.check_consistency(old, bytes.fromhex(CT_ROOTS[old]), new, bytes.fromhex(CT_ROOTS[new]), proof)


@given(SIZES)
def test_a_root_is_the_same_from_leaves_tiles_and_the_frontier(size: int) -> None:
    """However a root is come by, it is the one of the definition."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    root = by_definition(LEAVES[:size])
    assert frontier.root() == root
    assert tlog.tree_root(LEAVES[:size]) == root
    assert tlog.root_of(size, nodes(size)) == root


@given(SIZES, st.data())
def test_a_proof_of_inclusion_is_the_one_defined_and_leads_to_the_root(size: int, data: st.DataObject) -> None:
    """Every leaf of every tree."""
    index = data.draw(st.integers(0, size - 1))
    proof = tlog.inclusion_proof(index, size, nodes(size))
    assert proof == path_by_definition(index, LEAVES[:size])
    assert tlog.root_by_inclusion(LEAVES[index], index, size, proof) == by_definition(LEAVES[:size])


@given(SIZES, st.data())
def test_a_proof_of_consistency_is_the_one_defined_and_holds(size: int, data: st.DataObject) -> None:
    """Every older tree of every tree."""
    old = data.draw(st.integers(0, size))
    proof = tlog.consistency_proof(old, size, nodes(size))
    assert proof == (consistency_by_definition(old, LEAVES[:size]) if old else [])
    tlog.check_consistency(old, by_definition(LEAVES[:old]), size, by_definition(LEAVES[:size]), proof)


@given(SIZES, st.data())
def test_a_proof_of_another_leaf_place_or_tree_leads_elsewhere(size: int, data: st.DataObject) -> None:
    """A proof is good for one leaf, at one place, in one tree, as it is."""
    index = data.draw(st.integers(0, size - 1))
    proof, root = tlog.inclusion_proof(index, size, nodes(size)), by_definition(LEAVES[:size])

    def leads(leaf: bytes, place: int, of: int, hashes: list[bytes]) -> bool:
        try:
            return tlog.root_by_inclusion(leaf, place, of, hashes) == root
        except ProofError:
            return False

    assert not leads(LEAVES[-1], index, size, proof)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index)) if size > 1 else size
    assert not leads(LEAVES[index], other, size, proof)
    assert not leads(LEAVES[index], index, size, [*proof, LEAVES[0]])
    if proof:
        assert not leads(LEAVES[index], index, size, proof[:-1])
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof]
        changed[place] = LEAVES[-1]
        assert not leads(LEAVES[index], index, size, changed)


@given(SIZES, st.data())
def test_a_tree_that_was_rewritten_continues_no_older_one(size: int, data: st.DataObject) -> None:
    """With one earlier leaf changed, no proof made of the new tree holds for the old root."""
    old = data.draw(st.integers(1, size))
    changed = [*LEAVES[:size]]
    changed[data.draw(st.integers(0, old - 1))] = LEAVES[-1]
    proof = consistency_by_definition(old, changed)
    with pytest.raises(ProofError):
        tlog.check_consistency(old, by_definition(LEAVES[:old]), size, by_definition(changed), proof)


def test_a_tree_does_not_shrink() -> None:
    """Neither a proof nor a check is made for a smaller tree."""
    with pytest.raises(ValueError, match="does not shrink"):
        tlog.consistency_proof(3, 2, nodes(3))
    with pytest.raises(ProofError, match="shrunk"):
        tlog.check_consistency(3, LEAVES[0], 2, LEAVES[1], [])
    with pytest.raises(ValueError, match="no such leaf"):
        tlog.inclusion_proof(2, 2, nodes(2))


@given(SIZES)
def test_a_tree_goes_on_from_its_tiles(size: int) -> None:
    """A frontier that is read back ends like one that was never closed, and its tiles are those of the list."""
    kept = tiles(size)
    again = Frontier(size, lambda tile: kept[tile.path])
    assert again.root() == by_definition(LEAVES[:size])
    assert sorted(tile.path for tile in tlog.tiles_of(size)) == sorted(kept)
    for leaf in LEAVES[size : size + 20]:
        again.append(leaf)
    assert again.root() == by_definition(LEAVES[: size + 20])


def test_tiles_lie_where_the_specification_says() -> None:
    """Groups of three digits, all but the last marked; a partial tile says its width."""
    assert Tile(0, 1_234_067, 256).path == "tile/0/x001/x234/067"
    assert Tile(1, 0, 7).path == "tile/1/000.p/7"
    assert Tile(None, 999, 256).path == "tile/entries/999"
    with pytest.raises(ValueError, match="no such tile"):
        tlog.tile_at(0, 1, 256)


@given(st.lists(st.binary(max_size=40), max_size=300))
def test_a_bundle_gives_its_records_back(records: list[bytes]) -> None:
    """Whatever stands in them."""
    assert tlog.records_in(tlog.bundle(records)) == records


@given(st.lists(st.binary(max_size=40), min_size=1), st.data())
def test_a_bundle_that_is_cut_off_is_refused(records: list[bytes], data: st.DataObject) -> None:
    """Anywhere but between two records."""
    whole = tlog.bundle(records)
    edges = {len(tlog.bundle(records[:count])) for count in range(len(records) + 1)}
    cut = data.draw(st.integers(0, len(whole)).filter(lambda at: at not in edges))
    with pytest.raises(ProofError):
        tlog.records_in(whole[:cut])
