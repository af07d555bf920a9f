package sekisho.role_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.role

asking(held, asked) := fixtures.request_with({"requester": {"roles": held}, "purpose": {"roles": asked}})

test_a_purpose_without_roles_is_for_any_requester if {
	count(role.deny) == 0 with input as asking([], [])
	count(role.deny) == 0 with input as asking(["withdrawal_relay"], [])
}

test_one_of_the_roles_is_enough if {
	count(role.deny) == 0 with input as asking(["incident_responder"], ["incident_responder", "night_shift"])
}

test_another_role_is_refused if {
	role.deny == {{"code": "access_denied", "reason": "role_required"}} with input as asking([], ["night_shift"])
	role.deny == {{"code": "access_denied", "reason": "role_required"}} with input as asking(["x"], ["night_shift"])
}

test_a_purpose_that_does_not_say_its_roles_is_refused if {
	asked := json.remove(fixtures.request, ["purpose/roles"])
	role.deny == {{"code": "access_denied", "reason": "role_required"}} with input as asked
}

test_who_watches_reads_nothing if {
	every office in {"privacy_officer", "auditor"} {
		role.deny == {{"code": "access_denied", "reason": "office_reads_no_data"}} with input as asking([office], [])
	}
}
