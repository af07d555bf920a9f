package sekisho.consent_test

import data.sekisho.consent
import data.sekisho.fixtures_test as fixtures

by_category := {"purpose": {"cells": ["purchase", "behaviour", "intent", "profile"]}}

no_cell := {{"code": "access_denied", "reason": "no_consent_cell_for_category"}}

test_consent_and_legitimate_interest_ask_the_person if {
	every basis in {"consent", "legitimate_interest"} {
		consent.required with input as fixtures.request_with({"purpose": {"legal_basis": basis}})
	}
}

test_contract_and_legal_obligation_ask_nobody if {
	every basis in {"contract", "legal_obligation"} {
		asked := fixtures.request_with({"purpose": {"legal_basis": basis}})
		consent.required == false with input as asked
		count(consent.cells) == 0 with input as asked
		count(consent.deny) == 0 with input as asked
	}
}

test_a_published_view_asks_nobody if {
	consent.required == false with input as fixtures.view_of({})
	count(consent.cells) == 0 with input as fixtures.view_of({})
}

test_a_purpose_without_categories_has_one_cell if {
	consent.cells == {"recommendation"} with input as fixtures.request
}

test_each_dataset_adds_the_cell_of_its_category if {
	asked := object.union(
		fixtures.request_with(by_category),
		{"datasets": {"crm.customers": fixtures.dataset("profile", {})}},
	)
	consent.cells == {
		"recommendation/data_category=purchase",
		"recommendation/data_category=profile",
	} with input as asked
}

test_search_words_need_the_cell_of_intent_too if {
	search := object.union(fixtures.column("free_text"), {"category": "search_query"})
	asked := object.union(
		fixtures.request_with(by_category),
		{"datasets": {"web.events": fixtures.dataset("behaviour", {"query_text": search})}},
	)
	consent.cells == {
		"recommendation/data_category=purchase",
		"recommendation/data_category=behaviour",
		"recommendation/data_category=intent",
	} with input as asked
}

test_a_category_in_which_nobody_was_asked_is_refused if {
	asked := object.union(
		fixtures.request_with(by_category),
		{"datasets": {"support.tickets": fixtures.dataset("conversation", {})}},
	)
	consent.deny == no_cell with input as asked
}

test_search_words_without_a_cell_of_intent_are_refused if {
	search := object.union(fixtures.column("free_text"), {"category": "search_query"})
	asked := fixtures.request_for({"query_text": search}, {"cells": ["purchase"]})
	consent.deny == no_cell with input as asked
}

test_a_dataset_without_category_is_refused_where_consent_is_by_category if {
	asked := object.union(
		fixtures.request_with(by_category),
		{"datasets": {"shop.notes": fixtures.dataset(null, {})}},
	)
	consent.deny == no_cell with input as asked
}

test_a_dataset_without_data_subject_is_refused_under_consent if {
	asked := fixtures.request_with({"datasets": {"pos.order_lines": {"has_data_subject": false}}})
	consent.deny == {{"code": "access_denied", "reason": "no_data_subject"}} with input as asked
}

test_a_dataset_without_data_subject_needs_none_under_contract if {
	asked := fixtures.request_with({
		"datasets": {"pos.order_lines": {"has_data_subject": false}},
		"purpose": {"legal_basis": "contract"},
	})
	count(consent.deny) == 0 with input as asked
}
