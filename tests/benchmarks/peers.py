"""Other designs of a consent store, made anew, to stand beside ours in one run.

What they do is as their own sources say (Fides: ``set_consent_preferences`` and the model ``Consent``; c15t:
``POST /subjects`` as it was in June 2026, and as it became since, with a key that follows from the request).
Each makes the fewest statements that its design needs, prepared, without the product's ORM, web server, queue or
cache: the products themselves do more around it and are slower than this.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import psycopg
from psycopg.errors import UniqueViolation
from sqlalchemy import make_url


class Peer(Protocol):
    """A design that takes decisions; every method may be called from many threads."""

    name: str

    def decide(self, person: int, said_at: datetime, *, yes: bool) -> None:
        """Take one decision, durably. Raises ``RuntimeError`` when it has to be handed in again."""

    def agreeing(self, people: Sequence[int]) -> set[int]:
        """Return who of *people* agrees now."""

    def agreeing_at(self, people: Sequence[int], at: datetime) -> set[int] | None:
        """Return who of *people* agreed at *at*, or ``None`` when the design cannot say."""

    def kept(self, person: int) -> int:
        """Return how many records of *person* there are."""

    def notes(self, people: Sequence[int]) -> list[str]:
        """Return what else is to be said of *people*'s decisions."""


class _Threads:
    """A connection for each thread."""

    table = ""
    columns = ""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._mine = threading.local()
        self.connection.execute(f"DROP TABLE IF EXISTS {self.table}")
        self.connection.execute(f"CREATE TABLE {self.table} ({self.columns})")

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The connection of the thread that asks; it commits each statement that stands outside a transaction."""
        found: psycopg.Connection[Any] | None = getattr(self._mine, "connection", None)
        if found is None:
            found = self._mine.connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=0)
        return found


class MutableRow(_Threads):
    """One row for each identity and use of data: found, then updated; created when there is none."""

    table = "peer_row"
    columns = (
        "id bigserial PRIMARY KEY, identity bigint NOT NULL, data_use text NOT NULL, opt_in boolean NOT NULL,"
        " updated_at timestamptz NOT NULL DEFAULT now(), UNIQUE (identity, data_use)"
    )

    def decide(self, person: int, said_at: datetime, *, yes: bool) -> None:
        """See :class:`Peer`; the moment is not kept, as the table has no column for it."""
        held = self.connection.execute(
            "SELECT id FROM peer_row WHERE identity = %s AND data_use = 'marketing'", (person,)
        ).fetchone()
        if held is not None:
            self.connection.execute(
                "UPDATE peer_row SET opt_in = %s, updated_at = now() WHERE id = %s", (yes, held[0])
            )
            return
        try:
            self.connection.execute(
                "INSERT INTO peer_row (identity, data_use, opt_in) VALUES (%s, 'marketing', %s)",
                (person, yes),
            )
        except UniqueViolation:
            raise RuntimeError("refused: somebody created the row meanwhile") from None

    def agreeing(self, people: Sequence[int]) -> set[int]:
        """See :class:`Peer`."""
        rows = self.connection.execute(
            "SELECT identity FROM peer_row WHERE identity = ANY(%s) AND opt_in", (list(people),)
        )
        return {row[0] for row in rows}

    def agreeing_at(self, people: Sequence[int], at: datetime) -> set[int] | None:
        """Return ``None``: the row says what was said last."""
        return None

    def kept(self, person: int) -> int:
        """See :class:`Peer`."""
        sql = "SELECT count(*) FROM peer_row WHERE identity = %s"
        return int(self.connection.execute(sql, (person,)).fetchone()[0])  # type: ignore[index]

    def notes(self, people: Sequence[int]) -> list[str]:
        """See :class:`Peer`."""
        return []


class RowPerDecision(_Threads):
    """A record for each decision: looked for by person and the client's time, inserted when there is none.

    With *key_from_request* the record's key follows from the same fields, so that of two equal requests at the same
    time one is turned away and answered with the record of the other; without, both insert.
    """

    columns = (
        "id text PRIMARY KEY, subject bigint NOT NULL, domain text NOT NULL, policy text NOT NULL,"
        " purposes jsonb NOT NULL, given_at timestamptz NOT NULL"
    )

    def __init__(self, name: str, url: str, *, key_from_request: bool) -> None:
        self.table = "peer_keyed_record" if key_from_request else "peer_record"
        super().__init__(name, url)
        self.connection.execute(f"CREATE INDEX ON {self.table} (subject)")
        self._keyed = key_from_request
        self._find = (
            f"SELECT id FROM {self.table} WHERE subject = %s AND domain = 'shop' AND policy = 'privacy'"
            " AND given_at = %s"
        )
        key = "%s" if key_from_request else "gen_random_uuid()::text"
        self._add = f"INSERT INTO {self.table} VALUES ({key}, %s, 'shop', 'privacy', %s::jsonb, %s)"

    def decide(self, person: int, said_at: datetime, *, yes: bool) -> None:
        """See :class:`Peer`."""
        said_at = said_at.replace(microsecond=said_at.microsecond // 1000 * 1000)  # the client sends milliseconds
        wanted = (person, said_at)
        if self.connection.execute(self._find, wanted).fetchone() is not None:
            return
        row = (person, '["marketing"]' if yes else "[]", said_at)
        if not self._keyed:
            self.connection.execute(self._add, row)
            return
        try:
            with self.connection.transaction():
                if self.connection.execute(self._find, wanted).fetchone() is None:
                    self.connection.execute(self._add, (f"cns_{person}_{said_at.timestamp()}", *row))
        except UniqueViolation:
            self.connection.execute(self._find, wanted).fetchone()

    def agreeing(self, people: Sequence[int]) -> set[int]:
        """See :class:`Peer`: who has the purpose in the record with the newest time."""
        return self._newest(people, datetime.max.replace(tzinfo=UTC))

    def agreeing_at(self, people: Sequence[int], at: datetime) -> set[int] | None:
        """See :class:`Peer`; by the client's time, the only one that the record has."""
        return self._newest(people, at)

    def kept(self, person: int) -> int:
        """See :class:`Peer`."""
        sql = f"SELECT count(*) FROM {self.table} WHERE subject = %s"
        return int(self.connection.execute(sql, (person,)).fetchone()[0])  # type: ignore[index]

    def notes(self, people: Sequence[int]) -> list[str]:
        """Say how the design's own check differs: any record of the policy makes it say yes."""
        refused = sorted(set(people) - self.agreeing(people))
        sql = f"SELECT count(DISTINCT subject) FROM {self.table} WHERE subject = ANY(%s) AND policy = 'privacy'"
        counted = self.connection.execute(sql, (refused,)).fetchone()[0]  # type: ignore[index]
        return [f"its check by policy says yes for {counted:,} of {len(refused):,} whose newest word is no"]

    def _newest(self, people: Sequence[int], at: datetime) -> set[int]:
        rows = self.connection.execute(
            f"SELECT DISTINCT ON (subject) subject, purposes ? 'marketing' FROM {self.table}"
            " WHERE subject = ANY(%s) AND given_at <= %s ORDER BY subject, given_at DESC",
            (list(people), at),
        )
        return {subject for subject, yes in rows if yes}


def peers(url: str) -> list[Peer]:
    """Return the designs, their tables made new in the database at *url*."""
    return [
        MutableRow("one mutable row (Fides, open source)", url),
        RowPerDecision("find, then insert (c15t, June 2026)", url, key_from_request=False),
        RowPerDecision("find, then insert by a derived key (c15t since)", url, key_from_request=True),
    ]
