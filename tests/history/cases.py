"""What a changed history is, and what must be said of it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from sekisho.audit_verify import Outcome, Verdict, verify_path
from sekisho.domain.checkpoint import PROOF_SUFFIX
from sekisho.domain.record import StoredRecord
from sekisho.domain.witness_policy import WitnessPolicy
from sekisho.errors import InvalidRequest
from tests.history.worlds import CSV, DATABASE, EXPORT, HEADS, RANGE, TREE, Stage, World

FOUND = frozenset({Outcome.TAMPERED, Outcome.INCOMPLETE, Outcome.UNTRUSTED})
TAMPERED = frozenset({Outcome.TAMPERED})
INCOMPLETE = frozenset({Outcome.INCOMPLETE})
UNTRUSTED = frozenset({Outcome.UNTRUSTED})
TABLES = ("audit_record", "audit_subject", "audit_head")


@dataclass(frozen=True)
class Must:
    """What verification must say: one of *outcomes*, and name the first bad record where one is given.

    Attributes
    ----------
    seqs:
        The sequence that must be named is one of these.
    place:
        Or the writer and the number there, where only heads expose the change.
    refused:
        Whether it may also call the file unreadable: then it is not a log at all any more.
    """

    outcomes: frozenset[Outcome] = TAMPERED
    seqs: frozenset[int] = frozenset()
    place: tuple[str, int] | None = None
    refused: bool = False


def at(*seqs: int) -> Must:
    """Return that tampering must be found, at one of these sequences."""
    return Must(seqs=frozenset(seqs))


@dataclass
class Case:
    """A copy of a log, to be changed, and how it is verified then.

    Attributes
    ----------
    target:
        What is verified: the database, or a folder or file.
    since:
        The checkpoint that the verifier kept.
    policy:
        The witnesses whose signatures the verifier demands.
    older:
        Whether nothing is changed but the time: what is shown is older than what the verifier knows.
    """

    world: World
    others: tuple[World, ...]
    folder: Path
    draw: Callable[..., Any]
    target: Path = field(default=Path())
    since: str | None = None
    policy: WitnessPolicy | None = None
    older: bool = False

    # -- drawing ---------------------------------------------------------------------------------

    def number(self, low: int, high: int) -> int:
        """Draw a number, both ends included."""
        if low > high:
            reject()
        return int(self.draw(st.integers(low, high)))

    def one_of(self, choices: Any) -> Any:
        """Draw one of *choices*."""
        found = list(choices)
        if not found:
            reject()
        return found[self.number(0, len(found) - 1)]

    def byte_changed(self, data: bytes, low: int = 0, high: int | None = None) -> tuple[bytes, int]:
        """Return *data* with one byte between *low* and *high* set to another value, and which one."""
        place = self.number(low, (len(data) if high is None else high) - 1)
        turned = self.one_of((1, 2, 4, 8, 16, 32, self.number(1, 255)))  # most bits leave a letter a letter
        return data[:place] + bytes([data[place] ^ turned]) + data[place + 1 :], place

    # -- copies ----------------------------------------------------------------------------------

    def copy(self, name: str, stage: Stage | None = None, world: World | None = None) -> Path:
        """Bring a file or folder of a stage, the last one unless said otherwise, into this case; return it."""
        source = (stage or (world or self.world).last).folder / name
        target = self.folder / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
        return target

    def database(self) -> Path:
        """Bring the database and the saved heads; the database is verified."""
        self.copy(HEADS)
        self.target = self.copy(DATABASE)
        return self.target

    def tree(self, stage: Stage | None = None) -> Path:
        """Bring the folder of the tree, to be verified."""
        self.target = self.copy(TREE, stage)
        return self.target

    def export(self, name: str = EXPORT) -> Path:
        """Bring an export, to be verified."""
        self.target = self.copy(name)
        return self.target

    def rows(self) -> list[StoredRecord]:
        """Return the rows as they were written."""
        return self.world.last.rows()

    def original(self) -> str:
        """Return the digest of what was copied here as it lies in the last stage."""
        name = self.target.name
        if name.endswith(PROOF_SUFFIX):
            return content(next(path for path in self.world.last.proofs if path.name == name))
        return content(self.world.last.folder / name)

    # -- verifying -------------------------------------------------------------------------------

    def verify(self) -> Verdict | None:
        """Return what the verifier says; ``None`` when it refuses to read what it is given."""
        try:
            return verify_path(self.target, self.world.vkey, since=self.since, policy=self.policy)
        except InvalidRequest:
            return None


@contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a copied database as its owner: no trigger, no right stands in the way."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        connection.commit()


def content(target: Path) -> str:
    """Return a digest of everything that a verifier could see below *target*."""
    seen = hashlib.sha256()
    if target.name == DATABASE:
        with closing(sqlite3.connect(target)) as connection:
            try:
                for table in TABLES:
                    for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
                        seen.update(repr(row).encode())
            except (sqlite3.Error, UnicodeDecodeError):
                seen.update(target.read_bytes())
        for path in sorted((target.parent / HEADS).glob("*")):
            seen.update(path.name.encode() + path.read_bytes())
        return seen.hexdigest()
    for path in sorted(target.rglob("*")) if target.is_dir() else [target]:
        if path.is_file():
            seen.update(str(path.relative_to(target)).encode() + b"\0" + path.read_bytes())
    return seen.hexdigest()


Change = Callable[[Case], Must]
EXPORTS = (EXPORT, RANGE, CSV)
