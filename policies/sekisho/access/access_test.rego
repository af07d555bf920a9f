package sekisho.access_test

import data.sekisho.access
import data.sekisho.fixtures_test as fixtures

test_a_registered_purpose_on_consent_is_allowed if {
	answer := access.decision with input as fixtures.request
	answer == {
		"allow": true,
		"deny": [],
		"legal_basis": "consent",
		"consent": {"required": true, "cells": ["recommendation"]},
		"columns": {"pos.order_lines": {"customer_id": "pseudonym"}},
		"row_filters": {},
		"obligations": [{"kind": "max_rows", "value": 10000000}],
		"valid_until": null,
	}
}

test_a_refusal_carries_every_reason_and_nothing_else if {
	asked := fixtures.request_with({"requester": {"purposes": []}, "datasets": {"pos.order_lines": {"purposes": []}}})
	answer := access.decision with input as asked
	answer.allow == false
	answer.deny == [
		{"code": "access_denied", "reason": "dataset_not_for_purpose"},
		{"code": "purpose_not_registered", "reason": "purpose_not_registered"},
	]
	answer.columns == {}
	answer.obligations == []
	answer.consent == {"required": false, "cells": []}
}

test_an_empty_input_is_refused if {
	answer := access.decision with input as {}
	answer.allow == false
	count(answer.deny) > 0
}

test_a_refusal_of_any_package_is_gathered if {
	no := {{"code": "access_denied", "reason": "somewhere"}}
	refused([{"code": "access_denied", "reason": "somewhere"}]) with data.sekisho.purpose.deny as no
	refused([{"code": "access_denied", "reason": "somewhere"}]) with data.sekisho.statistics.deny as no
	refused([{"code": "access_denied", "reason": "somewhere"}]) with data.sekisho.recipient.deny as no
	refused([{"code": "access_denied", "reason": "somewhere"}]) with data.sekisho.consent.deny as no
	refused([{"code": "access_denied", "reason": "somewhere"}]) with data.sekisho.columns.deny as no
}

test_what_is_undecided_is_refused if {
	answer := access.decision with input as fixtures.request with data.sekisho.obligations as {}
	answer.allow == false
	answer.deny == [{"code": "access_denied", "reason": "undecided"}]
}

refused(reasons) if {
	answer := access.decision with input as fixtures.request
	answer.allow == false
	answer.deny == reasons
}
