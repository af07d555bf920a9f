"""The record of attacks that leak when their guards are taken away: ``leaking.tsv``, one case a line.

``python -m tests.attacks.leaking`` finds them anew: it tries every statement of the suites, takes one guard after
another away until a statement leaks, and writes down one statement for each engine, set of guards and construct.
"""

from __future__ import annotations

import logging
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.attacks import masked_uses, silent_cases
from tests.attacks import test_sql_constructs as constructs
from tests.attacks import test_sql_convenient as convenient
from tests.attacks import test_sql_masks as masks
from tests.attacks import test_sql_names as names
from tests.attacks import test_sql_order as order
from tests.attacks import test_sql_own_names as own_names
from tests.attacks import test_sql_postgresql as postgresql
from tests.attacks import test_sql_words_of_engines as words_of_engines
from tests.attacks.silent import without
from tests.attacks.test_sql_recursive import RECURSIVE
from tests.attacks.witness import Witness, embedded, in_postgres
from tests.query.shop import shop

RECORD = Path(__file__).with_name("leaking.tsv")
ENGINES = ("sqlite", "duckdb", "postgresql")
ORDERED = frozenset({"order of tokens", "end of ties"})
_MEMORY = 6 << 30  # some statements, unguarded, would take all there is
_NEVER_RUN = ("000000", "RECURSIVE", "pg_sleep", "pg_advisory", "pg_terminate", "pg_reload")


@dataclass(frozen=True, order=True)
class Case:
    """A statement, the guards without which it leaks, and what it is about."""

    engine: str
    guards: tuple[str, ...]
    construct: str
    sql: str

    def leaks(self, witness: Witness) -> bool:
        """Return whether it leaks without its guards, and without each of them."""
        if self.guards[0] in ORDERED:
            with without(*self.guards):
                return aligned(witness, self.sql)
        if self.purpose != "recommendation" or self.construct.startswith("answered: "):
            with without(*self.guards):
                return witness.told(self.sql, purpose=self.purpose).leak is not None
        peeled = witness.peel(self.sql)
        return peeled.told.leak is not None and peeled.guards == self.guards

    def is_safe(self, witness: Witness) -> bool:
        """Return whether it tells nothing with all guards in place."""
        if self.guards[0] in ORDERED:
            return not aligned(witness, self.sql)
        return witness.told(self.sql, purpose=self.purpose).leak is None

    @property
    def purpose(self) -> str:
        """The purpose for which it is asked."""
        return "fraud" if self.guards == ("row filter at the scan",) else "recommendation"


def aligned(witness: Witness, sql: str) -> bool:
    """Return whether rows of two purposes have an order in common, or one with the raw keys."""
    for purpose in ("recommendation", "advertising"):
        witness.world.gateway.statements._known.clear()
        assert witness.world.ask(sql, purpose=purpose).rows
    read = order.by_number if " AS r" in sql else order.persons
    one, two = (read(witness.world, sql, purpose) for purpose in ("recommendation", "advertising"))
    return any(abs(order.agreement(one, other)) > 0.5 for other in (two, order.RAW, sorted(order.RAW)))


def engine_of(sql: str) -> str:
    """Return the engine that a statement is for."""
    low = sql.lower()
    return "postgresql" if "shop" in low else "sqlite" if "crm" in low else "duckdb"


def read() -> list[Case]:
    """Return the recorded cases."""
    lines = RECORD.read_text(encoding="utf-8").splitlines()
    return [
        Case(engine, tuple(guards.split(" + ")), construct, sql)
        for engine, guards, construct, sql in (line.split("\t") for line in lines if line)
    ]


def _refused(engine: str) -> Iterator[str]:
    corpora = (
        constructs.NOT_ONE_READ, constructs.NO_TABLE, constructs.NOT_LISTED, constructs.NAMES,
        constructs.STARS, masks.SEALED, masks.BLANK, masks.KEYED, masks.TRUTHS, names.CONFUSED, convenient.MASKED,
        own_names.OWN, own_names.IN_PARENTHESES, own_names.WHOLE_ROWS, RECURSIVE, words_of_engines.CALLED_ALIAS,
        words_of_engines.OF_ROWS,
    )  # fmt: skip
    yield from masked_uses.statements(engine)
    every = [sql for corpus in corpora for sql in corpus]
    if engine != "postgresql":
        yield from (sql for sql in every if engine_of(sql) == engine)
        return
    yield from map(shop, every)
    yield from (f"SELECT {expression} AS x FROM shop.customers" for expression in postgresql.FUNCTIONS)
    yield from (f"SELECT points FROM shop.customers, {table}" for table in postgresql.TABLES)
    yield from postgresql.READ_ANOTHER_WAY


def _answered(engine: str) -> Iterator[tuple[str, str, str]]:
    """Yield guard, construct and statement."""
    found = [("mask at the scan", name, sql) for name, sql in (silent_cases.MASKED | silent_cases.BLANK).items()]
    found += [("transform on the way out", name, sql) for name, sql in silent_cases.SHOWN.items()]
    found += [("list of what may be hoisted", name, sql) for name, sql in silent_cases.HOISTED.items()]
    for table in silent_cases.TABLES.values():
        for guard in ("consent at the scan", "row filter at the scan"):
            found += [(guard, name, sql.format(**table)) for name, sql in silent_cases.ABOUT_ROWS.items()]
    found += [("order of tokens", f"unordered {n}", sql) for n, sql in enumerate(order.UNORDERED)]
    found += [("end of ties", f"numbered {n}", sql) for n, sql in enumerate(order.NUMBERED)]
    for guard, name, sql in found:
        written = shop(sql) if engine == "postgresql" else sql
        if engine_of(written) == engine:
            yield guard, f"answered: {name}", written


def find(witness: Witness, engine: str) -> Iterator[Case]:
    """Yield a case for each set of guards and construct."""
    known: set[tuple[tuple[str, ...], str]] = set()
    for sql in _refused(engine):
        if any(part in sql for part in _NEVER_RUN) or not sql.isprintable():
            continue
        peeled = witness.peel(sql)
        if peeled.told.leak is not None and peeled.guards and (peeled.guards, peeled.construct) not in known:
            known.add((peeled.guards, peeled.construct))
            yield Case(engine, peeled.guards, peeled.construct, sql)
    for guard, construct, sql in _answered(engine):
        case = Case(engine, (guard,), construct, sql)
        try:
            fit = ((guard,), construct) not in known and case.leaks(witness) and case.is_safe(witness)
        except Exception as fault:  # noqa: BLE001 - the program was taken apart: anything may follow
            sys.stderr.write(f"{guard}, {construct}: {type(fault).__name__}\n")
            continue
        if fit:
            known.add(((guard,), construct))
            yield case
        else:
            sys.stderr.write(f"{engine}: {guard}: {construct} does not leak\n")


def main() -> None:
    """Find every case anew and write the record; engines may be named."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.getLogger("sqlglot").disabled = True
    wanted = sys.argv[1:] or ENGINES
    cases = [case for case in read() if case.engine not in wanted] if RECORD.exists() else []
    if set(wanted) & {"sqlite", "duckdb"}:
        with tempfile.TemporaryDirectory() as folder, embedded(Path(folder)) as witness:
            for engine in {"sqlite", "duckdb"} & set(wanted):
                cases += find(witness, engine)
    if "postgresql" in wanted:
        with in_postgres() as witness:
            cases += find(witness, "postgresql")
    lines = ("\t".join((case.engine, " + ".join(case.guards), case.construct, case.sql)) for case in sorted(cases))
    RECORD.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
