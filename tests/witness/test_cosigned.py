"""Who signed a checkpoint, and whether they are enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sekisho.audit_verify.verdict import Outcome, VerificationFailed
from sekisho.audit_verify.witnesses import Cosigned, cosigned_by, read_policy, require_witnesses
from sekisho.domain.checkpoint import cosignature_line, with_signatures
from sekisho.domain.note import COSIGNATURE, VerificationKey, format_key, key_id, parse_note
from sekisho.domain.witness_policy import policy_of
from sekisho.errors import InvalidRequest
from tests.witness.logs import Log

LOG = Log(9)


class Signer:
    """A witness that signs whatever it is given."""

    def __init__(self, number: int) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        name, public = f"w{number}.example", self.private.public_key().public_bytes_raw()
        self.key = VerificationKey(name, key_id(name, public, COSIGNATURE), public, COSIGNATURE)
        self.vkey = format_key(name, public, COSIGNATURE)

    def line(self, text: str, at: int) -> str:
        """Return its line under *text*."""
        return cosignature_line(text, at, self.key, self.private.sign)


SIGNERS = [Signer(number) for number in range(1, 4)]
NOTE = LOG.note(9)
TEXT = parse_note(NOTE).text
SIGNED = parse_note(
    with_signatures(NOTE, [signer.line(TEXT, 1_700_000_000 + n) for n, signer in enumerate(SIGNERS[:2])])
)


def test_each_signer_is_told_with_its_time() -> None:
    """Those that are trusted, and no others."""
    first, second, third = (signer.key for signer in SIGNERS)
    assert cosigned_by(SIGNED, [third, second, first]) == [
        Cosigned(second, 1_700_000_001),
        Cosigned(first, 1_700_000_000),
    ]
    assert cosigned_by(SIGNED, []) == []


def test_enough_signatures_are_enough() -> None:
    """Two of three; three of three are missing one."""
    keys = [signer.key for signer in SIGNERS]
    assert len(require_witnesses(SIGNED, policy_of(keys, 2))) == 2
    with pytest.raises(VerificationFailed, match=r"3 of 3 wanted, signed by w1\.example, w2\.example") as failed:
        require_witnesses(SIGNED, policy_of(keys))
    assert failed.value.outcome is Outcome.UNTRUSTED


def test_a_wrong_signature_of_a_trusted_witness_is_tampering() -> None:
    """Another time, another text: each is under the signature."""
    line = SIGNERS[0].line(TEXT.replace("\n9\n", "\n8\n"), 1_700_000_000)
    with pytest.raises(VerificationFailed) as failed:
        cosigned_by(parse_note(with_signatures(NOTE, [line])), [SIGNERS[0].key])
    assert failed.value.outcome is Outcome.TAMPERED


def test_a_logs_own_signature_is_no_witness() -> None:
    """Whoever holds the log's key cannot be its witness with it: the type is another."""
    twin = VerificationKey(LOG.key.name, LOG.key.key_id, LOG.key.public, COSIGNATURE)
    assert cosigned_by(parse_note(NOTE), [twin]) == []


def test_options_name_a_policy(tmp_path: Path) -> None:
    """Keys and a number, or a file."""
    keys = [signer.vkey for signer in SIGNERS]
    assert read_policy(keys, None).wanted == "3 of 3"
    assert read_policy(keys, 2).wanted == "2 of 3"
    assert read_policy([], None).wanted == "none"
    file = tmp_path / "policy"
    file.write_text(f"witness a {keys[0]}\nquorum a\n")
    assert read_policy([], None, file).witnesses == (SIGNERS[0].key,)


@pytest.mark.parametrize(
    ("witnesses", "quorum", "text"),
    [
        ([], 1, None), (["x"], None, None), ([LOG.vkey], None, None), ([SIGNERS[0].vkey] * 2, 1, None),
        ([SIGNERS[0].vkey], 2, None), ([SIGNERS[0].vkey], None, "quorum none"), ([], 1, "quorum none"),
        ([], None, "?"), ([], None, "\udcff"), ([], None, "#" * 2_000_000),
    ],
    ids=[
        "no-keys", "no-key", "a-logs-key", "twice", "too-many", "both", "number-and-file", "no-policy", "no-text",
        "large",
    ],
)  # fmt: skip
def test_options_that_contradict_or_cannot_be_read_are_refused(
    tmp_path: Path, witnesses: list[str], quorum: int | None, text: str | None
) -> None:
    """Before anything is verified."""
    file = None
    if text is not None:
        file = tmp_path / "policy"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidRequest):
        read_policy(witnesses, quorum, file)
    with pytest.raises(InvalidRequest):
        read_policy([], None, tmp_path / "nowhere")
