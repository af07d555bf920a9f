"""The part of the section ``audit`` about object storage, in which the log's tree may lie."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sekisho.settings.section import Section
from sekisho.settings.values import BucketSettings

# What Amazon S3 takes for buckets, and of names the part that needs no escaping anywhere.
_PLACE = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,8}")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_OF_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def tree_bucket(root: Section) -> BucketSettings | None:
    """Return where the audit log's tree lies in object storage; ``None``: it lies in a folder."""
    audit = root.section("audit")
    section = None if audit is None else audit.section("tree")
    if section is None:
        return None
    place, region, endpoint = section.text("bucket"), section.text("region"), section.text("endpoint")
    if place is not None and not _PLACE.fullmatch(place):
        section.wrong("bucket", "`bucket` is not the name of a bucket", "write bucket, or bucket/prefix")
    if region is not None and not _REGION.fullmatch(region):
        section.wrong("region", "`region` is not the name of a region", "write one like ap-northeast-1")
    if endpoint is not None and not _is_endpoint(endpoint):
        section.wrong("endpoint", "`endpoint` is not an address over TLS", "write https://host, without path or user")
    return None if place is None else BucketSettings(place, region, endpoint)


def _is_endpoint(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    bare = not (parts.path or parts.query or parts.fragment) and "@" not in parts.netloc and port != 0
    tls = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _OF_THIS_MACHINE)
    return text.isascii() and text.isprintable() and bare and bool(parts.hostname) and tls
