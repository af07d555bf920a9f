"""Stores in PostgreSQL: governed statements run inside the server, by a role that may read and nothing else.

``store`` runs statements, ``session`` opens connections, ``inspection`` looks at what is there and what a role
could do, ``people`` keeps the people tables beside the data, ``oracle`` compares the server's plan with ours,
``rows`` makes Arrow of its answers, ``rights`` writes the script that gives a role what it needs.
"""

from sekisho.adapters.stores.postgresql.store import PostgresStore

__all__ = ["PostgresStore"]
