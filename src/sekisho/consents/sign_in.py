"""Sign-in of customers: single-use links by mail, the identity provider of customers, and sessions.

Nobody learns here who is a customer. Asking for a link is answered before the address is looked up; an address
that is known, unknown or that of two people costs the same work in the database, and only the mailbox
tells the difference.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from sekisho.consents.client_limit import Client, ClientLimit
from sekisho.consents.parts import Parts
from sekisho.domain.consent import Assurance
from sekisho.domain.identifiers import EMAIL_SHA256
from sekisho.domain.mail_address import email_sha256, mail_address
from sekisho.errors import AuditUnavailable, MailUnavailable, NotFound, RateLimited, Unauthenticated
from sekisho.ports import AuditEntry, DataSubjectRef, Mailer

PAGE: Final = "/preferences"
"""The page that a link leads to. It reads the token from the fragment, which browsers send to nobody."""
STATE_SECONDS: Final = 600
"""How long a customer may take at the identity provider."""

_LINKS = 3  # mails to one address in a quarter of an hour
_REQUESTS = 30  # links that one network may ask for in a quarter of an hour
_CONFIRMS = 300  # links that one network may use; guessing is hopeless, but each costs a write
_WAITING = 1_000  # links being made and sent
_AT_ONCE = 8  # of them, those that use the database or the mail server now
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64url
_NO = "Send a valid token for this resource: Authorization: Bearer TOKEN."
_SUBJECT = "ログイン用リンク / Your sign-in link"
_TEXT = """\
{controller} の設定ページにログインするためのリンクです。15 分以内に一度だけ使えます。

{link}

お心当たりがない場合は、このメールを破棄してください。何も変更されません。

----

This link signs you in to your privacy settings at {controller}. It works once, within 15 minutes.

{link}

If you did not ask for it, ignore this mail: nothing changes.
"""


class Sessions(Protocol):
    """Where links and sessions are kept. Tokens are kept as hashes only; times are the database's."""

    async def keep_link(self, token: str, person: DataSubjectRef, *, known: bool, most: int) -> bool:
        """Keep a link and return whether it may be sent; the same work for whom it may not."""

    async def use_link(self, token: str) -> DataSubjectRef | None:
        """Use up a link and return whom it is for, at most once ever."""

    async def start(self, token: str, person: DataSubjectRef, assurance: str) -> datetime:
        """Begin a session and return until when it lasts if it is not used."""

    async def person_of(self, token: str) -> DataSubjectRef | None:
        """Return whose session it is, and move its end on."""

    async def end(self, token: str) -> None:
        """End a session."""

    async def end_all(self, person: DataSubjectRef) -> None:
        """End every session and link of a person."""


class CustomerProvider(Protocol):
    """The identity provider of customers, by OpenID Connect."""

    async def authorization_url(self, *, state: str, nonce: str, challenge: str) -> str:
        """Return where a browser signs in. Raises ``Unauthenticated`` when the provider cannot be read."""

    async def person(self, *, code: str, nonce: str, verifier: str) -> DataSubjectRef:
        """Return who signed in. Raises ``Unauthenticated``."""

    async def close(self) -> None:
        """Close its connections."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun; ``token`` goes into the browser's cookie and nowhere else."""

    token: str = field(repr=False)
    expires_at: datetime


class SignIn:
    """The use cases of signing in.

    Parameters
    ----------
    parts, sessions, mailer:
        The ports.
    base_url:
        Address of the service as customers reach it, ``https://privacy.shop.example``. Links are made of it,
        never of what a request says; plain ``http`` is for one machine.
    controller:
        Who answers for the data, as the mail says.
    provider:
        The identity provider of customers, if there is one.
    proxies:
        Networks of the controller's own reverse proxies.
    pause_s:
        Seconds that a link waits, so that its answer is on its way before any work is done.
    retry_s:
        Seconds between tries when the mail server does not take a mail.
    """

    def __init__(
        self,
        parts: Parts,
        sessions: Sessions,
        mailer: Mailer,
        *,
        base_url: str,
        controller: str,
        provider: CustomerProvider | None = None,
        proxies: Iterable[str] = (),
        pause_s: float = 0.1,
        retry_s: Sequence[float] = (2.0, 10.0),
    ) -> None:
        self._parts = parts
        self._sessions = sessions
        self._mailer = mailer
        self._controller = controller
        self._provider = provider
        self._pause_s, self._retry_s = pause_s, tuple(retry_s)
        proxies = tuple(proxies)
        self._requests = ClientLimit(parts.clock, _REQUESTS, proxies)
        self._confirms = ClientLimit(parts.clock, _CONFIRMS, proxies)
        self._key = parts.keys.derive("sign-in-state")
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        split = urlsplit(base_url)
        self.base_url = base_url.rstrip("/")
        self.origin = f"{split.scheme}://{split.netloc}"
        """What browsers send as ``Origin`` from our own pages."""
        self.secure = split.scheme == "https"
        """Whether cookies may leave over TLS only; without it they serve one machine."""
        self.undelivered = 0
        """Links that could not be made or sent since the start; nobody who asked is told."""

    # -- links ---------------------------------------------------------------------------------------

    async def request(self, email: str, client: Client) -> None:
        """Have a link sent to *email* if it is that of exactly one person; nothing tells whether it is.

        Raises
        ------
        InvalidRequest
            When *email* cannot be an address, which depends on its letters alone.
        RateLimited
            When the client's network asked too often, or too many links are under way, for whomever.
        """
        address = mail_address(email)
        self._requests.take(client)
        if len(self._tasks) >= _WAITING:
            raise RateLimited("Too many links are under way; try again in a moment.")
        task = asyncio.create_task(self._make_link(address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def confirm(self, token: str, client: Client, *, replaced: str | None = None) -> NewSession:
        """Use up a link and begin a session: always a new one, whatever session the browser had.

        Parameters
        ----------
        replaced:
            Token of the session that the browser had; it ends.

        Raises ``Unauthenticated`` for a token that is forged, used, expired, or whose person is gone.
        """
        self._confirms.take(client)
        person = await self._sessions.use_link(token) if _TOKEN.fullmatch(token) else None
        if person is None or await self._parts.people.number_of(person) is None:
            raise Unauthenticated(_NO)
        return await self._start(person, "link", replaced)

    async def person_of(self, token: str) -> DataSubjectRef:
        """Return whose session *token* is. Raises ``Unauthenticated``."""
        person = await self._sessions.person_of(token) if _TOKEN.fullmatch(token) else None
        if person is None:
            raise Unauthenticated(_NO)
        return person

    async def end(self, token: str) -> None:
        """End a session; repeating it changes nothing."""
        if _TOKEN.fullmatch(token):
            await self._sessions.end(token)

    async def settled(self) -> None:
        """Wait until every link asked for so far is sent or given up."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Stop; links that are still on their way are given up, and can be asked for again."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._provider is not None:
            await self._provider.close()

    async def _make_link(self, address: str) -> None:
        await asyncio.sleep(self._pause_s)
        try:
            async with self._slots:
                person = DataSubjectRef(EMAIL_SHA256, email_sha256(address))
                known = await self._is_one_person(person, address)
                token = secrets.token_urlsafe(32)
                if await self._sessions.keep_link(token, person, known=known, most=_LINKS):
                    await self._send(address, f"{self.base_url}{PAGE}#token={token}")
        except Exception:  # noqa: BLE001 - whatever fails, the loop's own report of it could hold the address
            self.undelivered += 1

    async def _send(self, address: str, link: str) -> None:
        text = _TEXT.format(controller=self._controller, link=link)
        for pause in self._retry_s:
            try:
                return await self._mailer.send(address, _SUBJECT, text)
            except MailUnavailable:
                await asyncio.sleep(pause)
        return await self._mailer.send(address, _SUBJECT, text)

    async def _is_one_person(self, person: DataSubjectRef, address: str) -> bool:
        """Return whether the address is known and all of its people are one (linked)."""
        named = [person, *([DataSubjectRef("email", address)] if "email" in self._parts.identifiers else [])]
        numbers = [await self._parts.people.number_of(each) for each in named]
        if numbers[0] is None:
            return False
        others = {number for number in numbers if number is not None} - {numbers[0]}
        return not others or others <= set(await self._parts.ledger.linked(numbers[0]))

    # -- the identity provider -----------------------------------------------------------------------

    async def begin_at_provider(self) -> tuple[str, str]:
        """Return where the browser signs in, and what its short-lived cookie holds meanwhile.

        The cookie is signed; nonce and PKCE verifier (RFC 7636) are derived from it by our key, so that neither
        leaves this house before it is used. Raises ``NotFound`` without a provider.
        """
        provider = self._the_provider()
        state = secrets.token_urlsafe(32)
        until = int(self._parts.clock.now().timestamp()) + STATE_SECONDS
        verifier = self._derived("verifier", state)
        url = await provider.authorization_url(
            state=state,
            nonce=self._derived("nonce", state),
            challenge=_base64(hashlib.sha256(verifier.encode()).digest()),
        )
        return url, f"{state}.{until}.{self._derived(f'cookie.{until}', state)}"

    async def finish_at_provider(
        self, cookie: str, state: str, code: str, *, replaced: str | None = None
    ) -> NewSession:
        """Begin the session of who signed in at the provider.

        Parameters
        ----------
        cookie:
            As :meth:`begin_at_provider` returned it.
        state, code:
            As the provider handed them to the browser.

        Raises ``Unauthenticated`` when anything of it is not right, ``NotFound`` without a provider.
        """
        provider = self._the_provider()
        begun, _, rest = cookie.partition(".")
        until, _, mac = rest.partition(".")
        genuine = hmac.compare_digest(mac.encode(), self._derived(f"cookie.{until}", begun).encode())
        same = hmac.compare_digest(begun.encode(), state.encode())
        if not genuine or not same or int(until) <= self._parts.clock.now().timestamp():
            raise Unauthenticated(_NO)
        person = await provider.person(
            code=code, nonce=self._derived("nonce", begun), verifier=self._derived("verifier", begun)
        )
        if person.identifier not in self._parts.identifiers:
            raise Unauthenticated(_NO)
        return await self._start(person, "oidc", replaced)

    def _the_provider(self) -> CustomerProvider:
        if self._provider is None:
            raise NotFound("There is no such resource; /openapi.json lists all.")
        return self._provider

    def _derived(self, use: str, state: str) -> str:
        return _base64(hmac.digest(self._key, f"{use}\n{state}".encode(), "sha256"))

    # -- sessions ------------------------------------------------------------------------------------

    async def _start(self, person: DataSubjectRef, method: str, replaced: str | None) -> NewSession:
        if replaced is not None:
            await self.end(replaced)
        token = secrets.token_urlsafe(32)
        expires_at = await self._sessions.start(token, person, Assurance.VERIFIED_CONTACT.value)
        await self._note(person, method)
        return NewSession(token, expires_at)

    async def _note(self, person: DataSubjectRef, method: str) -> None:
        fields: dict[str, object] = {"method": method, "assurance": Assurance.VERIFIED_CONTACT.value}
        number = await self._parts.people.number_of(person)
        if number is not None:
            reference = self._parts.reference(number)
            fields |= {"subject_ref": reference, "subjects": [reference]}
        try:
            await self._parts.audit.append(AuditEntry("session.start", fields))
        except AuditUnavailable:
            # Who wants to withdraw must get in even while the log is down; what is shown is recorded apart.
            return


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
