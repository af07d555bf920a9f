package sekisho.minors_test

import data.sekisho.fixtures_test as fixtures
import data.sekisho.minors

refused := {{"code": "access_denied", "reason": "age_unknown"}}

asking(dataset, age) := fixtures.request_with({
	"datasets": {"pos.order_lines": dataset},
	"purpose": {"minimum_age": age},
})

test_a_purpose_for_any_age_filters_nothing if {
	count(minors.deny) == 0 with input as fixtures.request
	minors.row_filters == {} with input as asking({"birth_date": "born_on"}, null)
}

test_rows_of_people_of_age_by_their_date_of_birth if {
	asked := asking({"birth_date": "born_on"}, 18)
	count(minors.deny) == 0 with input as asked
	filter := {"column": "born_on", "op": "le", "value": {"ago": {"years": 18}}}
	minors.row_filters == {"pos.order_lines": [filter]} with input as asked
}

test_a_dataset_of_people_old_enough_is_read_whole if {
	count(minors.deny) == 0 with input as asking({"least_age": 18}, 18)
	minors.row_filters == {} with input as asking({"least_age": 20, "birth_date": "born_on"}, 18)
}

test_people_of_unknown_age_are_refused if {
	minors.deny == refused with input as asking({}, 18)
	minors.deny == refused with input as asking({"least_age": 16}, 18)
	minors.deny == refused with input as asking({"least_age": true}, 18)
}

test_data_about_nobody_has_no_age if {
	count(minors.deny) == 0 with input as asking({"class": "reference"}, 18)
}

test_a_purpose_that_does_not_say_its_age_reads_nobody if {
	minors.deny == refused with input as json.remove(fixtures.request, ["purpose/minimum_age"])
}
