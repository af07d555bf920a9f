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
	somewhere := [{"code": "access_denied", "reason": "somewhere"}]
	refused(somewhere) with data.sekisho.columns.deny as no
	refused(somewhere) with data.sekisho.consent.deny as no
	refused(somewhere) with data.sekisho.emergency.deny as no
	refused(somewhere) with data.sekisho.freeze.deny as no
	refused(somewhere) with data.sekisho.minimisation.deny as no
	refused(somewhere) with data.sekisho.minors.deny as no
	refused(somewhere) with data.sekisho.output.deny as no
	refused(somewhere) with data.sekisho.purpose.deny as no
	refused(somewhere) with data.sekisho.recipient.deny as no
	refused(somewhere) with data.sekisho.region.deny as no
	refused(somewhere) with data.sekisho.retention.deny as no
	refused(somewhere) with data.sekisho.role.deny as no
	refused(somewhere) with data.sekisho.sensitive.deny as no
	refused(somewhere) with data.sekisho.statistics.deny as no
}

test_row_filters_of_all_rules_hold if {
	asked := fixtures.request_with({
		"purpose": {"minimum_age": 18},
		"datasets": {"pos.order_lines": {"birth_date": "born_on", "keep": {"column": "invoiced_at", "days": 730}}},
	})
	answer := access.decision with input as asked
	answer.row_filters == {"pos.order_lines": [
		{"column": "born_on", "op": "le", "value": {"ago": {"years": 18}}},
		{"column": "invoiced_at", "op": "ge", "value": {"ago": {"days": 730}}},
	]}
}

test_the_answer_ends_with_the_first_rule_that_knows_time if {
	asked := fixtures.request_with({"purpose": {"weekend_freeze": true}})
	answer := access.decision with input as asked
	answer.valid_until == fixtures.request.now.midnight
	first := access.decision with input as asked with data.sekisho.emergency.ends as {7}
	first.valid_until == 7
	frozen := object.union(asked, {"now": {"weekday": "sunday"}})
	refusal := access.decision with input as frozen
	refusal.allow == false
	refusal.valid_until == fixtures.request.now.midnight
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
