"""Checkpoints, cosignatures and proof files: their shapes, and the examples of the specifications."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain import checkpoint as cp
from sekisho.domain.note import COSIGNATURE, MalformedNoteError, VerificationKey, key_id, parse_note

# The checkpoint and the cosignature that the specification of cosignatures prints (C2SP tlog-cosignature).
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
SEED = bytes(range(32))


def witness_key(name: str = "witness.example/w") -> tuple[VerificationKey, Ed25519PrivateKey]:
    """A witness's key."""
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    public = private.public_key().public_bytes_raw()
    return VerificationKey(name, key_id(name, public, COSIGNATURE), public, COSIGNATURE), private


def test_the_example_of_the_specification_is_read() -> None:
    """Origin, size and root; and the witness's line says the time that the specification names."""
    note = parse_note(EXAMPLE)
    checkpoint = cp.parse_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text == note.text
    line = note.signatures[1]
    about = cp.cosignature_of(note, VerificationKey(line.name, line.key_id, b"", COSIGNATURE))
    assert about is not None
    assert about[0] == 1_679_315_147


def test_what_a_witness_signs_is_the_message_of_the_specification() -> None:
    """Two lines and the checkpoint, to the byte."""
    text = parse_note(EXAMPLE).text
    assert cp.cosigned_message(text, 1_679_315_147).decode() == (
        "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )


def test_a_cosignature_is_found_under_its_note_and_verifies() -> None:
    """By name and key, whatever else stands there; another key's is not taken for it."""
    key, private = witness_key()
    text = parse_note(EXAMPLE).text
    note = parse_note(cp.with_signatures(EXAMPLE, [cp.cosignature_line(text, 1_700_000_000, key, private.sign)]))
    found = cp.cosignature_of(note, key)
    assert found is not None
    at, signature = found
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, cp.cosigned_message(text, at))
    assert cp.cosignature_of(note, witness_key("witness.example/other")[0]) is None


def test_a_line_that_stands_there_is_not_repeated() -> None:
    """Signatures are gathered as they come."""
    note = parse_note(EXAMPLE)
    assert cp.with_signatures(EXAMPLE, note.signatures) == EXAMPLE


@pytest.mark.parametrize(
    "text",
    [
        "", "a\n1\n", "a\n1\nAAAA\n", f"\n1\n{'A' * 43}=\n", f"a\n01\n{'A' * 43}=\n", f"a\n-1\n{'A' * 43}=\n",
        f"a\n\u0661\n{'A' * 43}=\n", f"a\n1\n{'A' * 42}B=\n", f"a\n{'9' * 19}\n{'A' * 43}=\n", f"a\n1\n{'A' * 43}=",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Sizes and roots have one spelling each."""
    with pytest.raises(MalformedNoteError):
        cp.parse_checkpoint(text)


@given(
    st.integers(0, 2**40),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(max_size=90),
)
def test_a_proof_file_gives_its_proof_back(index: int, hashes: list[bytes], record: bytes | None) -> None:
    """With and without the record in it."""
    proof = cp.RecordProof(index, tuple(hashes), EXAMPLE, record)
    assert cp.parse_proof(cp.format_proof(proof)) == proof


@pytest.mark.parametrize(
    "text",
    [
        "", EXAMPLE, f"{cp.PROOF_HEADER}\n\n{EXAMPLE}", f"{cp.PROOF_HEADER}\nindex x\n\n{EXAMPLE}",
        f"{cp.PROOF_HEADER}\nindex 1\nAAAA\n\n{EXAMPLE}", f"{cp.PROOF_HEADER}\nindex 1\n",
        f"{cp.PROOF_HEADER}\nindex 1\n" + f"{'A' * 43}=\n" * 64 + f"\n{EXAMPLE}",
        f"c2sp.org/tlog-proof@v2\nindex 1\n\n{EXAMPLE}",
    ],
)  # fmt: skip
def test_what_is_no_proof_file_is_refused(text: str) -> None:
    """Another version, another shape, too many hashes."""
    with pytest.raises(MalformedNoteError):
        cp.parse_proof(text)
