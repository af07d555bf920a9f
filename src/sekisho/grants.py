"""Grants for an emergency (break-glass): given by a privacy officer for a ticket, sealed, ending by themselves.

A grant is text that whoever got it sends with a request. Nothing is kept of it but its audit record: it cannot be
called back, so that a purpose allows minutes or hours, never days.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

from sekisho.domain.request_context import Grant, is_ticket
from sekisho.domain.terms import Catalogue, Requester
from sekisho.errors import InvalidRequest
from sekisho.ports import AuditEntry, AuditLog, Clock, KeyRing

OFFICE = "privacy_officer"
"""Role of who may give a grant."""
_LONGEST = 2_048
_STALE = "This grant was not given here; have one given with `sekisho grant`."


class Grants:
    """Gives grants and reads them.

    Parameters
    ----------
    keys:
        Seals grants; the label is ``break-glass``.
    """

    def __init__(self, catalogue: Catalogue, keys: KeyRing, audit: AuditLog, clock: Clock) -> None:
        self._catalogue = catalogue
        self._key = keys.derive("break-glass")
        self._audit = audit
        self._clock = clock

    async def give(self, officer: Requester, requester: str, purpose: str, ticket: str, minutes: int) -> str:
        """Return a grant to *requester* for *purpose*, by *officer*, from now on for *minutes*. It is on record.

        Raises ``InvalidRequest`` when it could not be used, or is not for *officer* to give.
        """
        declared = self._catalogue.purposes.get(purpose)
        longest = None if declared is None else declared.break_glass_minutes
        if longest is None:
            raise InvalidRequest("Grants are for purposes that the workspace declares with break_glass_minutes.")
        if OFFICE not in officer.roles or officer.name == requester:
            raise InvalidRequest("A grant is given by a privacy officer, to somebody else.")
        known = self._catalogue.requesters.get(requester)
        if known is None or purpose not in known.purposes:
            raise InvalidRequest("A grant is for a requester that is registered for the purpose.")
        if not is_ticket(ticket) or not 1 <= minutes <= longest:
            raise InvalidRequest(f"A grant names a ticket, such as INC-2041, and lasts 1 to {longest} minutes.")
        now = int(self._clock.now().timestamp())
        grant = Grant(self._clock.new_id(), requester, purpose, ticket, officer.name, now, now + minutes * 60)
        told = {"requester": officer.name, "purpose": purpose, "grant": {**grant.to_json()}}
        await self._audit.append(AuditEntry("break_glass.grant", told))
        body = json.dumps(grant.to_json(), sort_keys=True, separators=(",", ":")).encode()
        return f"{_text(body)}.{_text(self._seal(body))}"

    def read(self, text: str) -> Grant:
        """Return a grant that was given here; whether it fits is for the policy. Raises ``InvalidRequest``."""
        body, _, seal = text[:_LONGEST].partition(".")
        try:
            content, given = _bytes(body), _bytes(seal)
        except (ValueError, binascii.Error):
            content, given = b"", b""
        if not hmac.compare_digest(self._seal(content), given):
            raise InvalidRequest(_STALE)
        return Grant(**json.loads(content))

    def _seal(self, body: bytes) -> bytes:
        return hmac.new(self._key, b"grant\0" + body, hashlib.sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
