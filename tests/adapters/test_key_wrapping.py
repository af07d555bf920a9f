"""Who wraps keys: one suite over the ring itself, a transit engine, and a real one where it is installed."""

from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest

from sekisho.adapters.keyring import FileKeyRing, RingWrapping
from sekisho.errors import KeysUnavailable, SekishoError, WorkspaceError
from sekisho.ports import KeyWrapping
from tests.adapters.vault_world import fake_vault, real_vault

pytestmark = pytest.mark.enable_socket
SECRET = b"0123456789abcdef0123456789ABCDEF"
NAMES = ("master.key", "log.key", "issuer.key")


@pytest.fixture
def fake(tmp_path):
    with fake_vault(tmp_path) as running:
        yield running


@pytest.fixture(params=[fake_vault, real_vault], ids=["fake", "real"])
def vault(request, tmp_path):
    with request.param(tmp_path) as running:
        yield running


@pytest.fixture(params=["file", "fake", "real"])
def wrapping(request, tmp_path):
    if request.param == "file":
        yield RingWrapping(FileKeyRing.create(tmp_path / "own"))
        return
    with {"fake": fake_vault, "real": real_vault}[request.param](tmp_path) as running:
        yield running.wrapping()


def words_of(error):
    """Return all that an error tells anywhere: its chain, its text, its fields."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


# -- the contract ------------------------------------------------------------------------------------


def test_what_was_wrapped_is_unwrapped(wrapping):
    """A secret comes back whole, twice wrapped it looks different each time, and nothing of it shows."""
    port: KeyWrapping = wrapping
    first, second = port.wrap(SECRET, "ring/master.key"), port.wrap(SECRET, "ring/master.key")

    assert port.unwrap(first, "ring/master.key") == port.unwrap(second, "ring/master.key") == SECRET
    assert first != second
    assert SECRET not in first


def test_a_wrapped_secret_is_of_one_use(wrapping):
    """What was wrapped as one thing is not unwrapped as another."""
    wrapped = wrapping.wrap(SECRET, "epoch/2")
    with pytest.raises(KeysUnavailable):
        wrapping.unwrap(wrapped, "epoch/3")


@pytest.mark.parametrize(
    "spoil", [lambda w: w[:-3], lambda w: w[:-4] + b"AAA=", lambda w: b"", lambda w: b"\x00\xff"]
)
def test_a_spoilt_secret_is_refused(wrapping, spoil):
    """Cut, changed, empty or foreign bytes are never unwrapped, and the error quotes none of them."""
    wrapped = wrapping.wrap(SECRET, "epoch/2")
    with pytest.raises(KeysUnavailable) as caught:
        wrapping.unwrap(spoil(wrapped), "epoch/2")
    assert wrapped.decode("latin-1")[-12:] not in words_of(caught.value)


def test_a_wrapping_tells_no_key(wrapping):
    """It cannot be copied where that would copy a key, and elsewhere neither text nor copy holds the token."""
    if isinstance(wrapping, RingWrapping):
        for leave in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                leave(wrapping)
    else:
        token = wrapping._token_file.read_text().strip()
        assert token not in repr(wrapping)
        assert token.encode() not in pickle.dumps(wrapping)


# -- the ring over a provider ------------------------------------------------------------------------


def test_no_secret_rests_on_disk(tmp_path, vault):
    """A ring that a provider wraps leaves no file with a secret, and opens to the same keys."""
    made = FileKeyRing.create(tmp_path / "keys", wrapping=vault.wrapping())
    again = FileKeyRing(tmp_path / "keys", vault.wrapping())

    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["keyring.json"]
    assert made.derive("x") == again.derive("x")
    assert made.verification_key() == again.verification_key()
    assert made.token_public_key() == again.token_public_key()
    assert json.loads((tmp_path / "keys" / "keyring.json").read_text())["version"] == 2


def test_a_ring_in_files_is_wrapped_without_changing_a_key(tmp_path, vault):
    """An existing folder takes a provider: every key stays, the files with secrets go."""
    before = FileKeyRing.create(tmp_path / "keys")
    with pytest.raises(WorkspaceError, match="sekisho keys wrap"):
        FileKeyRing(tmp_path / "keys", vault.wrapping())
    after = FileKeyRing.wrap(tmp_path / "keys", vault.wrapping())

    assert after.derive("pseudonym/a") == before.derive("pseudonym/a")
    assert after.verification_key() == before.verification_key()
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["keyring.json"]
    with pytest.raises(WorkspaceError, match="wrapped by the provider vault"):
        FileKeyRing(tmp_path / "keys")


def test_wrapping_goes_on_where_it_broke_off(tmp_path, vault):
    """Secrets left in the open beside wrapped ones are refused until wrapping is done again."""
    FileKeyRing.create(tmp_path / "keys")
    kept = (tmp_path / "keys" / "master.key").read_bytes()
    FileKeyRing.wrap(tmp_path / "keys", vault.wrapping())
    (tmp_path / "keys" / "master.key").write_bytes(kept)
    with pytest.raises(WorkspaceError, match="in the open"):
        FileKeyRing(tmp_path / "keys", vault.wrapping())

    FileKeyRing.wrap(tmp_path / "keys", vault.wrapping())
    FileKeyRing(tmp_path / "keys", vault.wrapping())


def test_wrapping_that_fails_changes_nothing(tmp_path, vault):
    """A provider that is down while a folder is wrapped leaves the folder as it was."""
    FileKeyRing.create(tmp_path / "keys")
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    vault.seal()
    with pytest.raises(KeysUnavailable):
        FileKeyRing.wrap(tmp_path / "keys", vault.wrapping())
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before


def test_the_provider_rotates_its_own_key(tmp_path, vault):
    """After the provider's key was rotated all is read; wrapped anew, old versions may go."""
    before = FileKeyRing.create(tmp_path / "keys", wrapping=vault.wrapping())
    vault.rotate()
    assert FileKeyRing(tmp_path / "keys", vault.wrapping()).derive("x") == before.derive("x")
    FileKeyRing.wrap(tmp_path / "keys", vault.wrapping())
    vault.forget_old_versions()
    assert FileKeyRing(tmp_path / "keys", vault.wrapping()).derive("x") == before.derive("x")


def test_a_backup_is_worth_nothing_without_the_version_that_wrapped_it(tmp_path, vault):
    """A folder restored from before cannot be opened once the provider has let that version go."""
    FileKeyRing.create(tmp_path / "keys", wrapping=vault.wrapping())
    backup = (tmp_path / "keys" / "keyring.json").read_bytes()
    vault.rotate()
    FileKeyRing.wrap(tmp_path / "keys", vault.wrapping())
    vault.forget_old_versions()
    (tmp_path / "keys" / "keyring.json").write_bytes(backup)
    with pytest.raises(KeysUnavailable):
        FileKeyRing(tmp_path / "keys", vault.wrapping())


# -- faults of the provider ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "says"),
    [("sealed", "unseal"), ("odd", "transit engine"), ("not_json", "did not answer|transit engine"),
     ("redirect", "did not answer|transit engine"), ("quoting", r"keys\.transit_key")],
)  # fmt: skip
def test_a_provider_that_fails_is_told_what_to_look_at(tmp_path, fake, fault, says):
    """Sealed, odd, no vault, pointing elsewhere, repeating what it is asked: told by a sentence without a secret."""
    FileKeyRing.create(tmp_path / "keys", wrapping=fake.wrapping())
    fake.fault = fault
    with pytest.raises(KeysUnavailable, match=says) as caught:
        FileKeyRing(tmp_path / "keys", fake.wrapping())
    words = words_of(caught.value)
    assert fake.token not in words
    assert "vault:v1:" not in words


def test_a_sealed_provider_is_asked_again_once_it_is_unsealed(tmp_path, vault):
    """Sealed, nothing opens, and the sentence says so; unsealed, the same wrapping goes on."""
    wrapping = vault.wrapping()
    before = FileKeyRing.create(tmp_path / "keys", wrapping=wrapping)
    vault.seal()
    with pytest.raises(KeysUnavailable, match="unseal"):
        FileKeyRing(tmp_path / "keys", wrapping)
    vault.unseal()
    assert FileKeyRing(tmp_path / "keys", wrapping).derive("x") == before.derive("x")


@pytest.mark.parametrize("start", [fake_vault, real_vault], ids=["fake", "real"])
def test_a_provider_that_is_gone(tmp_path, start):
    """Nobody at the address: refused, with a sentence that names the setting."""
    with start(tmp_path) as running:
        FileKeyRing.create(tmp_path / "keys", wrapping=running.wrapping())
    with pytest.raises(KeysUnavailable, match=r"keys\.address"):
        FileKeyRing(tmp_path / "keys", running.wrapping())


@pytest.mark.parametrize(
    ("token", "mode", "says"),
    [("another", 0o600, "refuses the token"), ("", 0o600, "holds no token"), ("another", 0o644, "chmod 600"),
     ("two words", 0o600, "holds no token")],
)  # fmt: skip
def test_the_token_is_looked_after(vault, token, mode, says):
    """A wrong token, none, or one that others may read is refused, and never repeated."""
    vault.token_file.write_text(token)
    vault.token_file.chmod(mode)
    with pytest.raises(KeysUnavailable, match=says) as caught:
        vault.wrapping().wrap(SECRET, "x")
    assert not token or token not in words_of(caught.value)


def test_the_token_is_read_at_each_call(vault):
    """An agent that renews the token needs no restart."""
    wrapping = vault.wrapping()
    vault.token_file.write_text("expired")
    with pytest.raises(KeysUnavailable):
        wrapping.wrap(SECRET, "x")
    vault.token_file.write_text(vault.token)
    assert wrapping.unwrap(wrapping.wrap(SECRET, "x"), "x") == SECRET


def test_the_token_stands_in_no_address(fake):
    """It goes in a header, which no log of requests keeps."""
    fake.wrapping().wrap(SECRET, "x")
    (asked,) = fake.asked
    assert fake.token not in asked["path"]
    assert asked["headers"]["X-Vault-Token"] == fake.token


@pytest.mark.parametrize("names", [{"key": "other"}, {"mount": "other"}])
def test_another_key_or_mount(vault, names):
    """A key or mount that the provider does not have is told by the names of the settings."""
    with pytest.raises(SekishoError, match=r"keys\.transit_key and keys\.mount"):
        vault.wrapping(**names).wrap(SECRET, "x")


def test_no_proxy_is_asked(vault, monkeypatch):
    """An environment with proxies and a token of Vault's own changes nothing."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("VAULT_TOKEN", "somebody else's")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    assert vault.wrapping().unwrap(vault.wrapping().wrap(SECRET, "x"), "x") == SECRET
