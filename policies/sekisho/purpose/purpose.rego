# METADATA
# title: Purpose
# description: Data is used for a registered purpose, on a known ground, from datasets bound to it (利用目的).
package sekisho.purpose

_legal_bases := {"consent", "legitimate_interest", "contract", "legal_obligation"}

_outputs := {"rows", "statistics"}

_actions := {"query", "view"}

# METADATA
# title: Purpose not registered for the requester
# description: A requester uses data only for the purposes under which it is registered.
# custom:
#   code: purpose_not_registered
#   reason: purpose_not_registered
#   source: APPI 18(1); GDPR 5(1)(b)
#   remedy: Register the requester for the purpose, or ask under a purpose that it holds.
deny contains {"code": "purpose_not_registered", "reason": "purpose_not_registered"} if {
	not _registered
}

# METADATA
# title: Dataset not bound to the purpose
# description: Each dataset names the purposes for which it may be used at all; a narrower purpose is part of a wider.
# custom:
#   code: access_denied
#   reason: dataset_not_for_purpose
#   source: APPI 17(1), 18(1); GDPR 5(1)(b), 5(1)(c)
#   remedy: Leave the dataset out, or bind it to the purpose after reviewing that the purpose needs it.
deny contains {"code": "access_denied", "reason": "dataset_not_for_purpose"} if {
	count(_asked - _bound) > 0
}

# METADATA
# title: No dataset
# description: A statement that reads no dataset gives nothing to decide on, so the answer is no.
# custom:
#   code: access_denied
#   reason: no_dataset
#   source: default deny
#   remedy: Ask for at least one dataset.
deny contains {"code": "access_denied", "reason": "no_dataset"} if {
	not _reads_a_dataset
}

# METADATA
# title: Legal basis unknown
# description: A ground that these rules do not know cannot be judged by them.
# custom:
#   code: access_denied
#   reason: legal_basis_unknown
#   source: GDPR 6(1)
#   remedy: Declare the purpose on consent, legitimate interest, contract or legal obligation.
deny contains {"code": "access_denied", "reason": "legal_basis_unknown"} if {
	not _legal_basis_known
}

# METADATA
# title: Output unknown
# description: A purpose releases rows or statistics; anything else is not understood.
# custom:
#   code: access_denied
#   reason: output_unknown
#   source: default deny
#   remedy: Declare the purpose's output as rows or statistics.
deny contains {"code": "access_denied", "reason": "output_unknown"} if {
	not _output_known
}

# METADATA
# title: Action unknown
# description: A request is a requester's own statement or a published view; anything else is not understood.
# custom:
#   code: access_denied
#   reason: action_unknown
#   source: default deny
#   remedy: Ask by a query or by the name of a published view.
deny contains {"code": "access_denied", "reason": "action_unknown"} if {
	not _action_known
}

_registered if input.purpose.name in input.requester.purposes

# Loops stand in comprehensions: the embedded engine runs them several times faster there than in rule bodies.
_asked := object.keys(input.datasets)

# A dataset that names no purposes is in the first set and not in this one.
_bound := _by_name | _by_wider_purpose

_by_name := {name |
	some name
	purposes := input.datasets[name].purposes
	input.purpose.name in purposes
}

_by_wider_purpose := {name |
	input.purpose.ancestors != []
	some wider in input.purpose.ancestors
	some name
	purposes := input.datasets[name].purposes
	wider in purposes
}

_reads_a_dataset if count(input.datasets) > 0

_legal_basis_known if _legal_bases[input.purpose.legal_basis]

_output_known if _outputs[input.purpose.output]

_action_known if _actions[input.action]
