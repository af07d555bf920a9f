package sekisho.recipient_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.recipient

nobody(columns) := {
	"class": "reference",
	"data_category": null,
	"has_data_subject": false,
	"purposes": ["recommendation"],
	"columns": columns,
}

about_nobody(columns) := object.union(
	object.remove(fixtures.request_with({"requester": {"recipient": "third_party"}}), {"datasets"}),
	{"datasets": {"shop.products": nobody(columns)}},
)

test_internal_requesters_and_processors_are_not_refused if {
	every who in {"internal", "processor"} {
		count(recipient.deny) == 0 with input as fixtures.request_with({"requester": {"recipient": who}})
	}
}

test_a_third_party_needs_a_purpose_of_provision if {
	asked := fixtures.request_with({"requester": {"recipient": "third_party"}})
	recipient.deny == {{
		"code": "access_denied",
		"reason": "third_party_provision_not_declared",
	}} with input as asked
}

test_a_third_party_may_use_a_purpose_of_provision if {
	asked := fixtures.request_with({"requester": {"recipient": "third_party"}, "purpose": {"third_party": true}})
	count(recipient.deny) == 0 with input as asked
}

test_a_third_party_needs_people_who_agreed if {
	every basis in {"contract", "legitimate_interest"} {
		asked := fixtures.request_with({
			"requester": {"recipient": "third_party"},
			"purpose": {"third_party": true, "legal_basis": basis},
		})
		recipient.deny == {{
			"code": "access_denied",
			"reason": "third_party_provision_without_consent",
		}} with input as asked
	}
}

test_a_law_may_ask_for_provision if {
	asked := fixtures.request_with({
		"requester": {"recipient": "third_party"},
		"purpose": {"third_party": true, "legal_basis": "legal_obligation"},
	})
	count(recipient.deny) == 0 with input as asked
}

of_class(class, purpose) := fixtures.request_with({
	"requester": {"recipient": "third_party"},
	"purpose": object.union({"third_party": true}, purpose),
	"datasets": {"pos.order_lines": {"class": class}},
})

test_person_related_information_needs_a_purpose_that_says_so if {
	recipient.deny == {{
		"code": "access_denied",
		"reason": "person_related_not_confirmed",
	}} with input as of_class("person_related", {})
	count(recipient.deny) == 0 with input as of_class("person_related", {"person_related": true})
}

test_pseudonymised_information_goes_to_no_third_party if {
	recipient.deny == {{
		"code": "access_denied",
		"reason": "pseudonymised_information_not_provided",
	}} with input as of_class("pseudonymised", {"person_related": true})
}

test_a_third_party_may_read_data_about_nobody if {
	count(recipient.deny) == 0 with input as about_nobody({"stock_code": fixtures.column("none")})
}

test_a_personal_column_is_personal_data_even_without_a_key if {
	asked := about_nobody({"ip": fixtures.column("direct_identifier")})
	recipient.deny == {{
		"code": "access_denied",
		"reason": "third_party_provision_not_declared",
	}} with input as asked
}

test_an_unknown_recipient_is_refused if {
	asked := fixtures.request_with({"requester": {"recipient": "friend"}})
	recipient.deny == {{"code": "access_denied", "reason": "recipient_unknown"}} with input as asked
}
