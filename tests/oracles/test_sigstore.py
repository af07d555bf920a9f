"""Proofs of inclusion and signed checkpoints, as sigstore's verifier reads them.

Sigstore verifies software by the same tree and the same notes. Here a record of an audit log takes the place of an
entry of its log: the verifier's own functions are asked, on its own models.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint
from sigstore._internal.trust import Keyring, RekorKeyring
from sigstore.errors import VerificationError
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import PublicKey, PublicKeyDetails
from sigstore_models.rekor.v1 import TransparencyLogEntry as Inner

from sekisho.domain import tlog
from sekisho.domain.checkpoint import Checkpoint, cosignature_line, sign_checkpoint
from sekisho.domain.note import COSIGNATURE, VerificationKey, key_id
from tests.oracles.trees import RECORDS, changed, node, root, sample

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
KEY = VerificationKey("sekisho/audit", key_id("sekisho/audit", PUBLIC), PUBLIC)
WITNESS = VerificationKey("witness.example/w", key_id("witness.example/w", PUBLIC, COSIGNATURE), PUBLIC, COSIGNATURE)


def text(data: bytes) -> str:
    """Return bytes as JSON of protocol buffers has them."""
    return base64.b64encode(data).decode("ascii")


def keyring(private: Ed25519PrivateKey = PRIVATE) -> RekorKeyring:
    """Return sigstore's key ring with one log's key."""
    der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = PublicKey(raw_bytes=text(der).encode(), key_details=PublicKeyDetails.PKIX_ED25519)
    return RekorKeyring(Keyring([key]))


def checkpoint(size: int) -> str:
    """Return our signed checkpoint of the first *size* records, with a witness's signature under it."""
    note = sign_checkpoint(Checkpoint(KEY.name, size, root(size)), KEY, PRIVATE.sign)
    return note + cosignature_line(note.split("\n\n")[0] + "\n", 1_700_000_000, WITNESS, PRIVATE.sign)


def entry(index: int, size: int, **other: Any) -> TransparencyLogEntry:
    """Return record *index* with our proof that it stands in the tree of *size* records, as sigstore holds it."""
    told: dict[str, Any] = {
        "record": RECORDS[index],
        "hashes": tlog.inclusion_proof(index, size, node),
        "root": root(size),
        "checkpoint": "",
        **other,
    }
    proof = {
        "logIndex": str(index),
        "treeSize": str(size),
        "rootHash": text(told["root"]),
        "hashes": [text(each) for each in told["hashes"]],
        "checkpoint": {"envelope": told["checkpoint"]},
    }
    return TransparencyLogEntry(
        Inner.from_dict(
            {
                "logIndex": str(index),
                "logId": {"keyId": text(KEY.key_id)},
                "kindVersion": {"kind": "record", "version": "1"},
                "integratedTime": "1700000000",
                "inclusionPromise": {"signedEntryTimestamp": text(b"none")},
                "inclusionProof": proof,
                "canonicalizedBody": text(told["record"]),
            }
        )
    )


def refused(found: TransparencyLogEntry) -> bool:
    """Whether sigstore says that the record is not in the log."""
    try:
        verify_merkle_inclusion(found)
    except VerificationError:
        return True
    return False


def test_sigstore_finds_the_records_in_the_log() -> None:
    """By our proofs, from the bytes of the record on."""
    for place, size in sample(11, 1_000):
        verify_merkle_inclusion(entry(place - 1, size))


def test_sigstore_refuses_what_we_refuse() -> None:
    """Another record, a bit of the proof turned, a hash too few or too many, another root."""
    seen = 0
    for number, (place, size) in enumerate(sample(12, 200)):
        index, hashes = place - 1, tlog.inclusion_proof(place - 1, size, node)
        assert refused(entry(index, size, record=RECORDS[index] + b" "))
        assert refused(entry(index, size, root=bytes(32)))
        assert refused(entry(index, size, hashes=[*hashes, root(size)]))
        if hashes:
            assert refused(entry(index, size, hashes=hashes[:-1]))
            assert refused(entry(index, size, hashes=changed(hashes, number % len(hashes))))
            seen += 1
    assert seen > 400


@pytest.mark.long
def test_sigstore_finds_every_record_in_every_log_of_500() -> None:
    """All 125,250 proofs of inclusion of trees of up to 500 records, and every record of the largest."""
    for size in range(1, 501):
        for index in range(size):
            verify_merkle_inclusion(entry(index, size))
    for index in range(len(RECORDS)):
        verify_merkle_inclusion(entry(index, len(RECORDS)))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 2_000])
def test_sigstore_reads_our_checkpoints(size: int) -> None:
    """Shape, signature and root, with the signature of a witness below."""
    found = entry(0, size, checkpoint=checkpoint(size))
    verify_checkpoint(keyring(), found)
    verify_merkle_inclusion(found)


def test_sigstore_refuses_a_checkpoint_of_another_key_root_or_size() -> None:
    """Whoever signed, and what was signed, is what it looks at."""
    good = checkpoint(300)
    with pytest.raises(VerificationError):
        verify_checkpoint(keyring(Ed25519PrivateKey.from_private_bytes(bytes(32))), entry(0, 300, checkpoint=good))
    with pytest.raises(VerificationError):
        verify_checkpoint(keyring(), entry(0, 300, checkpoint=good.replace("\n300\n", "\n301\n")))
    with pytest.raises(VerificationError):
        verify_checkpoint(keyring(), entry(0, 300, root=root(299), checkpoint=good))
