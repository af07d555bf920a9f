package sekisho.sensitive_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.sensitive

not_needed := {{"code": "column_denied", "reason": "sensitive_not_needed"}}

by_category := {{"code": "column_denied", "reason": "sensitive_to_third_party"}}

income(uses) := {"income": object.union(fixtures.column("sensitive"), {"category": "income", "uses": uses})}

third_party := {"requester": {"recipient": "third_party"}}

test_contract_and_legal_duty_do_not_compute_with_sensitive_columns if {
	every basis in {"contract", "legal_obligation"} {
		asked := fixtures.request_for(income(["compared", "shown"]), {"legal_basis": basis})
		sensitive.deny == not_needed with input as asked
	}
}

test_contract_and_legal_duty_may_name_a_sensitive_category if {
	every explicit in {"sensitive", "income"} {
		duty := {"legal_basis": "legal_obligation", "explicit": [explicit]}
		count(sensitive.deny) == 0 with input as fixtures.request_for(income(["compared"]), duty)
	}
}

test_a_sensitive_column_that_is_only_shown_is_withheld_elsewhere if {
	count(sensitive.deny) == 0 with input as fixtures.request_for(income(["shown"]), {"legal_basis": "contract"})
}

test_a_published_view_gains_and_loses_nothing if {
	asked := object.union(fixtures.view_of(income(["grouped"])), {"purpose": {"legal_basis": "legal_obligation"}})
	count(sensitive.deny) == 0 with input as asked
	count(sensitive.deny) == 0 with input as object.union(asked, third_party)
}

test_a_third_party_receives_the_categories_that_are_named if {
	named := object.union(fixtures.request_for(income(["shown"]), {"explicit": ["sensitive", "income"]}), third_party)
	count(sensitive.deny) == 0 with input as named
	whole := object.union(fixtures.request_for(income(["shown"]), {"explicit": ["sensitive"]}), third_party)
	sensitive.deny == by_category with input as whole
}

test_the_class_is_enough_inside if {
	asked := fixtures.request_for(income(["shown"]), {"explicit": ["sensitive"]})
	count(sensitive.deny) == 0 with input as asked
}
