"""Where the audit log's tree lies: in a folder beside the saved heads, or in object storage."""

from __future__ import annotations

from sekisho.adapters.records.audit_tree import TREE_FOLDER, AuditTree
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tree_folder import SIGNED_FILE
from sekisho.ports import KeyRing
from sekisho.settings import Settings


def audit_tree(settings: Settings, database: Database, keys: KeyRing) -> AuditTree:
    """Return the tree of the audit log of a workspace."""
    heads, bucket = settings.audit_folder, settings.audit_tree
    if bucket is None:
        return AuditTree(database, keys, heads / TREE_FOLDER, heads)
    # Here, because most workspaces keep a folder, and a client of object storage takes a while to load.
    from sekisho.adapters.records.tree_bucket import TreeBucket, object_storage  # noqa: PLC0415 - see above

    storage = object_storage(region=bucket.region, endpoint=bucket.endpoint)
    return AuditTree(database, keys, TreeBucket(storage, bucket.place, heads / SIGNED_FILE), heads)
