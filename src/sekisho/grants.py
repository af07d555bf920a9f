"""Grants for an emergency (break-glass): given by a privacy officer for a ticket, sealed, ending by themselves.

A grant is text that whoever got it sends with a request. What it says is kept beside the records, where every request
and every page looks whether it still stands: so it can be called back, and a kept decision on it is not found again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Final

from sekisho.domain.request_context import Grant, is_ticket
from sekisho.domain.terms import Catalogue, Requester
from sekisho.errors import AccessDenied, InvalidRequest, NotFound, PolicyUnavailable
from sekisho.ports import AuditEntry, AuditLog, Clock, KeyRing
from sekisho.ports.grants import GrantRegister

OFFICE: Final = "privacy_officer"
"""Role of who may give a grant, and call one back."""
_LONGEST: Final = 2_048
_STALE: Final = "This grant was not given here; have one given with `sekisho grant`."


class Grants:
    """Gives grants, reads them and calls them back.

    Parameters
    ----------
    keys:
        Seals grants; the label is ``break-glass``.
    register:
        Where grants are kept; without one none is given and none is good.
    """

    def __init__(
        self, catalogue: Catalogue, keys: KeyRing, audit: AuditLog, clock: Clock, register: GrantRegister | None
    ) -> None:
        self._catalogue = catalogue
        self._key = keys.derive("break-glass")
        self._audit = audit
        self._clock = clock
        self._register = register

    async def give(self, officer: Requester, requester: str, purpose: str, ticket: str, minutes: int) -> str:
        """Return a grant to *requester* for *purpose*, by *officer*, from now on for *minutes*. It is on record.

        Raises ``InvalidRequest`` when it could not be used, or is not for *officer* to give, ``PolicyUnavailable``
        when it cannot be kept.
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
        await self._kept().add(grant)
        body = json.dumps(grant.to_json(), sort_keys=True, separators=(",", ":")).encode()
        return f"{_text(body)}.{_text(self._seal(body))}"

    def read(self, text: str) -> Grant:
        """Return a grant that was given here; whether it fits is for the policy. Raises ``InvalidRequest``.

        Whether it still stands: see :meth:`demand`.
        """
        body, _, seal = text[:_LONGEST].partition(".")
        try:
            content, given = _bytes(body), _bytes(seal)
        except (ValueError, binascii.Error):
            content, given = b"", b""
        if not hmac.compare_digest(self._seal(content), given):
            raise InvalidRequest(_STALE)
        return Grant(**json.loads(content))

    async def demand(self, grant: Grant) -> None:
        """Find that *grant* stands, as committed now in whatever process.

        Raises ``AccessDenied`` when it was called back, ``InvalidRequest`` when it is not kept here (a register of
        before it was given), ``PolicyUnavailable`` when nobody can tell.
        """
        revoked = await self._kept().revoked(grant.id)
        if revoked is None:
            raise InvalidRequest(_STALE)
        if revoked:
            raise AccessDenied("The grant was called back.", reasons=("grant_revoked",))

    async def revoke(self, officer: Requester, grant_id: str) -> Grant:
        """Call a grant back, and return it: no decision is taken on it from now on, in no process. It is on record.

        Once more for one that was called back, it is on record once more. Raises ``InvalidRequest`` when that is not
        for *officer*, ``NotFound`` where there is none; also when it cannot be recorded it stays called back.
        """
        if OFFICE not in officer.roles:
            raise InvalidRequest("A grant is called back by a privacy officer.")
        now = int(self._clock.now().timestamp())
        grant = await self._kept().revoke(grant_id, now)
        if grant is None:
            raise NotFound("There is no such grant (sekisho grants list).")
        told = {"requester": officer.name, "purpose": grant.purpose, "grant": {**grant.to_json(), "revoked": now}}
        await self._audit.append(AuditEntry("break_glass.revoke", told))
        return grant

    async def in_force(self) -> Sequence[Grant]:
        """Return the grants that have not ended and were not called back. Raises ``PolicyUnavailable``."""
        return await self._kept().in_force(int(self._clock.now().timestamp()))

    def _kept(self) -> GrantRegister:
        if self._register is None:
            raise PolicyUnavailable("This gateway keeps no grants, so nothing is released on one.")
        return self._register

    def _seal(self, body: bytes) -> bytes:
        return hmac.new(self._key, b"grant\0" + body, hashlib.sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
