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
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from sekisho.adapters.stores.postgresql import rights
from sekisho.bootstrap import prepare
from sekisho.demo.builder import SEED, DemoFacts, Progress, build_stores
from sekisho.demo.filling import fill
from sekisho.demo.server import RECORDS, STORES, DemoServer, in_server, new_password
from sekisho.errors import WorkspaceError
from sekisho.settings import FILE_NAME, load

_VERSION = 3
"""Version of what a build makes; workspaces of another version are built anew."""

_MARKER = Path("var") / "demo.json"
_STORES_SHARE = 0.55  # of the time of a build
_FILES_SHARE = 0.40  # of it, when the rows go on to a server
_CONNECTIONS = 64  # of the gateway's role in each store: eight for each of eight workers


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
    records: str | None = None,
    postgres: str | None = None,
    own_records: bool = False,
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
    records:
        URL of an empty database for the gateway's own records, ``postgresql://…``; else SQLite in the folder.
    postgres:
        URL of an administrator of a PostgreSQL server, without a password: customers, tickets and a copy of the
        order lines stand there, in databases of their own (:mod:`sekisho.demo.server`).
    own_records:
        Whether the gateway's own records stand there too.

    Raises
    ------
    WorkspaceError
        When the folder holds something else, another process is building there, it cannot be written, or the
        server does not do what is asked.
    """
    tell = progress or _silent
    server = None if postgres is None else DemoServer(postgres, folder)
    if scale < 1:
        raise WorkspaceError("The scale of a demonstration is at least 1.")
    key = {"version": f"{_VERSION}-{_shipped()[1]}", "seed": seed, "scale": scale, "customers": customers}
    if records is not None:
        key["records"] = hashlib.sha256(records.encode()).hexdigest()
    if postgres is not None:
        key["server"] = hashlib.sha256(f"{postgres} {own_records}".encode()).hexdigest()
    found = _marker(folder)
    if found is not None and found["key"] == key and (server is None or server.holds(str(found.get("build")))):
        return Built(folder, scale, _facts(found["facts"]), found["consent_events"], fresh=False)
    if found is None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(
            f"{folder} holds something that is not a demonstration workspace, and nothing of it was touched; "
            "name an empty folder with --workspace."
        )
    try:
        with _draft(folder) as draft:
            (draft / FILE_NAME).write_bytes(_file(records))
            share = _STORES_SHARE if server is None else _FILES_SHARE
            facts = build_stores(
                draft,
                scale=scale,
                seed=seed,
                customers=customers,
                progress=lambda what, done: tell(what, done * share),
            )
            if server is not None:
                _move(
                    draft,
                    server,
                    lambda what, done: tell(what, share + done * (_STORES_SHARE - share)),
                    own_records=own_records,
                )
            tell("keys and records", _STORES_SHARE)
            prepare(draft)
            events = asyncio.run(fill(draft, seed, tell))
            for store in () if server is None else STORES:
                (draft / "stores" / f"{store}.db").unlink()
            if server is not None and own_records:
                server.restrict(load(draft).database_url)
            build = secrets.token_hex(8)
            # Who can read the files needs no gateway.
            (draft / "stores").chmod(0o700)
            about = {"key": key, "build": build, "facts": asdict(facts), "consent_events": events}
            (draft / _MARKER).write_text(json.dumps(about, default=date.isoformat, indent=2) + "\n", "utf-8")
            _put_in_place(draft, folder)
            if server is not None:
                server.finish(build)
    except OSError as error:
        raise WorkspaceError(f"Cannot build in {folder}: {error.strerror}.") from None
    tell("done", 1.0)
    return Built(folder, scale, facts, events, fresh=True)


def _move(draft: Path, server: DemoServer, tell: Progress, *, own_records: bool) -> None:
    """Move the stores of a server from the files in *draft* there, and give the gateway its rights."""
    passwords = {store: new_password(draft, store) for store in STORES}
    server.make(records=own_records)
    records = server.own_records(new_password(draft, RECORDS)) if own_records else None
    (draft / FILE_NAME).write_bytes(in_server(_shipped()[0], server, records))
    catalogue = load(draft).catalogue
    server.load(draft / "stores", catalogue.datasets, tell)
    for store, password in passwords.items():
        datasets = [dataset for dataset in catalogue.datasets.values() if dataset.store == store]
        text = rights.script(catalogue.stores[store], datasets, password=password, connections=_CONNECTIONS)
        asyncio.run(rights.apply(text, server.admin_url(store)))


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


def _file(records: str | None) -> bytes:
    shipped = _shipped()[0]
    if records is None:
        return shipped
    return shipped.replace(b"url: sqlite:///var/sekisho.db", f"url: {json.dumps(records)}".encode(), 1)


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
