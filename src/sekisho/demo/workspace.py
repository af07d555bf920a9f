"""Makes the demonstration workspace: file, stores, keys, people and their consent.

A workspace appears whole or not at all: it is built in a folder beside its place and moved there when
everything stands. What a broken-off build left behind is thrown away by the next one. A finished workspace
is recognised by its marker and used again.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.bootstrap import prepare
from sekisho.demo.builder import SEED, DemoFacts, Progress, build_stores
from sekisho.demo.consents import consent_history
from sekisho.domain.consent_rules import asks_people
from sekisho.errors import WorkspaceError
from sekisho.ports import ConsentEventInput
from sekisho.settings import FILE_NAME, Settings

_VERSION = 1
"""Version of what a build makes; workspaces of another version are built anew."""

_MARKER = Path("var") / "demo.json"
_STORES_SHARE = 0.55  # of the time of a build


@dataclass(frozen=True, slots=True)
class Built:
    """A demonstration workspace that stands.

    Attributes
    ----------
    folder:
        Where.
    scale:
        How many times the real customers occur.
    facts:
        What its stores held when they were built.
    consent_events:
        How many consent events were imported.
    fresh:
        Whether it was built now; otherwise it was there.
    """

    folder: Path
    scale: int
    facts: DemoFacts
    consent_events: int
    fresh: bool


def build_workspace(
    folder: Path,
    scale: int = 1,
    progress: Progress | None = None,
    *,
    seed: int = SEED,
    customers: int | None = None,
) -> Built:
    """Build the demonstration workspace in *folder*, or use the one that is there.

    Must not be called from a running event loop.

    Parameters
    ----------
    folder:
        New, empty, or a demonstration workspace; one of another scale, seed or version is replaced.
    scale:
        How many times the real customers occur; at least 1.
    progress:
        See ``builder.Progress``.
    seed:
        Two builds of one seed have the same stores and the same consent; keys and ids are always new.
    customers:
        Limit to this many customers, for tests.

    Raises
    ------
    WorkspaceError
        When the folder holds something else, another process is building there, or it cannot be written.
    """
    tell = progress or _silent
    if scale < 1:
        raise WorkspaceError("The scale of a demonstration is at least 1.")
    key = {"version": f"{_VERSION}-{_shipped()[1]}", "seed": seed, "scale": scale, "customers": customers}
    found = _marker(folder)
    if found is not None and found["key"] == key:
        return Built(folder, scale, _facts(found["facts"]), found["consent_events"], fresh=False)
    if found is None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(
            f"{folder} holds something that is not a demonstration workspace, and nothing of it was touched; "
            "name an empty folder with --workspace."
        )
    try:
        with _draft(folder) as draft:
            (draft / FILE_NAME).write_bytes(_shipped()[0])
            facts = build_stores(
                draft,
                scale=scale,
                seed=seed,
                customers=customers,
                progress=lambda what, done: tell(what, done * _STORES_SHARE),
            )
            tell("keys and records", _STORES_SHARE)
            settings = prepare(draft)
            events = asyncio.run(_fill(settings, seed, tell))
            # Who can read the files needs no gateway.
            (draft / "stores").chmod(0o700)
            about = {"key": key, "facts": asdict(facts), "consent_events": events}
            (draft / _MARKER).write_text(json.dumps(about, default=date.isoformat, indent=2) + "\n", "utf-8")
            _put_in_place(draft, folder)
    except OSError as error:
        raise WorkspaceError(f"Cannot build in {folder}: {error.strerror}.") from None
    tell("done", 1.0)
    return Built(folder, scale, facts, events, fresh=True)


def customer_contacts(crm: Path) -> tuple[list[str], list[str]]:
    """Return the customer ids and the e-mail addresses of ``stores/crm.db``, ascending by id."""
    with closing(sqlite3.connect(f"{crm.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT customer_id, email FROM customers ORDER BY customer_id").fetchall()
    return [str(number) for number, _ in rows], [email for _, email in rows]


def email_sha256(email: str) -> str:
    """Return how an e-mail address is named: SHA-256 of it trimmed and in lower case, in hexadecimal."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


async def _fill(settings: Settings, seed: int, tell: Progress) -> int:
    """Register everybody and import what they decided; return the number of consent events."""
    database = Database(settings.database_url)
    try:
        people = PeopleRegistry(database, FileKeyRing(settings.keys_folder))
        ids, emails = customer_contacts(settings.folder / "stores" / "crm.db")
        numbers = await people.register("customer_id", ids)
        await people.link_many("email_sha256", numbers, [email_sha256(email) for email in emails])
        tell("consent histories", 0.65)
        purposes = settings.catalogue.purposes
        ledger = SqlConsentLedger(database, purposes, SystemClock())
        number_of = dict(zip(map(int, ids), numbers.tolist(), strict=True))
        history = consent_history(
            np.array([int(value) for value in ids], np.int64),
            seed=seed,
            cells_by_purpose={
                purpose.name: purpose.all_cells()
                for purpose in purposes.values()
                if asks_people(purpose) and purpose.output == "rows"
            },
        )
        tell("consent histories", 0.75)
        events: Sequence[ConsentEventInput] = [
            ConsentEventInput(
                number=number_of[event.customer_id],
                purpose=event.purpose,
                cells=event.cells,
                kind=event.kind,
                method=event.method,
                actor="data_subject",
                notice_version=event.notice_version,
                occurred_at=event.occurred_at,
                valid_until=event.valid_until,
                evidence={"source": "import"},
            )
            for event in history
        ]
        result = await ledger.import_history(events)
        tell("consent histories", 0.98)
        return result.recorded
    finally:
        await database.close()


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside *folder* that this process alone builds in; gone afterwards."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.parent / f".{folder.name or 'demo'}.building"
    draft.mkdir(exist_ok=True)
    handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            # Held until this process ends, however it ends.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkspaceError(f"Another process is building {folder}; wait until it is done.") from None
        _clear(draft)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(handle)


def _put_in_place(draft: Path, folder: Path) -> None:
    """Move *draft* to *folder*; what stands there, a demonstration workspace, goes."""
    if folder.exists():
        old = folder.parent / f".{folder.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        draft.rename(folder)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _shipped() -> tuple[bytes, str]:
    """Return the shipped workspace file, and the beginning of its SHA-256."""
    content = files("sekisho.demo").joinpath(FILE_NAME).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]


def _marker(folder: Path) -> dict[str, Any] | None:
    """Return what the marker of a finished workspace says, or ``None``."""
    try:
        found = json.loads((folder / _MARKER).read_text("utf-8"))
        _facts(found["facts"])
        complete = {"key", "consent_events"} <= found.keys() and (folder / FILE_NAME).is_file()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if complete else None


def _facts(about: dict[str, Any]) -> DemoFacts:
    return DemoFacts(**{**about, "last_day": date.fromisoformat(about["last_day"])})


def _silent(_what: str, _done: float) -> None:
    """Tell nobody."""
