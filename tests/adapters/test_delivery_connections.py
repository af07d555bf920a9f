"""Deliveries over real connections: to the address that was checked, no further, and nothing kept of the answer."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sekisho.adapters.deliveries import HttpWebhookSender
from sekisho.domain.webhook_targets import Address, read_target
from sekisho.domain.webhooks import Outcome
from tests.adapters.receivers import SECRET, Receiver, listening, resolving


@pytest.mark.enable_socket
async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """The name is resolved once; a second answer that points inside is never asked for (DNS rebinding)."""
    resolve, asked = resolving(["127.0.0.1"], ["169.254.169.254"])
    async with listening(Receiver()) as receiver:
        sender = HttpWebhookSender(allow_loopback=True, resolve=resolve)
        url = f"http://receiver.example:{receiver.port}/hook?key={SECRET}"
        assert await sender.send(url, {"webhook-id": "msg_1"}, b'{"a":1}') == Outcome(204)
        assert asked == ["receiver.example"]
        line, headers, body = receiver.requests[0]
        assert line == f"POST /hook?key={SECRET} HTTP/1.1"
        assert headers["host"] == f"receiver.example:{receiver.port}"
        assert headers["webhook-id"] == "msg_1"
        assert body == b'{"a":1}'
        # The next attempt looks again, and now the name points inside.
        assert await sender.send(url, {}, b"{}") == Outcome(fault="address_refused")
        assert receiver.connections == 1


@pytest.mark.enable_socket
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure(status: int) -> None:
    """Nothing is followed, wherever it points."""
    async with listening(Receiver()) as inside:
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{inside.port}/\r\n\r\n"
        async with listening(Receiver(answer.encode())) as receiver:
            sender = HttpWebhookSender(allow_loopback=True)
            outcome = await sender.send(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")
            assert outcome == Outcome(status, "redirect")
            assert inside.connections == 0


@pytest.mark.enable_socket
async def test_of_the_answer_only_the_status_is_kept() -> None:
    """A long answer is read for some kilobytes and let go; the status counts all the same."""
    size = 64 << 20
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    async with listening(Receiver(head + bytes(size))) as receiver:
        sender = HttpWebhookSender(allow_loopback=True)
        assert await sender.send(f"http://127.0.0.1:{receiver.port}/", {}, b"{}") == Outcome(200)
        assert receiver.sent < size / 2


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Outcome(200)),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", Outcome(500, "status")),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", Outcome(410, "status")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ncut", Outcome(200)),
        (b"SMTP ready\r\n\r\n", Outcome(fault="broken_off")),
        (b"", Outcome(fault="broken_off")),
    ],
    ids=["ok", "error", "gone", "cut short", "no http", "nothing"],
)
async def test_every_end_of_an_attempt_has_its_code(answer: bytes, expected: Outcome) -> None:
    """Only 200 to 299 is a success; whatever the receiver does is an outcome and never an exception."""
    async with listening(Receiver(answer)) as receiver:
        outcome = await HttpWebhookSender(allow_loopback=True).send(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")
    assert outcome == expected
    assert outcome.delivered == (expected.response == 200)


@pytest.mark.enable_socket
async def test_a_receiver_that_does_not_answer_is_left() -> None:
    """The whole attempt has one limit of time; so has the look-up of the name."""
    async with listening(Receiver(wait=30)) as receiver:
        sender = HttpWebhookSender(allow_loopback=True, total_s=0.2)
        assert await sender.send(f"http://127.0.0.1:{receiver.port}/", {}, b"{}") == Outcome(fault="timeout")

    async def never(host: str, port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        return []

    slow = HttpWebhookSender(resolve=never, total_s=0.05)
    assert await slow.send("https://receiver.example/", {}, b"{}") == Outcome(fault="timeout")


@pytest.mark.enable_socket
async def test_a_closed_port_and_an_unknown_name_have_their_codes() -> None:
    """Nobody listening is ``unreachable``; a name that nobody knows is ``unresolved``."""
    async with listening(Receiver()) as receiver:
        port = receiver.port
    sender = HttpWebhookSender(allow_loopback=True)
    assert await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}") == Outcome(fault="unreachable")

    async def unknown(host: str, port: int) -> Sequence[Address]:
        raise OSError("no such name")

    assert await HttpWebhookSender(resolve=unknown).send("https://nobody.example/", {}, b"{}") == Outcome(
        fault="unresolved"
    )


@pytest.mark.enable_socket
async def test_an_address_that_does_not_take_the_connection_leads_to_the_next() -> None:
    """Several addresses are tried in turn while none takes the connection: IPv6 may be named and not routed."""
    resolve, _ = resolving(["127.0.0.2", "127.0.0.1"])
    async with listening(Receiver()) as receiver:
        sender = HttpWebhookSender(allow_loopback=True, resolve=resolve)
        assert await sender.send(f"http://receiver.example:{receiver.port}/", {}, b"{}") == Outcome(204)


@pytest.mark.enable_socket
async def test_the_certificate_is_verified_against_the_name(tmp_path: Path) -> None:
    """TLS to the checked address succeeds for the name of the certificate, and for no other."""
    ours, theirs = _certificate(tmp_path, "receiver.example")
    resolve, _ = resolving(["127.0.0.1"])
    async with listening(Receiver(), tls=theirs) as receiver:
        sender = HttpWebhookSender(allow_loopback=True, resolve=resolve, tls=ours)
        port = receiver.port
        assert await sender.send(f"https://receiver.example:{port}/", {}, b"{}") == Outcome(204)
        assert await sender.send(f"https://other.example:{port}/", {}, b"{}") == Outcome(fault="tls")
        strict = HttpWebhookSender(allow_loopback=True, resolve=resolve)
        assert await strict.send(f"https://receiver.example:{port}/", {}, b"{}") == Outcome(fault="tls")
        assert len(receiver.requests) == 1


@pytest.mark.enable_socket
async def test_the_environment_sends_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy named in the environment is not used: it would resolve the name again."""
    async with listening(Receiver()) as proxy, listening(Receiver()) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        sender = HttpWebhookSender(allow_loopback=True)
        assert await sender.send(f"http://127.0.0.1:{receiver.port}/", {}, b"{}") == Outcome(204)
        assert proxy.connections == 0


@pytest.mark.enable_socket
async def test_no_log_line_holds_the_url_the_signature_or_the_body(caplog: pytest.LogCaptureFixture) -> None:
    """At the finest level, no logger says the path of the URL, a header or the body."""
    async with listening(Receiver()) as receiver:
        sender = HttpWebhookSender(allow_loopback=True)
        with caplog.at_level(logging.DEBUG):
            await sender.send(
                f"http://127.0.0.1:{receiver.port}/{SECRET}", {"webhook-signature": SECRET}, SECRET.encode()
            )
    assert SECRET not in caplog.text
    assert SECRET not in repr(read_target(f"https://receiver.example/{SECRET}"))


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return how a client trusts, and how a server shows, a fresh certificate for *name*."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(shown, secret)
    return ssl.create_default_context(cafile=str(shown)), server
