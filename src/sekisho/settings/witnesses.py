"""The part of the section ``audit`` about witnesses: where they are, their keys, how many are wanted."""

from __future__ import annotations

from urllib.parse import urlsplit

from sekisho.domain.note import COSIGNATURE, MalformedNoteError, VerificationKey, parse_key
from sekisho.domain.witness_policy import majority
from sekisho.settings.section import Section
from sekisho.settings.values import WitnessSettings

MOST = 16
"""Witnesses; verifiers of notes read at least as many signatures."""


def witnesses(root: Section) -> WitnessSettings:
    """Return who signs checkpoints: nobody when nothing is said, and more than half of those named are wanted."""
    section = root.section("audit")
    if section is None or not section.has("witnesses"):
        if section is not None and section.has("quorum"):
            section.wrong(
                "quorum", "`quorum` counts witnesses, and there are none", "add `witnesses`, or leave it out"
            )
        return WitnessSettings()
    found: dict[str, tuple[str, VerificationKey]] = {}
    for name, each in section.named("witnesses", "witness"):
        url, key = _address(each), _key(each)
        if url is None or key is None:
            continue
        if key.public in {known.public for _, known in found.values()}:
            each.wrong("key", "another witness has this key", "give each its own; one that signs twice counts once")
            continue
        found[name] = url, key
    declared = len(section.keys_of("witnesses"))
    if declared > MOST:
        section.wrong("witnesses", f"there are more than {MOST} witnesses", "keep those of different owners")
    quorum = section.whole("quorum", majority(declared), 1, max(declared, 1))
    return WitnessSettings(found, quorum)


def _address(section: Section) -> str | None:
    url = section.text("url")
    if url is None or _is_prefix(url):
        return url
    section.wrong("url", "`url` is not the address of a witness", "write https://host/path, without user or query")
    return None


def _is_prefix(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and "?" not in url and "#" not in url
    return (
        plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and port != 0
    )


def _key(section: Section) -> VerificationKey | None:
    vkey = section.text("key", 1_000)
    if vkey is None:
        return None
    try:
        return parse_key(vkey, COSIGNATURE)
    except MalformedNoteError:
        section.wrong("key", "`key` is not the key of a witness", "copy what sekisho audit witness --show-key prints")
        return None
