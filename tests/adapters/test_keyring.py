"""The key ring in a folder."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import os
import pickle
import stat

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from sekisho.adapters.keyring import FileKeyRing
from sekisho.errors import WorkspaceError
from sekisho.ports import KeyRing

FILES = ["issuer.key", "keyring.json", "log.key", "master.key"]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "var" / "keys"
    FileKeyRing.create(path)
    return path


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("umask", [0, 0o777])
def test_created_private_whatever_the_umask(tmp_path, umask):
    """Only the owner can reach a new key folder and its files, and the owner can, whatever the umask."""
    before = os.umask(umask)
    try:
        FileKeyRing.create(tmp_path / "keys")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert _names(tmp_path / "keys") == FILES
    assert {stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) for name in FILES} == {0o600}
    assert _names(tmp_path) == ["keys"]


def test_opening_gives_the_same_keys(folder):
    """A ring opened again derives the same keys and signs under the same public keys."""
    first, second = FileKeyRing(folder), FileKeyRing(folder)
    ring: KeyRing = second

    assert first.derive("pseudonym/a") == ring.derive("pseudonym/a")
    assert first.verification_key() == ring.verification_key()
    assert first.token_public_key() == second.token_public_key()
    assert ring.epoch == 1


def test_two_rings_share_nothing(tmp_path):
    """Two new rings have no key in common, and neither do the three keys of one."""
    a, b = FileKeyRing.create(tmp_path / "a"), FileKeyRing.create(tmp_path / "b")

    assert a.derive("x") != b.derive("x")
    assert a.verification_key() != b.verification_key()
    assert len({(tmp_path / f / n).read_bytes() for f in "ab" for n in FILES if n.endswith("key")}) == 6


def test_never_replaces_keys(folder):
    """Making keys where keys are is refused and leaves them as they were."""
    before = FileKeyRing(folder).verification_key()
    with pytest.raises(WorkspaceError, match="never replaced"):
        FileKeyRing.create(folder)

    assert FileKeyRing(folder).verification_key() == before


def test_derivation_is_hkdf(folder):
    """Keys are HKDF-SHA-256 of the master key with the label as info (RFC 5869), written out here by hand."""
    master = (folder / "master.key").read_bytes()
    secret = hmac.digest(bytes(32), master, hashlib.sha256)
    block = hmac.digest(secret, b"sekisho/v1/audit/ref" + b"\x01", hashlib.sha256)

    assert FileKeyRing(folder).derive("audit/ref") == block
    assert FileKeyRing(folder).derive("audit/ref", 16) == block[:16]


@given(labels=st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=6, unique=True))
def test_labels_are_apart(tmp_path_factory, labels):
    """Different labels never share a key."""
    ring = _shared(tmp_path_factory)

    assert len({ring.derive(label) for label in labels}) == len(labels)


_RINGS: dict[str, FileKeyRing] = {}


def _shared(factory) -> FileKeyRing:
    if "ring" not in _RINGS:
        _RINGS["ring"] = FileKeyRing.create(factory.mktemp("ring") / "keys")
    return _RINGS["ring"]


@pytest.mark.parametrize(("label", "length"), [("", 32), ("x", 0), ("x", 15), ("x", 8161), ("x", -1)])
def test_unfit_derivation_is_refused(folder, label, length):
    """A key without label, or too short to be one, is a fault of the caller."""
    with pytest.raises(ValueError, match="a key"):
        FileKeyRing(folder).derive(label, length)


def test_verification_key_is_a_note_key(tmp_path):
    """The public key has the form of C2SP signed-note, and verifies the log's signatures and no other's."""
    ring = FileKeyRing.create(tmp_path / "keys", log_name="log.shop.example/sekisho")
    name, key_id, typed = ring.verification_key().split("+", 2)
    raw = base64.b64decode(typed)
    expected = hashlib.sha256(b"log.shop.example/sekisho\n" + raw).hexdigest()[:8]

    assert (name, key_id, raw[:1], len(raw)) == ("log.shop.example/sekisho", expected, b"\x01", 33)
    public = Ed25519PublicKey.from_public_bytes(raw[1:])
    public.verify(ring.sign(b"head"), b"head")
    with pytest.raises(InvalidSignature):
        public.verify(ring.sign_token(b"head"), b"head")
    Ed25519PublicKey.from_public_bytes(ring.token_public_key()).verify(ring.sign_token(b"t"), b"t")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "ログ", "x" * 200])
def test_unfit_log_name_is_refused(tmp_path, name):
    """A log's name that a signed note cannot carry is refused before any key is made."""
    with pytest.raises(WorkspaceError):
        FileKeyRing.create(tmp_path / "keys", log_name=name)

    assert _names(tmp_path) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
@pytest.mark.parametrize("name", FILES)
def test_wider_file_is_refused(folder, name, mode):
    """A key file that others may read or write is refused, with the command that helps."""
    (folder / name).chmod(mode)
    with pytest.raises(WorkspaceError, match="chmod 600"):
        FileKeyRing(folder)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o711, 0o777])
def test_wider_folder_is_refused(folder, mode):
    """A key folder that others may enter is refused, with the command that helps."""
    folder.chmod(mode)
    with pytest.raises(WorkspaceError, match="chmod 700"):
        FileKeyRing(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("fault", ["gone", "short", "long", "link", "folder"])
def test_damaged_ring_is_refused(folder, name, fault):
    """A missing, cut, grown, linked or otherwise strange key file is refused without its content."""
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if fault == "short":
        path.write_bytes(content[:-4])
    elif fault == "long":
        path.write_bytes(content + b"}")
    elif fault == "link":
        (folder.parent / "elsewhere").write_bytes(content)
        (folder.parent / "elsewhere").chmod(0o600)
        path.symlink_to(folder.parent / "elsewhere")
    elif fault == "folder":
        path.mkdir(mode=0o700)
    if path.is_file() and not path.is_symlink():
        path.chmod(0o600)
    with pytest.raises(WorkspaceError) as caught:
        FileKeyRing(folder)

    assert content.hex() not in str(caught.value)


@pytest.mark.parametrize(
    "about",
    [
        "{}",
        "[]",
        '{"version": 2, "epoch": 1, "log_name": "a"}',
        '{"version": 1, "epoch": 0, "log_name": "a"}',
        '{"version": 1, "epoch": true, "log_name": "a"}',
        '{"version": 1, "epoch": 1, "log_name": 5}',
        '{"version": 1, "epoch": 1, "log_name": "a+b"}',
    ],
)
def test_unreadable_description_is_refused(folder, about):
    """A description of the ring that is not ours is refused rather than guessed at."""
    (folder / "keyring.json").write_text(about)
    with pytest.raises(WorkspaceError, match="cannot be read"):
        FileKeyRing(folder)


def test_missing_ring_says_what_to_do(tmp_path):
    """Where no keys are, the message says how a workspace gets its first."""
    with pytest.raises(WorkspaceError, match="no keys"):
        FileKeyRing(tmp_path / "keys")


def test_linked_folder_is_refused(folder, tmp_path):
    """A link to a key folder is not followed."""
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(WorkspaceError, match="links"):
        FileKeyRing(tmp_path / "link")


def test_no_key_shows_or_leaves(folder):
    """Neither repr nor pickle nor copy lets a key out."""
    ring = FileKeyRing(folder)
    shown = repr(ring) + str(ring)
    for name in FILES[2:]:
        assert (folder / name).read_bytes().hex() not in shown
    assert shown == "FileKeyRing(epoch=1, keys hidden)" * 2
    for out in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be copied"):
            out(ring)


def test_lost_race_leaves_the_winner(tmp_path, monkeypatch):
    """When two processes make keys at once, one wins whole and the other is told, leaving nothing behind."""
    from pathlib import Path

    rename = Path.rename

    def late(draft, target):
        monkeypatch.setattr(Path, "rename", rename)
        FileKeyRing.create(target)
        return rename(draft, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(WorkspaceError, match="cannot make keys"):
        FileKeyRing.create(tmp_path / "keys")

    assert _names(tmp_path) == ["keys"]
    FileKeyRing(tmp_path / "keys")
