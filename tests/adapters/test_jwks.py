"""Verification keys in a file: an outside issuer, rotation, and files that must not be used."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt as library_jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from sekisho.adapters.identity import REQUESTER_TYPE, JwksFile, JwtIdentity
from sekisho.errors import Unauthenticated, WorkspaceError
from tests.adapters.token_world import ISSUER, NOW, REQUESTERS, Clock, Rules, b64, part


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _publish(path, *keys, **more):
    """Write a key set the way an operator should: another file renamed over it."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"keys": [{**k.as_dict(private=False), **more} for k in keys]}))
    draft.replace(path)


def _token(key, alg, **claims):
    usual = {"iss": ISSUER, "aud": "sekisho", "sub": "analyst", "exp": NOW + 600}
    header = {"alg": alg, "kid": key.kid, "typ": REQUESTER_TYPE}
    return library_jwt.encode(header, {**usual, **claims}, key, algorithms=[alg])


def test_file_of_keys_for_es256_and_rs256(tmp_path, rsa_key):
    """Tokens of an outside issuer pass under P-256 and RSA keys published in a file."""
    ours = RSAKey.import_key(rsa_key, {"kid": "r1"})
    curve = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()), {"kid": "e1"})
    _publish(tmp_path / "jwks.json", ours, curve)
    rules = Rules(algorithms=("ES256", "RS256"))
    identity = JwtIdentity(rules, JwksFile(tmp_path / "jwks.json"), REQUESTERS, Clock())

    assert identity.requester(_token(ours, "RS256")).name == "analyst"
    assert identity.requester(_token(curve, "ES256")).name == "analyst"
    with pytest.raises(Unauthenticated):
        identity.requester(_token(ours, "PS256"))


def test_hmac_keyed_by_an_rsa_public_key(tmp_path, rsa_key):
    """The classic confusion, HS256 under the published RSA key's text, is refused (CVE-2024-37568)."""
    ours = RSAKey.import_key(rsa_key, {"kid": "r1"})
    _publish(tmp_path / "jwks.json", ours)
    rules = Rules(algorithms=("RS256",))
    identity = JwtIdentity(rules, JwksFile(tmp_path / "jwks.json"), REQUESTERS, Clock())
    pem = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = {"iss": ISSUER, "aud": "sekisho", "sub": "analyst", "exp": NOW + 9}
    text = f"{part({'alg': 'HS256', 'kid': 'r1'})}.{part(claims)}"
    with pytest.raises(Unauthenticated):
        identity.requester(f"{text}.{b64(hmac.new(pem, text.encode(), hashlib.sha256).digest())}")


def test_withdrawn_key_is_withdrawn_at_once(tmp_path):
    """A key taken out of the file fails at the next call, also for tokens seen before; a new one works."""
    path = tmp_path / "jwks.json"
    old = ECKey.generate_key("P-256", {"kid": "old"})
    new = ECKey.generate_key("P-256", {"kid": "new"})
    _publish(path, old)
    identity = JwtIdentity(Rules(algorithms=("ES256",)), JwksFile(path), REQUESTERS, Clock())
    token = _token(old, "ES256")
    identity.requester(token)

    _publish(path, new)
    with pytest.raises(Unauthenticated):
        identity.requester(token)
    assert identity.requester(_token(new, "ES256")).name == "analyst"


@pytest.mark.parametrize("fault", ["gone", "garbage"])
def test_lost_key_file_denies(tmp_path, fault):
    """While the key file cannot be read, nobody is anybody, cached or not; afterwards all is well again."""
    path = tmp_path / "jwks.json"
    key = ECKey.generate_key("P-256", {"kid": "k"})
    _publish(path, key)
    identity = JwtIdentity(Rules(algorithms=("ES256",)), JwksFile(path), REQUESTERS, Clock())
    token = _token(key, "ES256")
    identity.requester(token)

    if fault == "gone":
        path.unlink()
    else:
        path.write_text("{")
    with pytest.raises(Unauthenticated, match="published keys"):
        identity.requester(token)
    _publish(path, key)
    assert identity.requester(token).name == "analyst"


def _bad_sets():
    good = ECKey.generate_key("P-256", {"kid": "k"})
    public, private = good.as_dict(private=False), good.as_dict(private=True)
    small = {"kty": "RSA", "kid": "k", "e": "AQAB", "n": b64(b"\xff" * 128)}
    return {
        "no keys": {"keys": []},
        "a list": [public],
        "not a key": {"keys": ["k"]},
        "private": {"keys": [private]},
        "symmetric": {"keys": [OctKey.import_key("secret" * 8, {"kid": "k"}).as_dict()]},
        "no kid": {"keys": [{**public, "kid": ""}]},
        "one kid twice": {"keys": [public, public]},
        "for encryption": {"keys": [{**public, "use": "enc"}]},
        "for another algorithm": {"keys": [{**public, "alg": "HS256"}]},
        "another curve": {"keys": [{**public, "crv": "P-521"}]},
        "x25519": {"keys": [{"kty": "OKP", "crv": "X25519", "kid": "k", "x": b64(b"1" * 32)}]},
        "small RSA": {"keys": [small]},
        "no point": {"keys": [{**public, "x": b64(b"1" * 32), "y": b64(b"1" * 32)}]},
        "half a key": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k"}]},
    }


@pytest.mark.parametrize("name", list(_bad_sets()))
def test_unfit_key_set_is_refused_at_start(tmp_path, name):
    """A key set with anything but public signature keys stops the service at start."""
    (tmp_path / "jwks.json").write_text(json.dumps(_bad_sets()[name]))
    with pytest.raises(WorkspaceError):
        JwksFile(tmp_path / "jwks.json")


def test_missing_or_huge_key_set_is_refused_at_start(tmp_path):
    """A key set that is not there, or larger than any key set, stops the service at start."""
    with pytest.raises(WorkspaceError, match=r"identity\.jwks"):
        JwksFile(tmp_path / "jwks.json")
    (tmp_path / "jwks.json").write_text(" " * 70_000)
    with pytest.raises(WorkspaceError, match="64 KiB"):
        JwksFile(tmp_path / "jwks.json")
