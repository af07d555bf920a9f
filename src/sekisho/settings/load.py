"""Reading a workspace."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from sekisho.domain.terms import Catalogue
from sekisho.errors import WorkspaceError
from sekisho.settings import catalogue, customers, parts, policy
from sekisho.settings.buckets import tree_bucket
from sekisho.settings.detect import detect
from sekisho.settings.document import Node, Table, read
from sekisho.settings.exports import exports
from sekisho.settings.faults import Faults
from sekisho.settings.key_ring import key_ring
from sekisho.settings.masks import hierarchies
from sekisho.settings.parties import with_origins, with_parties
from sekisho.settings.section import Section
from sekisho.settings.values import Settings
from sekisho.settings.views import views
from sekisho.settings.witnesses import witnesses

FILE_NAME: Final = "sekisho.yaml"
"""Name of the one file that describes a workspace."""

_MAX_BYTES = 4_000_000


def load(workspace: Path) -> Settings:
    """Return the settings of the workspace in the folder *workspace*.

    Nothing but the file and the hierarchies that it names is read: stores, keys and key sets need not exist yet.

    Raises
    ------
    WorkspaceError
        With every fault of the file, one a line: ``line N: what is wrong; remedy``.
    """
    folder = workspace.resolve()
    try:
        with (folder / FILE_NAME).open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise WorkspaceError(
            f"line 1: cannot read {FILE_NAME} in {workspace}: {error.strerror}; name the folder that holds it, "
            "or build one with `sekisho demo --build-only`"
        ) from None
    return settings_of(raw, folder)


def settings_of(raw: bytes, folder: Path) -> Settings:
    """Return what *raw* means as the file of the workspace in *folder*. Raises ``WorkspaceError`` with its faults."""
    faults = Faults()
    try:
        root = read(raw.decode(), faults)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        faults.add(line, "the file is not UTF-8", "save it as UTF-8")
        root = None
    settings = None
    if root is not None:
        settings = _settings(root, folder, hashlib.sha256(raw).hexdigest()[:16], faults)
    faults.raise_if_any()
    if settings is None:  # pragma: no cover - whatever is absent has been noted as a fault
        raise WorkspaceError("line 1: the file cannot be read; see docs/reference/sekisho-yaml.md")
    return settings


def _settings(node: Node, folder: Path, revision: str, faults: Faults) -> Settings | None:
    if not isinstance(node.value, Table):
        faults.add(node.line, "the file is not a mapping", "begin with `controller:`")
        return None
    root = Section("the file", "", node.line, node.value, faults)
    controller = parts.controller(root)
    database_url, database = parts.database_url(root, folder)
    keys_folder = parts.folder_of(root, "keys", "directory", "var/keys", folder)
    keys = key_ring(root, folder)
    audit_folder = parts.folder_of(root, "audit", "heads", "var/audit", folder)
    signing = witnesses(root)
    policy_point, identity = policy.policy(root, folder), parts.identity(root, folder)
    exported = exports(root, folder)
    outgoing = customers.mail(root, folder)
    rule_sets = parts.law(root)
    places = {
        "the gateway's own database": database,
        "the keys": keys_folder,
        "the heads of the audit log": audit_folder,
        "the workspace file": folder / FILE_NAME,
        "the mail outbox": outgoing and outgoing.folder,
    }
    stores = catalogue.stores(root, folder, {what: path for what, path in places.items() if path})
    purposes = catalogue.purposes(root, root.words_below("datasets", "columns", "category"))
    levels = hierarchies(root, folder)
    datasets = with_origins(root, catalogue.datasets(root, stores, purposes, levels))
    if levels.by_name:  # what they say is part of what the catalogue says
        revision = hashlib.sha256(revision.encode() + levels.digest).hexdigest()[:16]
    identifiers = {d.data_subject.identifier for d in datasets.values() if d.data_subject is not None}
    signing_in = customers.customers(root, folder, identity, identifiers)
    requesters = with_parties(root, catalogue.requesters(root, purposes))
    reading = detect(root)
    published = views(root, purposes, datasets)
    if not (controller and database_url and keys_folder and audit_folder and policy_point and identity):
        return None
    if signing_in is None or outgoing is None or exported is None:
        return None
    return Settings(
        folder=folder,
        controller=controller,
        database_url=database_url,
        keys_folder=keys_folder,
        audit_folder=audit_folder,
        exports=exported,
        policy=policy_point,
        identity=identity,
        customers=signing_in,
        mail=outgoing,
        rule_sets=rule_sets,
        catalogue=Catalogue(stores, datasets, purposes, requesters, published, revision, controller.place),
        witnesses=signing,
        audit_keep_days=parts.audit_keep_days(root),
        audit_tree=tree_bucket(root),
        keys=keys,
        scan=parts.scan(root),
        detect=reading,
    )
