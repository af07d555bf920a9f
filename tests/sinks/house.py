"""A workspace with canaries in its stores, served by a process of its own, and who calls it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tests.sinks.canaries import EMAIL, HASHED, NAME, PHONE, WORD, secrets_of, wide

from sekisho.bootstrap import open_workspace
from sekisho.demo.workspace import build_workspace

PERSON = "customer_id:12346"
"""The person of the canaries: the first customer of the demonstration."""
REQUESTERS = (
    "recommender", "marketer", "ads", "analyst", "support_desk", "fraud_team",
    "consent_desk", "privacy_officer", "auditor",
)  # fmt: skip
TEXTS = (EMAIL, NAME, PHONE, wide(PHONE), f"{NAME}です。{PHONE} か {EMAIL} まで。", f"=HYPERLINK({WORD!r})")


@dataclass
class House:
    """A workspace, its tokens, and what was said of it so far."""

    folder: Path
    scratch: Path
    tokens: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    statuses: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    refusals: list[bytes] = field(default_factory=list, repr=False)
    answers: list[bytes] = field(default_factory=list, repr=False)
    cookies: list[str] = field(default_factory=list, repr=False)

    @property
    def secrets(self) -> dict[bytes, str]:
        """What to look for of tokens and cookies."""
        return secrets_of([*self.tokens.values(), *self.cookies])

    @property
    def out(self) -> Path:
        """What the service wrote on standard output and standard error."""
        return self.scratch / "service.out"

    @contextmanager
    def served(self) -> Iterator[httpx.Client]:
        """Serve the workspace, with a folder for temporary files of its own, until it is killed."""
        temporary = self.scratch / "temporary"
        temporary.mkdir(exist_ok=True)
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", sys.executable, "-m", "sekisho", "serve",
                 "--workspace", str(self.folder), "--port", "0"],
                stdout=out, stderr=out, cwd=self.scratch, env={**os.environ, "TMPDIR": str(temporary)},
            )  # fmt: skip
        try:
            self.url = self._ready()
            with httpx.Client(base_url=self.url, timeout=60) as client:
                yield client
        finally:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def crash(self) -> None:
        """End the service as a fault in a library does, which leaves an image of its memory where it may."""
        assert self.process is not None
        self.process.send_signal(signal.SIGABRT)
        self.process.wait()

    def _ready(self) -> str:
        assert self.process is not None
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            found = re.search(rb"http://127\.0\.0\.1:\d+", self.out.read_bytes())
            if found:
                return found.group().decode()
            time.sleep(0.05)
        raise AssertionError("the service did not start")

    def processes(self) -> bytes:
        """Return what ``ps`` shows of the service and of what it started."""
        assert self.process is not None
        told, waiting = b"", [self.process.pid]
        while waiting:
            pid = waiting.pop()
            told += Path(f"/proc/{pid}/cmdline").read_bytes() + b"\n"
            for task in Path(f"/proc/{pid}/task").iterdir():
                told += (task / "comm").read_bytes()
                waiting += map(int, (task / "children").read_text("ascii").split())
        return told


def built(scratch: Path) -> House:
    """Return a house in *scratch*, not served yet."""
    folder = scratch / "workspace"
    build_workspace(folder, customers=40)
    with closing(sqlite3.connect(folder / "stores" / "crm.db")) as crm, crm:
        crm.execute(
            "UPDATE customers SET name = ?, name_kana = ?, email = ?, phone = ?, address = ?, line_id = ? "
            "WHERE customer_id = 12346",
            (NAME, NAME, EMAIL, PHONE, f"東京都{NAME}1-2-3", f"U{WORD}"),
        )
    with closing(sqlite3.connect(folder / "stores" / "support.db")) as support, support:
        support.execute("UPDATE tickets SET subject = ?, body = ?, customer_id = 12346", (TEXTS[4], TEXTS[4]))
    answers = folder / "stores" / "survey" / "answers.jsonl"
    lines = [{**json.loads(line), "comment": TEXTS[4]} for line in answers.read_text("utf-8").splitlines()]
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return House(folder, scratch, asyncio.run(_tokens(folder)))


async def _tokens(folder: Path) -> dict[str, str]:
    async with open_workspace(folder) as workspace:
        assert workspace.issuer is not None
        await workspace.people.register("email_sha256", [HASHED])
        tokens = {name: workspace.issuer.requester_token(name) for name in REQUESTERS}
        return {**tokens, "customer": workspace.issuer.data_subject_token(PERSON)}
