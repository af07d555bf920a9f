# METADATA
# title: Obligations
# description: What the gateway must do besides; one that it does not know means no (XACML 3.0, 7.18).
package sekisho.obligations

import data.sekisho.columns
import data.sekisho.emergency
import data.sekisho.output
import data.sekisho.retention
import data.sekisho.statistics

# METADATA
# title: Obligations of a permit
# description: Each with its value, in a fixed order. Those that most permits have come first.
listed := [obligation | some group in _groups; some obligation in group] if count(_groups) > 0

_groups := [
	_min_group, _max_rows, _max_data_subjects, _rates, _budgets, _formats, _watermarks,
	output.obligations, retention.obligations, emergency.obligations,
]

# The smallest group of people that a published view may show.
_min_group := [{"kind": "min_group", "value": 10} | statistics.published_view]

# Not min(), which rego-cpp takes of numbers as texts.
_max_rows := [{"kind": "max_rows", "value": limit} |
	not statistics.published_view
	limits := _row_limits
	some limit in limits
	count([1 | some other in limits; other < limit]) == 0
]

# Whoever reads identifiers in the clear under a contract serves one customer at a time.
_max_data_subjects := [{"kind": "max_data_subjects", "value": 1} |
	input.purpose.legal_basis == "contract"
	columns.direct_identifier_clear
]

_rates := [{"kind": "rate_limit", "value": {"amount": amount, "seconds": 60}} |
	amount := input.purpose.limits.answers_per_minute
	amount != null
]

_budgets := [{"kind": "budget", "value": {"amount": amount, "seconds": 86400}} |
	amount := input.purpose.limits.rows_per_day
	amount != null
]

_formats := [{"kind": "formats", "value": input.purpose.formats} | count(input.purpose.formats) > 0]

_watermarks := [{"kind": "watermark", "value": "release_id"} | input.purpose.watermark != false]

_row_limits contains 10000000

_row_limits contains 1000000 if input.requester.recipient == "third_party"

_row_limits contains 10000 if input.purpose.legal_basis == "contract"

_row_limits contains rows if {
	rows := input.purpose.limits.rows
	is_number(rows)
}
