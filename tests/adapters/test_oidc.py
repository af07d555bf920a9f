"""OpenID Connect against a real, small provider: what signs in, and what must not."""

from __future__ import annotations

import pytest

from sekisho.adapters.identity.jwks import VerificationKey, key_set
from sekisho.errors import Unauthenticated
from sekisho.ports import DataSubjectRef
from tests.adapters.oidc_world import KEY, MARIKO, OTHER, VERIFIER, RsaKey, browsers, running_idp
from tests.adapters.token_world import NOW, Clock

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def idp():
    with running_idp() as provider:
        yield provider


@pytest.fixture
async def open_browser(idp):
    async with browsers(idp) as opened:
        yield opened


async def test_who_signs_in_is_the_verified_address(idp, open_browser):
    """The whole way: discovery, login, code, ID token; the person is the hash of the verified address."""
    assert await open_browser().person() == MARIKO
    assert "/keys" in idp.asked


async def test_another_claim_can_say_who_it_is(idp, open_browser):
    """A provider that knows the stores' own identifier says it in a claim, and no address is needed."""
    idp.claims = {"email_verified": False, "email": ...}
    assert await open_browser(identifier_claim="customer_id").person() == DataSubjectRef("customer_id", "17850")
    for odd in (True, 1.5, "", "a b", None, ["1"], "x" * 300):
        idp.claims = {"customer_id": odd}
        with pytest.raises(Unauthenticated):
            await open_browser(identifier_claim="customer_id").person()


async def test_a_client_proves_itself_as_the_provider_wants(idp, open_browser):
    """By Basic, by the form, or, without a secret, by PKCE alone; a wrong secret signs nobody in."""
    assert await open_browser().person() == MARIKO
    idp.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert await open_browser().person() == MARIKO
    with pytest.raises(Unauthenticated):
        await open_browser(client_secret="wrong").person()
    idp.secret, idp.document = None, {}
    assert await open_browser(client_secret=None).person() == MARIKO


async def test_a_code_is_good_once_and_with_its_own_verifier(idp, open_browser):
    """A code stolen without the verifier, and one used again, sign nobody in."""
    browser = open_browser()
    code = await browser.code()
    with pytest.raises(Unauthenticated):
        await browser.provider.person(code=code, nonce="n1", verifier="w" * 43)
    code = await browser.code()
    await browser.provider.person(code=code, nonce="n1", verifier=VERIFIER)
    with pytest.raises(Unauthenticated) as refused:
        await browser.provider.person(code=code, nonce="n1", verifier=VERIFIER)
    assert "mariko" not in refused.value.detail


WRONG_CLAIMS: dict[str, dict[str, object]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": ...},
    "another audience": {"aud": "other"},
    "two audiences": {"aud": ["sekisho", "other"]},
    "no audience": {"aud": ...},
    "another party": {"azp": "other"},
    "expired": {"exp": NOW - 61},
    "no expiry": {"exp": ...},
    "an expiry beyond all reason": {"exp": 10**30},
    "an expiry that is no number": {"exp": "later"},
    "made tomorrow": {"iat": NOW + 86_400},
    "made long ago": {"iat": NOW - 601},
    "no time": {"iat": ...},
    "not yet": {"nbf": NOW + 3600},
    "another nonce": {"nonce": "n2"},
    "no nonce": {"nonce": ...},
    "a nonce that is no text": {"nonce": 1},
    "no subject": {"sub": ...},
    "address not verified": {"email_verified": False},
    "address perhaps verified": {"email_verified": "true"},
    "nothing said of the address": {"email_verified": ...},
    "no address": {"email": ...},
    "an address that is none": {"email": "mariko"},
    "an address that looks like it": {"email": "mari\u212ao@shop.example"},
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
async def test_one_wrong_claim_signs_nobody_in(idp, open_browser, name):
    """An ID token that is wrong in one claim is refused, in a sentence that says nothing of it."""
    idp.claims = WRONG_CLAIMS[name]
    with pytest.raises(Unauthenticated) as refused:
        await open_browser().person()
    assert refused.value.detail == "The sign-in at the identity provider is not valid; begin again."


async def test_only_the_providers_keys_sign(idp, open_browser):
    """Another key under the same name, another algorithm and another type are refused."""
    idp.key = RsaKey("k1")
    with pytest.raises(Unauthenticated):
        await open_browser().person()
    idp.key = KEY
    for header in ({"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256"}, {"typ": "at+jwt"}, {"kid": ...}):
        idp.header = header
        with pytest.raises(Unauthenticated):
            await open_browser().person()
    idp.header = {}
    with pytest.raises(Unauthenticated):
        await open_browser(algorithms=("EdDSA",)).person()


async def test_pinned_keys_count_instead_of_published_ones(idp, open_browser):
    """With a key set of the workspace's own, what the provider publishes signs nobody in."""

    class Pinned:
        def current(self) -> tuple[object, dict[str, VerificationKey]]:
            return 0, key_set({"keys": [OTHER.jwk()]})

    with pytest.raises(Unauthenticated):
        await open_browser(keys=Pinned()).person()
    idp.key = OTHER
    assert await open_browser(keys=Pinned()).person() == MARIKO
    assert "/keys" not in idp.asked


async def test_a_new_key_is_fetched_and_an_unknown_one_not_over_and_over(idp, open_browser):
    """A rotated key is found within a minute; tokens of unknown keys do not make us hammer the provider."""

    class Ticking(Clock):
        seconds = 0.0

        def monotonic(self) -> float:
            return self.seconds

    clock = Ticking()
    browser = open_browser(clock=clock)
    await browser.person()
    idp.key = OTHER
    idp.published = [KEY.jwk(), OTHER.jwk()]
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await browser.person()
    assert idp.asked.count("/keys") == 1
    clock.seconds = 61.0
    assert await browser.person() == MARIKO
    assert idp.asked.count("/keys") == 2


async def test_keys_to_encrypt_with_are_no_hindrance(idp, open_browser):
    """Providers publish keys of other kinds beside those that sign; they are passed over."""
    other = {**OTHER.jwk(), "use": "enc", "alg": "RSA-OAEP"}
    idp.published = [other, {"kty": "EC", "crv": "P-521", "kid": "x"}, "nonsense", KEY.jwk()]
    assert await open_browser().person() == MARIKO
    idp.published = [other]
    with pytest.raises(Unauthenticated):
        await open_browser().person()


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": ...},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "https://user@evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ...},
        {"authorization_endpoint": ["https://login.shop.example"]},
        {"authorization_endpoint": "https://[evil"},
    ],
)
async def test_a_document_of_somebody_else_leads_nowhere(idp, open_browser, document):
    """The document has to name the issuer letter by letter, and every address needs TLS or our own machine."""
    idp.document = document
    with pytest.raises(Unauthenticated):
        await open_browser().provider.authorization_url(state="s", nonce="n", challenge="c")


@pytest.mark.parametrize(
    "answer",
    [b"<html>", [1], {"id_token": 1}, {"access_token": "a"}, b"[" * 60_000, b"{" + b" " * 70_000 + b"}"],
    ids=range(6),
)
async def test_an_answer_that_is_none_signs_nobody_in(idp, open_browser, answer):
    """What is no JSON object, has no ID token, or is far too long is refused without a word of it."""
    idp.answer = answer
    with pytest.raises(Unauthenticated):
        await open_browser().person()


async def test_an_answer_that_is_far_too_long_signs_nobody_in(idp, open_browser):
    """What is right but has no end in sight is not read to its end."""
    idp.padding = "x" * 50_000
    assert await open_browser().person() == MARIKO
    idp.padding = "x" * 70_000
    with pytest.raises(Unauthenticated):
        await open_browser().person()


async def test_a_provider_that_is_away_signs_nobody_in(open_browser):
    """Nobody there is a refusal that names the other way in."""
    with pytest.raises(Unauthenticated, match="link by mail"):
        await open_browser(issuer="http://127.0.0.1:1").provider.authorization_url(
            state="s", nonce="n", challenge="c"
        )
