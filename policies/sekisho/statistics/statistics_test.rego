package sekisho.statistics_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.statistics

test_a_view_under_a_statistics_purpose_is_a_published_view if {
	asked := fixtures.view_of({})
	statistics.published_view with input as asked
	count(statistics.deny) == 0 with input as asked
}

test_a_statement_under_a_statistics_purpose_is_refused if {
	asked := fixtures.request_with({"purpose": {"output": "statistics"}})
	statistics.deny == {{"code": "aggregate_required", "reason": "published_views_only"}} with input as asked
	statistics.published_view == false with input as asked
}

test_a_view_under_another_purpose_is_refused if {
	asked := fixtures.request_with({"action": "view", "view": "rfm_cells"})
	statistics.deny == {{"code": "access_denied", "reason": "view_for_statistics_only"}} with input as asked
	statistics.published_view == false with input as asked
}

test_a_view_under_a_purpose_without_output_is_refused if {
	asked := json.remove(fixtures.view_of({}), ["purpose/output"])
	statistics.deny == {{"code": "access_denied", "reason": "view_for_statistics_only"}} with input as asked
}

test_a_statement_for_rows_is_not_refused if {
	count(statistics.deny) == 0 with input as fixtures.request
}
