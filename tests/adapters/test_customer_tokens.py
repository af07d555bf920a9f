"""Bearer tokens of the customers' identity provider, apart from those of services."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.adapters.identity import EmbeddedIssuer, EmbeddedKeys, JwtIdentity
from sekisho.adapters.identity.jwks import VerificationKey, key_set
from sekisho.adapters.identity.oidc import CustomerTokens, SeparateIdentity
from sekisho.errors import Unauthenticated
from sekisho.ports import DataSubjectRef
from tests.adapters.oidc_world import KEY, MARIKO, OTHER
from tests.adapters.token_world import NOW, REQUESTERS, Clock, Keys, Rules, changed

ISSUER = "https://login.shop.example"


class OwnKeys:
    """The provider's key, as a file would hold it."""

    def current(self) -> tuple[object, dict[str, VerificationKey]]:
        """Return the keys."""
        return 0, key_set({"keys": [KEY.jwk()]})


def bearer(header: dict[str, object] | None = None, **claims: object) -> str:
    good = {
        "iss": ISSUER, "aud": "sekisho:privacy", "sub": "0815", "iat": NOW, "exp": NOW + 300,
        "email": "mariko@shop.example", "email_verified": True,
    }  # fmt: skip
    return KEY.signed(header or {}, changed(good, claims))


def tokens(**more: Any) -> CustomerTokens:
    settings = {"issuer": ISSUER, "audience": "sekisho:privacy", "keys": OwnKeys(), "clock": Clock(), **more}
    return CustomerTokens(**settings)


def test_a_bearer_token_of_the_customers_provider_names_the_customer():
    """Its verified address, or the claim that is configured."""
    assert tokens().data_subject(bearer()) == MARIKO
    assert tokens().data_subject(bearer({"typ": "at+jwt"})) == MARIKO
    named = tokens(identifier_claim="customer_id").data_subject(bearer(customer_id="17850"))
    assert named == DataSubjectRef("customer_id", "17850")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        bearer(iss="https://evil.example"),
        bearer(aud="sekisho"),
        bearer(aud=["sekisho:privacy", "sekisho"]),
        bearer(exp=NOW - 61),
        bearer(exp=...),
        bearer(exp=10**30),
        bearer(sub=...),
        bearer(email_verified=False),
        bearer(nbf=NOW + 3600),
        bearer({"kid": "k2"}),
        bearer({"alg": "none"}),
        bearer({"jwk": KEY.jwk()}),
        OTHER.signed({"kid": "k1"}, {"iss": ISSUER}),
        "é" * 10,
        "x" * 70_000,
    ],
    ids=range(18),
)
def test_a_bearer_token_that_is_wrong_in_one_thing_names_nobody(token):
    """Issuer, audience, time, key, form and address each have to be right."""
    with pytest.raises(Unauthenticated) as refused:
        tokens().data_subject(token)
    assert "shop.example" not in refused.value.detail


def test_services_and_customers_have_issuers_apart():
    """A token of one issuer is nothing where the other's is asked for."""
    keys, clock = Keys(), Clock()
    identity = JwtIdentity(Rules(), EmbeddedKeys(keys.token_public_key()), REQUESTERS, clock)
    issuer = EmbeddedIssuer(keys, Rules(), REQUESTERS, clock)
    both = SeparateIdentity(identity, tokens())

    assert both.requester(issuer.requester_token("recommender")) == REQUESTERS["recommender"]
    assert both.data_subject(bearer()) == MARIKO
    for refused in (bearer(), issuer.data_subject_token("customer_id:17850")):
        with pytest.raises(Unauthenticated):
            both.requester(refused)
    for refused in (issuer.requester_token("recommender"), issuer.data_subject_token("customer_id:17850")):
        with pytest.raises(Unauthenticated):
            both.data_subject(refused)
