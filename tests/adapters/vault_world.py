"""A transit engine over HTTP, as Vault and OpenBao have it, in a thread; and a real one where it is installed."""

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
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sekisho.adapters.keyring.vault import VaultWrapping

TOKEN = "hvs.made-up-token-of-a-test"
PROGRAM = shutil.which("bao") or shutil.which("vault")
"""The real server, where there is one."""


@dataclass
class Vault:
    """A server, and how it is reached. ``fault``: ``sealed``, ``odd``, ``not_json`` or ``redirect``."""

    address: str
    token_file: Path
    versions: list[bytes] = field(default_factory=lambda: [AESGCM.generate_key(256)], repr=False)
    asked: list[dict[str, Any]] = field(default_factory=list)
    fault: str | None = None

    def wrapping(self, key: str = "sekisho") -> VaultWrapping:
        """Return the adapter over this server."""
        return VaultWrapping(self.address, key, self.token_file)

    def rotate(self) -> None:
        """Let the provider take a new version of its key; the fake one."""
        self.versions.append(AESGCM.generate_key(256))

    def forget_old_versions(self) -> None:
        """Raise ``min_decryption_version`` to the newest; the fake one."""
        self.versions[:-1] = [b""] * (len(self.versions) - 1)

    def settings(self) -> str:
        """Return the lines of ``keys:`` that name this server."""
        return (
            f"  provider: vault\n  address: {self.address}\n  transit_key: sekisho\n  token_file: {self.token_file}\n"
        )


@contextmanager
def fake_vault(folder: Path) -> Iterator[Vault]:
    """Yield a transit engine with one key, ``sekisho``."""
    vault = Vault("", _token(folder, TOKEN))

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
def real_vault(folder: Path) -> Iterator[Vault]:
    """Yield a development server of the program that is installed, with one transit key, ``sekisho``."""
    assert PROGRAM is not None
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "VAULT_ADDR": address, "BAO_ADDR": address, "VAULT_TOKEN": TOKEN, "BAO_TOKEN": TOKEN}
    process = subprocess.Popen(
        [PROGRAM, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={TOKEN}",
         f"-dev-listen-address=127.0.0.1:{port}"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            if not subprocess.run([PROGRAM, "status"], env=environment, capture_output=True, check=False).returncode:
                break
            time.sleep(0.05)
        for command in (["secrets", "enable", "transit"], ["write", "-f", "transit/keys/sekisho"]):
            subprocess.run([PROGRAM, *command], env=environment, capture_output=True, check=True)
        yield Vault(address, _token(folder, TOKEN))
    finally:
        process.terminate()
        process.wait()


def _token(folder: Path, token: str) -> Path:
    path = folder / "vault-token"
    path.write_text(token + "\n")
    path.chmod(0o600)
    return path


def _answer(vault: Vault, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, Any]:
    if vault.fault == "sealed":
        return 503, {"errors": ["Vault is sealed"]}
    if vault.fault == "odd":
        return 200, {"data": {"other": 1}}
    if vault.fault == "not_json":
        return 200, b"<html>not a vault</html>"
    if vault.fault == "redirect" and not path.startswith("/elsewhere"):
        return 307, b""
    path = path.removeprefix("/elsewhere")
    if token != TOKEN:
        return 403, {"errors": ["permission denied"]}
    found = re.fullmatch(r"/v1/transit/(encrypt|decrypt)/([a-z]+)", path)
    if found is None or found[2] != "sekisho":
        return 404, {"errors": []}
    bound = base64.b64decode(body["associated_data"])
    if found[1] == "encrypt":
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(vault.versions[-1]).encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
        return 200, {"data": {"ciphertext": f"vault:v{len(vault.versions)}:{base64.b64encode(sealed).decode()}"}}
    _, version, text = body["ciphertext"].split(":")
    key, sealed = vault.versions[int(version[1:]) - 1], base64.b64decode(text)
    try:
        opened = AESGCM(key).decrypt(sealed[:12], sealed[12:], bound)
    except (InvalidTag, ValueError):
        # The real one quotes what it was given, as here: no error of ours may repeat it.
        return 400, {"errors": [f"invalid ciphertext: {body['ciphertext']}"]}
    return 200, {"data": {"plaintext": base64.b64encode(opened).decode()}}
