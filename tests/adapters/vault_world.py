"""A transit engine as Vault and OpenBao have it: a fake one in a thread, and a real one where a program is found.

Both give out a token with the policy of ``docs/keys.md`` and no more.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any, Final

import pytest
import requests
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sekisho.adapters.keyring.vault import VaultWrapping

ROOT_TOKEN: Final = "made-up-token-of-a-root"
"""Not one that begins with ``hvs.``: Vault takes none such for its root."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_BUILT: Final = _ROOT / "build" / "vault" / "server"
_POLICY: Final = re.compile(r"vault policy write sekisho - <<'EOF'\n(.*?)^EOF$", re.MULTILINE | re.DOTALL)
_DENIED: Final = "1 error occurred:\n\t* permission denied\n\n"
_NO_TOKEN: Final = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"


def program() -> str:
    """Return the real server: one that is installed, or the one that is built here; skip without."""
    found = shutil.which("bao") or shutil.which("vault") or (str(_BUILT) if _BUILT.is_file() else None)
    if found is None:
        pytest.skip("neither bao nor vault is installed, nor was one built: make vault")
    return found


def policy() -> str:
    """Return the policy that the documentation gives to operators."""
    found = _POLICY.search((_ROOT / "docs" / "keys.md").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


@dataclass
class Vault:
    """A server, how it is reached, and the token that its ``token_file`` holds."""

    address: str
    token_file: Path
    token: str

    def wrapping(self, key: str = "sekisho", mount: str = "transit") -> VaultWrapping:
        """Return the adapter over this server."""
        return VaultWrapping(self.address, key, self.token_file, mount=mount)

    def ask(self, path: str, body: dict[str, Any], *, token: str | None = None) -> requests.Response:
        """Return what the server answers to whoever has *token*, of the file if it is not said."""
        return _ask(self.address, path, body, self.token if token is None else token)

    def settings(self) -> str:
        """Return the lines of ``keys:`` that name this server."""
        return (
            f"  provider: vault\n  address: {self.address}\n  transit_key: sekisho\n  token_file: {self.token_file}\n"
        )

    def rotate(self) -> None:
        """Let the provider take a new version of its key."""
        raise NotImplementedError

    def forget_old_versions(self) -> None:
        """Raise ``min_decryption_version`` to the newest."""
        raise NotImplementedError

    def seal(self) -> None:
        """Answer nothing until :meth:`unseal`."""
        raise NotImplementedError

    def unseal(self) -> None:
        """Answer again."""
        raise NotImplementedError


@dataclass
class FakeVault(Vault):
    """One in a thread. ``fault``: ``sealed``, ``odd``, ``not_json``, ``redirect`` or ``quoting``."""

    versions: list[bytes] = field(default_factory=lambda: [AESGCM.generate_key(256)], repr=False)
    oldest: int = 1
    asked: list[dict[str, Any]] = field(default_factory=list)
    fault: str | None = None

    def rotate(self) -> None:
        """See above."""
        self.versions.append(AESGCM.generate_key(256))

    def forget_old_versions(self) -> None:
        """See above."""
        self.oldest = len(self.versions)

    def seal(self) -> None:
        """See above."""
        self.fault = "sealed"

    def unseal(self) -> None:
        """See above."""
        self.fault = None


@dataclass
class RealVault(Vault):
    """A development server."""

    unseal_key: str

    def manage(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the root is answered."""
        answer = self.ask(path, body or {}, token=ROOT_TOKEN)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    def new_token(self, rules: str) -> str:
        """Return a token that may do what *rules* say."""
        self.manage("sys/policies/acl/sekisho", {"policy": rules})
        asked = {"policies": ["sekisho"], "no_default_policy": True, "no_parent": True, "period": "1h"}
        token: str = self.manage("auth/token/create", asked)["auth"]["client_token"]
        return token

    def rotate(self) -> None:
        """See above."""
        self.manage("transit/keys/sekisho/rotate")

    def forget_old_versions(self) -> None:
        """See above."""
        newest = self.manage("transit/keys/sekisho/config")["data"]["latest_version"]
        self.manage("transit/keys/sekisho/config", {"min_decryption_version": newest})

    def seal(self) -> None:
        """See above."""
        self.manage("sys/seal")

    def unseal(self) -> None:
        """See above."""
        self.manage("sys/unseal", {"key": self.unseal_key})
        _wait(self.address)


@contextmanager
def fake_vault(folder: Path) -> Iterator[FakeVault]:
    """Yield a transit engine with one key, ``sekisho``."""
    token = "hvs.made-up-token-of-a-test"
    vault = FakeVault("", _keep(folder, token), token)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            vault.asked.append({"path": self.path, "headers": dict(self.headers), "body": body})
            status, answer = _answer(vault, self.path, self.headers.get("X-Vault-Token"), body)
            raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if vault.fault == "redirect":
                self.send_header("Location", f"/elsewhere{self.path}")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01})
    thread.start()
    vault.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def real_vault(folder: Path) -> Iterator[RealVault]:
    """Yield a development server with one transit key, ``sekisho``."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    said = folder / "vault-says"
    command = [
        program(), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}",
        f"-dev-listen-address={address}",
    ]  # fmt: skip
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        vault = RealVault(f"http://{address}", folder / "vault-token", "", "")
        _wait(vault.address)
        while not (key := re.search(r"Unseal Key: (\S+)\s", said.read_text())):
            assert process.poll() is None
            time.sleep(0.01)
        vault.unseal_key = key[1]
        vault.manage("sys/mounts/transit", {"type": "transit"})
        vault.manage("transit/keys/sekisho")
        vault.token = vault.new_token(policy())
        _keep(folder, vault.token)
        yield vault
    finally:
        process.terminate()
        process.wait()


def _ask(address: str, path: str, body: dict[str, Any], token: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{address}/v1/{path}", json=body, headers={"X-Vault-Token": token}, timeout=10)


def _wait(address: str) -> None:
    """Return when the server is unsealed and has what it holds at hand."""
    for _ in range(1_000):
        try:
            with requests.Session() as session:
                session.trust_env = False
                if session.get(f"{address}/v1/sys/health", timeout=10).status_code == requests.codes.ok:
                    return
        except requests.ConnectionError:
            pass
        time.sleep(0.02)
    pytest.fail("the real transit engine does not start")


def _keep(folder: Path, token: str) -> Path:
    path = folder / "vault-token"
    path.write_text(token + "\n")
    path.chmod(0o600)
    return path


def _answer(vault: FakeVault, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, Any]:
    if vault.fault == "sealed":
        return 503, {"errors": ["Vault is sealed"]}
    if vault.fault == "odd":
        return 200, {"data": {"other": 1}}
    if vault.fault == "not_json":
        return 200, b"<html>not a vault</html>"
    if vault.fault == "quoting":
        return 400, {"errors": [f"cannot do this: {json.dumps(body)} for {token}"]}
    if vault.fault == "redirect" and not path.startswith("/elsewhere"):
        return 307, b""
    if token != vault.token:
        return 403, {"errors": [_NO_TOKEN]}
    found = re.fullmatch(r"/v1/transit/(encrypt|decrypt)/sekisho", path.removeprefix("/elsewhere"))
    if found is None:
        # Without the right to it nobody learns whether there is such a key or mount.
        return 403, {"errors": [_DENIED]}
    if found[1] == "encrypt":
        return 200, {"data": _encrypted(vault, body)}
    opened = _decrypted(vault, body)
    if isinstance(opened, str):
        return 400, {"errors": [opened]}
    return 200, {"data": {"plaintext": base64.b64encode(opened).decode()}}


def _encrypted(vault: FakeVault, body: dict[str, Any]) -> dict[str, Any]:
    nonce, bound = os.urandom(12), base64.b64decode(body["associated_data"])
    sealed = nonce + AESGCM(vault.versions[-1]).encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
    version = len(vault.versions)
    return {"ciphertext": f"vault:v{version}:{base64.b64encode(sealed).decode()}", "key_version": version}


def _decrypted(vault: FakeVault, body: dict[str, Any]) -> bytes | str:
    """Return what was wrapped, or what is wrong, in the words of the real one."""
    _, number, text = body["ciphertext"].split(":")
    try:
        version = max(int(number[1:]), 1)
    except ValueError:
        return "invalid ciphertext: version number could not be decoded"
    if version > len(vault.versions):
        return "invalid ciphertext: version is too new"
    if version < vault.oldest:
        return "ciphertext or signature version is disallowed by policy (too old)"
    try:
        sealed = base64.b64decode(text, validate=True)
    except ValueError:
        return "invalid ciphertext: could not decode base64"
    if len(sealed) < 12:
        return "invalid ciphertext length"
    try:
        bound = base64.b64decode(body["associated_data"])
        return AESGCM(vault.versions[version - 1]).decrypt(sealed[:12], sealed[12:], bound)
    except InvalidTag:
        return "cipher: message authentication failed"
