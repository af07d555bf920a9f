"""Which trusted witnesses signed a checkpoint, when, and whether they are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sekisho.audit_verify.verdict import Outcome, VerificationFailed
from sekisho.domain.checkpoint import cosignature_of, cosigned_message
from sekisho.domain.note import COSIGNATURE, MalformedNoteError, Note, VerificationKey, parse_key
from sekisho.domain.witness_policy import PolicyError, WitnessPolicy, parse_policy, policy_of
from sekisho.errors import InvalidRequest

_MAX_POLICY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness's signature that is right, and the time it says, in seconds since 1970."""

    witness: VerificationKey
    at: int

    def __str__(self) -> str:
        """Return who and when."""
        try:
            when = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds")
        except (ValueError, OverflowError, OSError):
            when = f"at {self.at}"
        return f"{self.witness.name} {when}"


def cosigned_at(note: Note, key: VerificationKey) -> int | None:
    """Return when the witness *key* signed *note*, or ``None`` when it did not.

    Raises ``VerificationFailed`` when a signature of its stands there and is wrong.
    """
    found = cosignature_of(note, key)
    if found is None:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(found[1], cosigned_message(note.text, found[0]))
    except InvalidSignature:
        raise VerificationFailed(Outcome.TAMPERED, f"the signature of the witness {key.name} is wrong") from None
    return found[0]


def cosigned_by(note: Note, witnesses: Sequence[VerificationKey]) -> list[Cosigned]:
    """Return which of *witnesses* signed *note*; signatures of others are nobody's and ignored.

    Raises ``VerificationFailed`` when one of theirs is wrong.
    """
    return [Cosigned(key, at) for key in witnesses if (at := cosigned_at(note, key)) is not None]


def require_witnesses(note: Note, policy: WitnessPolicy, what: str = "the checkpoint") -> list[Cosigned]:
    """Return who signed *note* of those that *policy* trusts.

    Raises
    ------
    VerificationFailed
        ``UNTRUSTED`` when they are not enough, ``TAMPERED`` when the signature of one is wrong.
    """
    signed = cosigned_by(note, policy.witnesses)
    if not policy.met_by({each.witness for each in signed}):
        names = ", ".join(each.witness.name for each in signed) or "none"
        raise VerificationFailed(
            Outcome.UNTRUSTED,
            f"{what} is not signed by enough witnesses: {policy.wanted} wanted, signed by {names}; "
            "somebody may have been shown another history",
        )
    return signed


def read_policy(witnesses: Sequence[str], quorum: int | None, file: Path | None = None) -> WitnessPolicy:
    """Return the policy that the options of a command name: keys and a number of them, or a policy file.

    Raises ``InvalidRequest`` when they cannot be read or contradict each other.
    """
    try:
        if file is None:
            if quorum is not None and not witnesses:
                raise InvalidRequest("--quorum needs --witness; take the keys from who runs the witnesses.")
            return policy_of([parse_key(vkey, COSIGNATURE) for vkey in witnesses], quorum)
        if witnesses or quorum is not None:
            raise InvalidRequest("A policy file names the witnesses; leave --witness and --quorum out.")
        with file.open("rb") as opened:
            data = opened.read(_MAX_POLICY_BYTES + 1)
        if len(data) > _MAX_POLICY_BYTES:
            raise InvalidRequest("The policy file is larger than a policy can be.")
        return parse_policy(data.decode("utf-8", "surrogateescape"))
    except (PolicyError, MalformedNoteError) as error:
        raise InvalidRequest(f"The policy on witnesses cannot be read: {error}.") from None
    except OSError as error:
        raise InvalidRequest(f"The policy file cannot be read: {error.strerror}.") from None
