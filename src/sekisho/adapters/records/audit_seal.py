"""How the ends of a chain become signed heads, after those who wait for the records were told.

A signature costs as much as a fifth of a commit, so it is no part of it. A transaction writes the *tail*
beside the records: where the chain ends now, under a MAC that only the log's own key makes. Right after it
the head is signed and saved outside the database, and goes into ``audit_head`` with one of the next groups.

A crash in between leaves a tail. The next start signs it when its MAC is right: so nothing is ever signed
that the log did not write itself, also not what somebody appended to the chain of a dead writer.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator

from sekisho.adapters.records.audit_batch import ChainEnd, SignedHead, Tail
from sekisho.adapters.records.audit_heads import HeadsFile
from sekisho.domain.note import Head, head_text, parse_key, sign_note
from sekisho.ports import KeyRing


class Sealer:
    """Signs the ends of one writer's chain, and of chains that a crash left without a head.

    Parameters
    ----------
    keyring:
        Signs the heads; the key of the tags is derived from it.
    heads:
        The file of saved heads outside the database.
    """

    def __init__(self, keyring: KeyRing, heads: HeadsFile) -> None:
        self.key = parse_key(keyring.verification_key())
        self.heads = heads
        self._keyring = keyring
        self._tag_key = _tag_key(keyring)
        self._open: ChainEnd | None = None
        self._unstored: list[SignedHead] = []

    @property
    def due(self) -> bool:
        """Whether there is an end that no head covers."""
        return self._open is not None

    @property
    def ready(self) -> bool:
        """Whether :meth:`sign` does no more than sign and write to an open file: it waits for no disk."""
        return self.heads.settled

    @property
    def settled(self) -> bool:
        """Whether :meth:`settle` would find nothing to do."""
        return self._open is None and self.heads.settled

    @property
    def unstored(self) -> tuple[SignedHead, ...]:
        """The heads that are not in the database yet."""
        return tuple(self._unstored)

    def tail(self, end: ChainEnd) -> tuple[str, int, bytes]:
        """Return writer, place and tag of *end*, for the transaction that writes it."""
        return end.writer, end.wseq, _tag(self._tag_key, _text(end))

    def committed(self, end: ChainEnd, stored: Iterable[SignedHead] = ()) -> None:
        """Take note that *end* is durable, and that the heads *stored* are in the database now."""
        self._open = end
        done = set(stored)
        self._unstored = [head for head in self._unstored if head not in done]

    def sign(self) -> bool:
        """Sign the newest end and save the head outside; return whether it could be saved.

        A head that could not be saved is owed (see :class:`HeadsFile`), and still goes into the database.
        """
        if self._open is None:
            return True
        end, self._open = self._open, None
        try:
            note = self._note(end)
        except BaseException:
            self._open = end
            raise
        self._unstored.append(SignedHead(end.writer, end.wseq, note))
        return self.heads.append(note)

    def settle(self) -> None:
        """Sign the head of the group before, where there was no time yet, and write what is owed to the file."""
        self.sign()
        self.heads.settle()

    def adopt(self, tails: Iterable[Tail], own: str) -> tuple[SignedHead, ...]:
        """Sign the ends that crashed writers left, where the tag proves that the log wrote them.

        Returns the heads for the database. The tail of a writer that still runs gets the head that this
        writer signs itself, to the byte (RFC 8032: Ed25519 is deterministic).

        Raises
        ------
        OSError
            When a head cannot be saved outside; nothing is lost by trying again.
        """
        signed = []
        for end in _proven(tails, self._tag_key):
            if end.writer == own:
                continue
            note = self._note(end)
            if not self.heads.append(note):
                raise OSError("the head of another writer could not be saved")
            signed.append(SignedHead(end.writer, end.wseq, note))
        return tuple(signed)

    def _note(self, end: ChainEnd) -> str:
        return sign_note(_text(end), self.key, self._keyring.sign)


def heads_to_come(keyring: KeyRing, tails: Iterable[Tail]) -> list[str]:
    """Return the heads of ends that the log wrote and whose heads are not in the database yet; nothing is saved."""
    key = parse_key(keyring.verification_key())
    return [sign_note(_text(end), key, keyring.sign) for end in _proven(tails, _tag_key(keyring))]


def _proven(tails: Iterable[Tail], tag_key: bytes) -> Iterator[ChainEnd]:
    """Yield the ends that the log itself wrote; any other stays without a head, and verification says so."""
    for tail in tails:
        end = ChainEnd(tail.writer, tail.wseq, tail.chain)
        if hmac.compare_digest(_tag(tag_key, _text(end)), tail.tag):
            yield end


def _tag_key(keyring: KeyRing) -> bytes:
    return keyring.derive("audit-tail")


def _tag(tag_key: bytes, text: str) -> bytes:
    return hmac.digest(tag_key, text.encode(), "sha256")


def _text(end: ChainEnd) -> str:
    return head_text(Head(end.writer, end.wseq + 1, end.chain))
