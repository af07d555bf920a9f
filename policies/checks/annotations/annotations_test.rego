package checks.annotations_test

import data.checks.annotations

path(parts) := [{"type": "string", "value": part} | some part in parts]

about(scope) := {"scope": scope, "title": "A title", "description": "A sentence."}

custom := {
	"code": "access_denied",
	"reason": "some_reason",
	"source": "an article",
	"remedy": "A sentence.",
	"title_ja": "題",
	"description_ja": "文。",
	"remedy_ja": "文。",
}

literal(object) := {"value": [[{"value": field}, {"value": value}] | some field, value in object]}

refusal := {
	"head": {"name": "deny", "key": literal({"code": "access_denied", "reason": "some_reason"})},
	"location": {"row": 7},
	"annotations": [object.union(about("rule"), {"custom": custom})],
}

module(name, rules) := {
	"package": {"path": path(["data", "sekisho", name])},
	"annotations": [about("package")],
	"rules": rules,
}

entry := object.union(
	module("access", [{"head": {"name": "decision"}, "annotations": [about("document")]}]),
	{"imports": [{"path": {"value": path(["data", "sekisho", "purpose"])}}]},
)

checked(rules) := findings if {
	findings := annotations.deny with input as [entry, module("purpose", rules)]
}

test_documented_policies_pass if {
	checked([refusal, {"head": {"name": "_helper"}}]) == set()
}

test_nothing_to_check_is_a_finding if {
	annotations.deny == {"no module was given to the check"} with input as []
}

test_a_package_without_metadata_is_found if {
	bare := object.remove(module("purpose", []), {"annotations"})
	findings := annotations.deny with input as [bare]
	findings == {"data.sekisho.purpose: the package has no METADATA with title and description"}
}

test_a_public_rule_without_metadata_is_found if {
	checked([{"head": {"name": "cells"}}]) == {"data.sekisho.purpose: cells has no METADATA with title and description"}
}

test_a_refusal_without_metadata_is_found if {
	bare := object.remove(refusal, {"annotations"})
	"data.sekisho.purpose:7: a deny rule without title and description" in checked([bare])
}

test_each_missing_field_is_found if {
	every field in object.keys(custom) {
		incomplete := object.union(
			object.remove(refusal, {"annotations"}),
			{"annotations": [object.union(about("rule"), {"custom": object.remove(custom, {field})})]},
		)
		sprintf("data.sekisho.purpose:7: a deny rule without custom.%s", [field]) in checked([incomplete])
	}
}

test_a_code_outside_the_contract_is_found if {
	coded := {"code": "teapot", "reason": "some_reason"}
	unknown := object.union(refusal, {
		"head": {"name": "deny", "key": literal(coded)},
		"annotations": [object.union(about("rule"), {"custom": object.union(custom, coded)})],
	})
	checked([unknown]) == {"data.sekisho.purpose:7: custom.code is not a code of the contract"}
}

test_metadata_that_differs_from_the_answer_is_found if {
	other := {"head": {"name": "deny", "key": literal({"code": "access_denied", "reason": "other"})}}
	findings := checked([object.union(refusal, other)])
	findings == {"data.sekisho.purpose:7: the rule answers another code or reason than its METADATA"}
}

test_a_reason_used_twice_is_found if {
	again := object.union(refusal, {"location": {"row": 9}})
	checked([refusal, again]) == {"the reason some_reason is used by more than one rule"}
}

test_refusals_that_the_entry_point_does_not_import_are_found if {
	findings := annotations.deny with input as [entry, module("recipient", [refusal])]
	findings == {"data.sekisho.recipient: its refusals are not gathered by data.sekisho.access"}
}

ref(parts) := {"type": "ref", "value": [{"value": part} | some part in parts]}

timed := {
	"package": {"path": path(["data", "sekisho", "clock"])},
	"annotations": [about("package")],
	"rules": [{"head": {"name": "_late"}, "body": [ref(["input", "now", "epoch"])]}],
}

ends := {"head": {"name": "ends"}, "annotations": [about("rule")]}

gathering(parts) := {
	"package": {"path": path(["data", "sekisho", "access"])},
	"annotations": [about("package")],
	"imports": [],
	"rules": [{"head": {"name": "_ends"}, "body": [ref(parts)]}],
}

test_a_package_that_reads_the_time_names_its_end if {
	found := annotations.deny with input as [timed, gathering(["clock", "ends"])]
	"data.sekisho.clock: it reads input.now and names no ends" in found
}

test_ends_that_nobody_gathers_are_found if {
	ending := object.union(timed, {"rules": array.concat(timed.rules, [ends])})
	found := annotations.deny with input as [ending, gathering(["other", "ends"])]
	"data.sekisho.clock: its ends are not gathered by data.sekisho.access" in found
	good := annotations.deny with input as [ending, gathering(["clock", "ends"])]
	count(good) == 0
}
