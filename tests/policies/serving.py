"""OPA servers for tests: bundles built and signed, servers run, and one that is made up."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import tarfile
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.adapters.opa import Demands, OpaServers
from sekisho.adapters.rego import policy_files, policy_revision, reviewed_texts, shipped_policies
from tests.policies.catalogue import opa_program

KEYID = "policies-2026"
SOON = Demands(checked_s=0.1, known_s=0.05, reviewed=reviewed_texts())
"""Demands nothing, and looks again after a moment."""


class SigningKey:
    """A key pair that signs bundles, in files of *folder*."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.private, self.public = folder / "signing.pem", folder / "signing.pub"
        self.private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        self.public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )


def build_bundle(
    bundle: Path, policies: Path | None = None, *, key: SigningKey | None = None, revision: str | None = None
) -> str:
    """Build *policies* (the shipped ones) into the file *bundle*, put in place at once; return the revision."""
    policies = policies or shipped_policies()
    revision = revision or policy_revision(policy_files(policies))
    made = bundle.with_suffix(".new")
    build = [opa_program(), "build", "--bundle", str(policies), "--ignore", "*_test.rego", "--ignore", "checks"]
    signing = [] if key is None else ["--signing-key", str(key.private), "--signing-alg", "ES256"]
    subprocess.run([*build, *signing, "--revision", revision, "--output", str(made)], check=True)
    made.replace(bundle)
    return revision


def strip(bundle: Path) -> None:
    """Take the signatures out of a signed bundle, and leave all else."""
    made = bundle.with_suffix(".new")
    with tarfile.open(bundle) as signed, tarfile.open(made, "w:gz") as bare:
        for member in signed:
            if not member.name.endswith(".signatures.json"):
                bare.addfile(member, signed.extractfile(member))
    made.replace(bundle)


@contextlib.contextmanager
def bundle_service(folder: Path) -> Iterator[str]:
    """Serve the files of *folder* as a bundle service does, each with a tag of its content; yield the address."""

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = folder / self.path.strip("/")
            content = file.read_bytes() if file.is_file() else b""
            tag = hashlib.sha256(content).hexdigest()
            unchanged = self.headers.get("If-None-Match") == tag
            self.send_response(304 if unchanged else 200 if content else 404)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", "0" if unchanged else str(len(content)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def configuration(
    folder: Path, bundle: Path, key: SigningKey | None, *, keyid: str | None = KEYID, service: str | None = None
) -> Path:
    """Write a configuration by which OPA reads *bundle* and verifies it by *key*; return its file.

    With a *service* the bundle is asked for there every second; without, it is read once.
    """
    bundles: dict[str, object] = {"resource": bundle.as_uri()}
    services = {}
    if service is not None:
        bundles = {
            "service": "house",
            "resource": bundle.name,
            "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1},
        }
        services = {"house": {"url": service}}
    keys = {}
    if key is not None:
        bundles["signing"] = {"keyid": keyid} if keyid else {"scope": "write"}
        keys = {KEYID: {"algorithm": "ES256", "key": key.public.read_text("ascii")}}
    file = folder / "opa.json"
    file.write_text(json.dumps({"services": services, "bundles": {"policies": bundles}, "keys": keys}), "utf-8")
    return file


class Opa:
    """An OPA server that a test runs, and may hold up, stop and start again."""

    def __init__(self, folder: Path, *arguments: str, address: str | None = None) -> None:
        self.url = address or f"http://127.0.0.1:{free_port()}"
        # Telemetry would ask the outside for a newer version.
        self._command = [opa_program(), "run", "--server", "--log-level", "error", "--skip-version-check"]
        self._command += ["--addr", self.url.removeprefix("http://"), *arguments]
        self._log = folder / "opa.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env={**os.environ, "NO_COLOR": "1"}
            )

    def stop(self) -> None:
        """End it, also one that is held up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def said(self) -> str:
        """Return what it logged."""
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def _listens(self) -> bool:
        """Return whether its bundles are active, or it listens where only a proper client gets an answer."""
        with contextlib.suppress(OSError):
            if self.url.startswith("unix:"):
                with socket.socket(socket.AF_UNIX) as way:
                    way.connect(self.url.removeprefix("unix://"))
            elif self.url.startswith("https:"):
                host, port = self.url.removeprefix("https://").split(":")
                socket.create_connection((host, int(port)), timeout=1).close()
            else:
                urllib.request.urlopen(f"{self.url}/health?bundles", timeout=1).close()
            return True
        return False

    def wait_until_ready(self) -> None:
        """Return once it answers that its bundles are active; fail the test after ten seconds."""
        for _ in range(200):
            assert self.process is not None
            assert self.process.poll() is None, "opa ended at start"
            if self._listens():
                return
            time.sleep(0.05)
        pytest.fail("opa did not become ready in ten seconds")


@contextlib.contextmanager
def running_opa(folder: Path, *arguments: str, ready: bool = True, address: str | None = None) -> Iterator[Opa]:
    """Run an OPA server, on loopback unless told otherwise, and yield it; once it is ready where that is asked."""
    server = Opa(folder, *arguments, address=address)
    server.start()
    try:
        if ready:
            server.wait_until_ready()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


REFUSAL: dict[str, object] = {
    "allow": False,
    "deny": [{"code": "access_denied", "reason": "no_dataset"}],
    "legal_basis": None,
    "consent": {"required": False, "cells": []},
    "columns": {},
    "row_filters": {},
    "obligations": [],
    "valid_until": None,
}


def response(body: bytes, status: str = "200 OK", kind: str = "application/json", length: int | None = None) -> bytes:
    """Return an HTTP response, of a length that may be a lie."""
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def answering(result: object, **beside: object) -> bytes:
    """Return a response of OPA's with *result*."""
    return response(json.dumps({"result": result, **beside}).encode())


class StandIn:
    """A server that is as healthy as OPA, refuses the empty question, and answers others as it is told.

    ``answer`` gives the bytes for a question, ``None`` to leave it without an answer; ``health`` the status of a
    look at its health; ``beside`` what stands beside each result.
    """

    def __init__(self, answer: Callable[[], bytes | None]) -> None:
        self.answer = answer
        self.health = "200 OK"
        self.beside: dict[str, object] = {}
        self.config: dict[str, object] = {}
        self.policies = ["package sekisho.access"]
        self.asked: list[bytes] = []  # questions, without those that ask nothing
        self.looks: list[bytes] = []
        self.looked_at = asyncio.Event()
        self.url = ""
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self._writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        body = await reader.readexactly(size)
        if head.startswith(b"GET /health"):
            self.looks.append(head)
            self.looked_at.set()
            given: bytes | None = response(b"{}", self.health)
        elif head.startswith(b"GET /v1/config"):
            given = answering(self.config)
        elif head.startswith(b"GET /v1/policies"):
            given = answering([{"id": "access.rego", "raw": each} for each in self.policies])
        elif body == b'{"input":{}}':
            given = answering(REFUSAL, **self.beside)
        else:
            self.asked.append(head + body)
            given = self.answer()
        if given is not None:
            writer.write(given)
            await writer.drain()
            writer.close()

    async def end(self) -> None:
        """Close the connections that were left without an answer, and wait for all to be closed."""
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def standing_in(answer: Callable[[], bytes | None]) -> AsyncIterator[StandIn]:
    """Run a server that answers as told, and yield it."""
    stand_in = StandIn(answer)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stand_in
    finally:
        server.close()
        await stand_in.end()


@contextlib.asynccontextmanager
async def asking(*urls: str, timeout_s: float = 5.0, demands: Demands = SOON) -> AsyncIterator[OpaServers]:
    """Yield a point of decision in the servers of *urls*."""
    pdp = OpaServers(urls, timeout_s=timeout_s, demands=demands)
    try:
        yield pdp
    finally:
        await pdp.close()
