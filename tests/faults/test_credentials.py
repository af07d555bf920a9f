"""Who is not known for sure gets nothing: forged, expired, misdirected credentials, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from tests.gateway.site import Site

from sekisho.adapters.identity.jwks import key_id_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = {"purpose": "recommendation", "sql": "SELECT stock_code FROM pos.order_lines"}


def _part(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def token(site: Site, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Return a token of the recommender, signed by the real issuer's key; ``None`` takes a claim away."""
    keys = site.workspace.keys
    rules = site.workspace.settings.identity
    now = int(site.workspace.clock.now().timestamp())
    body = {"iss": rules.issuer, "aud": rules.audience, "sub": "recommender", "iat": now, "exp": now + 600}
    body = {name: value for name, value in {**body, **claims}.items() if value is not None}
    kept = {"alg": "EdDSA", "kid": key_id_of(keys.token_public_key()), "typ": "at+jwt", **(header or {})}
    signed = f"{_part(kept)}.{_part(body)}"
    algorithm = kept["alg"]
    if algorithm == "none":
        return f"{signed}."
    if algorithm == "HS256":  # the public key as a shared secret (RFC 8725, 2.1)
        mac = hmac.digest(keys.token_public_key(), signed.encode(), hashlib.sha256)
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    signature = base64.urlsafe_b64encode(keys.sign_token(signed.encode())).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def _now(site: Site) -> int:
    return int(site.workspace.clock.now().timestamp())


async def test_the_token_that_the_others_are_changed_from_is_accepted(shared: Site) -> None:
    """So each refusal below is about the one thing that differs."""
    headers = {"Authorization": f"Bearer {token(shared)}"}
    assert (await shared.client.post("/v1/query", json=BODY, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "case",
    [
        "expired", "no exp", "not yet", "wrong audience", "two audiences", "no audience", "customers' audience",
        "wrong issuer", "no issuer", "no subject", "unknown subject", "alg none", "alg HS256", "alg lower case none",
        "unknown key", "key in the header", "customer", "another type", "changed claim", "no signature", "empty",
        "not a token", "no scheme", "basic", "twice", "long",
    ],
)  # fmt: skip
async def test_a_credential_that_is_not_right_gets_one_uniform_no(shared: Site, case: str) -> None:
    """401 with the same words for each fault, no row, no release."""
    good = token(shared)
    now = _now(shared)
    issuer = shared.workspace.issuer
    assert issuer is not None
    customers = shared.workspace.settings.identity.customer_audience
    other = "elsewhere"
    forged = {
        "expired": lambda: token(shared, exp=now - 1),
        "no exp": lambda: token(shared, exp=None),
        "not yet": lambda: token(shared, nbf=now + 600),
        "wrong audience": lambda: token(shared, aud=other),
        "two audiences": lambda: token(shared, aud=["sekisho", other]),
        "no audience": lambda: token(shared, aud=None),
        "customers' audience": lambda: token(shared, aud=customers),
        "wrong issuer": lambda: token(shared, iss="https://elsewhere.example"),
        "no issuer": lambda: token(shared, iss=None),
        "no subject": lambda: token(shared, sub=None),
        "unknown subject": lambda: token(shared, sub="nobody"),
        "alg none": lambda: token(shared, header={"alg": "none"}),
        "alg HS256": lambda: token(shared, header={"alg": "HS256"}),
        "alg lower case none": lambda: token(shared, header={"alg": "nOnE"}),
        "unknown key": lambda: token(shared, header={"kid": "another"}),
        "key in the header": lambda: token(shared, header={"jwk": {"kty": "OKP"}}),
        "customer": lambda: issuer.data_subject_token("customer_id:12347"),
        "another type": lambda: token(shared, header={"typ": "sekisho-data-subject+jwt"}),
        "changed claim": lambda: _swapped(good, sub="fraud_team"),
        "no signature": lambda: good.rpartition(".")[0] + ".",
        "empty": lambda: "",
        "not a token": lambda: "recommender",
        "long": lambda: good + "A" * 10_000,
    }
    credential = forged[case]() if case in forged else good
    headers: list[tuple[str, str]] = [("Authorization", f"Bearer {credential}")]
    if case == "no scheme":
        headers = [("Authorization", good)]
    elif case == "basic":
        headers = [("Authorization", f"Basic {good}")]
    elif case == "twice":
        headers *= 2
    response = await shared.client.post("/v1/query", json=BODY, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    body = response.json()
    missing = (await shared.client.post("/v1/query", json=BODY)).json()
    assert body.pop("trace_id") != missing.pop("trace_id")
    assert body == missing
    assert body["code"] == "unauthenticated"


def _swapped(good: str, **claims: Any) -> str:
    header, body, signature = good.split(".")
    members = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{header}.{_part({**members, **claims})}.{signature}"


async def test_a_token_ends_when_it_says_so(shared: Site) -> None:
    """A token that was accepted, and is remembered, is refused from the second of its ``exp`` on."""
    credential = token(shared, exp=_now(shared) + 1)
    headers = {"Authorization": f"Bearer {credential}"}
    first = await shared.client.post("/v1/query:explain", json=BODY, headers=headers)
    await asyncio.sleep(1.1)
    second = await shared.client.post("/v1/query:explain", json=BODY, headers=headers)
    assert (first.status_code, second.status_code) == (200, 401)


async def test_a_header_adds_no_purpose_and_no_identity(shared: Site) -> None:
    """Purposes come from the registration: neither a claim nor a header of any name adds one."""
    credential = token(shared, purpose="fraud_prevention", purposes=["fraud_prevention"], roles=["auditor"])
    headers = {
        "Authorization": f"Bearer {credential}",
        "Purpose": "fraud_prevention",
        "X-Purpose": "fraud_prevention",
        "X-Requester": "fraud_team",
        "X-Forwarded-User": "fraud_team",
    }
    body = BODY | {"purpose": "fraud_prevention"}
    response = await shared.client.post("/v1/query", json=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "purpose_not_registered")
    search = await shared.client.post("/v1/audit/records:search", json={}, headers=headers)
    assert (search.status_code, search.json()["code"]) == (403, "access_denied")


@pytest.mark.parametrize("requester", ["recommender", "marketer", "support_desk", "consent_desk", "privacy_officer"])
async def test_only_the_auditor_reads_the_log(shared: Site, requester: str) -> None:
    """A requester's token opens neither the search nor a record, but for the two roles that may."""
    response = await shared.client.post("/v1/audit/records:search", json={}, headers=shared.headers(requester))
    assert response.status_code == (200 if requester == "privacy_officer" else 403)
