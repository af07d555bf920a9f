package sekisho.output_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.output

asking(class) := fixtures.request_with({"purpose": {"output_class": class}})

test_a_purpose_without_class_is_not_limited if {
	count(output.deny) == 0 with input as fixtures.request
	output.obligations == [] with input as fixtures.request
}

test_rows_may_be_pseudonymised_or_personal if {
	every class in {"pseudonymised", "personal"} {
		count(output.deny) == 0 with input as asking(class)
		output.obligations == [{"kind": "output_class", "value": class}] with input as asking(class)
	}
}

test_sets_are_for_published_views if {
	every class in {"statistics", "anonymised"} {
		output.deny == {{"code": "aggregate_required", "reason": "output_class_needs_sets"}} with input as asking(class)
		view := object.union(fixtures.view_of({}), {"purpose": {"output_class": class}})
		count(output.deny) == 0 with input as view
	}
}

test_an_unknown_class_is_refused if {
	output.deny == {{"code": "access_denied", "reason": "output_class_unknown"}} with input as asking("everything")
	without := json.remove(fixtures.request, ["purpose/output_class"])
	output.deny == {{"code": "access_denied", "reason": "output_class_unknown"}} with input as without
}
