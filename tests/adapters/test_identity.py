"""Tokens: what passes, and the long list of what must not."""

from __future__ import annotations

import base64
import hmac
import json
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jwt as library_jwt
from joserfc.jwk import OKPKey

from sekisho.adapters.identity import DATA_SUBJECT_TYPE, EmbeddedIssuer, EmbeddedKeys, JwtIdentity
from sekisho.errors import InvalidRequest, NotFound, Unauthenticated
from tests.adapters.token_world import ISSUER, NOW, REQUESTERS, START, Clock, Keys, Rules, World, b64, part


@pytest.fixture
def world() -> World:
    keys, clock = Keys(), Clock()
    return World(
        keys,
        clock,
        EmbeddedIssuer(keys, Rules(), REQUESTERS, clock),
        JwtIdentity(Rules(), EmbeddedKeys(keys.token_public_key()), REQUESTERS, clock),
    )


def test_requester_token_round_trip(world):
    """A token of the embedded issuer names its requester, with the purposes of the registration."""
    token = world.issuer.requester_token("recommender", 60)

    assert world.identity.requester(token) == REQUESTERS["recommender"]


def test_data_subject_token_round_trip(world):
    """A customer's token names the customer, whose value no repr shows."""
    who = world.identity.data_subject(world.issuer.data_subject_token("customer_id:17850", 60))

    assert (who.identifier, who.value) == ("customer_id", "17850")
    assert "17850" not in repr(who)


def test_library_reads_our_tokens(world):
    """An embedded token is a plain JWT: another implementation verifies it with the published key."""
    key = OKPKey.import_key(world.keys.private)
    token = world.issuer.requester_token("recommender")
    with pytest.warns(UserWarning, match="EdDSA"):
        read = library_jwt.decode(token, key, algorithms=["EdDSA"])

    assert read.claims["sub"] == "recommender"
    assert read.claims["exp"] - read.claims["iat"] == 3600


def _hs256_with_public_key(w: World) -> str:
    text = f"{part(w.header(alg='HS256'))}.{part(w.claims())}"
    return f"{text}.{b64(hmac.digest(w.keys.token_public_key(), text.encode(), 'sha256'))}"


def _other_key(w: World) -> str:
    text = f"{part(w.header())}.{part(w.claims())}"
    return f"{text}.{b64(Keys().sign_token(text.encode()))}"


def _with_own_key(w: World) -> str:
    mine = Keys()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(mine.token_public_key())}
    text = f"{part(w.header(jwk=jwk))}.{part(w.claims())}"
    return f"{text}.{b64(mine.sign_token(text.encode()))}"


def _claims(**changes):
    return lambda w: w.signed(w.header(), w.claims(**changes))


def _header(**changes):
    return lambda w: w.signed(w.header(**changes), w.claims())


BAD_TOKENS = {
    "expired": _claims(exp=NOW - 1),
    "expires this second": _claims(exp=NOW),
    "expiry missing": _claims(exp=...),
    "expiry null": _claims(exp=None),
    "expiry a text": _claims(exp="9999999999"),
    "expiry a boolean": _claims(exp=True),
    "expiry infinite": _claims(exp=float("inf")),
    "expiry beyond all reason": _claims(exp=10**30),
    "expiry more than a year ahead": _claims(exp=NOW + 366 * 86_400 + 1),
    "expiry not a number": _claims(exp=float("nan")),
    "not before, in the future": _claims(nbf=NOW + 60),
    "not before, a text": _claims(nbf="soon"),
    "issued in the future": _claims(iat=NOW + 60),
    "wrong issuer": _claims(iss="https://other.example"),
    "issuer with a slash more": _claims(iss=ISSUER + "/"),
    "issuer missing": _claims(iss=...),
    "issuer a list": _claims(iss=[ISSUER]),
    "wrong audience": _claims(aud="another-service"),
    "audience in other case": _claims(aud="Sekisho"),
    "audience missing": _claims(aud=...),
    "audience of several": _claims(aud=["sekisho", "another-service"]),
    "audience of requesters and customers": _claims(aud=["sekisho", "sekisho:customers"]),
    "audience empty": _claims(aud=[]),
    "audience nested": _claims(aud=[["sekisho"]]),
    "subject missing": _claims(sub=...),
    "subject empty": _claims(sub=""),
    "subject a number": _claims(sub=17850),
    "subject a list": _claims(sub=["recommender"]),
    "subject not registered": _claims(sub="stranger"),
    "subject with white space": _claims(sub="recommender "),
    "subject a customer": _claims(sub="customer_id:17850"),
    "audience of customers": _claims(aud="sekisho:customers"),
    "claims a list": lambda w: w.signed(w.header(), ["recommender"]),
    "claims not JSON": lambda w: w.sealed(part(w.header()), b64(b"{")),
    "claims nested deep": lambda w: w.sealed(part(w.header()), b64(b"[" * 5000)),
    "alg none": lambda w: f"{part(w.header(alg='none'))}.{part(w.claims())}.AA",
    "alg none, no signature": lambda w: f"{part(w.header(alg='none'))}.{part(w.claims())}.",
    "alg None in other case": _header(alg="NONE"),
    "alg missing": _header(alg=...),
    "alg a list": _header(alg=["EdDSA"]),
    "alg an object": _header(alg={"EdDSA": 1}),
    "alg HS256 keyed by the public key": _hs256_with_public_key,
    "alg of another kind of key": _header(alg="RS256"),
    "alg not in the workspace": _header(alg="Ed25519"),
    "kid missing": _header(kid=...),
    "kid unknown": _header(kid="another"),
    "kid a path": _header(kid="../../../dev/null"),
    "kid a number": _header(kid=1),
    "kid a list": _header(kid=["a"]),
    "critical extension": _header(crit=["exp"]),
    "unencoded payload": _header(b64=False, crit=["b64"]),
    "key address": _header(jku="https://issuer.example/jwks.json"),
    "certificate address": _header(x5u="https://issuer.example/cert.pem"),
    "certificate inside": _header(x5c=["MIIB"]),
    "key inside": _with_own_key,
    "unknown header member": _header(admin=True),
    "typ of customers": _header(typ=DATA_SUBJECT_TYPE),
    "typ of another thing": _header(typ="logout+jwt"),
    "typ a list": _header(typ=["JWT"]),
    "header a list": lambda w: w.signed(["EdDSA"], w.claims()),
    "header member twice": lambda w: w.sealed(
        b64(json.dumps(w.header())[:-1].encode() + b',"alg":"EdDSA"}'), part(w.claims())
    ),
    "header nested deep": lambda w: w.sealed(b64(b"[" * 5000), part(w.claims())),
    "signature of another key": _other_key,
    "signature cut": lambda w: w.signed(w.header(), w.claims())[:-4],
    "signature one bit off": lambda w: _flip(w.signed(w.header(), w.claims())),
    "padded": lambda w: w.signed(w.header(), w.claims()) + "==",
    "white space before": lambda w: " " + w.signed(w.header(), w.claims()),
    "newline after": lambda w: w.signed(w.header(), w.claims()) + "\n",
    "four parts": lambda w: w.signed(w.header(), w.claims()) + ".AA",
    "five parts (encrypted)": lambda w: "e30.AA.AA.AA.AA",
    "two parts": lambda w: w.signed(w.header(), w.claims()).rsplit(".", 1)[0],
    "empty": lambda w: "",
    "dots": lambda w: "..",
    "garbage": lambda w: "not-a-token",
    "not ASCII": lambda w: "関所.関所.関所",
    "a lone surrogate": lambda w: "\ud800.a.b",
    "huge": lambda w: w.signed(w.header(), w.claims(note="x" * 9000)),
    "a megabyte of dots": lambda w: "." * 1_000_000,
    "the word Bearer": lambda w: "Bearer " + w.signed(w.header(), w.claims()),
    "a customer's token": lambda w: w.issuer.data_subject_token("customer_id:17850"),
}


def _flip(token: str) -> str:
    body, signature = token.rsplit(".", 1)
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[10] ^= 1
    return f"{body}.{b64(bytes(raw))}"


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_token_is_refused(world, name):
    """No malformed, forged, misdirected or outdated token names a requester, nor is any of it repeated."""
    token = BAD_TOKENS[name](world)
    with pytest.raises(Unauthenticated) as caught:
        world.identity.requester(token)

    told = "".join(traceback.format_exception(caught.value))
    assert caught.value.code == "unauthenticated"
    assert caught.value.__cause__ is None
    for piece in token.split("."):
        assert len(piece) < 12 or piece not in told


def test_table_starts_from_a_good_token(world):
    """The token from which the bad ones are made is accepted, so that each is refused for its own fault."""
    assert world.identity.requester(world.signed(world.header(), world.claims())).name == "recommender"


@pytest.mark.parametrize("changes", [{"typ": "JWT"}, {"typ": ...}, {"x5t": "AAAA"}, {"cty": "JWT"}])
def test_header_of_common_issuers_is_accepted(world, changes):
    """Issuers that type access tokens as JWT, or not at all, are understood."""
    token = world.signed(world.header(**changes), world.claims())

    assert world.identity.requester(token).name == "recommender"


def test_single_audience_in_a_list_is_accepted(world):
    """A list of exactly our audience is the same statement as our audience."""
    token = world.signed(world.header(), world.claims(aud=["sekisho"]))

    assert world.identity.requester(token).name == "recommender"


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({}, {}),
        ({"typ": "JWT"}, {}),
        ({"typ": ...}, {}),
        ({"typ": DATA_SUBJECT_TYPE}, {"aud": "sekisho"}),
        ({"typ": DATA_SUBJECT_TYPE}, {"sub": "17850"}),
        ({"typ": DATA_SUBJECT_TYPE}, {"sub": "pseudonym:abc"}),
        ({"typ": DATA_SUBJECT_TYPE}, {"sub": "customer_id:"}),
        ({"typ": DATA_SUBJECT_TYPE}, {"sub": "customer_id:1\n2"}),
        ({"typ": DATA_SUBJECT_TYPE}, {"sub": "Customer-Id:1"}),
        ({"typ": DATA_SUBJECT_TYPE}, {"sub": "customer_id:" + "1" * 257}),
        ({"typ": DATA_SUBJECT_TYPE}, {"exp": NOW - 1}),
        ({"typ": DATA_SUBJECT_TYPE}, {"aud": ["sekisho", "sekisho:customers"]}),
    ],
)
def test_bad_customer_token_is_refused(world, header, claims):
    """A customer is named only by a token of the customers' type and audience, as TYPE:VALUE."""
    usual = {"aud": "sekisho:customers", "sub": "customer_id:17850"}
    token = world.signed(world.header(**header), world.claims(**{**usual, **claims}))
    with pytest.raises(Unauthenticated):
        world.identity.data_subject(token)


def test_requester_is_no_customer(world):
    """A requester's token never opens a customer's session, even when its audience check was cached."""
    token = world.issuer.requester_token("recommender")
    world.identity.requester(token)
    with pytest.raises(Unauthenticated):
        world.identity.data_subject(token)


def test_cached_token_still_expires(world):
    """A remembered token is refused from the second in which it expires."""
    token = world.issuer.requester_token("recommender", 60)
    world.identity.requester(token)
    world.clock.at = START + timedelta(seconds=59)
    assert world.identity.requester(token).name == "recommender"

    world.clock.at = START + timedelta(seconds=60)
    with pytest.raises(Unauthenticated, match="expired"):
        world.identity.requester(token)


def test_cache_is_used_and_bounded(world, monkeypatch):
    """A token is verified once, and old ones are forgotten when many are seen."""
    from sekisho.adapters.identity import tokens

    monkeypatch.setattr(tokens, "_MAX_CACHED", 3)
    seen = [world.issuer.requester_token("recommender") for _ in range(5)]
    for token in seen:
        world.identity.requester(token)
    assert len(world.identity._cache) == 3

    monkeypatch.setattr(library_jwt, "decode", lambda *a, **k: pytest.fail("verified again"))
    assert world.identity.requester(seen[-1]).name == "recommender"


def test_refused_token_is_not_cached(world):
    """A flood of bad tokens leaves nothing behind."""
    with pytest.raises(Unauthenticated):
        world.identity.requester(_other_key(world))

    assert len(world.identity._cache) == 0


def test_key_verifies_its_own_algorithm_only(world):
    """An algorithm on the workspace's list is refused for a key that was published for another."""
    rules = Rules(algorithms=("EdDSA", "Ed25519"))
    keys = EmbeddedKeys(world.keys.token_public_key())  # published for EdDSA
    identity = JwtIdentity(rules, keys, REQUESTERS, world.clock)

    assert identity.requester(world.signed(world.header(), world.claims())).name == "recommender"
    with pytest.raises(Unauthenticated, match="algorithm"):
        identity.requester(world.signed(world.header(alg="Ed25519"), world.claims()))


def test_equal_audiences_are_refused():
    """Requesters and customers can never share an audience."""
    keys = EmbeddedKeys(Keys().token_public_key())
    with pytest.raises(ValueError, match="audiences"):
        JwtIdentity(Rules(customer_audience="sekisho"), keys, REQUESTERS, Clock())


def test_issuer_refuses_what_it_should_not_sign(world):
    """The embedded issuer signs for registered requesters, named customers and a day at most."""
    with pytest.raises(NotFound, match="did you mean recommender"):
        world.issuer.requester_token("recomender")
    with pytest.raises(InvalidRequest):
        world.issuer.data_subject_token("17850")
    with pytest.raises(InvalidRequest):
        world.issuer.data_subject_token("pseudonym:abc")
    for ttl in (0, -1, 86_401):
        with pytest.raises(InvalidRequest):
            world.issuer.requester_token("recommender", ttl)


def test_demonstration_end_to_end(tmp_path):
    """With the demonstration's settings and a real key ring, every requester gets in under its own name."""
    import sekisho
    from sekisho.adapters.clock import SystemClock
    from sekisho.adapters.identity import TokenRules
    from sekisho.adapters.keyring import FileKeyRing
    from sekisho.ports import IdentityProvider
    from sekisho.settings import load

    settings = load(Path(sekisho.__file__).parent / "demo")
    rules: TokenRules = settings.identity
    ring, clock, known = FileKeyRing.create(tmp_path / "keys"), SystemClock(), settings.catalogue.requesters
    issuer = EmbeddedIssuer(ring, rules, known, clock)
    identity: IdentityProvider = JwtIdentity(rules, EmbeddedKeys(ring.token_public_key()), known, clock)

    for name in known:
        assert identity.requester(issuer.requester_token(name)) == known[name]
    assert identity.data_subject(issuer.data_subject_token("customer_id:17850")).value == "17850"
