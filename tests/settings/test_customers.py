"""The sections ``customers`` and ``mail``: safe when left out, and every slip named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.settings import MailKind, MailSecurity
from tests.settings.conftest import GOOD

BASE = "customers: {base_url: 'https://privacy.shop.example'"


def test_left_out_they_serve_one_machine(workspace):
    """Without the sections links lead to this machine and mail goes into a folder."""
    settings = workspace.load()
    assert settings.customers.base_url == "http://127.0.0.1:8000"
    assert (settings.customers.issuer, settings.customers.client_id, settings.customers.proxies) == (None, None, ())
    assert (settings.mail.kind, settings.mail.folder) == (MailKind.FILE, workspace.folder.resolve() / "var/outbox")


def test_everything_written(workspace):
    """What is written overrides each default; paths are absolute."""
    settings = workspace.load(
        GOOD
        + BASE
        + ", issuer: 'https://login.shop.example/r/s', audience: 'sekisho:privacy', jwks: keys/customers.json,"
        " client_id: sekisho, client_secret_file: /run/secrets/oidc, identifier_claim: customer_id,"
        " algorithms: [ES256], proxies: [10.0.0.0/8, '2001:db8::/32']}\n"
        "mail: {kind: smtp, host: smtp.shop.example, port: 2525, from: privacy@shop.example, user: u,"
        " password_file: /run/secrets/smtp, tls: tls}\n"
    )
    customers, mail = settings.customers, settings.mail
    assert (customers.issuer, customers.audience) == ("https://login.shop.example/r/s", "sekisho:privacy")
    assert customers.jwks == workspace.folder.resolve() / "keys/customers.json"
    assert (customers.client_id, customers.client_secret_file) == ("sekisho", Path("/run/secrets/oidc"))
    assert (customers.identifier_claim, customers.algorithms) == ("customer_id", ("ES256",))
    assert customers.proxies == ("10.0.0.0/8", "2001:db8::/32")
    assert (mail.kind, mail.host, mail.port, mail.sender) == (
        MailKind.SMTP,
        "smtp.shop.example",
        2525,
        "privacy@shop.example",
    )
    assert (mail.user, mail.password_file, mail.tls) == ("u", Path("/run/secrets/smtp"), MailSecurity.TLS)


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465)])
def test_a_port_follows_from_the_protection(workspace, tls, port):
    """Each protection has its usual port."""
    text = f"mail: {{kind: smtp, host: smtp.shop.example, from: privacy@shop.example, tls: {tls}}}\n"
    assert workspace.load(GOOD + text).mail.port == port


FAULTS = {
    "http elsewhere": ("customers: {base_url: 'http://privacy.shop.example'}", "reach safely"),
    "an address with a path": ("customers: {base_url: 'https://shop.example/privacy'}", "reach safely"),
    "an address with a query": ("customers: {base_url: 'https://shop.example?x=1'}", "reach safely"),
    "an address with a user": ("customers: {base_url: 'https://u@shop.example'}", "reach safely"),
    "an address of no host": ("customers: {base_url: 'https://'}", "reach safely"),
    "an address with a broken port": ("customers: {base_url: 'https://shop.example:x'}", "reach safely"),
    "no address": ("customers: {issuer: 'https://login.shop.example', client_id: s}", "has no `base_url`"),
    "an issuer without TLS": (BASE + ", issuer: 'http://login.shop.example', client_id: s}", "not the address"),
    "an issuer of no use": (BASE + ", issuer: 'https://login.shop.example'}", "nothing of the provider is used"),
    "a client of nobody": (BASE + ", client_id: sekisho}", "`client_id` is of no provider"),
    "tokens without keys": (BASE + ", issuer: 'https://l.example', audience: x}", "need `audience` and `jwks`"),
    "a secret of nobody": (
        BASE + ", issuer: 'https://l.example', audience: x, jwks: k.json, client_secret_file: s}",
        "needs a `client_id`",
    ),
    "the audience of services": (
        BASE + ", issuer: 'https://l.example', audience: sekisho, jwks: k.json}",
        "somebody else's",
    ),
    "the audience of the browser": (
        BASE + ", issuer: 'https://l.example', audience: s, jwks: k.json, client_id: s}",
        "somebody else's",
    ),
    "an unknown claim": (
        BASE + ", issuer: 'https://l.example', client_id: s, identifier_claim: customerid}",
        "did you mean `customer_id`",
    ),
    "an unknown algorithm": (
        BASE + ", issuer: 'https://l.example', client_id: s, algorithms: [HS256]}",
        "unknown algorithm",
    ),
    "a client with spaces": (BASE + ", issuer: 'https://l.example', client_id: 'a b'}", "white space"),
    "a network that is none": (BASE + ", proxies: [10.0.0.1/8]}", "is no network"),
    "mail of no kind": ("mail: {folder: var/mail}", "has no `kind`"),
    "mail of another kind": ("mail: {kind: pigeon}", "`pigeon` is no kind"),
    "smtp without a server": ("mail: {kind: smtp, from: a@shop.example}", "needs `host`"),
    "smtp without a sender": ("mail: {kind: smtp, host: h.example}", "needs `from`"),
    "a sender that is none": ("mail: {kind: file, from: nobody}", "not one address"),
    "a server with a port": ("mail: {kind: smtp, host: 'h.example/x', from: a@shop.example}", "is no host"),
    "a user without a password": (
        "mail: {kind: smtp, host: h.example, from: a@shop.example, user: u}",
        "belong together",
    ),
    "no protection": (
        "mail: {kind: smtp, host: h.example, from: a@shop.example, tls: none}",
        "unencrypted",
    ),
    "a password in the clear": (
        "mail: {kind: smtp, host: 127.0.0.1, from: a@shop.example, tls: none, user: u, password_file: p}",
        "over TLS only",
    ),
    "a server for files": ("mail: {kind: file, host: h.example}", "is for the kind `smtp`"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_slip_is_named_on_its_line(workspace, name):
    """One slip is one fault, on its line, with a remedy."""
    text, message = FAULTS[name]
    faults = workspace.faults(GOOD + text + "\n")
    line = GOOD.count("\n") + 1

    assert len(faults) == 1, faults
    assert message in faults[0]
    assert faults[0].startswith(f"line {line}: ")
    assert ";" in faults[0]


def test_a_store_does_not_reach_the_outbox(workspace):
    """Mail holds sign-in links: no store may read it."""
    faults = workspace.faults_of("location: stores/pos", "location: var/outbox")
    assert any("reaches the mail outbox" in fault for fault in faults)
