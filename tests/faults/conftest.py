"""The workspace of the gateway's tests, to be broken."""

from __future__ import annotations

from tests.gateway.conftest import built, folder, shared, site

__all__ = ["built", "folder", "shared", "site"]
