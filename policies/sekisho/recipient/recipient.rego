# METADATA
# title: Recipient
# description: >-
#   Personal data goes to a third party only for a purpose declared as provision to third parties (第三者提供).
#   A processor under contract is not a third party (APPI 27(5)(i); GDPR 28).
package sekisho.recipient

_recipients := {"internal", "processor", "third_party"}

# METADATA
# title: Third-party provision not declared
# description: The purpose, and so the consent given to it, does not speak of provision to third parties.
# custom:
#   code: access_denied
#   reason: third_party_provision_not_declared
#   source: APPI 27(1); GDPR 13(1)(e)
#   remedy: Use a purpose declared with third_party, for which people were told and asked.
deny contains {"code": "access_denied", "reason": "third_party_provision_not_declared"} if {
	input.requester.recipient == "third_party"
	_personal_data
	not _provision_declared
}

# METADATA
# title: Recipient unknown
# description: Who the requester is to the controller must be known.
# custom:
#   code: access_denied
#   reason: recipient_unknown
#   source: default deny
#   remedy: Register the requester as internal, processor or third_party.
deny contains {"code": "access_denied", "reason": "recipient_unknown"} if {
	not _recipient_known
}

_provision_declared if input.purpose.third_party == true

_recipient_known if input.requester.recipient in _recipients

# Data about nobody (a product list) is not provided "about" anyone; a column of a personal class is.
_personal_data if {
	some dataset in input.datasets
	dataset.has_data_subject != false
}

_personal_data if {
	some dataset in input.datasets
	some column in dataset.columns
	column.class != "none"
}
