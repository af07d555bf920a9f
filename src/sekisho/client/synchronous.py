"""The synchronous client. Its twin has the same methods; what they say is built in ``messages``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from sekisho.client import messages
from sekisho.client.errors import Broken, ClientError, Unreachable
from sekisho.client.messages import Answer, Call, Change, Check, Recorded, Scope
from sekisho.client.stream import Batches, checked

_STREAM = httpx.Timeout(10.0, read=60.0)  # the service says that it is there every 15 s


class Client:
    """One service's connection to Sekisho.

    Parameters
    ----------
    address:
        Base address of the service, ``https://sekisho.example``.
    token:
        The bearer token, or a function that returns a fresh one for every call.
    timeout:
        Seconds for connecting, and between two pieces of an answer.
    transport:
        Another way to the service, for tests.

    The client remembers the highest consent sequence that its own writes answered and asks every later check
    to be at least as new: it reads its own writes, on whatever worker.
    """

    def __init__(
        self,
        address: str,
        token: str | Callable[[], str],
        *,
        timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._token = token if callable(token) else lambda: token
        self._http = httpx.Client(
            base_url=address,
            timeout=timeout,
            transport=transport or httpx.HTTPTransport(retries=2),
            follow_redirects=False,
        )
        self._seq = 0

    def query(
        self, sql: str, *, purpose: str, parameters: Sequence[object] = (), max_rows: int | None = None
    ) -> Answer:
        """Return the governed rows of *sql* for *purpose*, whole. Raises ``Problem``, ``Broken``."""
        with self.stream(sql, purpose=purpose, parameters=parameters, max_rows=max_rows) as batches:
            return messages.whole(batches, list(batches))

    @contextmanager
    def stream(
        self, sql: str, *, purpose: str, parameters: Sequence[object] = (), max_rows: int | None = None
    ) -> Iterator[Batches]:
        """Yield the answer's batches as they come, in the memory of a few of them: ``for batch in batches``.

        Leaving early stops the statement in its store. Reading raises ``Broken`` where the answer breaks off: what
        was read until then is a part, and not the answer. Raises ``Problem``.
        """
        call = messages.query(sql, purpose, parameters, max_rows)
        try:
            with self._http.stream(call.method, call.path, json=call.body, headers=self._headers(call)) as response:
                if response.status_code >= 300:
                    raise messages.problem(response.status_code, response.read())
                yield Batches(response.iter_bytes(), response.headers)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            raise Broken("The answer broke off; nothing of it may be used.") from None
        except httpx.TransportError as error:
            raise Unreachable(f"The service could not be reached ({type(error).__name__}).") from None

    def allowed(self, data_subject: str, purpose: str, scope: Scope | None = None) -> bool:
        """Return whether data of *data_subject* (``TYPE:VALUE``) may be used for *purpose*. Raises ``Problem``."""
        found = self.check([(data_subject, purpose, scope or {})])
        return found[0].allowed

    def check(
        self,
        items: Sequence[tuple[str, str] | tuple[str, str, Scope]],
        *,
        min_seq: int = 0,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
        explain: bool = False,
    ) -> list[Check]:
        """Return a ``Check`` for each (person, purpose) or (person, purpose, scope), in order.

        *valid_at* asks what was true then, *known_at* what was known then. Raises ``Problem``.
        """
        call = messages.check(
            items, min_seq=max(min_seq, self._seq), valid_at=valid_at, known_at=known_at, explain=explain
        )
        return messages.read_checks((self._send(call)).json())

    def filter(
        self, data_subjects: Sequence[str], purpose: str, *, scope: Scope | None = None, min_seq: int = 0
    ) -> list[str]:
        """Return those of *data_subjects* (up to 100,000) whose data may be used, in order. Raises ``Problem``."""
        call = messages.filtering(purpose, data_subjects, scope, max(min_seq, self._seq))
        allowed: list[str] = (self._send(call)).json()["allowed"]
        return allowed

    def record(
        self,
        data_subject: str,
        purpose: str,
        event: str,
        *,
        method: str = "api",
        scope: Scope | None = None,
        notice_version: str | None = None,
        occurred_at: datetime | None = None,
        valid_until: datetime | None = None,
        evidence: dict[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Recorded:
        """Record what a person decided (``give``, ``withdraw`` …). Raises ``Problem``.

        Safe to repeat with the same *idempotency_key*; without one a fresh key is made for this call.
        """
        more = {
            "scope": dict(scope) if scope else None,
            "notice_version": notice_version,
            "occurred_at": occurred_at,
            "valid_until": valid_until,
            "evidence": evidence,
        }
        call = messages.event(data_subject, purpose, event, method, idempotency_key, more)
        recorded = messages.read_recorded((self._send(call)).json())
        self._seq = max(self._seq, recorded.seq)
        return recorded

    def withdraw(self, data_subject: str, purpose: str, scope: Scope | None = None) -> Recorded:
        """Pass on that a person withdrew. It counts for every query that starts after this returns."""
        return self.record(data_subject, purpose, "withdraw", scope=scope)

    def changes(self, after_seq: int = 0) -> Iterator[Change]:
        """Yield every change above *after_seq* that there is now, in order; none is left out."""
        while True:
            body = (self._send(messages.changes(after_seq))).json()
            for item in body["items"]:
                yield messages.read_change(item)
            if body["next_after_seq"] <= after_seq:
                return
            after_seq = body["next_after_seq"]

    def follow(self, after_seq: int = 0) -> Iterator[Change]:
        """Yield changes above *after_seq* as they come, for as long as the caller reads.

        A connection that ends is opened again after the last change that was seen.
        """
        while True:
            call = messages.follow(after_seq)
            with self._http.stream(
                call.method, call.path, params=dict(call.params), headers=self._headers(call), timeout=_STREAM
            ) as response:
                if response.status_code != 200:
                    raise messages.problem(response.status_code, response.read())
                events = messages.Events()
                try:
                    for line in response.iter_lines():
                        if (change := events.line(line)) is not None:
                            after_seq = change.seq
                            yield change
                except httpx.TransportError:
                    pass  # broken off: resumed after the last one seen

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def _send(self, call: Call) -> httpx.Response:
        try:
            response = self._http.request(
                call.method, call.path, json=call.body, params=dict(call.params), headers=self._headers(call)
            )
        except httpx.RemoteProtocolError:
            raise Broken("The answer broke off; nothing of it may be used.") from None
        except httpx.TransportError as error:
            raise Unreachable(f"The service could not be reached ({type(error).__name__}).") from None
        if response.status_code >= 300:
            raise messages.problem(response.status_code, response.content)
        return response

    def _headers(self, call: Call) -> dict[str, str]:
        return {"Authorization": f"Bearer {checked(self._token)}", **call.headers}


def query(
    sql: str,
    *,
    purpose: str,
    address: str | None = None,
    token: str | Callable[[], str] | None = None,
    parameters: Sequence[object] = (),
    max_rows: int | None = None,
) -> Answer:
    """Return the governed rows of one statement; see :meth:`Client.query`.

    *address* and *token* default to the variables ``SEKISHO_URL`` and ``SEKISHO_TOKEN``. Raises ``ClientError``.
    """
    address, token = address or os.environ.get("SEKISHO_URL"), token or os.environ.get("SEKISHO_TOKEN")
    if not address or not token:
        raise ClientError(
            "Say where the service is, and who asks: address and token, or SEKISHO_URL and SEKISHO_TOKEN."
        )
    with Client(address, token) as client:
        return client.query(sql, purpose=purpose, parameters=parameters, max_rows=max_rows)
