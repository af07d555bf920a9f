package sekisho.region_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.region

not_told := {{"code": "access_denied", "reason": "country_not_told"}}

not_allowed := {{"code": "access_denied", "reason": "country_not_allowed"}}

from(recipient, country) := fixtures.request_with({"requester": {"recipient": recipient, "country": country}})

only(countries) := fixtures.request_with({"datasets": {"pos.order_lines": {"countries": countries}}})

test_at_home_nothing_is_transferred if {
	count(region.deny) == 0 with input as from("third_party", "JP")
}

test_a_branch_abroad_is_no_third_party if {
	count(region.deny) == 0 with input as from("internal", "US")
}

test_a_recipient_abroad_needs_a_country_that_people_were_told_of if {
	every recipient in {"processor", "third_party"} {
		asked := from(recipient, "US")
		region.deny == not_told with input as asked
		told := object.union(asked, {"purpose": {"transfer_countries": ["US"]}})
		count(region.deny) == 0 with input as told
	}
}

test_countries_that_protect_alike_need_not_be_told if {
	every country in {"DE", "NO", "GB"} {
		count(region.deny) == 0 with input as from("processor", country)
	}
	region.deny == not_told with input as from("processor", "CH")
}

test_from_europe_adequate_countries_are_alike if {
	every country in {"FR", "JP", "CH"} {
		asked := object.union(from("processor", country), {"controller": {"country": "DE"}})
		count(region.deny) == 0 with input as asked
	}
	asked := object.union(from("processor", "US"), {"controller": {"country": "DE"}})
	region.deny == not_told with input as asked
}

test_what_the_law_asks_for_goes_where_the_law_says if {
	asked := object.union(from("third_party", "US"), {"purpose": {"legal_basis": "legal_obligation"}})
	count(region.deny) == 0 with input as asked
}

test_data_about_nobody_and_statistics_may_go_anywhere if {
	asked := object.union(from("processor", "US"), {"datasets": {"pos.order_lines": {"class": "reference"}}})
	count(region.deny) == 0 with input as asked
	view := object.union(fixtures.view_of({}), {"requester": {"recipient": "processor", "country": "US"}})
	count(region.deny) == 0 with input as view
}

test_a_requester_of_an_unknown_country_is_refused if {
	asked := json.remove(from("processor", "US"), ["requester/country"])
	region.deny == not_told with input as asked
}

test_a_dataset_stays_in_its_countries if {
	count(region.deny) == 0 with input as only(["JP", "DE"])
	region.deny == not_allowed with input as only(["DE"])
	region.deny == not_allowed with input as json.remove(fixtures.request, ["datasets/pos.order_lines/countries"])
}
