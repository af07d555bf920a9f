"""A log as a witness sees it, honest or not; and a witness as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sekisho.domain.checkpoint import (
    Checkpoint,
    cosignature_of,
    cosigned_message,
    hash_lines,
    parse_checkpoint,
    sign_checkpoint,
)
from sekisho.domain.note import COSIGNATURE, VerificationKey, format_key, key_id, parse_key, parse_note
from sekisho.domain.tlog import consistency_proof, leaf_hash, tree_root

ORIGIN = "log.example/audit"


class Log:
    """A log with a key of its own, whose history can be written anew."""

    def __init__(self, size: int = 0, origin: str = ORIGIN, seed: bytes = bytes(32)) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self.private.public_key().public_bytes_raw()
        self.key = VerificationKey(origin, key_id(origin, public), public)
        self.leaves = [leaf_hash(b"%d" % number) for number in range(size)]

    @property
    def vkey(self) -> str:
        """Its public key."""
        return format_key(self.key.name, self.key.public)

    def fork(self, at: int, size: int) -> Log:
        """Return the same log with another history from leaf *at* on."""
        other = Log(0, self.key.name, self.private.private_bytes_raw())
        other.leaves = [*self.leaves[:at], *(leaf_hash(b"other %d" % number) for number in range(at, size))]
        return other

    def note(self, size: int) -> str:
        """Return the signed checkpoint of the first *size* leaves."""
        return sign_checkpoint(
            Checkpoint(self.key.name, size, tree_root(self.leaves[:size])), self.key, self.private.sign
        )

    def proof(self, old: int, size: int) -> list[bytes]:
        """Return the proof that the tree of *size* leaves continues that of *old*."""

        def nodes(level: int, index: int) -> bytes:
            return tree_root(self.leaves[index << level : (index + 1) << level])

        return consistency_proof(old, size, nodes)

    def request(self, old: int, size: int) -> bytes:
        """Return the body that asks for a signature."""
        return body(old, self.proof(old, size) if old <= size else [], self.note(size))


def body(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return a request's body."""
    return f"old {old}\n{hash_lines(proof)}\n{note}".encode()


def time_signed(note: str, line: str, key: VerificationKey) -> int:
    """Return the time in *line*, which must be *key*'s signature under *note*."""
    parsed = parse_note(note + line)
    found = cosignature_of(parsed, key)
    assert found is not None
    Ed25519PublicKey.from_public_bytes(key.public).verify(found[1], cosigned_message(parsed.text, found[0]))
    return found[0]


class Running:
    """A witness that runs as a process."""

    def __init__(self, process: subprocess.Popen[str], url: str, key: VerificationKey) -> None:
        self.process, self.url, self.key = process, url, key

    def ask(self, content: bytes) -> httpx.Response:
        """Ask for a signature."""
        return httpx.post(f"{self.url}/add-checkpoint", content=content, timeout=30)

    def size(self, origin: str = ORIGIN) -> int | None:
        """Return the size that it remembers."""
        logs = httpx.get(f"{self.url}/", timeout=30).json()["logs"]
        size: int | None = next(log["size"] for log in logs if log["origin"] == origin)
        return size

    def latest(self, origin: str = ORIGIN) -> Checkpoint:
        """Return the latest checkpoint that it tells monitors."""
        logs = httpx.get(f"{self.url}/", timeout=30).json()["logs"]
        path = next(log["checkpoint"] for log in logs if log["origin"] == origin)
        return parse_checkpoint(parse_note(httpx.get(self.url + path, timeout=30).text).text)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self.process.kill()
        self.process.wait()


def command(folder: Path, *logs: Log) -> list[str]:
    """Return the command line of a witness."""
    named = [word for log in logs for word in ("--log", log.vkey)]
    return ["-m", "sekisho", "audit", "witness", "--folder", str(folder), "--port", "0", *named]


@contextmanager
def running(folder: Path, *logs: Log, program: Sequence[str] = ()) -> Iterator[Running]:
    """Run a witness on *folder*; *program* are Python's arguments when it is not the command itself."""
    with subprocess.Popen(
        [sys.executable, *(program or command(folder, *logs))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert " is ready on " in line, process.stderr.read()
            vkey = process.stderr.readline().rsplit(" ", 1)[1]
            yield Running(process, line.split()[-1], parse_key(vkey, COSIGNATURE))
        finally:
            process.kill()
