"""Asking witnesses to sign checkpoints, over HTTP (C2SP tlog-witness).

Nobody waits for a witness that does not answer: one that failed is asked again later, in the background, and is
waited for again once it has signed. What it sends is verified before it is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from sekisho.audit_verify.verdict import VerificationFailed
from sekisho.audit_verify.witnesses import cosigned_at
from sekisho.domain.checkpoint import cosignature_of, hash_lines, parse_checkpoint, parse_size, with_signatures
from sekisho.domain.note import MalformedNoteError, NoteSignature, VerificationKey, parse_note
from sekisho.ports import WitnessFault, WitnessState, WitnessStatus

_TIMEOUT_S = 3.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 10.0, 300.0
_IDLE_S = 30.0  # a connection is kept for the next checkpoint
_MAX_ANSWER = 65_536
_SIZE_FORM = "text/x.tlog.size"
_AGENT = "sekisho-log/1"

Proof = Callable[[int], list[bytes]]

_REFUSALS: Mapping[int, WitnessFault] = {
    403: WitnessFault.UNTRUSTED_KEY,
    404: WitnessFault.UNKNOWN_LOG,
    409: WitnessFault.FORK,  # those that name a size are told apart before
    422: WitnessFault.INCONSISTENT,
}


class _NotSigned(Exception):
    """The end of asking a witness."""

    def __init__(self, fault: WitnessFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass
class _Witness:
    """What is known of one witness; *size* is the tree that it is believed to remember."""

    url: str
    key: VerificationKey
    state: WitnessState
    size: int = 0
    failures: int = 0
    not_before: float = 0.0
    asking: asyncio.Task[NoteSignature | None] | None = field(default=None, repr=False)


class HttpWitnesses:
    """Implements ``ports.Witnesses``.

    Parameters
    ----------
    witnesses:
        Address (before ``/add-checkpoint``) and public key of each, by the name that metrics call it by.
    quorum:
        How many are wanted.
    timeout_s:
        Seconds that a witness may take, both of its requests together.
    clock:
        Monotonic seconds.
    """

    def __init__(
        self,
        witnesses: Mapping[str, tuple[str, VerificationKey]],
        quorum: int,
        *,
        timeout_s: float = _TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._witnesses = [
            _Witness(url.rstrip("/") + "/add-checkpoint", key, WitnessState(name))
            for name, (url, key) in witnesses.items()
        ]
        self._quorum, self._timeout_s, self._clock = quorum, timeout_s, clock
        self._asked: int | None = None
        self._witnessed: int | None = None
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def cosign(self, checkpoint: str, proof: Proof) -> str:
        """Return *checkpoint* with the signatures of the witnesses that answered in time; see the port."""
        note = parse_note(checkpoint)
        size = parse_checkpoint(note.text).size
        self._asked, now = size, self._clock()
        signed, awaited = 0, []
        for witness in self._witnesses:
            if cosignature_of(note, witness.key) is not None:
                signed += 1  # nobody signs the same twice
            elif witness.asking is not None or now < witness.not_before:
                continue
            else:
                witness.asking = asyncio.create_task(self._ask(witness, checkpoint, size, proof))
                if not witness.failures:
                    awaited.append(witness.asking)
        signatures = [line for line in await asyncio.gather(*awaited) if line is not None]
        if signed + len(signatures) >= self._quorum:
            self._witnessed = size
        return with_signatures(checkpoint, signatures)

    def status(self) -> WitnessStatus:
        """Return how it stands with each witness."""
        return WitnessStatus(
            self._quorum, self._asked, self._witnessed, tuple(witness.state for witness in self._witnesses)
        )

    async def close(self) -> None:
        """Stop asking, and close the connections."""
        asking = [witness.asking for witness in self._witnesses if witness.asking is not None]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None

    async def _ask(self, witness: _Witness, checkpoint: str, size: int, proof: Proof) -> NoteSignature | None:
        fault: WitnessFault | None = None
        line = None
        try:
            async with asyncio.timeout(self._timeout_s):
                line, at = await self._signed(witness, checkpoint, size, proof)
            witness.state = WitnessState(witness.state.name, size, at)
        except _NotSigned as end:
            fault = end.fault
        except (TimeoutError, httpx.TimeoutException):
            fault = WitnessFault.TIMEOUT
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            fault = WitnessFault.UNREACHABLE
        except Exception:  # noqa: BLE001 - a witness must never stop the log, whatever it sends
            fault = WitnessFault.ANSWER
        finally:
            witness.asking = None
        if fault is None:
            witness.failures, witness.not_before = 0, 0.0
        else:
            known = witness.state
            witness.state = WitnessState(known.name, known.size, known.at, fault)
            pause = min(_FIRST_PAUSE_S * 2**witness.failures, _LONGEST_PAUSE_S)
            witness.failures, witness.not_before = min(witness.failures + 1, 10), self._clock() + pause
        return line

    async def _signed(self, witness: _Witness, checkpoint: str, size: int, proof: Proof) -> tuple[NoteSignature, int]:
        """Return the signature of *witness* and its time, asking twice when it remembers another size."""
        for _ in range(2):
            if witness.size > size:
                raise _NotSigned(WitnessFault.AHEAD)
            hashes = await self._proof(proof, witness.size, size)
            body = f"old {witness.size}\n{hash_lines(hashes)}\n{checkpoint}".encode()
            status, form, text = await self._post(witness.url, body)
            if status == 200:
                signature, at = _verified(checkpoint, text, witness.key)
                witness.size = size
                return signature, at
            if status != 409 or form != _SIZE_FORM:
                raise _NotSigned(_REFUSALS.get(status, WitnessFault.ANSWER))
            told = _size_told(text)
            if told < (witness.state.size or 0):
                # It could be talked into signing another history now; only people can say what became of it.
                raise _NotSigned(WitnessFault.WENT_BACK)
            witness.size = told
        raise _NotSigned(WitnessFault.AHEAD if witness.size > size else WitnessFault.ANSWER)

    async def _proof(self, proof: Proof, old: int, size: int) -> Sequence[bytes]:
        if old in {0, size}:
            return ()
        try:
            return await asyncio.to_thread(proof, old)
        except Exception:  # noqa: BLE001 - whatever is wrong with the tree's files is told elsewhere
            raise _NotSigned(WitnessFault.PROOF) from None

    async def _post(self, url: str, body: bytes) -> tuple[int, str, str]:
        """Return status, form and text of the answer."""
        if self._transport is None:
            # The transport itself: a client would follow redirects, keep cookies, heed the environment, log.
            self._transport = httpx.AsyncHTTPTransport(
                trust_env=False, retries=0, limits=httpx.Limits(keepalive_expiry=_IDLE_S)
            )
        request = httpx.Request(
            "POST",
            url,
            headers={"content-type": "text/plain; charset=utf-8", "user-agent": _AGENT},
            content=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)},
        )
        response = await self._transport.handle_async_request(request)
        try:
            answer = bytearray()
            async for chunk in response.aiter_raw():
                answer += chunk
                if len(answer) > _MAX_ANSWER:
                    raise _NotSigned(WitnessFault.ANSWER)
        finally:
            with suppress(httpx.HTTPError):
                await response.aclose()
        form = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return response.status_code, form, answer.decode("utf-8", "replace")


def _verified(checkpoint: str, lines: str, key: VerificationKey) -> tuple[NoteSignature, int]:
    """Return the signature of *key* among the *lines* that a witness answered, and its time; others are dropped."""
    text = parse_note(checkpoint).text
    try:
        note = parse_note(f"{text}\n{lines}")
        at = cosigned_at(note, key)
    except (MalformedNoteError, VerificationFailed):
        raise _NotSigned(WitnessFault.SIGNATURE) from None
    found = cosignature_of(note, key)
    if at is None or found is None or note.text != text:  # lines with an empty one among them are another text
        raise _NotSigned(WitnessFault.SIGNATURE)
    return NoteSignature(key.name, key.key_id, found[0].to_bytes(8, "big") + found[1]), at


def _size_told(text: str) -> int:
    try:
        return parse_size(text.removesuffix("\n"))
    except MalformedNoteError:
        raise _NotSigned(WitnessFault.ANSWER) from None
