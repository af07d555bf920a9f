# METADATA
# title: Access
# description: >-
#   The one entry point. Gathers the reasons of every rule; no reason means yes. What cannot be decided is
#   refused by the default, and whatever stands in the answer is data that the gateway checks key by key.
package sekisho.access

import data.sekisho.columns
import data.sekisho.consent
import data.sekisho.obligations
import data.sekisho.purpose
import data.sekisho.recipient
import data.sekisho.statistics

# METADATA
# title: Decision
# description: Answer to one access request (requester, purpose, datasets, columns and how each is used).
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
	"row_filters": {},
	"obligations": obligations.listed,
	"valid_until": null,
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
	"valid_until": null,
} if {
	count(_reasons) > 0
}

# Every rule that can refuse is named here, so that none is forgotten when a package is added.
_reasons := (((purpose.deny | statistics.deny) | recipient.deny) | consent.deny) | columns.deny
