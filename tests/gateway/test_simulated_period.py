"""Which days a simulation looks at: over the whole calendar, in every offset."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fakes import FakeClock
from tests.gateway.site import Site

from sekisho.errors import InvalidRequest
from sekisho.simulation import DEFAULT_DAYS, Period, Simulation

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
UNUSED = cast("Any", None)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.none() | st.datetimes(timezones=OFFSETS) | st.sampled_from([FIRST, LAST]).flatmap(
    lambda end: OFFSETS.map(lambda zone: end.replace(tzinfo=zone))
)  # fmt: skip


def period(since: datetime | None, until: datetime | None) -> Period:
    """Return the days that a simulation of now takes."""
    return Simulation(UNUSED, UNUSED, UNUSED, UNUSED, FakeClock(NOW)).period(since, until)


@given(INSTANTS, INSTANTS)
@example(None, datetime(1, 1, 1, tzinfo=UTC))
@example(None, datetime(1, 1, 4, tzinfo=UTC))
@example(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))), None)
@example(datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-9))), None)
def test_every_pair_of_instants_is_a_period_or_refused(since: datetime | None, until: datetime | None) -> None:
    """At either end of the calendar, backwards and in whatever offset there is an answer or an invalid request."""
    try:
        found = period(since, until)
    except InvalidRequest:
        return
    assert date.min <= found.since <= found.until <= date.max
    if since is not None:
        assert found.since == since.astimezone(UTC).date()
    if until is not None:
        assert found.until <= until.astimezone(UTC).date()
        assert since is None or since < until
    if since is None:
        assert found.until - found.since == timedelta(days=DEFAULT_DAYS - 1)


@pytest.mark.parametrize("minutes", [0, 1])
def test_an_end_that_is_not_after_the_begin_is_refused(minutes: int) -> None:
    """Also within one day: the end is exclusive, so that nothing lies between."""
    with pytest.raises(InvalidRequest, match="ends before"):
        period(NOW, NOW - timedelta(minutes=minutes))


def test_a_period_within_one_day_is_that_day() -> None:
    """What begins and ends on one day of UTC is that day, in whatever offset it is written."""
    east = timezone(timedelta(hours=9))
    begin = datetime(2026, 11, 23, 9, 0, tzinfo=east)
    assert period(begin, begin + timedelta(hours=1)) == Period(date(2026, 11, 23), date(2026, 11, 23))


@pytest.mark.parametrize(
    ("given_", "status"),
    [
        ({"to": "0001-01-01T00:00:00Z"}, 422),
        ({"to": "0001-01-04T00:00:00Z"}, 422),
        ({"from": "0001-01-01T00:00:00+09:00"}, 422),
        ({"from": "0001-01-01T00:00:00Z"}, 200),
        ({"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999999Z"}, 200),
        ({"to": "9999-12-31T23:59:59-09:00"}, 422),
        ({"to": "9999-12-31T23:59:59Z"}, 200),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, 422),
        ({"from": "2026-11-02T10:00:00Z", "to": "2026-11-02T09:00:00Z"}, 422),
        ({"from": "10000-01-01T00:00:00Z"}, 422),
        ({"from": "2026-02-30T00:00:00Z"}, 422),
    ],
)
async def test_the_ends_of_the_calendar_over_http(shared: Site, given_: dict[str, str], status: int) -> None:
    """An invalid request has its code, and whatever else is answered: nothing fails."""
    body = {"requests": "recorded", **given_}
    headers = shared.headers("privacy_officer")
    response = await shared.client.post("/v1/policy:simulate", json=body, headers=headers)
    assert response.status_code == status, response.text
    if status == 422:
        assert response.json()["code"] == "invalid_request"
    searched = await shared.client.post("/v1/provision-records:search", json=given_, headers=headers)
    assert searched.status_code in {200, 422}, searched.text
    assert searched.status_code == 200 or searched.json()["code"] == "invalid_request"
