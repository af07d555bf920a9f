"""A store that allows no writing hands over the rows of everybody: no value of them may make a difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.query.joined import PLACES, JoinedWorld, servers_of
from tests.query.reference import outcome
from tests.query.world import FIRST_ID

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

PLACE = PLACES["PostgreSQL read only, files"]
READ = "FROM crm.customers c JOIN crm.tickets t USING (customer_id) JOIN pos.order_lines o USING (customer_id)"


@pytest.mark.parametrize("when", ["0044-03-15 BC", "12026-01-01", "infinity", "-infinity"])
def test_a_date_that_no_driver_reads_fails_for_nobody(when: str, tmp_path: Path) -> None:
    """Of a person without consent such a date made the statement fail; of one who agrees it shows as no date."""
    with servers_of(PLACE) as servers, JoinedWorld(tmp_path, PLACE, servers) as world:
        sql = f"SELECT c.signed_up_on, c.birth_date, t.opened_at, t.minutes {READ}"
        before = outcome(world, sql)
        assert before[0] == "rows"
        for place, same in ((0, True), (10, False)):
            who = FIRST_ID + place
            servers["crm"].run(
                f"UPDATE customers SET signed_up_on = '{when}', birth_date = '{when}' WHERE customer_id = {who}"
            )
            servers["crm"].run(f"UPDATE tickets SET opened_at = '{when}' WHERE customer_id = {who}")
            after = outcome(world, sql)
            assert after[0] == "rows"
            assert (after == before) is same
