"""When and on what occasion a question is asked: the clock of the workspace's place, tickets and grants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sekisho.domain.access import AccessRequest
from sekisho.domain.limits import Place
from sekisho.domain.request_context import Moment, RequestContext, is_ticket
from sekisho.errors import InvalidRequest
from sekisho.grants import Grants
from sekisho.ports import Clock
from sekisho.release import Occasion


class Occasions:
    """Completes questions by what only the moment of asking tells."""

    def __init__(self, place: Place, grants: Grants, clock: Clock) -> None:
        self._zone = zone_of(place)
        self._grants = grants
        self._clock = clock
        self._day = Moment(0, "thursday", 0)
        self._since = 0

    def now(self) -> datetime:
        """Return the instant, in the time zone of the workspace."""
        return self._clock.now().astimezone(self._zone)

    async def asked(self, request: AccessRequest, occasion: Occasion) -> AccessRequest:
        """Return *request* as it is asked now, on *occasion*.

        Raises ``InvalidRequest`` for a ticket that is none, and a grant that was not given here, ``AccessDenied`` for
        one that was called back: no memory of decisions is asked before.
        """
        if occasion.ticket is None and occasion.grant is None:
            return self.again(request)
        if occasion.ticket is not None and not is_ticket(occasion.ticket):
            raise InvalidRequest("A ticket is a reference such as INC-2041: capitals, a hyphen, up to eight digits.")
        grant = None if occasion.grant is None else self._grants.read(occasion.grant)
        if grant is not None:
            await self._grants.demand(grant)
        return replace(self.again(request), context=RequestContext(occasion.ticket, grant))

    def again(self, request: AccessRequest) -> AccessRequest:
        """Return *request*, on the occasion that it has, as it is asked now."""
        return replace(request, now=self._moment())

    def _moment(self) -> Moment:
        """Return the instant as rules see it; weekday and midnight are those of the question before, most times."""
        now = self._clock.now()
        epoch = int(now.timestamp())
        if not self._since <= epoch < self._day.midnight:
            self._day, self._since = Moment.of(now, self._zone), epoch
        return Moment(epoch, self._day.weekday, self._day.midnight)


def zone_of(place: Place) -> tzinfo:
    """Return the time zone of the controller; that of Japan also where the machine knows no time zones."""
    try:
        return ZoneInfo(place.time_zone)
    except ZoneInfoNotFoundError:
        if place.time_zone != Place().time_zone:
            raise
        return timezone(timedelta(hours=9))
