"""Wrapping by a transit key of Vault or OpenBao: the key-encryption key never leaves that server.

The token is read from its file at each call, so that an agent may renew it. Nothing of an answer, an address or a
token stands in an error: only what to look at.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sekisho.errors import KeysUnavailable

if TYPE_CHECKING:
    import hvac

_SECONDS: Final = 5
_MAX_TOKEN: Final = 8_192
_PREFIX: Final = "vault:v"


class VaultWrapping:
    """``ports.KeyWrapping`` over HTTP.

    Parameters
    ----------
    address:
        Where the server is reached.
    key:
        Name of the transit key; of a type with associated data (``aes256-gcm96``, the default, is one), not derived.
    token_file:
        File with the token, which needs ``update`` on ``MOUNT/encrypt/KEY`` and ``MOUNT/decrypt/KEY`` and no more.
    mount, namespace:
        Where the transit engine is mounted, and in which namespace.
    authority:
        File with the certificates of who is trusted; ``None`` for those of the system.
    """

    provider: Final = "vault"

    def __init__(
        self,
        address: str,
        key: str,
        token_file: Path,
        *,
        mount: str = "transit",
        namespace: str | None = None,
        authority: Path | None = None,
    ) -> None:
        self._address = address
        self._key = key
        self._token_file = token_file
        self._mount = mount
        self._namespace = namespace
        self._authority = authority

    def __repr__(self) -> str:
        return f"VaultWrapping(key={self._key!r}, mount={self._mount!r})"

    def wrap(self, secret: bytes, bound: str) -> bytes:
        """See the port."""
        answer = self._ask(
            lambda client: client.secrets.transit.encrypt_data(
                self._key, plaintext=_text(secret), associated_data=_text(bound.encode()), mount_point=self._mount
            ),
            _UNFIT,
        )
        wrapped = answer.get("ciphertext")
        if not isinstance(wrapped, str) or not wrapped.startswith(_PREFIX):
            raise KeysUnavailable(_ODD)
        return wrapped.encode()

    def unwrap(self, wrapped: bytes, bound: str) -> bytes:
        """See the port."""
        text = wrapped.decode("ascii", "replace")
        if not text.startswith(_PREFIX):
            raise KeysUnavailable("What is kept as a wrapped key was not wrapped by this provider.")
        answer = self._ask(
            lambda client: client.secrets.transit.decrypt_data(
                self._key, ciphertext=text, associated_data=_text(bound.encode()), mount_point=self._mount
            ),
            _OF_ANOTHER,
        )
        try:
            return base64.b64decode(answer["plaintext"], validate=True)
        except (KeyError, TypeError, binascii.Error, ValueError):
            raise KeysUnavailable(_ODD) from None

    def _ask(self, call: Callable[[hvac.Client], Any], invalid: str) -> dict[str, Any]:
        """Return the ``data`` of an answer. Raises ``KeysUnavailable``, whose cause is not kept: it may quote.

        *invalid* is what a refusal of the request itself means.
        """
        import hvac  # noqa: PLC0415 - only a workspace with this provider loads it
        import requests  # noqa: PLC0415 - as hvac

        token = _token(self._token_file)
        fault = _ODD
        with requests.Session() as session:
            session.trust_env = False  # no proxy, no .netrc: what reads keys is told in sekisho.yaml
            verify = str(self._authority) if self._authority else True
            session.verify = verify
            try:
                # No redirect: the token would go wherever it points.
                client = hvac.Client(
                    self._address,
                    token=token,
                    verify=verify,
                    timeout=_SECONDS,
                    namespace=self._namespace,
                    session=session,
                    allow_redirects=False,
                )
                answer = call(client)
                if isinstance(answer, dict) and isinstance(answer.get("data"), dict):
                    data: dict[str, Any] = answer["data"]
                    return data
            except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized):
                # It tells nobody without the right whether there is such a mount or key.
                fault = (
                    "The key provider refuses the token in keys.token_file; it may have expired, and it needs "
                    "`update` on encrypt and decrypt of the transit key: look at keys.transit_key and keys.mount too."
                )
            except hvac.exceptions.VaultDown:
                fault = "The key provider is sealed or in maintenance; unseal it, then try again."
            except hvac.exceptions.InvalidPath:
                fault = "The key provider knows no such mount or key; look at keys.mount and keys.transit_key."
            except hvac.exceptions.InvalidRequest:
                fault = invalid
            except (hvac.exceptions.VaultError, requests.RequestException, OSError, ValueError):
                fault = (
                    "The key provider did not answer; look at keys.address, and whether the server runs and is "
                    "unsealed."
                )
        raise KeysUnavailable(fault)


_ODD: Final = "The key provider answered otherwise than a transit engine does; look at keys.address and keys.mount."

_UNFIT: Final = (
    "The key provider does not wrap with the transit key of keys.transit_key; it must be of a type with associated "
    "data, such as aes256-gcm96, and not a derived one."
)
_OF_ANOTHER: Final = (
    "The key provider does not unwrap this with the transit key of keys.transit_key; name the key that wrapped it, "
    "and keep its old versions until `sekisho keys wrap` has been run."
)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _token(path: Path) -> str:
    """Return the token in *path*, a file of nobody else's to read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status, content = os.fstat(handle), os.read(handle, _MAX_TOKEN + 1)
        finally:
            os.close(handle)
        token = content.decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise KeysUnavailable("The file of keys.token_file cannot be read; put the provider's token there.") from None
    if status.st_mode & 0o077 or not stat.S_ISREG(status.st_mode):
        raise KeysUnavailable("The file of keys.token_file may be read by others; run chmod 600 and renew it.")
    if not token.isprintable() or " " in token or not 0 < len(token) <= _MAX_TOKEN:
        raise KeysUnavailable("The file of keys.token_file holds no token: one word is expected.")
    return token
