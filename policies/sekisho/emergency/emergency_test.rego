package sekisho.emergency_test

import data.sekisho.emergency
import data.sekisho.fixtures_test as fixtures

refused := {{"code": "access_denied", "reason": "grant_required"}}

now := fixtures.request.now.epoch

grant := {
	"id": "01",
	"requester": "recommender",
	"purpose": "recommendation",
	"ticket": "INC-1",
	"granted_by": "privacy_officer",
	"issued": now - 600,
	"expires": now + 600,
}

asking(changes) := fixtures.request_with({
	"purpose": {"break_glass_minutes": 60},
	"context": {"ticket": "INC-1", "grant": object.union(grant, changes)},
})

test_an_ordinary_purpose_needs_no_grant if {
	count(emergency.deny) == 0 with input as fixtures.request
	emergency.obligations == [] with input as fixtures.request
	count(emergency.ends) == 0 with input as fixtures.request
}

test_a_grant_opens_until_it_ends if {
	count(emergency.deny) == 0 with input as asking({})
	emergency.ends == {now + 600} with input as asking({})
	emergency.obligations == [{"kind": "record", "value": "access.break_glass"}] with input as asking({})
}

test_without_a_grant_nothing_opens if {
	emergency.deny == refused with input as fixtures.request_with({"purpose": {"break_glass_minutes": 60}})
}

test_a_grant_for_something_else_opens_nothing if {
	every changes in [
		{"requester": "marketer"},
		{"purpose": "churn_prediction"},
		{"ticket": "INC-2"},
		{"granted_by": "recommender"},
		{"issued": now - 3600},
		{"issued": null},
		{"expires": now},
		{"expires": "later"},
	] {
		emergency.deny == refused with input as asking(changes)
	}
	count(emergency.ends) == 0 with input as asking({"expires": now})
}

test_a_grant_of_tomorrow_opens_tomorrow if {
	asked := asking({"issued": now + 60})
	emergency.deny == refused with input as asked
	emergency.ends == {now + 60} with input as asked
}

test_without_the_time_nothing_opens if {
	asked := object.union(object.remove(asking({}), {"now"}), {"now": null})
	emergency.deny == refused with input as asked
	without := json.remove(fixtures.request, ["purpose/break_glass_minutes"])
	emergency.deny == refused with input as without
}
