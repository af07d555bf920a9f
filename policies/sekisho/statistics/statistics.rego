# METADATA
# title: Statistics
# description: >-
#   Statistics purposes answer published views only, so that no series of questions isolates one person;
#   published views exist for statistics purposes only, so that they are no way around consent (統計).
package sekisho.statistics

# METADATA
# title: Ad hoc statement for a statistics purpose
# description: Fixed views, one cached release each, are all that a statistics purpose may read.
# custom:
#   code: aggregate_required
#   reason: published_views_only
#   source: GDPR 89(1), recital 162; APPI 2(1) on what is no longer about a person
#   remedy: Read one of the purpose's published views.
deny contains {"code": "aggregate_required", "reason": "published_views_only"} if {
	input.purpose.output == "statistics"
	input.action == "query"
}

# METADATA
# title: Published view for another purpose
# description: A view is computed without consent because it is statistics; no other purpose may read it so.
# custom:
#   code: access_denied
#   reason: view_for_statistics_only
#   source: APPI 18(1); GDPR 5(1)(b)
#   remedy: Ask under a statistics purpose, or query the datasets for this purpose.
deny contains {"code": "access_denied", "reason": "view_for_statistics_only"} if {
	input.action == "view"
	not _statistics_purpose
}

# METADATA
# title: Published view
# description: Whether the request is a published view under a statistics purpose.
default published_view := false

published_view if {
	input.action == "view"
	_statistics_purpose
}

_statistics_purpose if input.purpose.output == "statistics"
