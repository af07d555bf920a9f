"""Signs consent receipts, and verifies one with nothing but the published keys (RFC 7515, EdDSA of RFC 8037)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho.domain.receipt import TYPE
from sekisho.errors import TamperedLog, WorkspaceError
from sekisho.ports import KeyRing


class ReceiptKey:
    """The Ed25519 key of receipts, derived from the key ring under a label of its own.

    Parameters
    ----------
    keys:
        The key ring.
    public_jwk:
        Turns a raw public key into its JWK (``adapters.identity.jwks.public_jwk``), handed in because adapters do
        not know each other.
    """

    def __init__(self, keys: KeyRing, public_jwk: Callable[[bytes], Mapping[str, object]]) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(keys.derive("receipt-signing", 32))
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._jwk: dict[str, object] = dict(public_jwk(public))

    @property
    def jwk(self) -> dict[str, object]:
        """The public key for ``/.well-known/jwks.json``."""
        return dict(self._jwk)

    def sign(self, payload: bytes) -> str:
        """Return the compact JWS over *payload*. Equal payloads have equal signatures (RFC 8032)."""
        header = {"alg": "EdDSA", "kid": self._jwk["kid"], "typ": TYPE}
        signed = f"{_part(json.dumps(header, sort_keys=True, separators=(',', ':')).encode())}.{_part(payload)}"
        return f"{signed}.{_part(self._key.sign(signed.encode()))}"


def verified_receipt(text: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the receipt that *text* proves: the JSON document that carries a compact JWS as ``jws``, or that alone.

    On its own the JWS may stand in lines, as it does on paper.

    Parameters
    ----------
    jwks:
        The published keys (RFC 7517), obtained from somewhere that is trusted.

    Raises
    ------
    TamperedLog
        When the signature does not hold, the key is not among *jwks*, or the document around the signature says
        something else than what was signed.
    WorkspaceError
        When it is no receipt at all.
    """
    document: dict[str, Any] | None = None
    compact = text.strip()
    if compact.startswith("{"):
        try:
            document = json.loads(compact)
            compact = document.pop("jws")
        except (ValueError, KeyError, AttributeError):
            raise WorkspaceError("this is no consent receipt: it carries no `jws`") from None
    else:
        compact = "".join(compact.split())
    payload = _payload(compact, jwks)
    try:
        receipt = json.loads(payload)
    except ValueError:
        raise TamperedLog("What is signed is no receipt.") from None
    if not isinstance(receipt, dict) or receipt.get("@type") != "dpv:ConsentReceipt":
        raise TamperedLog("What is signed is no receipt.")
    if document is not None and document != receipt:
        raise TamperedLog("The document says something else than what was signed.")
    return receipt


def _payload(compact: str, jwks: Mapping[str, Any]) -> bytes:
    pieces = compact.split(".") if isinstance(compact, str) else []
    if len(pieces) != 3:
        raise WorkspaceError("this is no consent receipt: a compact JWS has three parts")
    try:
        header, payload, signature = (_bytes(piece) for piece in pieces)
        told = json.loads(header)
        keys = {key["kid"]: key for key in jwks["keys"] if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"}
        if set(told) != {"alg", "kid", "typ"} or told["alg"] != "EdDSA" or told["typ"] != TYPE:
            raise TamperedLog("The signature is not one of a consent receipt.")
        if told["kid"] not in keys:
            raise TamperedLog("The receipt was signed with a key that is not among the trusted ones.")
        public = Ed25519PublicKey.from_public_bytes(_bytes(keys[told["kid"]]["x"]))
        public.verify(signature, f"{pieces[0]}.{pieces[1]}".encode())
    except InvalidSignature:
        raise TamperedLog("The signature does not hold: the receipt was changed.") from None
    except (ValueError, KeyError, TypeError):
        raise TamperedLog("The receipt or the keys cannot be read.") from None
    return payload


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(part: str) -> bytes:
    """Return what *part* encodes; one encoding only, so that no bit of a receipt can be changed unseen."""
    try:
        content = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
    if _part(content) != part:
        raise ValueError("not the one way to write it")
    return content
