package sekisho.obligations_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.obligations

email := {"email": object.union(fixtures.column("direct_identifier"), {"category": "email"})}

test_consent_purposes_have_a_wide_row_limit if {
	obligations.listed == [{"kind": "max_rows", "value": 10000000}] with input as fixtures.request
}

test_third_parties_have_a_narrower_row_limit if {
	asked := fixtures.request_with({"requester": {"recipient": "third_party"}})
	obligations.listed == [{"kind": "max_rows", "value": 1000000}] with input as asked
}

test_contract_purposes_have_the_narrowest_row_limit if {
	asked := fixtures.request_with({
		"requester": {"recipient": "third_party"},
		"purpose": {"legal_basis": "contract"},
	})
	obligations.listed == [{"kind": "max_rows", "value": 10000}] with input as asked
}

test_identifiers_in_the_clear_under_contract_are_one_person_at_a_time if {
	asked := fixtures.request_for(email, {"legal_basis": "contract", "clear": ["email"]})
	obligations.listed == [
		{"kind": "max_rows", "value": 10000},
		{"kind": "max_data_subjects", "value": 1},
	] with input as asked
}

test_masked_identifiers_under_contract_are_not_limited_to_one_person if {
	asked := fixtures.request_for(email, {"legal_basis": "contract", "clear": []})
	obligations.listed == [{"kind": "max_rows", "value": 10000}] with input as asked
}

test_published_views_suppress_small_groups if {
	obligations.listed == [{"kind": "min_group", "value": 10}] with input as fixtures.view_of({})
}

test_a_purpose_limits_rows_further_and_never_widens if {
	obligations.listed == [{"kind": "max_rows", "value": 50}] with input as limited({"rows": 50})
	obligations.listed == [{"kind": "max_rows", "value": 10000000}] with input as limited({"rows": 99999999})
}

test_amounts_in_time_are_allowances if {
	rows := {"kind": "max_rows", "value": 10000000}
	obligations.listed == [
		rows,
		{"kind": "rate_limit", "value": {"amount": 6, "seconds": 60}},
		{"kind": "budget", "value": {"amount": 1000, "seconds": 86400}},
	] with input as limited({"answers_per_minute": 6, "rows_per_day": 1000})
}

test_forms_and_marks_are_obligations if {
	asked := fixtures.request_with({"purpose": {"formats": ["csv", "json"], "watermark": true}})
	obligations.listed == [
		{"kind": "max_rows", "value": 10000000},
		{"kind": "formats", "value": ["csv", "json"]},
		{"kind": "watermark", "value": "release_id"},
	] with input as asked
}

test_obligations_of_other_rules_are_gathered if {
	asked := fixtures.request_with({"purpose": {
		"output_class": "pseudonymised",
		"retention_days": 30,
		"break_glass_minutes": 60,
	}})
	obligations.listed == [
		{"kind": "max_rows", "value": 10000000},
		{"kind": "output_class", "value": "pseudonymised"},
		{"kind": "retention", "value": 30},
		{"kind": "record", "value": "access.break_glass"},
	] with input as asked
}

limited(limits) := fixtures.request_with({"purpose": {"limits": limits}})
