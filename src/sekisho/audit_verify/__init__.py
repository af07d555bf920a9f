"""Proof that an audit log is what was written, for somebody who trusts a public key and nothing else.

Everything is computed anew from the bytes of the records; stored hashes and columns are never believed,
only compared. What is held against the records, in this order:

(1) every writer's chain: begun at its own beginning, no place left out, none used twice;
(2) the sequence of the whole log: contiguous;
(3) signed heads: those saved outside the database, those inside it, and a checkpoint that the verifier
    kept (``since``). A history that was rewritten and chained anew fits no earlier head, and a tail
    that was cut off is missing records that a head counts.

What this cannot see is said in ``docs/audit.md``: above all, records after the newest head that somebody
outside holds.
"""

from __future__ import annotations

from pathlib import Path

from sekisho.audit_verify.database import verify_database, verify_rows
from sekisho.audit_verify.exports import is_export, verify_export
from sekisho.audit_verify.tree import (
    CHECKPOINT_FILE,
    is_checkpoint,
    is_proof,
    verify_checkpoint,
    verify_proof,
    verify_tree,
)
from sekisho.audit_verify.trust import TrustedKey, saved_notes
from sekisho.audit_verify.verdict import Outcome, Verdict
from sekisho.domain.witness_policy import WitnessPolicy
from sekisho.errors import InvalidRequest

__all__ = [
    "Outcome",
    "Verdict",
    "saved_notes",
    "verify_checkpoint",
    "verify_database",
    "verify_export",
    "verify_path",
    "verify_proof",
    "verify_rows",
    "verify_tree",
]


def verify_path(
    path: Path,
    vkey: str,
    *,
    since: str | None = None,
    heads: Path | None = None,
    policy: WitnessPolicy | None = None,
) -> Verdict:
    """Verify what stands at *path*: the folder of an export or of a tree, a proof, the own database's SQLite file.

    A checkpoint alone is one, too. *policy* says which witnesses must have signed. *heads* is the folder of saved
    heads for the last; left out, it is the folder ``heads`` beside the file.

    Raises
    ------
    InvalidRequest
        When there is neither, *vkey* or *since* cannot be read, *since* is named for what shows no history, or
        *policy* trusts other logs.
    """
    if policy is not None and policy.logs and TrustedKey(vkey).key not in policy.logs:
        raise InvalidRequest("the policy trusts other logs than the one whose key was given")
    if (path / CHECKPOINT_FILE).is_file() and not is_export(path):
        return verify_tree(path, vkey, since=since, policy=policy)
    if since is not None and (is_proof(path) or is_checkpoint(path)):
        raise InvalidRequest(
            "one checkpoint, or the proof of one record, does not show that the log continues another; name the"
            " tree's folder, an export or a database"
        )
    if is_proof(path):
        return verify_proof(path, vkey, policy=policy)
    if is_checkpoint(path):
        return verify_checkpoint(path, vkey, policy=policy)
    if path.is_dir():
        return verify_export(path, vkey, since=since, policy=policy)
    if policy is not None:
        raise InvalidRequest("witnesses sign checkpoints; name a tree's folder, an export, a proof or a checkpoint")
    if not path.is_file():
        raise InvalidRequest("there is no export, tree, proof or database at this path")
    return verify_database(path, heads or path.parent / "heads", vkey, since=since)
