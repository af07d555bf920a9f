"""A small workspace that is right in every way, for tests to spoil."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from sekisho.errors import WorkspaceError
from sekisho.settings import FILE_NAME, Settings, load

GOOD = textwrap.dedent("""\
    controller: {name: Shop, contact: privacy@shop.example}
    identity: {issuer: "https://issuer.example", audience: sekisho}
    stores:
      crm: {kind: sqlite, location: stores/crm.db}
      pos: {kind: duckdb, location: stores/pos}
    purposes:
      recommendation:
        title: {ja: おすすめ, en: Recommendations}
        description: {ja: おすすめします, en: We recommend}
        legal_basis: consent
        cells: [purchase, profile]
      support:
        title: {ja: サポート, en: Support}
        description: {ja: お答えします, en: We answer}
        legal_basis: contract
        clear: [email]
      statistics:
        title: {ja: 統計, en: Statistics}
        description: {ja: 統計を作ります, en: We count}
        legal_basis: legitimate_interest
        output: statistics
    datasets:
      crm.customers:
        relation: customers
        data_subject: {column: customer_id, identifier: customer_id}
        data_category: profile
        purposes: [recommendation, support]
        columns:
          customer_id: {type: integer, class: direct_identifier}
          email: {type: string, class: direct_identifier, category: email}
          birth_date: {type: date, class: quasi_identifier, generalise: year}
          note: {type: string, class: free_text}
      pos.lines:
        relation: "*.parquet"
        data_subject: {column: customer_id, identifier: customer_id}
        data_category: purchase
        purposes: [recommendation, statistics]
        columns:
          customer_id: {type: integer, class: direct_identifier}
          invoice: {type: string, class: linking_identifier, domain: invoice}
          amount: {type: double, class: none}
    requesters:
      recommender: {purposes: [recommendation]}
      desk: {purposes: [], roles: [collection_point]}
    views:
      sales:
        purpose: statistics
        people: people
        min_group: 10
        sql: SELECT invoice, COUNT(DISTINCT customer_id) AS people FROM pos.lines GROUP BY invoice
    """)
"""A valid file; line numbers matter to nobody but the tests that look them up in it."""


class Workspace:
    """A folder with a workspace file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, text: str | bytes = GOOD) -> Settings:
        """Write *text* as the workspace file and read it."""
        raw = text.encode() if isinstance(text, str) else text
        (self.folder / FILE_NAME).write_bytes(raw)
        return load(self.folder)

    def faults(self, text: str | bytes) -> list[str]:
        """Return the faults of *text*, a line each."""
        with pytest.raises(WorkspaceError) as caught:
            self.load(text)
        return caught.value.detail.splitlines()

    def faults_of(self, old: str, new: str, count: int = 1) -> list[str]:
        """Return the faults of the good file after *old*, which must stand in it, was replaced by *new*."""
        assert old in GOOD
        return self.faults(GOOD.replace(old, new, count))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return an empty workspace."""
    return Workspace(tmp_path)


def line_of(part: str, text: str = GOOD) -> int:
    """Return the line (from 1) on which *part* first stands."""
    return text[: text.index(part)].count("\n") + 1
