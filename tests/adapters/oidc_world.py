"""A real, small identity provider on this machine, that can be wrong in one thing."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sekisho.adapters.identity.oidc import OidcProvider
from sekisho.ports import DataSubjectRef
from tests.adapters.token_world import NOW, Clock, b64, changed, part

REDIRECT = "https://privacy.shop.example/v1/me/session:oidc-callback"
MARIKO = DataSubjectRef("email_sha256", hashlib.sha256(b"mariko@shop.example").hexdigest())
SECRET = "s3cret/with:signs"
VERIFIER = "v" * 43
CHALLENGE = b64(hashlib.sha256(VERIFIER.encode()).digest())


class RsaKey:
    """A provider's signing key."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._key = rsa.generate_private_key(65537, 2048)

    def jwk(self) -> dict[str, str]:
        """Return the public key as providers publish it."""
        numbers = self._key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        exponent = b64(numbers.e.to_bytes(3, "big"))
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": b64(numbers.n.to_bytes(size, "big")), "e": exponent}

    def signed(self, header: dict[str, object], claims: object) -> str:
        """Return a token; ``header`` completes or overrides."""
        head = changed({"alg": "RS256", "kid": self.kid, "typ": "JWT"}, header)
        text = f"{part(head)}.{part(claims)}"
        return f"{text}.{b64(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


KEY, OTHER = RsaKey("k1"), RsaKey("k2")


@dataclass
class Idp:
    """A provider: discovery, keys, a login page that asks nothing, and a token endpoint that checks everything."""

    base: str = ""
    secret: str | None = SECRET
    key: RsaKey = field(default_factory=lambda: KEY)
    published: list[object] = field(default_factory=lambda: [KEY.jwk()])
    document: dict[str, object] = field(default_factory=dict)
    header: dict[str, object] = field(default_factory=dict)
    claims: dict[str, object] = field(default_factory=dict)
    answer: object = None
    padding: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        """Answer a GET."""
        if path == "/.well-known/openid-configuration":
            document: dict[str, object] = {
                "issuer": self.base,
                "authorization_endpoint": f"{self.base}/authorize?tenant=shop",
                "token_endpoint": f"{self.base}/token",
                "jwks_uri": f"{self.base}/keys",
            }
            return 200, changed(document, self.document)
        if path == "/keys":
            return 200, {"keys": self.published}
        if path == "/authorize" and query["response_type"] == "code" and query["tenant"] == "shop":
            code = f"code-{len(self.codes)}"
            self.codes[code] = query
            return 200, {"code": code, "state": query["state"]}
        return 404, {}

    def post(self, form: dict[str, str], authorization: str) -> tuple[int, object]:
        """Answer the token endpoint: client, code, redirect address and PKCE have to be right."""
        expected = None
        if self.secret is not None:
            raw = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ":"
            expected = unquote(raw.partition(":")[2]) or form.get("client_secret")
        asked = self.codes.pop(form["code"], None)
        challenge = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            asked is None
            or expected != self.secret
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or (asked["code_challenge"], asked["code_challenge_method"]) != (challenge, "S256")
        ):
            return 400, {"error": "invalid_grant", "error_description": "mariko@shop.example"}
        claims = {
            "iss": self.base, "aud": "sekisho", "sub": "0815", "iat": NOW, "exp": NOW + 300, "nonce": asked["nonce"],
            "email": "Mariko@Shop.example", "email_verified": True, "customer_id": 17850,
        }  # fmt: skip
        token = self.key.signed(self.header, changed(claims, self.claims))
        return 200, self.answer or {"access_token": "a", "id_token": token, "padding": self.padding}


@contextmanager
def running_idp() -> Iterator[Idp]:
    """Run a provider."""
    provider = Idp()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            provider.asked.append(split.path)
            self._answer(*provider.get(split.path, {k: v[0] for k, v in parse_qs(split.query).items()}))

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            one = {name: values[0] for name, values in form.items()}
            self._answer(*provider.post(one, self.headers.get("authorization", "")))

        def _answer(self, status: int, body: object) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Browser:
    """A customer's browser between us and the provider."""

    provider: OidcProvider
    idp: Idp
    client: httpx.AsyncClient

    async def code(self, nonce: str = "n1") -> str:
        """Sign in at the provider and return the code of the way back."""
        url = await self.provider.authorization_url(state="s1", nonce=nonce, challenge=CHALLENGE)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked["client_id"], asked["redirect_uri"], asked["scope"]) == ("sekisho", REDIRECT, "openid email")
        back = (await self.client.get(url)).json()
        assert back["state"] == "s1"
        return str(back["code"])

    async def person(self) -> DataSubjectRef:
        """Sign in, all the way."""
        return await self.provider.person(code=await self.code(), nonce="n1", verifier=VERIFIER)


@asynccontextmanager
async def browsers(idp: Idp) -> AsyncIterator[Callable[..., Browser]]:
    """Yield what opens a browser, with other settings of ours where they are named."""
    opened: list[OidcProvider] = []

    def build(**more: Any) -> Browser:
        clock = more.pop("clock", Clock())
        client = httpx.AsyncClient(trust_env=False, timeout=5, follow_redirects=False)
        settings = {
            "issuer": idp.base, "client_id": "sekisho", "client_secret": SECRET, "redirect_uri": REDIRECT,
            "clock": clock, "client": client, **more,
        }  # fmt: skip
        opened.append(OidcProvider(**settings))
        return Browser(opened[-1], idp, client)

    yield build
    for provider in opened:
        await provider.close()
