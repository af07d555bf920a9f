"""Rows of notices and of purposes' facts: how they are found, written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, bindparam, insert, select, text, update

from sekisho.adapters.records.consent_rows import instant
from sekisho.adapters.records.consent_tables import notice_purpose, notice_text, notice_version
from sekisho.adapters.records.database import Row
from sekisho.domain.notices import Change, Notice, PurposeVersion, Status

COLUMNS = (
    "v.key, v.version, v.change, v.purposes, v.drafted_by, v.published_by, v.published_at, v.published_seq,"
    " v.supersedes, t.locale, t.content"
)
"""A version with one of its texts; ``v`` is ``notice_version``, ``t`` is ``notice_text``."""
TEXTS = "JOIN notice_text t ON t.key = v.key AND t.version = v.version"
PUBLISHED = "JOIN notice_version v ON v.key = p.key AND v.version = p.version AND v.published_at IS NOT NULL"
IN_FORCE = (
    f"SELECT {COLUMNS} FROM notice_version v {TEXTS} WHERE (v.key, v.version) ="
    f" (SELECT p.key, p.version FROM notice_purpose p {PUBLISHED} WHERE p.purpose = ?"
    " ORDER BY p.version DESC LIMIT 1)"
)
"""The notice in force for one purpose."""
ALL_IN_FORCE = (
    f"SELECT p.purpose, {COLUMNS} FROM (SELECT p.purpose, MAX(p.version) AS version FROM notice_purpose p"
    f" {PUBLISHED} GROUP BY p.purpose) newest"
    " JOIN notice_purpose p ON p.purpose = newest.purpose AND p.version = newest.version"
    f" JOIN notice_version v ON v.key = p.key AND v.version = p.version {TEXTS}"
)
"""The notice in force, after the purpose's name, for each purpose."""
ACCEPTED = (
    f"SELECT {COLUMNS} FROM notice_purpose p {PUBLISHED} {TEXTS} WHERE p.purpose = ? AND p.version = ?"
    " AND NOT EXISTS (SELECT 1 FROM notice_purpose q JOIN notice_version w ON w.key = q.key AND w.version = q.version"
    " WHERE q.purpose = p.purpose AND q.version > p.version AND w.change = 'major' AND w.published_at IS NOT NULL)"
)
"""One version for one purpose, while no major one came after it."""
ONE = f"SELECT {COLUMNS} FROM notice_version v {TEXTS} WHERE v.key = ? AND v.version = ?"
"""One version of one key, draft or not."""
NEWEST = (
    f"SELECT {COLUMNS} FROM notice_version v {TEXTS} WHERE v.key = ? AND v.version ="
    " (SELECT MAX(version) FROM notice_version WHERE key = ? AND published_at IS NOT NULL)"
)
"""The newest published version of one key."""
FACTS = (
    "SELECT purpose, version, change, facts, sha256, source, published_at, published_seq"
    " FROM purpose_version WHERE purpose = ? ORDER BY version"
)
"""Every version of one purpose's facts."""
LAST_PUBLISHED = text(
    "SELECT COALESCE(MAX(at), 0) FROM (SELECT MAX(published_at) AS at FROM notice_version"
    " UNION ALL SELECT MAX(published_at) FROM purpose_version) published"
)
"""When something was last published, in microseconds, 0 for never."""


class AlreadyPublished(Exception):
    """The version is published: nothing about it changes any more."""


def fill_in(connection: Connection, table: Table, which: ColumnElement[bool], values: Mapping[str, object]) -> None:
    """Say when a draft was published: the only change that a row ever sees. Raises ``AlreadyPublished``."""
    done = connection.execute(update(table).where(which, table.c.published_at.is_(None)).values(**values))
    if done.rowcount != 1:
        raise AlreadyPublished


def insert_notice(connection: Connection, draft: Notice, now: int) -> None:
    """Write a draft: what it says, in every language, and of which purposes."""
    connection.execute(
        insert(notice_version).values(
            key=draft.key,
            version=draft.version,
            change=draft.change.value,
            purposes=json.dumps(draft.purposes),
            drafted_by=draft.drafted_by,
            drafted_at=now,
        )
    )
    same = {"key": draft.key, "version": draft.version}
    connection.execute(
        insert(notice_text),
        [
            {**same, "locale": locale, "content": content, "sha256": draft.sha256(locale)}
            for locale, content in draft.texts.items()
        ],
    )
    connection.execute(insert(notice_purpose), [{**same, "purpose": purpose} for purpose in draft.purposes])


def next_version(connection: Connection, key: str, purposes: tuple[str, ...]) -> int:
    """Return the version above all that share *key* or one of *purposes*."""
    under_key = select(notice_version.c.version).where(notice_version.c.key == key)
    about = select(notice_purpose.c.version).where(
        notice_purpose.c.purpose.in_(bindparam("purposes", expanding=True))
    )
    taken = connection.scalars(under_key.union_all(about), {"purposes": list(purposes)})
    return 1 + max(taken, default=0)


def newest_by(connection: Connection, key: str, by: str) -> Notice | None:
    """Return the newest version of *key* that *by* drafted, published or not."""
    sql = (
        f"SELECT {COLUMNS} FROM notice_version v {TEXTS} WHERE v.key = :key AND v.version ="
        " (SELECT MAX(version) FROM notice_version WHERE key = :key AND drafted_by = :by)"
    )
    return one_notice([tuple(row) for row in connection.execute(text(sql), {"key": key, "by": by})])


def one_notice(rows: Sequence[Row]) -> Notice | None:
    """Return the notice of *rows*, ``None`` of none."""
    return next(iter(notices_of(rows)), None)


def notices_of(rows: Sequence[Row]) -> list[Notice]:
    """Return the notices of rows that have one locale each, in the order of their first rows."""
    texts: dict[tuple[str, int], dict[str, str]] = {}
    heads: dict[tuple[str, int], Row] = {}
    for row in rows:
        *head, locale, content = row
        place = (row[0], row[1])
        heads.setdefault(place, tuple(head))
        texts.setdefault(place, {})[locale] = content
    return [
        Notice(
            key=key,
            version=version,
            change=Change(change),
            status=Status.DRAFT if published_at is None else Status.PUBLISHED,
            purposes=tuple(json.loads(purposes)),
            texts=dict(sorted(texts[key, version].items())),
            published_at=instant(published_at),
            published_seq=published_seq,
            supersedes=supersedes,
            drafted_by=drafted_by,
            published_by=published_by,
        )
        for key, version, change, purposes, drafted_by, published_by, published_at, published_seq, supersedes in (
            heads.values()
        )
    ]


def facts_of_row(row: Row) -> PurposeVersion:
    """Return the version of a purpose's facts that a row of :data:`FACTS` is."""
    purpose, version, change, facts, digest, source, published_at, published_seq = row
    return PurposeVersion(
        purpose,
        version,
        Change(change),
        Status.DRAFT if published_at is None else Status.PUBLISHED,
        json.loads(facts),
        digest,
        source,
        instant(published_at),
        published_seq,
    )
