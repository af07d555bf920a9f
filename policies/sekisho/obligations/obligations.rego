# METADATA
# title: Obligations
# description: What the gateway must do besides; one that it does not know means no (XACML 3.0, 7.18).
package sekisho.obligations

import data.sekisho.columns
import data.sekisho.statistics

# METADATA
# title: Obligations of a permit
# description: Each with its whole-number limit, in a fixed order.
listed := array.concat(array.concat(_min_group, _max_rows), _max_data_subjects)

# The smallest group of people that a published view may show.
_min_group := [{"kind": "min_group", "value": 10} | statistics.published_view]

_max_rows := [{"kind": "max_rows", "value": min(_row_limits)} | not statistics.published_view]

# Whoever reads identifiers in the clear under a contract serves one customer at a time.
_max_data_subjects := [{"kind": "max_data_subjects", "value": 1} |
	input.purpose.legal_basis == "contract"
	columns.direct_identifier_clear
]

_row_limits contains 10000000

_row_limits contains 1000000 if input.requester.recipient == "third_party"

_row_limits contains 10000 if input.purpose.legal_basis == "contract"
