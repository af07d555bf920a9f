"""The tree in object storage: the same objects as in a folder, over the protocol itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tree_bucket import TreeBucket, object_storage
from sekisho.adapters.records.tree_folder import SIGNED_FILE, TileChanged
from sekisho.audit_verify import verify_proof
from sekisho.domain.checkpoint import format_proof
from sekisho.domain.tlog import TILE_WIDTH, Tile
from sekisho.errors import AuditUnavailable
from tests.adapters.records.tree_world import read, record, verified

pytestmark = pytest.mark.enable_socket
BUCKET, PLACE = "audit-log", "audit-log/of/tests"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 server; yield its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    yield f"http://127.0.0.1:{running.get_host_and_port()[1]}"
    running.stop()


@pytest.fixture
def storage(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileSystem]:
    """The client that the gateway uses, with a bucket; its rights come from the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    import boto3

    client = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    yield object_storage(region="us-east-1", endpoint=server)
    objects = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    for each in objects:
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def files(storage: FileSystem, tmp_path: Path) -> TreeBucket:
    """The objects of the tree."""
    return TreeBucket(storage, PLACE, tmp_path / "heads" / SIGNED_FILE)


@pytest.fixture
def stored(database: Database, keys: FileKeyRing, files: TreeBucket, tmp_path: Path) -> AuditTree:
    """The tree of the log in the bucket."""
    return AuditTree(database, keys, files, tmp_path / "heads")


def names(storage: FileSystem) -> dict[str, bytes]:
    """Every object below the tree's place, by its name there."""
    found = storage.get_file_info(FileSelector(PLACE, recursive=True))
    return {
        each.path.removeprefix(f"{PLACE}/"): storage.open_input_file(each.path).read()
        for each in found
        if each.type is FileType.File
    }


async def test_the_objects_are_the_files(
    log: SqlAuditLog, tree: AuditTree, stored: AuditTree, storage: FileSystem, keys: FileKeyRing, tmp_path: Path
) -> None:
    """A bucket holds, name for name and byte for byte, what a folder would, and the verifier finds it sound."""
    other = AuditTree(stored._database, keys, tmp_path / "folder", tmp_path / "signed")
    for count in (3, 254, 300):
        await record(log, count)
        assert await stored.advance() == await other.advance()
    held = names(storage)
    there = {str(path.relative_to(tmp_path / "folder")): path for path in (tmp_path / "folder").rglob("*")}
    assert held == {name: path.read_bytes() for name, path in there.items() if path.is_file() and name != ".lock"}
    verdict = verified(stored)
    assert verdict.ok, verdict
    assert verdict.records == 557 + 1  # and that the log was opened


async def test_records_are_proved_from_the_bucket(
    log: SqlAuditLog, stored: AuditTree, keys: FileKeyRing, tmp_path: Path
) -> None:
    """A proof of one record, and of an older tree, is read from objects."""
    first, *_ = await record(log, 300)
    old = read(await stored.advance())
    await record(log, 5)
    new = read(await stored.advance())
    proof = tmp_path / "proof"
    proof.write_text(format_proof(await stored.proof_of(first)))
    assert verify_proof(proof, keys.verification_key()).ok
    assert await stored.consistency(old.size, new.size)


async def test_a_full_tile_that_says_something_else_is_found(files: TreeBucket) -> None:
    """A full tile never changes: to write another over it is refused, and it stays."""
    tile = Tile(0, 0, TILE_WIDTH)
    files.write([(tile, b"a" * 32 * TILE_WIDTH)])
    files.write([(tile, b"a" * 32 * TILE_WIDTH)])
    with pytest.raises(TileChanged):
        files.write([(tile, b"b" * 32 * TILE_WIDTH)])
    assert files.read(tile) == b"a" * 32 * TILE_WIDTH
    assert files.read(Tile(0, 0, 3)) == b"a" * 96  # what a partial one grew into


async def test_partial_and_pruned_tiles_go(files: TreeBucket, storage: FileSystem) -> None:
    """What a full tile replaced is removed, and so is what the log need not serve any more."""
    full = [Tile(None, index, TILE_WIDTH) for index in range(3)] + [Tile(0, index, TILE_WIDTH) for index in range(3)]
    files.write([(Tile(0, 0, 7), b"p" * 224), *((tile, b"f" * 32 * TILE_WIDTH) for tile in full)])
    files.forget_partial(Tile(0, 0, TILE_WIDTH))
    assert "tile/0/000.p/7" not in names(storage)
    assert files.prune(2 * TILE_WIDTH) == 4
    assert set(names(storage)) == {"tile/entries/002", "tile/0/002"}
    assert files.prune(2 * TILE_WIDTH) == 0


async def test_storage_that_does_not_answer_costs_the_checkpoint_and_no_more(
    log: SqlAuditLog, stored: AuditTree, storage: FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the bucket is away nothing is signed and proofs are refused; records go on, and the tree after it."""
    await record(log, 3)
    before = await stored.advance()

    def away(*_: object, **__: object) -> None:
        raise OSError("AWS Error NETWORK_CONNECTION")

    files = stored.files
    assert isinstance(files, TreeBucket)
    with monkeypatch.context() as gone:
        for each in ("_get", "_put"):
            gone.setattr(files, each, away)
        (missed,) = await record(log, 1)
        for refused in (stored.advance(), stored.published(), stored.proof_of(missed)):
            with pytest.raises(AuditUnavailable):
                await refused
    assert files.signed() == before
    assert read(await stored.advance()).size == read(before).size + 1


async def test_a_name_that_is_none_of_the_tree_is_left_in_the_bucket(tmp_path: Path) -> None:
    """Who may write the bucket writes nowhere else: an object whose name leads out of the tree is not fetched."""
    ours = {"checkpoint", "tile/0/x001/067", "tile/entries/000.p/7"}
    odd = {
        "../../x", "tile/../../../x", "tile/0/../../x", "tile/0/000/../../../../x", "/x", "x", "tile/12/x",
        "tile/0/0x", "tile/0/000.p/../../../../x",
    }  # fmt: skip
    fetched = set()

    class Storage:
        def get_file_info(self, _: object) -> list[FileInfo]:
            return [FileInfo(f"{PLACE}/{name}", FileType.File) for name in sorted(ours | odd)]

        def open_input_file(self, name: str) -> BytesIO:
            fetched.add(name.removeprefix(f"{PLACE}/"))
            return BytesIO(b"one")

    with TreeBucket(Storage(), PLACE, tmp_path / SIGNED_FILE).at_hand() as made:
        there = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert fetched == there == ours
