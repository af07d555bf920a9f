"""The sections about customers: how mail leaves, and how customers sign in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from sekisho.domain.mail_address import mail_address
from sekisho.errors import InvalidRequest
from sekisho.settings.faults import nearest, shown
from sekisho.settings.keys import ALGORITHMS
from sekisho.settings.section import Section
from sekisho.settings.values import CustomerSettings, IdentitySettings, MailKind, MailSecurity, MailSettings

_OUTBOX = "var/outbox"
_SENDER = "sekisho@localhost.localdomain"
_BASE_URL = "http://127.0.0.1:8000"
_WORD = re.compile(r"[\x21-\x7e]{1,256}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,255}")
_EMAIL = "email"
_PORTS = {MailSecurity.STARTTLS: 587, MailSecurity.TLS: 465, MailSecurity.NONE: 25}


def mail(root: Section, folder: Path) -> MailSettings | None:
    """Return how mail leaves; into the folder ``var/outbox`` when nothing is said."""
    section = root.section("mail")
    if section is None:
        default = MailSettings(MailKind.FILE, (folder / _OUTBOX).resolve(), _SENDER)
        return None if root.has("mail") else default
    kind = section.choice("kind", MailKind)
    outbox = section.path("folder", folder, _OUTBOX)
    sender = section.text("from")
    if sender is not None and _own_address(sender) is None:
        section.wrong("from", f"{shown(sender)} is not one address", "write privacy@shop.example")
    tls = section.choice("tls", MailSecurity) if section.has("tls") else MailSecurity.STARTTLS
    host, user, password_file = section.text("host"), section.text("user"), section.path("password_file", folder)
    port = section.whole("port", _PORTS[tls or MailSecurity.STARTTLS], 1, 65_535)
    if kind is MailKind.SMTP:
        for key, example in (("host", "smtp.shop.example"), ("from", "privacy@shop.example")):
            if not section.has(key):
                section.wrong("kind", f"the kind `smtp` needs `{key}`", f"add `{key}: {example}`")
        if host is not None and not _HOST.fullmatch(host):
            section.wrong("host", f"{shown(host)} is no host", "write its name alone; `port` is a key of its own")
        if tls is MailSecurity.NONE and host is not None and not _is_loopback(host):
            section.wrong("tls", "mail would leave this machine unencrypted", "write `tls: starttls` or `tls: tls`")
        if (user is None) != (password_file is None):
            section.wrong("kind", "`user` and `password_file` belong together", "give both or neither")
        elif user is not None and tls is MailSecurity.NONE:
            section.wrong("user", "a password is sent over TLS only", "write `tls: starttls` or `tls: tls`")
    elif kind is MailKind.FILE:
        for key in ("host", "port", "user", "password_file", "tls"):
            if section.has(key):
                section.wrong(key, f"`{key}` is for the kind `smtp`", "leave it out, or write `kind: smtp`")
    if kind is None or outbox is None:
        return None
    return MailSettings(
        kind, outbox, sender or _SENDER, host, port, user, password_file, tls or MailSecurity.STARTTLS
    )


def customers(
    root: Section, folder: Path, identity: IdentitySettings | None, identifiers: Collection[str]
) -> CustomerSettings | None:
    """Return how customers sign in; by mail alone, on this machine, when nothing is said.

    Parameters
    ----------
    identity:
        What services' tokens are like: customers' have another audience.
    identifiers:
        Kinds of identifier that datasets name people by.
    """
    section = root.section("customers")
    if section is None:
        return None if root.has("customers") else CustomerSettings(_BASE_URL)
    base_url = section.text("base_url")
    if base_url is not None and not is_address(base_url, path=False):
        section.wrong(
            "base_url",
            "`base_url` is not an address that customers reach safely",
            "write https://host, without user, path or query; http is for 127.0.0.1 alone",
        )
    issuer, audience = section.text("issuer"), section.text("audience")
    client_id, jwks = section.text("client_id"), section.path("jwks", folder)
    secret = section.path("client_secret_file", folder)
    if issuer is not None and not is_address(issuer, path=True):
        section.wrong("issuer", "`issuer` is not the address of a provider", "copy it from the provider; https")
    for key, word in (("audience", audience), ("client_id", client_id)):
        if word is not None and not _WORD.fullmatch(word):
            section.wrong(key, f"`{key}` has white space, is too long or not ASCII", "copy it from the provider")
    if issuer is None and not section.has("issuer"):
        for key in ("audience", "jwks", "client_id", "client_secret_file", "identifier_claim", "algorithms"):
            if section.has(key):
                section.wrong(key, f"`{key}` is of no provider", "add `issuer: https://login.shop.example`")
    elif not section.has("client_id") and not section.has("audience"):
        section.wrong("issuer", "nothing of the provider is used", "add `client_id`, or `audience` and `jwks`")
    if section.has("audience") != section.has("jwks") and not section.has("client_id"):
        section.wrong("issuer", "bearer tokens need `audience` and `jwks`", "give both")
    if secret is not None and not section.has("client_id"):
        section.wrong("client_secret_file", "a secret needs a `client_id`", "add it")
    if audience is not None and audience in {client_id, *((identity.audience,) if identity else ())}:
        section.wrong("audience", "this audience is somebody else's", "give customers' tokens one of their own")
    claim = section.name("identifier_claim") or _EMAIL
    if claim != _EMAIL and claim not in identifiers:
        remedy = nearest(claim, [_EMAIL, *identifiers])
        section.wrong("identifier_claim", f"{shown(claim)} is no identifier of a dataset", remedy)
    algorithms = section.names("algorithms", ALGORITHMS, "algorithm") or ("RS256",)
    proxies = _proxies(section)
    if base_url is None:
        return None
    return CustomerSettings(
        base_url.rstrip("/"), issuer, audience, jwks, client_id, secret, claim, algorithms, proxies
    )


def _proxies(section: Section) -> tuple[str, ...]:
    networks = section.texts("proxies")
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            section.wrong("proxies", f"{shown(network)} is no network", "write 10.0.0.0/8")
            return ()
    return networks


def _own_address(text: str) -> str | None:
    try:
        return mail_address(text)
    except InvalidRequest:
        return None


def is_address(url: str, *, path: bool) -> bool:
    """Return whether *url* is https, or http on this machine, and nothing but an address."""
    try:
        parts = urlsplit(url)
        return (
            bool(parts.hostname)
            and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")))
            and parts.username is None
            and (path or parts.path in {"", "/"})
            and not parts.query
            and not parts.fragment
            and (parts.port is None or parts.port > 0)
            and _WORD.fullmatch(url) is not None
        )
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
