"""The ways to an OPA server: a socket of the machine, and TLS by which both sides prove who they are."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sekisho.adapters.opa import Credentials, Demands, OpaServers
from sekisho.errors import PolicyUnavailable
from tests.policies.catalogue import questions
from tests.policies.serving import build_bundle, free_port, running_opa

pytestmark = [pytest.mark.opa, pytest.mark.enable_socket, pytest.mark.xdist_group("opa")]


class Authority:
    """Signs certificates for the tests, into files of *folder*."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._signed(self._subject, self._key, authority=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return the files of a certificate for 127.0.0.1 and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, private = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(self._signed(subject, key, authority=False))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, private

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> bytes:
        today = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        own, issuer = x509.SubjectKeyIdentifier.from_public_key, self._key.public_key()
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today)
            .not_valid_after(today + dt.timedelta(days=365 * 100))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(own(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
            .add_extension(names, critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@contextlib.asynccontextmanager
async def asking(url: str, credentials: Credentials | None = None) -> AsyncIterator[OpaServers]:
    pdp = OpaServers([url], timeout_s=5.0, credentials=credentials, demands=Demands(known_s=0.05))
    try:
        yield pdp
    finally:
        await pdp.close()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped policies, built."""
    file = tmp_path_factory.mktemp("bundle") / "policies.tar.gz"
    build_bundle(file)
    return file


async def answers(pdp: OpaServers) -> bool:
    """Return whether it decides."""
    try:
        await pdp.decide(next(iter(questions())))
    except PolicyUnavailable:
        return False
    return True


async def test_a_socket_of_the_machine(bundle: Path, tmp_path: Path) -> None:
    """A server that listens on a socket, and on no port at all, decides."""
    address = f"unix://{tmp_path}/opa.sock"
    with running_opa(tmp_path, "--bundle", str(bundle), address=address):
        async with asking(address) as pdp:
            assert await answers(pdp)
            assert await pdp.healthy()
    async with asking(address) as pdp:
        assert not await answers(pdp)


async def test_both_sides_prove_who_they_are(bundle: Path, tmp_path: Path) -> None:
    """Over TLS the server must be of the named authority, and demands a certificate of the gateway."""
    house, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    certificate, key = house.issue("opa")
    mine, forged = house.issue("gateway"), stranger.issue("forger")
    url = f"https://127.0.0.1:{free_port()}"
    serving = ["--bundle", str(bundle), "--tls-cert-file", str(certificate), "--tls-private-key-file", str(key)]
    serving += ["--authentication", "tls", "--tls-ca-cert-file", str(house.file)]
    with running_opa(tmp_path, *serving, address=url):
        async with asking(url, Credentials(house.file, *mine)) as pdp:
            assert await answers(pdp)
        for wrong in (
            Credentials(house.file),  # no certificate of one's own
            Credentials(house.file, *forged),  # one of somebody else
            Credentials(stranger.file, *mine),  # a server that is not known
            Credentials(None, *mine),
        ):
            async with asking(url, wrong) as pdp:
                assert not await answers(pdp)
        async with asking(url.replace("https", "http")) as pdp:
            assert not await answers(pdp)
