"""What differs between engines: one module for each, one :class:`Dialect` in it.

Adding an engine means adding its module here, its adapter, and its rows to the suites of ``tests/query``.
"""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.domain.terms import StoreKind
from sekisho.query.dialects.dialect import Dialect
from sekisho.query.dialects.duckdb import DUCKDB
from sekisho.query.dialects.postgresql import POSTGRESQL
from sekisho.query.dialects.sqlite import SQLITE

DIALECTS: Mapping[StoreKind, Dialect] = {dialect.kind: dialect for dialect in (DUCKDB, SQLITE, POSTGRESQL)}
"""The dialects, in the order in which a text is tried."""

__all__ = ["DIALECTS", "Dialect"]
