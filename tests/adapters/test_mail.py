"""Mail: one message for one address, over a protected way or not at all."""

from __future__ import annotations

import asyncio
import email.policy
import ipaddress
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sekisho.adapters.mail import FileOutbox, SmtpMailer
from sekisho.adapters.secret_file import read_secret
from sekisho.errors import MailUnavailable, WorkspaceError
from tests.fakes import FakeClock

SENDER = "privacy@shop.example"
CLOCK = FakeClock(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
HOSTILE = [
    "a@b.example\r\nBcc: all@shop.example",
    "a@b.example\nBcc: all@shop.example",
    "a@b.example\rX: y",
    "a@b.example\u2028X: y",
    "a@b.example\0",
    "a@b.example, c@d.example",
    "a@b.example> RCPT TO:<c@d.example",
    "Somebody <a@b.example>",
    "a b@b.example",
    "nobody",
    "",
]


def parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    content = message.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


# The folder ----------------------------------------------------------------------------------------


async def test_the_outbox_holds_each_message_for_its_owner_alone(tmp_path: Path) -> None:
    """A message is one file of mode 0600 in a folder of mode 0700, readable as it stands, without leftovers."""
    outbox = FileOutbox(tmp_path / "var" / "outbox", SENDER, CLOCK)
    await asyncio.gather(
        *(outbox.send(f"m{n}@shop.example", "ログイン用リンク", "リンク https://x/#t=1\n") for n in "12")
    )
    files = sorted((tmp_path / "var" / "outbox").iterdir())
    message = parsed(files[0].read_bytes())

    assert len(files) == 2
    assert {file.suffix for file in files} == {".eml"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "var" / "outbox").stat().st_mode) == 0o700
    assert "shop" not in files[0].name
    assert (message["From"], message["Subject"]) == (SENDER, "ログイン用リンク")
    assert message["Date"] == "Sat, 21 Nov 2026 09:30:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert text_of(message) == "リンク https://x/#t=1\n"
    assert "リンク https://x/#t=1".encode() in files[0].read_bytes()


async def test_an_outbox_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """Without a folder there is no message, and the error names nobody."""
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(MailUnavailable) as failed:
        await FileOutbox(tmp_path / "outbox", SENDER, CLOCK).send("m@shop.example", "s", "t")
    assert "m@shop" not in failed.value.detail


@pytest.mark.parametrize("address", HOSTILE)
async def test_no_header_is_injected_by_an_address(tmp_path: Path, address: str) -> None:
    """What is not one plain address is refused before anything is written."""
    with pytest.raises(MailUnavailable) as failed:
        await FileOutbox(tmp_path / "outbox", SENDER, CLOCK).send(address, "subject", "text")
    assert not (tmp_path / "outbox").exists()
    assert "b.example" not in failed.value.detail


@pytest.mark.parametrize("subject", ["a\r\nBcc: all@shop.example", "a\nb", "a\u2029b"])
async def test_no_header_is_injected_by_a_subject(tmp_path: Path, subject: str) -> None:
    """A subject of more than one line is refused."""
    with pytest.raises(MailUnavailable):
        await FileOutbox(tmp_path / "outbox", SENDER, CLOCK).send("m@shop.example", subject, "text")
    assert not (tmp_path / "outbox").exists()


# The server ----------------------------------------------------------------------------------------


@dataclass
class SmtpServer:
    """A mail server on this machine, of the few words of RFC 5321 that a client of ours says."""

    context: ssl.SSLContext
    offers: tuple[bytes, ...] = (b"STARTTLS",)
    implicit: bool = False
    refuses: bytes = b""
    breaks: bool = False
    port: int = 0
    words: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client."""
        try:
            writer.write(b"220 here\r\n")
            while line := await reader.readline():
                word = line.split(b":")[0].split()[0].upper()
                self.words.append(word)
                if self.refuses and word == self.refuses:
                    writer.write(b"550 m@shop.example is not known here\r\n")
                elif word == b"EHLO":
                    offers = (*self.offers, *((b"AUTH PLAIN",) if b"TLS" in self.words or self.implicit else ()))
                    writer.write(b"".join(b"250-%s\r\n" % offer for offer in (b"here", *offers)) + b"250 OK\r\n")
                elif word == b"STARTTLS":
                    # What the client says next is the handshake's; until then nobody may read it.
                    assert isinstance(writer.transport, asyncio.ReadTransport)
                    writer.transport.pause_reading()
                    writer.write(b"220 go\r\n")
                    await writer.drain()
                    await writer.start_tls(self.context)
                    self.words.append(b"TLS")
                elif word == b"AUTH":
                    writer.write(b"235 welcome\r\n")
                elif word == b"DATA":
                    writer.write(b"354 go\r\n")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    self.messages.append(content)
                    writer.write(b"250 taken\r\n")
                    if self.breaks:
                        await writer.drain()
                        return
                else:
                    writer.write(b"250 OK\r\n")
                await writer.drain()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def certificate(folder: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1, which signs itself, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3650))
        .not_valid_after(now + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + built.public_bytes(Encoding.PEM))
    return path


@dataclass
class Wire:
    """What it takes to run a server and to trust it."""

    path: Path

    def trusting(self) -> ssl.SSLContext:
        """Return how a client verifies that knows the server's certificate."""
        return ssl.create_default_context(cafile=str(self.path))

    @asynccontextmanager
    async def server(self, **more) -> AsyncIterator[SmtpServer]:
        """Run a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        served = SmtpServer(context, **more)
        listener = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=context if served.implicit else None)
        served.port = listener.sockets[0].getsockname()[1]
        async with listener:
            yield served
            await asyncio.sleep(0)


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(certificate(tmp_path))


@pytest.mark.enable_socket
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_message_goes_to_the_server_over_verified_tls(wire: Wire, tls: str) -> None:
    """The password and the message leave only after the server has proved who it is."""
    async with wire.server(implicit=tls == "tls") as server:
        mailer = SmtpMailer(
            "127.0.0.1", server.port, SENDER, CLOCK, tls=tls, user="u", password="p", context=wire.trusting()
        )
        await mailer.send("m@shop.example", "ログイン", "本文\n.\n終わり\n")
    message = parsed(server.messages[0].removesuffix(b".\r\n"))

    assert server.words.count(b"DATA") == 1
    if tls == "starttls":
        assert server.words.index(b"TLS") < server.words.index(b"AUTH") < server.words.index(b"MAIL")
    assert (message["To"], message["Subject"]) == ("m@shop.example", "ログイン")
    assert text_of(message) == "本文\n.\n終わり\n"


@pytest.mark.enable_socket
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(wire: Wire, tls: str) -> None:
    """An unknown certificate ends it before the password and the address are said."""
    async with wire.server(implicit=tls == "tls") as server:
        mailer = SmtpMailer("127.0.0.1", server.port, SENDER, CLOCK, tls=tls, user="u", password="p")
        with pytest.raises(MailUnavailable):
            await mailer.send("m@shop.example", "s", "t")
    assert not {b"AUTH", b"MAIL", b"RCPT", b"DATA"} & set(server.words)


@pytest.mark.enable_socket
async def test_a_server_without_starttls_gets_nothing(wire: Wire) -> None:
    """Somebody on the way who takes the offer of STARTTLS out hears neither password nor address."""
    async with wire.server(offers=()) as server:
        mailer = SmtpMailer("127.0.0.1", server.port, SENDER, CLOCK, user="u", password="p", context=wire.trusting())
        with pytest.raises(MailUnavailable):
            await mailer.send("m@shop.example", "s", "t")
    assert not {b"AUTH", b"MAIL", b"RCPT", b"DATA"} & set(server.words)


@pytest.mark.enable_socket
@pytest.mark.parametrize("word", [b"MAIL", b"RCPT", b"DATA"])
async def test_a_refusal_is_told_without_the_servers_words(wire: Wire, word: bytes) -> None:
    """A server's no becomes the one error, in which nothing of its answer stands."""
    async with wire.server(refuses=word) as server:
        mailer = SmtpMailer("127.0.0.1", server.port, SENDER, CLOCK, tls="none")
        with pytest.raises(MailUnavailable) as failed:
            await mailer.send("m@shop.example", "s", "t")
    assert failed.value.detail == "The message could not be handed over; nothing was sent."
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert server.messages == []


@pytest.mark.enable_socket
async def test_a_message_that_was_taken_is_sent(wire: Wire) -> None:
    """A connection that breaks after the server took the message does not make it a failure, to be sent again."""
    async with wire.server(breaks=True) as server:
        await SmtpMailer("127.0.0.1", server.port, SENDER, CLOCK, tls="none").send("m@shop.example", "s", "t")
    assert len(server.messages) == 1


@pytest.mark.enable_socket
async def test_a_server_that_is_not_there_is_unavailable() -> None:
    """Nobody listening is the same error."""
    with pytest.raises(MailUnavailable):
        await SmtpMailer("127.0.0.1", 1, SENDER, CLOCK, tls="none").send("m@shop.example", "s", "t")


@pytest.mark.parametrize("address", HOSTILE)
async def test_no_command_is_injected_by_an_address(address: str) -> None:
    """What is not one plain address is refused before a connection is opened (none could be, here)."""
    with pytest.raises(MailUnavailable):
        await SmtpMailer("127.0.0.1", 1, SENDER, CLOCK).send(address, "s", "t")


def test_a_password_is_never_sent_in_the_clear() -> None:
    """Credentials without TLS, and an unknown kind of protection, are refused when composed."""
    with pytest.raises(ValueError, match="TLS"):
        SmtpMailer("127.0.0.1", 25, SENDER, CLOCK, tls="none", user="u", password="hunter2")
    with pytest.raises(ValueError, match="starttls"):
        SmtpMailer("127.0.0.1", 25, SENDER, CLOCK, tls="maybe")
    assert "hunter2" not in repr(SmtpMailer("127.0.0.1", 25, SENDER, CLOCK, user="u", password="hunter2"))


# The password --------------------------------------------------------------------------------------


def test_a_secret_is_read_from_a_file_of_its_own(tmp_path: Path) -> None:
    """The text of a file of mode 0600, without the newline at its end."""
    path = tmp_path / "secret"
    path.write_text("hunter2\n")
    path.chmod(0o600)
    assert read_secret(path) == "hunter2"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A wider mode is refused rather than repaired, with the remedy and without the secret."""
    path = tmp_path / "secret"
    path.write_text("hunter2")
    path.chmod(mode)
    with pytest.raises(WorkspaceError, match="chmod 600") as refused:
        read_secret(path)
    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * 5000])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    """Nothing, bytes that are no text, and far too much are no secret; neither is a folder or nothing at all."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    for place in (path, tmp_path, tmp_path / "none"):
        with pytest.raises(WorkspaceError):
            read_secret(place)
