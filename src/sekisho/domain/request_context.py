"""When and on what occasion a request is made: what rules may know besides who, why and what. A closed set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TICKET = re.compile(r"[A-Z][A-Z0-9]{0,15}-[0-9]{1,8}", re.ASCII)


def is_ticket(text: str) -> bool:
    """Return whether *text* is spelled like the reference of a ticket or case (``INC-2041``).

    It goes into the audit log for ever: neither a name nor a telephone number can be spelled so.
    """
    return _TICKET.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Moment:
    """The instant of a decision, as rules see it.

    Attributes
    ----------
    epoch:
        Whole seconds since 1970-01-01 UTC.
    weekday:
        ``monday`` to ``sunday``, in the time zone of the workspace.
    midnight:
        The next midnight of that zone, in seconds since 1970-01-01 UTC: what depends on the day ends there.
    """

    epoch: int
    weekday: str
    midnight: int

    @classmethod
    def of(cls, instant: datetime, zone: tzinfo) -> Moment:
        """Return *instant* as seen in *zone*."""
        local = instant.astimezone(zone)
        midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
        return cls(int(instant.timestamp()), _WEEKDAYS[local.weekday()], int(midnight.timestamp()))

    def to_json(self) -> dict[str, object]:
        """Return it as the policy's ``input.now``."""
        return {"epoch": self.epoch, "weekday": self.weekday, "midnight": self.midnight}


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission for an emergency, given by somebody else for a case, that ends by itself.

    ``expires`` is in seconds since 1970-01-01 UTC. The gateway has verified that it is genuine; whether it fits
    is for the rules.
    """

    id: str
    requester: str
    purpose: str
    ticket: str
    granted_by: str
    issued: int
    expires: int

    def to_json(self) -> dict[str, object]:
        """Return it as the policy's ``input.context.grant``."""
        return {
            "id": self.id,
            "requester": self.requester,
            "purpose": self.purpose,
            "ticket": self.ticket,
            "granted_by": self.granted_by,
            "issued": self.issued,
            "expires": self.expires,
        }


@dataclass(frozen=True, slots=True)
class RequestContext:
    """On what occasion a request is made.

    ``ticket`` is the ticket or case that the requester works on; ``grant`` a verified grant for it.
    """

    ticket: str | None = None
    grant: Grant | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as the policy's ``input.context``."""
        return {"ticket": self.ticket, "grant": None if self.grant is None else self.grant.to_json()}
