"""Names that collide, and what names them: references, values and conditions in a scope.

Tables, aliases, common table expressions, output columns and references are all called by the same few words, among
them those that engines make up or read in a way of their own.
"""

# ruff: noqa: D102 - each method makes what its name says

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from sekisho.domain.terms import StoreKind
from tests.query.words import CLEAR, KEY, NUMBER, TEXT, TOKEN

Option = TypeVar("Option")

WORDS = ("note", "points", "x", "t", "id", "alias", "count")
MADE_UP = {
    StoreKind.SQLITE: ("column1", "column2", "count(*)", "x:1", "note_2", "rowid", "oid", "_rowid_"),
    StoreKind.DUCKDB: ("column1", "column2", "count_star()", "count(x)", "x_1", "note_2", "col0", "rowid"),
    StoreKind.POSTGRESQL: ("column1", "column2", "case", "max", "coalesce", "ctid", "xmin", "tableoid"),
}
"""Names that engines, or the gateway, give to what has none, and such as have a meaning of their own."""

ODD = ("text", "date", "rank", "max", "lower", "shop", "main", "excluded", "value", "left", "select", "user", "all")
"""Types, functions, schemas and reserved words."""

LITERALS = ("'a'", "'b'", "'c'", "'n'", "''", "'1'")
PLAIN = re.compile(r"[a-z_]\w*")
_RESERVED = frozenset({"left", "select", "user", "all", "case"})
FORGETS = 40
"""In one of so many places the strategy takes any name there is."""


@dataclass(frozen=True)
class Col:
    """A column by its name, and what it is."""

    name: str
    kind: str


@dataclass(frozen=True)
class Source:
    """Something in FROM: columns behind an alias; those of USING have none."""

    alias: str
    columns: tuple[Col, ...]


@dataclass
class Scope:
    """What an expression may name: sources, those of the statements around, output columns, tables of WITH."""

    ctes: dict[str, tuple[Col, ...]]
    around: tuple[Source, ...] = ()
    sources: list[Source] = field(default_factory=list)
    outputs: tuple[Col, ...] = ()


@dataclass
class Naming:
    """Makes the expressions of one statement for one engine, of what *chance* picks."""

    chance: Random
    engine: StoreKind
    pool: list[str] = field(default_factory=list)
    cut: bool = False
    chosen: bool = False

    # -- choices and names ----------------------------------------------------------------------------

    def pick(self, options: Sequence[Option]) -> Option:
        return options[self.chance.randrange(len(options))]

    def one_in(self, many: int) -> bool:
        return self.chance.randrange(many) == many - 1

    @property
    def lite(self) -> bool:
        return self.engine is StoreKind.SQLITE

    def word(self, taken: Sequence[str] = ()) -> str:
        """Return one of the few names of this statement; one that is *taken* now and then."""
        while len(self.pool) < 4:
            self.pool.append(self.pick(MADE_UP[self.engine] if self.one_in(4) else ODD if self.one_in(9) else WORDS))
        free = [word for word in self.pool if word not in taken] or [word for word in WORDS if word not in taken]
        return self.pick(free if free and not self.one_in(FORGETS) else self.pool)

    def spelled(self, name: str) -> str:
        """Write a name, in quotes where it needs them, and otherwise as people and tools do."""
        if name in _RESERVED or not PLAIN.fullmatch(name):
            return f'"{name}"'
        how = self.chance.randrange(24)
        if how == 23 and self.engine is StoreKind.POSTGRESQL and not self.one_in(6):
            return name  # in quotes it would be another name there
        return {21: name.upper(), 22: f'"{name}"', 23: f'"{name.title()}"'}.get(how, name)

    def query(self, scope: Scope, depth: int, want: Sequence[str] = ()) -> tuple[tuple[Col, ...], str]:
        """Return output columns and text of a query; *want* says what its columns are to be."""
        raise NotImplementedError

    def from_(self, scope: Scope, depth: int) -> str:
        """Add sources to *scope* and return their text."""
        raise NotImplementedError

    # -- references -----------------------------------------------------------------------------------

    def ref(self, scope: Scope, *kinds: str, only: Sequence[Source] = ()) -> str | None:
        """Return a reference to something of one of *kinds*, *only* of some sources; now and then to anything."""
        loose = self.one_in(FORGETS)
        own = [(s, c) for s in scope.sources for c in s.columns if c.name]
        if loose and self.one_in(4):
            return self.spelled(self.word())
        if scope.outputs and self.one_in(3):
            named = [c for c in scope.outputs if c.name and (c.kind in kinds or loose)]
            if named:
                return self.spelled(self.pick(named).name)
        far = [(s, c) for s in scope.around for c in s.columns if c.name]
        pool = far if far and not only and (self.one_in(4) or not own) else own
        fitting = [(s, c) for s, c in pool if (c.kind in kinds and (not only or s in only)) or loose]
        if not fitting:
            return None
        source, column = self.pick(fitting)
        alike = sum(c.name == column.name for _, c in own) + (pool is far)
        name = self.spelled(column.name)
        if not source.alias and alike > 1:
            return None
        if not source.alias or (alike < 2 and not self.one_in(3)) or self.one_in(80):
            return name
        return f"{self.spelled(source.alias)}.{name}"

    def value(self, scope: Scope, depth: int = 1) -> str:
        """Return an expression that is a clear text."""
        rows = [c.name for c in scope.outputs if any(c.name == source.alias for source in self.seen(scope))]
        if rows and self.one_in(8):  # what an engine may take for the whole row of a source
            return f"CAST({self.spelled(self.pick(rows))} AS TEXT)"
        base = self.ref(scope, CLEAR) or self.pick(LITERALS)
        if not depth or self.one_in(2):
            return base
        forms = [
            f"({base})", f"lower({base})", f"coalesce({base}, {self.pick(LITERALS)})", f"{base} || 'a'",
            f"nullif({base}, 'a')", f"CAST({base} AS TEXT)",
            f"CASE WHEN {self.condition(scope, 0)} THEN {base} ELSE {self.value(scope, 0)} END",
        ]  # fmt: skip
        if self.one_in(6):
            forms = [self.scalar(scope)]
        return self.pick(forms)

    def scalar(self, scope: Scope) -> str:
        """Return a subquery of one row that is a clear text."""
        inner = self.within(scope)
        if self.one_in(8):
            return f"(SELECT {self.value(replace(inner, around=self.seen(scope)), 0)})"
        from_ = self.from_(inner, 0)
        where = f" WHERE {self.condition(inner, 0)}" if self.one_in(2) else ""
        shown = f"{self.pick(['max', 'min'])}({self.value(inner, 0)})"
        named = f" AS {self.spelled(self.word())}" if self.one_in(2) else ""
        return f"(SELECT {shown}{named} FROM {from_}{where})"

    def seen(self, scope: Scope) -> tuple[Source, ...]:
        return (*scope.around, *scope.sources)

    def within(self, scope: Scope) -> Scope:
        return Scope(scope.ctes, self.seen(scope))

    def condition(self, scope: Scope, depth: int = 1) -> str:
        test = self.test(scope, depth)
        if self.one_in(4):
            test = f"{test} {self.pick(['AND', 'OR'])} {self.test(scope, depth)}"
        return f"NOT ({test})" if self.one_in(10) else test

    def test(self, scope: Scope, depth: int) -> str:
        key = self.ref(scope, KEY)
        if key is not None and self.one_in(3):
            other = self.ref(scope, KEY) or key
            forms = [f"{key} = '<p12>'", f"{key} IN ('<p14>', '<p16>')", f"{key} IS NOT NULL", f"{key} = {other}"]
            if depth:
                forms.append(f"{key} {self.pick(['IN', 'NOT IN'])} ({self.query(self.within(scope), 0, (KEY,))[1]})")
            return self.pick(forms)
        if self.one_in(8):
            return f"{self.ref(scope, TEXT, TOKEN, NUMBER) or 'NULL'} IS {self.pick(['NULL', 'NOT NULL'])}"
        left = self.value(scope, 0)
        forms = [
            f"{left} {self.pick(['=', '<>', '<', '>='])} {self.pick(LITERALS)}", f"{left} LIKE 'a%'",
            f"{left} IN ('a', {self.pick(LITERALS)})", f"{left} = {self.value(scope, 0)}",
            f"{left} BETWEEN 'b' AND 'd'", f"{left} IS NULL",
        ]  # fmt: skip
        if depth and self.one_in(2):
            inner = self.query(self.within(scope), 0, (CLEAR,))[1]
            forms = [f"{left} IN ({inner})", f"EXISTS ({inner})", f"{left} >= {self.scalar(scope)}"]
        return self.pick(forms)
