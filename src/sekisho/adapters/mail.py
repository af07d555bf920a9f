"""Mail: a folder of messages by default, an SMTP server in production.

Both build the same message (RFC 5322) from an address, a subject and a text; a control character in a header
is refused before anything is opened, because it could begin another header. Nothing that a server says reaches an
error: it may quote the address.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from sekisho.durable import write_new
from sekisho.errors import MailUnavailable
from sekisho.ports import Clock

_TIMEOUT_S = 10.0  # for connecting, and for each answer of the server
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_SENT = "The message could not be handed over; nothing was sent."


class FileOutbox:
    """``ports.Mailer`` into a folder, one ``.eml`` file for each message.

    Parameters
    ----------
    folder:
        Made with mode 0700 when it is not there; messages have mode 0600. A file's name says when it was
        written and nothing else, and it appears whole or not at all.
    sender:
        The address in ``From``.
    clock:
        The time in ``Date``.
    """

    def __init__(self, folder: Path, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, address: str, subject: str, text: str) -> None:
        """Write the message. Raises ``MailUnavailable`` (then there is no file)."""
        message = _message(self._sender, address, subject, text, self._clock, encoding="8bit")
        await asyncio.to_thread(self._write, message.as_bytes())

    def _write(self, content: bytes) -> None:
        name = f"{self._clock.now():%Y%m%dT%H%M%S.%f}Z-{secrets.token_hex(8)}"
        draft = self._folder / f".{name}.part"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                write_new(draft, content)
                draft.rename(self._folder / f"{name}.eml")
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        except OSError:
            raise MailUnavailable(_NOT_SENT) from None


class SmtpMailer:
    """``ports.Mailer`` over an SMTP server (RFC 5321), one connection for each message.

    Parameters
    ----------
    host, port:
        The server.
    sender:
        The address in ``From``, which is also where returned mail goes.
    clock:
        The time in ``Date``.
    tls:
        ``starttls`` (RFC 3207; a server that does not offer it gets nothing), ``tls`` from the first byte
        (RFC 8314), or ``none``, for a server on this machine.
    user, password:
        Credentials, sent over TLS only.
    context:
        How the server's certificate is verified; default by the system's authorities.
    """

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        clock: Clock,
        *,
        tls: str = "starttls",
        user: str | None = None,
        password: str | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if tls not in {"starttls", "tls", "none"}:
            raise ValueError("tls is starttls, tls or none")
        if tls == "none" and user is not None:
            raise ValueError("a password is sent over TLS only")
        self._host, self._port, self._sender, self._clock = host, port, sender, clock
        self._tls, self._user, self._password = tls, user, password
        self._context = context or ssl.create_default_context()

    def __repr__(self) -> str:
        return f"SmtpMailer({self._host}:{self._port}, {self._tls})"

    async def send(self, address: str, subject: str, text: str) -> None:
        """Hand the message to the server. Raises ``MailUnavailable`` (then nothing was sent)."""
        message = _message(self._sender, address, subject, text, self._clock, encoding="base64")
        await asyncio.to_thread(self._deliver, address, message)

    def _deliver(self, address: str, message: EmailMessage) -> None:
        try:
            server = self._connected()
            try:
                server.send_message(message, self._sender, [address])
            finally:
                # Not a word of goodbye: the message is taken already, and a fault now would send it again.
                server.close()
        except (OSError, smtplib.SMTPException, ValueError):
            raise MailUnavailable(_NOT_SENT) from None

    def _connected(self) -> smtplib.SMTP:
        if self._tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT_S, context=self._context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            if self._tls == "starttls":
                server.starttls(context=self._context)  # raises where it is not offered
            if self._user is not None:
                server.login(self._user, self._password or "")
        except BaseException:
            server.close()
            raise
        return server


def _message(sender: str, address: str, subject: str, text: str, clock: Clock, *, encoding: str) -> EmailMessage:
    """Return the message. Raises ``MailUnavailable`` when a header cannot be written.

    *encoding* of the text: ``base64`` passes every server, ``8bit`` is read without a program.
    """
    if any(_CONTROL.search(header) for header in (sender, address, subject)):
        raise MailUnavailable("A header of the message holds a control character; nothing was sent.")
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = _addressed(sender)
        message["To"] = _addressed(address)
        message["Subject"] = subject
        message["Date"] = format_datetime(clock.now())
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
        message.set_content(text, cte=encoding)
    except (ValueError, IndexError, UnicodeError):
        raise MailUnavailable("The message cannot be written; nothing was sent.") from None
    return message


def _addressed(address: str) -> Address:
    name, _, domain = address.rpartition("@")
    if not name or not domain or not address.isascii() or re.search(r"[\s,;<>()\[\]\"\\]", address):
        raise ValueError("not one address")
    return Address(username=name, domain=domain)
