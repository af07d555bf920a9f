"""Governed SQL: parse, resolve, rewrite, generate. Pure over sqlglot; no store is touched here."""
