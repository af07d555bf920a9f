"""A real transit engine: what the documented policy lets a token do, which keys wrap; and the fake one is like it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.errors import KeysUnavailable
from tests.adapters.vault_world import RealVault, Vault, fake_vault, policy, real_vault

pytestmark = pytest.mark.enable_socket
SECRET = b"0123456789abcdef0123456789ABCDEF"


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[RealVault]:
    """A real server."""
    with real_vault(tmp_path) as running:
        yield running


def text(raw: bytes) -> str:
    """Return *raw* as a transit engine takes it."""
    return base64.b64encode(raw).decode()


def test_the_documented_policy_suffices(tmp_path: Path, vault: RealVault) -> None:
    """With it a ring is made, opened, wrapped anew under a new version, and the token renewed."""
    made = FileKeyRing.create(tmp_path / "keys", wrapping=vault.wrapping())
    vault.rotate()
    FileKeyRing.wrap(tmp_path / "keys", vault.wrapping())
    vault.forget_old_versions()
    assert FileKeyRing(tmp_path / "keys", vault.wrapping()).derive("x") == made.derive("x")
    renewed = vault.ask("auth/token/renew-self", {})
    assert (renewed.status_code, renewed.json()["auth"]["renewable"]) == (200, True)


@pytest.mark.parametrize(
    "path",
    [
        "transit/keys/sekisho/rotate", "transit/keys/sekisho/config", "transit/keys/other", "transit/rewrap/sekisho",
        "transit/encrypt/other", "transit/decrypt/other", "transit/datakey/plaintext/sekisho", "transit/restore",
        "auth/token/create", "sys/policies/acl/sekisho", "sys/seal", "sys/mounts/other",
    ],
)  # fmt: skip
def test_the_documented_policy_gives_no_more(vault: RealVault, path: str) -> None:
    """Neither another key, nor a change of this one, nor rights of any other kind."""
    body = {"plaintext": text(SECRET), "min_decryption_version": 1, "policy": "", "type": "transit"}
    assert vault.ask(path, body).status_code == 403


def test_a_misspelt_key_is_not_made(vault: RealVault) -> None:
    """Transit makes a key that it is asked to encrypt with, for whoever may ``create``; the documented may not."""
    of_all = policy().replace("/sekisho", "/*")
    for rules in (policy(), of_all):
        vault.token_file.write_text(vault.new_token(rules))
        with pytest.raises(KeysUnavailable, match=r"keys\.transit_key"):
            vault.wrapping("misspelt").wrap(SECRET, "x")
    vault.token_file.write_text(vault.new_token(of_all.replace('"update"', '"create", "update"')))
    vault.wrapping("misspelt").wrap(SECRET, "x")


def test_a_revoked_token(vault: RealVault) -> None:
    """Refused as soon as it is revoked; with another in its file the same wrapping goes on."""
    wrapping = vault.wrapping()
    wrapped = wrapping.wrap(SECRET, "x")
    vault.manage("auth/token/revoke", {"token": vault.token})
    with pytest.raises(KeysUnavailable, match="refuses the token") as caught:
        wrapping.unwrap(wrapped, "x")
    assert vault.token not in str(caught.value)
    vault.token_file.write_text(vault.new_token(policy()))
    assert wrapping.unwrap(wrapped, "x") == SECRET


def test_a_token_that_may_wrap_alone(vault: RealVault) -> None:
    """Half of the policy does half of the work."""
    vault.token_file.write_text(vault.new_token('path "transit/encrypt/sekisho" { capabilities = ["update"] }'))
    wrapped = vault.wrapping().wrap(SECRET, "x")
    with pytest.raises(KeysUnavailable, match="refuses the token"):
        vault.wrapping().unwrap(wrapped, "x")


@pytest.mark.parametrize("kind", ["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305"])
def test_keys_that_wrap(vault: RealVault, kind: str) -> None:
    """Every type with associated data does."""
    vault.manage("transit/keys/another", {"type": kind})
    vault.token_file.write_text(vault.new_token(policy().replace("/sekisho", "/another")))
    wrapping = vault.wrapping("another")
    wrapped = wrapping.wrap(SECRET, "x")
    assert wrapping.unwrap(wrapped, "x") == SECRET
    with pytest.raises(KeysUnavailable, match="does not unwrap this"):
        wrapping.unwrap(wrapped, "y")


@pytest.mark.parametrize("made", [{"type": "rsa-2048"}, {"type": "ecdsa-p256"}, {"derived": True}])
def test_keys_that_do_not_wrap(vault: RealVault, made: dict[str, object]) -> None:
    """A key that cannot bind a secret to its use, or wants a context, is refused by a sentence on its type."""
    vault.manage("transit/keys/another", made)
    vault.token_file.write_text(vault.new_token(policy().replace("/sekisho", "/another")))
    with pytest.raises(KeysUnavailable, match="aes256-gcm96, and not a derived one"):
        vault.wrapping("another").wrap(SECRET, "x")


def answers(vault: Vault) -> list[tuple[int, object]]:
    """Return status, and errors or names of what is told, for all that a wrapping may come to ask."""
    told: list[tuple[int, object]] = []

    def ask(path: str, body: dict[str, str], token: str | None = None) -> str:
        answer = vault.ask(path, body, token=token)
        held = answer.json()
        told.append((answer.status_code, held.get("errors") or sorted(held["data"])))
        return str(held.get("data", {}).get("ciphertext"))

    plain = {"plaintext": text(SECRET), "associated_data": text(b"x")}
    wrapped = ask("transit/encrypt/sekisho", plain)
    spoilt: list[Callable[[str], str]] = [
        lambda w: w,
        lambda w: w[:-3],
        lambda w: w[:-4] + "AAA=",
        lambda w: "vault:v1:",
        lambda w: "vault:v1:AAAA",
        lambda w: "vault:v1:" + text(bytes(20)),
        lambda w: w.replace(":v1:", ":v0:"),
        lambda w: w.replace(":v1:", ":v2:"),
        lambda w: w.replace(":v1:", ":vx:"),
    ]
    for spoil in spoilt:
        ask("transit/decrypt/sekisho", {"ciphertext": spoil(wrapped), "associated_data": text(b"x")})
    ask("transit/decrypt/sekisho", {"ciphertext": wrapped, "associated_data": text(b"y")})
    for path in ("transit/encrypt/other", "transit/decrypt/other", "other/encrypt/sekisho"):
        ask(path, plain | {"ciphertext": wrapped})
    ask("transit/encrypt/sekisho", plain, "another")
    vault.rotate()
    newer = ask("transit/encrypt/sekisho", plain)
    vault.forget_old_versions()
    for each in (wrapped, newer):
        ask("transit/decrypt/sekisho", {"ciphertext": each, "associated_data": text(b"x")})
    vault.seal()
    ask("transit/encrypt/sekisho", plain)
    vault.unseal()
    ask("transit/encrypt/sekisho", plain)
    return told


def test_the_fake_one_answers_like_it(tmp_path: Path, vault: RealVault) -> None:
    """In status and words, whatever a wrapping may ask, right or wrong."""
    (tmp_path / "fake").mkdir()
    with fake_vault(tmp_path / "fake") as fake:
        assert answers(fake) == answers(vault)
