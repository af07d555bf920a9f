"""A PostgreSQL server of the tests' own, that asks for passwords and speaks TLS with a certificate of its own."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sekisho.adapters.clock import SystemClock


@dataclass(frozen=True)
class Cluster:
    """A running server; ``admin`` is the URL of its superuser over a socket, without a password."""

    binaries: Path
    folder: Path
    port: int
    ca: Path

    @property
    def admin(self) -> str:
        """The superuser's URL."""
        return f"postgresql://admin@/postgres?host={self.folder}&port={self.port}"

    def run(self, *statements: str) -> None:
        """Run statements as the superuser."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def speak_tls(self, *, on: bool) -> None:
        """Let the server speak TLS, or nothing but plain text."""
        self.run(f"ALTER SYSTEM SET ssl = {'on' if on else 'off'}", "SELECT pg_reload_conf()")
        for _ in range(200):
            with psycopg.connect(self.admin) as connection:
                if connection.execute("SHOW ssl").fetchone() == ("on" if on else "off",):
                    return
        raise AssertionError("the server did not reload")


def certificate(folder: Path, name: str, host: str | None, issuer: Path | None = None) -> Path:
    """Write the key and the certificate *name* below *folder*: for *host*, or of an authority; return the latter."""
    key = ec.generate_private_key(ec.SECP256R1())
    mine = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signing = mine, key
    if issuer is not None:
        signer = x509.load_pem_x509_certificate(issuer.read_bytes()).subject
        loaded = serialization.load_pem_private_key(issuer.with_suffix(".key").read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signing = loaded
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(mine)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    path = folder / f"{name}.crt"
    path.write_bytes(made.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.with_suffix(".key").chmod(0o600)
    return path


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A new server; skipped where PostgreSQL's server programs are not installed, a failure in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL's server programs must be installed")
        pytest.skip("PostgreSQL's server programs (initdb, pg_ctl) are not installed")
    binaries = found[-1].parent if found else Path(on_path or "").parent
    # Socket paths are short, and the server's account must reach them: not below pytest's folder.
    folder = Path(tempfile.mkdtemp(prefix="sekisho-pg-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ca = certificate(folder, "authority", None)
    certificate(folder, "server", "localhost", ca)
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
    folder.chmod(0o755)  # what the tests run as must reach the authority's certificate and the socket
    data = folder / "data"
    made = Cluster(binaries, folder, port, ca)
    _run(f"{binaries}/initdb -D {data} -U admin -A trust -E UTF8 --locale=C --no-sync")
    (data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n", "ascii")
    options = {
        "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder),
        "ssl": "on", "ssl_cert_file": f"{folder}/server.crt", "ssl_key_file": f"{folder}/server.key",
        "max_connections": "40", "shared_buffers": "16MB",
    }  # fmt: skip
    with (data / "postgresql.conf").open("a", encoding="ascii") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in options.items())
    try:
        _run(f"{binaries}/pg_ctl -D {data} -l {folder}/log -w start")
        yield made
    finally:
        _run(f"{binaries}/pg_ctl -D {data} -m immediate stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: str, *, check: bool = True) -> None:
    """Run a server program: as the account ``postgres`` where this is root, whom they refuse."""
    words = ["su", "postgres", "-s", "/bin/sh", "-c", command] if os.geteuid() == 0 else shlex.split(command)
    subprocess.run(words, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
