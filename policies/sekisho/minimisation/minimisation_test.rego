package sekisho.minimisation_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.minimisation

refused := {{"code": "column_denied", "reason": "column_not_needed"}}

birth_date := object.union(fixtures.column("quasi_identifier"), {"category": "birth_date"})

columns := {"customer_id": fixtures.key, "birth_date": birth_date, "rank": fixtures.column("none")}

test_a_purpose_that_declares_nothing_uses_any_column if {
	count(minimisation.deny) == 0 with input as fixtures.request_for(columns, {"needs": null})
}

test_classes_and_categories_are_needs if {
	count(minimisation.deny) == 0 with input as fixtures.request_for(columns, {"needs": ["birth_date", "none"]})
	count(minimisation.deny) == 0 with input as fixtures.request_for(columns, {"needs": ["quasi_identifier", "none"]})
}

test_the_key_of_the_person_needs_no_declaration if {
	count(minimisation.deny) == 0 with input as fixtures.request_for({"customer_id": fixtures.key}, {"needs": []})
}

test_another_column_is_refused if {
	minimisation.deny == refused with input as fixtures.request_for(columns, {"needs": ["birth_date"]})
	minimisation.deny == refused with input as fixtures.request_for(columns, {"needs": ["none"]})
}

test_a_newly_classified_column_is_governed_without_a_new_rule if {
	health := object.union(columns, {"rank": object.union(fixtures.column("sensitive"), {"category": "health"})})
	minimisation.deny == refused with input as fixtures.request_for(health, {"needs": ["birth_date", "none"]})
}

test_a_purpose_without_the_key_needs_nothing if {
	asked := json.remove(fixtures.request_for(columns, {}), ["purpose/needs"])
	minimisation.deny == refused with input as asked
}
