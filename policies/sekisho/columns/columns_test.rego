package sekisho.columns_test

import data.sekisho.columns
import data.sekisho.fixtures_test as fixtures

of_category(class, category) := object.union(fixtures.column(class), {"category": category})

birth_date := object.union(of_category("quasi_identifier", "birth_date"), {"generalise": "year"})

profile := {
	"customer_id": fixtures.key,
	"invoice": fixtures.column("linking_identifier"),
	"email": of_category("direct_identifier", "email"),
	"birth_date": birth_date,
	"country": fixtures.column("quasi_identifier"),
	"income_band": of_category("sensitive", "income"),
	"body": fixtures.column("free_text"),
	"quantity": fixtures.column("none"),
}

test_under_consent_every_class_is_masked if {
	transforms := columns.transforms with input as fixtures.request_for(profile, {})
	transforms["pos.order_lines"] == {
		"customer_id": "pseudonym",
		"invoice": "token",
		"email": "redact",
		"birth_date": "year",
		"country": "clear",
		"income_band": "withhold",
		"body": "mask_text",
		"quantity": "clear",
	}
	count(columns.deny) == 0 with input as fixtures.request_for(profile, {})
}

test_under_consent_nothing_is_declared_clear if {
	asked := fixtures.request_for(profile, {"clear": ["email", "customer_id", "quasi_identifiers"]})
	transforms := columns.transforms with input as asked
	transforms["pos.order_lines"].email == "redact"
	transforms["pos.order_lines"].customer_id == "pseudonym"
	transforms["pos.order_lines"].birth_date == "year"
}

test_a_contract_sees_the_categories_that_it_declares if {
	contract := {"legal_basis": "contract", "clear": ["email", "customer_id"]}
	asked := fixtures.request_for(object.remove(profile, {"income_band"}), contract)
	transforms := columns.transforms with input as asked
	transforms["pos.order_lines"].email == "clear"
	transforms["pos.order_lines"].customer_id == "pseudonym"
	transforms["pos.order_lines"].birth_date == "year"
	transforms["pos.order_lines"].body == "mask_text"
	columns.direct_identifier_clear with input as asked
}

test_a_masked_identifier_is_not_shown if {
	asked := fixtures.request_for(profile, {"legal_basis": "contract", "clear": ["phone"]})
	columns.direct_identifier_clear == false with input as asked
}

test_a_legal_duty_may_see_quasi_identifiers_and_the_key if {
	duty := {"legal_basis": "legal_obligation", "clear": ["quasi_identifiers", "customer_id"]}
	transforms := columns.transforms with input as fixtures.request_for(profile, duty)
	transforms["pos.order_lines"].birth_date == "clear"
	transforms["pos.order_lines"].customer_id == "clear"
	transforms["pos.order_lines"].email == "redact"
}

test_each_generalisation_has_its_transform if {
	every name in {"year", "age_band", "prefix3", "host", "browser"} {
		column := object.union(birth_date, {"generalise": name})
		transforms := columns.transforms with input as fixtures.request_for({"value": column}, {})
		transforms["pos.order_lines"].value == name
	}
}

test_an_unknown_generalisation_is_refused if {
	column := object.union(birth_date, {"generalise": "clear"})
	columns.deny == {{
		"code": "column_denied",
		"reason": "no_transform_for_column",
	}} with input as fixtures.request_for({"value": column}, {})
}

masked(class, mask) := object.union(fixtures.column(class), {"mask": mask})

declarable := {
	"withhold", "redact", "constant", "partial", "truncate", "hierarchy",
	"bucket", "top_bottom", "hmac", "fake", "date_shift", "noise",
}

test_a_mask_that_a_column_declares_is_its_transform if {
	every class in {"direct_identifier", "quasi_identifier"} {
		every mask in declarable {
			asked := fixtures.request_for({"value": masked(class, mask)}, {})
			transforms := columns.transforms with input as asked
			transforms["pos.order_lines"].value == mask
		}
	}
}

test_a_mask_stands_before_a_generalisation if {
	column := object.union(birth_date, {"mask": "date_shift"})
	transforms := columns.transforms with input as fixtures.request_for({"value": column}, {})
	transforms["pos.order_lines"].value == "date_shift"
}

test_an_unknown_mask_of_a_quasi_identifier_is_refused if {
	columns.deny == {{
		"code": "column_denied",
		"reason": "no_transform_for_column",
	}} with input as fixtures.request_for({"value": masked("quasi_identifier", "clear")}, {})
}

test_an_unknown_mask_of_an_identifier_redacts_it if {
	transforms := columns.transforms with input as fixtures.request_for({"value": masked("direct_identifier", "clear")}, {})
	transforms["pos.order_lines"].value == "redact"
}

test_what_a_purpose_may_see_clear_is_not_masked if {
	column := object.union(masked("direct_identifier", "partial"), {"category": "email"})
	contract := {"legal_basis": "contract", "clear": ["email", "quasi_identifiers"]}
	both := {"email": column, "age": masked("quasi_identifier", "bucket")}
	transforms := columns.transforms with input as fixtures.request_for(both, contract)
	transforms["pos.order_lines"] == {"email": "clear", "age": "clear"}
}

test_a_mask_shows_nothing_sensitive_without_explicit_consent if {
	transforms := columns.transforms with input as fixtures.request_for({"value": masked("sensitive", "bucket")}, {})
	transforms["pos.order_lines"].value == "withhold"
}

test_explicit_consent_shows_a_sensitive_column_by_its_mask if {
	column := object.union(masked("sensitive", "bucket"), {"category": "income"})
	every explicit in {"sensitive", "income"} {
		asked := fixtures.request_for({"value": column}, {"explicit": [explicit]})
		transforms := columns.transforms with input as asked
		transforms["pos.order_lines"].value == "bucket"
	}
}

test_an_unknown_mask_shows_nothing_sensitive if {
	column := object.union(masked("sensitive", "clear"), {"category": "income"})
	by_category := columns.transforms with input as fixtures.request_for({"value": column}, {"explicit": ["income"]})
	by_category["pos.order_lines"].value == "withhold"
	count(columns.deny) == 1 with input as fixtures.request_for({"value": column}, {"explicit": ["sensitive"]})
}

test_a_view_takes_no_mask if {
	masks := {"value": masked("quasi_identifier", "bucket"), "name": masked("direct_identifier", "partial")}
	transforms := columns.transforms with input as fixtures.view_of(masks)
	transforms["pos.order_lines"] == {"value": "clear", "name": "withhold"}
}

test_an_unknown_class_is_refused if {
	columns.deny == {{
		"code": "column_denied",
		"reason": "no_transform_for_column",
	}} with input as fixtures.request_for({"value": fixtures.column("secret")}, {})
}

test_a_column_that_may_or_may_not_be_the_key_is_refused if {
	unclear := object.remove(fixtures.column("none"), {"data_subject"})
	columns.deny == {{
		"code": "column_denied",
		"reason": "no_transform_for_column",
	}} with input as fixtures.request_for({"value": unclear}, {})
}

test_explicit_consent_shows_a_sensitive_column if {
	every explicit in {"sensitive", "income"} {
		transforms := columns.transforms with input as fixtures.request_for(profile, {"explicit": [explicit]})
		transforms["pos.order_lines"].income_band == "clear"
	}
}

test_explicit_consent_for_another_category_shows_nothing if {
	transforms := columns.transforms with input as fixtures.request_for(profile, {"explicit": ["health"]})
	transforms["pos.order_lines"].income_band == "withhold"
}

test_contract_and_legal_duty_see_nothing_of_a_sensitive_column if {
	every basis in {"contract", "legal_obligation"} {
		asked := fixtures.request_for(profile, {"legal_basis": basis})
		count(columns.deny) == 0 with input as asked
		transforms := columns.transforms with input as asked
		transforms["pos.order_lines"].income_band == "withhold"
	}
}

test_contract_and_legal_duty_may_name_a_sensitive_category if {
	every explicit in {"sensitive", "income"} {
		duty := {"legal_basis": "legal_obligation", "explicit": [explicit]}
		asked := fixtures.request_for(profile, duty)
		count(columns.deny) == 0 with input as asked
		transforms := columns.transforms with input as asked
		transforms["pos.order_lines"].income_band == "clear"
	}
}

test_a_published_view_reads_what_it_counts_and_nothing_that_names if {
	transforms := columns.transforms with input as fixtures.view_of(profile)
	transforms["pos.order_lines"] == {
		"customer_id": "pseudonym",
		"invoice": "token",
		"email": "withhold",
		"birth_date": "clear",
		"country": "clear",
		"income_band": "withhold",
		"body": "withhold",
		"quantity": "clear",
	}
}

test_a_published_view_gains_nothing_from_declarations if {
	duty := {"purpose": {
		"legal_basis": "legal_obligation",
		"clear": ["email", "customer_id", "quasi_identifiers"],
		"explicit": ["sensitive"],
	}}
	asked := object.union(fixtures.view_of(profile), duty)
	transforms := columns.transforms with input as asked
	transforms["pos.order_lines"].email == "withhold"
	transforms["pos.order_lines"].customer_id == "pseudonym"
	transforms["pos.order_lines"].income_band == "withhold"
	count(columns.deny) == 0 with input as asked
}
