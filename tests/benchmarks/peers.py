"""Two other designs of a consent store, each in about ten lines, to stand beside ours in one run.

What they do is as their own sources say (evidence: a mutable row for each identity; look for the record, then
insert one), written anew here. Neither is the product itself: both products do more around it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Engine, create_engine, text


class Peer(Protocol):
    """A design that takes decisions."""

    name: str

    def decide(self, person: int, yes: bool) -> None:
        """Take one decision, durably."""

    def wrong(self) -> list[str]:
        """Return what it gets wrong, as a query shows it now."""

    def close(self) -> None:
        """Remove it."""


@dataclass
class _Sql:
    """Tables of one design and a pool of connections."""

    name: str
    url: str
    tables: tuple[str, ...]
    create: tuple[str, ...]
    engine: Engine = field(init=False)
    order: list[tuple[int, bool]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.engine = create_engine(self.url, pool_size=16)
        self.close()
        with self.engine.begin() as connection:
            for statement in self.create:
                connection.exec_driver_sql(statement)

    def close(self) -> None:
        with self.engine.begin() as connection:
            for table in self.tables:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")


class _Mutable(_Sql):
    """One row for each identity, overwritten by each decision: the past is gone."""

    def decide(self, person: int, yes: bool) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO peer_preference VALUES (:person, :yes) ON CONFLICT (person)"
                    " DO UPDATE SET opt_in = excluded.opt_in"
                ),
                {"person": person, "yes": yes},
            )

    def wrong(self) -> list[str]:
        return ["no history: what was true before cannot be asked, nor proved"]


class _FindFirst(_Sql):
    """Look for a record, then insert one: two calls at the same time both find none."""

    def decide(self, person: int, yes: bool) -> None:
        with self.engine.begin() as connection:
            found = connection.execute(
                text("SELECT id FROM peer_consent WHERE person = :person AND given = :yes"),
                {"person": person, "yes": yes},
            ).first()
        if found is None:
            with self.engine.begin() as connection:
                connection.execute(
                    text("INSERT INTO peer_consent (person, given) VALUES (:person, :yes)"),
                    {"person": person, "yes": yes},
                )

    def wrong(self) -> list[str]:
        with self.engine.begin() as connection:
            twice = connection.exec_driver_sql(
                "SELECT count(*) FROM (SELECT 1 FROM peer_consent GROUP BY person, given HAVING count(*) > 1) x"
            ).scalar_one()
            both = connection.exec_driver_sql(
                "SELECT count(*) FROM (SELECT 1 FROM peer_consent GROUP BY person HAVING count(DISTINCT given) = 2) x"
            ).scalar_one()
        return [f"{twice:,} records written twice", f"{both:,} people both agree and refuse, newest word unknown"]


def fides(url: str) -> Peer:
    """Return the design of one mutable row for each identity."""
    create = ("CREATE TABLE peer_preference (person bigint PRIMARY KEY, opt_in boolean NOT NULL)",)
    return _Mutable("a mutable row for each identity (Fides' older flow)", url, ("peer_preference",), create)


def c15t(url: str) -> Peer:
    """Return the design that looks for a record and then inserts one."""
    create = (
        "CREATE TABLE peer_consent (id bigserial PRIMARY KEY, person bigint NOT NULL, given boolean NOT NULL)",
        "CREATE INDEX peer_consent_person ON peer_consent (person)",
    )
    return _FindFirst("find first, then insert (c15t's design)", url, ("peer_consent",), create)
