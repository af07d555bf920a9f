package sekisho.retention_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.retention

keeping(keep) := fixtures.request_with({"datasets": {"pos.order_lines": {"keep": keep}}})

test_data_that_may_be_used_forever_is_read_whole if {
	retention.row_filters == {} with input as fixtures.request
	count(retention.deny) == 0 with input as fixtures.request
}

test_older_rows_are_not_used if {
	asked := keeping({"column": "invoiced_at", "days": 730})
	filter := {"column": "invoiced_at", "op": "ge", "value": {"ago": {"days": 730}}}
	retention.row_filters == {"pos.order_lines": [filter]} with input as asked
	count(retention.deny) == 0 with input as asked
}

test_a_limit_that_is_not_understood_is_refused if {
	every keep in [{"column": "invoiced_at"}, {"days": 3}, "long", {"column": "invoiced_at", "days": "3"}] {
		retention.deny == {{"code": "access_denied", "reason": "keep_unknown"}} with input as keeping(keep)
	}
	without := json.remove(fixtures.request, ["datasets/pos.order_lines/keep"])
	retention.deny == {{"code": "access_denied", "reason": "keep_unknown"}} with input as without
}

test_the_recipient_deletes_after_the_days_of_the_purpose if {
	asked := fixtures.request_with({"purpose": {"retention_days": 30}})
	retention.obligations == [{"kind": "retention", "value": 30}] with input as asked
	retention.obligations == [] with input as fixtures.request
}
