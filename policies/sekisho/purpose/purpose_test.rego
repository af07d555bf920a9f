package sekisho.purpose_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.purpose

test_a_registered_purpose_is_not_refused if {
	count(purpose.deny) == 0 with input as fixtures.request
}

test_a_purpose_that_the_requester_does_not_hold_is_refused if {
	asked := fixtures.request_with({"requester": {"purposes": ["churn_prediction"]}})
	purpose.deny == {{"code": "purpose_not_registered", "reason": "purpose_not_registered"}} with input as asked
}

test_one_unbound_dataset_among_bound_ones_is_refused if {
	unbound := object.union(fixtures.dataset("profile", {}), {"purposes": ["churn_prediction"]})
	asked := fixtures.request_with({"datasets": {"crm.customers": unbound}})
	purpose.deny == {{"code": "access_denied", "reason": "dataset_not_for_purpose"}} with input as asked
}

test_a_dataset_bound_to_a_wider_purpose_is_bound_to_a_narrower if {
	bound := {"datasets": {"pos.order_lines": {"purposes": ["marketing"]}}}
	narrower := fixtures.request_with(object.union(bound, {"purpose": {"ancestors": ["personalisation", "marketing"]}}))
	count(purpose.deny) == 0 with input as narrower
	other := fixtures.request_with(object.union(bound, {"purpose": {"ancestors": ["personalisation"]}}))
	purpose.deny == {{"code": "access_denied", "reason": "dataset_not_for_purpose"}} with input as other
}

test_a_requester_of_a_wider_purpose_does_not_hold_a_narrower if {
	asked := fixtures.request_with({"requester": {"purposes": ["marketing"]}, "purpose": {"ancestors": ["marketing"]}})
	purpose.deny == {{"code": "purpose_not_registered", "reason": "purpose_not_registered"}} with input as asked
}

test_a_dataset_without_purposes_is_bound_to_none if {
	unbound := object.remove(fixtures.dataset("profile", {}), {"purposes"})
	asked := fixtures.request_with({"datasets": {"crm.customers": unbound}})
	purpose.deny == {{"code": "access_denied", "reason": "dataset_not_for_purpose"}} with input as asked
}

test_a_statement_without_dataset_is_refused if {
	asked := object.union(object.remove(fixtures.request, {"datasets"}), {"datasets": {}})
	purpose.deny == {{"code": "access_denied", "reason": "no_dataset"}} with input as asked
}

test_an_unknown_legal_basis_is_refused if {
	asked := fixtures.request_with({"purpose": {"legal_basis": "curiosity"}})
	purpose.deny == {{"code": "access_denied", "reason": "legal_basis_unknown"}} with input as asked
}

test_an_unknown_output_is_refused if {
	asked := fixtures.request_with({"purpose": {"output": "everything"}})
	purpose.deny == {{"code": "access_denied", "reason": "output_unknown"}} with input as asked
}

test_an_unknown_action_is_refused if {
	asked := fixtures.request_with({"action": "dump"})
	purpose.deny == {{"code": "access_denied", "reason": "action_unknown"}} with input as asked
}

test_a_question_whose_lists_are_none_is_refused if {
	every odd in [null, false, 0, "x"] {
		_not_understood(fixtures.request_with({"purpose": {"formats": odd}}))
		_not_understood(fixtures.request_with({"purpose": {"cells": odd}}))
		_not_understood(fixtures.request_with({"datasets": {"pos.order_lines": {"columns": odd}}}))
	}
}

_not_understood(asked) if {
	purpose.deny == {{"code": "access_denied", "reason": "question_not_understood"}} with input as asked
}
