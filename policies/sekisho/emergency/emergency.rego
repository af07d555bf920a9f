# METADATA
# title: Emergency
# description: >-
#   Break-glass: a purpose for emergencies answers who holds a grant for it, given by somebody else for a ticket, while
#   the grant lasts. Each answer is recorded once more, by a kind of its own.
package sekisho.emergency

# METADATA
# title: Grant required
# description: No grant for this requester, purpose and ticket is in force, or it lasts longer than the purpose allows.
# custom:
#   code: access_denied
#   reason: grant_required
#   source: APPI 18(3)(ii), 23; GDPR 6(1)(d), 32
#   remedy: Have a grant given for the ticket (sekisho grant), and ask again with ticket and grant.
#   title_ja: 許可証が必要
#   description_ja: この要求元、利用目的、チケットに対する有効な許可証がないか、許される時間より長いものです。
#   remedy_ja: チケットに対する許可証を発行してもらい (sekisho grant)、チケットと許可証を添えて求めてください。
deny contains {"code": "access_denied", "reason": "grant_required"} if {
	not _ordinary
	not _granted
}

# METADATA
# title: Obligation to record
# description: An emergency leaves a record that stands out.
obligations := [{"kind": "record", "value": "access.break_glass"} | not _ordinary]

# METADATA
# title: Ends
# description: The instants from which the answer may differ, in seconds since 1970 - the end of a grant, and its start.
ends contains input.context.grant.expires if _granted

ends contains input.context.grant.issued if {
	not _ordinary
	input.context.grant.issued > input.now.epoch
}

_ordinary if input.purpose.break_glass_minutes == null

_granted if {
	not _ordinary
	grant := input.context.grant
	grant.requester == input.requester.name
	grant.purpose == input.purpose.name
	grant.ticket == input.context.ticket
	grant.granted_by != input.requester.name
	is_number(grant.issued)
	is_number(grant.expires)
	is_number(input.now.epoch)
	grant.issued <= input.now.epoch
	input.now.epoch < grant.expires
	grant.expires - grant.issued <= input.purpose.break_glass_minutes * 60
}
