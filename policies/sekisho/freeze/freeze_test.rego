package sekisho.freeze_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.freeze

refused := {{"code": "access_denied", "reason": "weekend_freeze"}}

on(day) := fixtures.request_with({"purpose": {"weekend_freeze": true}, "now": {"weekday": day}})

test_it_is_off_unless_turned_on if {
	asked := fixtures.request_with({"now": {"weekday": "sunday"}})
	count(freeze.deny) == 0 with input as asked
	count(freeze.ends) == 0 with input as asked
}

test_weekends_are_frozen if {
	every day in {"saturday", "sunday"} {
		freeze.deny == refused with input as on(day)
	}
	every day in {"monday", "friday"} {
		count(freeze.deny) == 0 with input as on(day)
	}
}

test_either_answer_ends_at_midnight if {
	freeze.ends == {fixtures.request.now.midnight} with input as on("sunday")
	freeze.ends == {fixtures.request.now.midnight} with input as on("friday")
}

test_a_day_that_is_not_told_is_frozen if {
	asked := object.union(object.remove(on("monday"), {"now"}), {"now": null})
	freeze.deny == refused with input as asked
	freeze.deny == refused with input as json.remove(fixtures.request, ["purpose/weekend_freeze"])
		with input.now.weekday as "sunday"
}
