# METADATA
# title: Minors
# description: >-
#   A purpose with a least age reads rows of people who have reached it: by their date of birth on the day of
#   the question, and where that is not known, not at all.
package sekisho.minors

# METADATA
# title: Age unknown
# description: A dataset about people tells no date of birth, and nobody vouches for the age of those in it.
# custom:
#   code: access_denied
#   reason: age_unknown
#   source: APPI 27(1) with Civil Code 5; GDPR 8, 6(1)(f); DSA 28(2)
#   remedy: Use a dataset with a date of birth, or declare the least age of those in this one (least_age).
#   title_ja: 年齢が分からない
#   description_ja: 人に関するデータセットに生年月日がなく、含まれる人の年齢を確かめた者もいません。
#   remedy_ja: 生年月日のあるデータセットを使うか、このデータセットの人の最低年齢 (least_age) を宣言してください。
deny contains {"code": "access_denied", "reason": "age_unknown"} if {
	not _any_age
	count((_about_people - _by_birth_date) - _old_enough) > 0
}

# METADATA
# title: Rows of people of age
# description: Dataset name to the filter on the date of birth.
row_filters := {name: [{"column": column, "op": "le", "value": {"ago": {"years": input.purpose.minimum_age}}}] |
	not _any_age
	some name in (_by_birth_date - _old_enough)
	column := input.datasets[name].birth_date
}

_any_age if input.purpose.minimum_age == null

_about_people := {name |
	some name
	dataset := input.datasets[name]
	dataset.class != "reference"
}

_by_birth_date := {name |
	some name
	dataset := input.datasets[name]
	is_string(dataset.birth_date)
}

_old_enough := {name |
	some name
	dataset := input.datasets[name]
	is_number(dataset.least_age)
	dataset.least_age >= input.purpose.minimum_age
}
