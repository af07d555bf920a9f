# METADATA
# title: Access
# description: >-
#   The one entry point. Gathers the reasons of every rule; no reason means yes. What cannot be decided is
#   refused by the default, and whatever stands in the answer is data that the gateway checks key by key.
package sekisho.access

import data.sekisho.columns
import data.sekisho.consent
import data.sekisho.emergency
import data.sekisho.freeze
import data.sekisho.minimisation
import data.sekisho.minors
import data.sekisho.obligations
import data.sekisho.output
import data.sekisho.purpose
import data.sekisho.recipient
import data.sekisho.region
import data.sekisho.retention
import data.sekisho.role
import data.sekisho.sensitive
import data.sekisho.statistics

# METADATA
# title: Decision
# description: >-
#   Answer to one access request: who asks, why, what of which class, how each column is used, on what occasion and
#   when. It says itself until when it may be used again (valid_until).
# entrypoint: true
default decision := {
	"allow": false,
	"deny": [{"code": "access_denied", "reason": "undecided"}],
	"legal_basis": null,
	"consent": {"required": false, "cells": []},
	"columns": {},
	"row_filters": {},
	"obligations": [],
	"valid_until": null,
}

decision := {
	"allow": true,
	"deny": [],
	"legal_basis": input.purpose.legal_basis,
	"consent": {"required": consent.required, "cells": sort(consent.cells)},
	"columns": columns.transforms,
	"row_filters": _row_filters,
	"obligations": obligations.listed,
	"valid_until": _valid_until,
} if {
	count(_reasons) == 0
}

decision := {
	"allow": false,
	"deny": sort(_reasons),
	"legal_basis": null,
	"consent": {"required": false, "cells": []},
	"columns": {},
	"row_filters": {},
	"obligations": [],
	"valid_until": _valid_until,
} if {
	count(_reasons) > 0
}

# Every rule that can refuse is named here, so that none is forgotten when a package is added.
# Without one of the packages there is no list, and so no set of reasons: the default answers.
_reasons := union({
	columns.deny, minimisation.deny, sensitive.deny, consent.deny, minors.deny,
	purpose.deny, statistics.deny, role.deny, output.deny,
	recipient.deny, region.deny, retention.deny, emergency.deny, freeze.deny,
})

# A filter of one rule never widens that of another: all of them hold.
_row_filters := {name: filters |
	some name in (object.keys(minors.row_filters) | object.keys(retention.row_filters))
	of_age := object.get(minors.row_filters, name, [])
	filters := array.concat(of_age, object.get(retention.row_filters, name, []))
}

# The earliest instant from which any rule may say something else.
_ends := emergency.ends | freeze.ends

# Not min(), which rego-cpp takes of numbers as texts.
_valid_until := [end | some end in _ends; count([1 | some other in _ends; other < end]) == 0][0] if count(_ends) > 0

_valid_until := null if count(_ends) == 0
