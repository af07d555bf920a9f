# METADATA
# title: Weekend freeze
# description: >-
#   An example of a rule that knows time, off unless a purpose turns it on: nothing is released on Saturdays and
#   Sundays, in the time zone of the workspace.
package sekisho.freeze

_working_days := {"monday", "tuesday", "wednesday", "thursday", "friday"}

# METADATA
# title: Weekend
# description: The purpose releases on working days only.
# custom:
#   code: access_denied
#   reason: weekend_freeze
#   source: the controller's own rule
#   remedy: Ask again on a working day.
#   title_ja: 週末
#   description_ja: この利用目的は営業日にだけデータを出します。
#   remedy_ja: 営業日に改めて求めてください。
deny contains {"code": "access_denied", "reason": "weekend_freeze"} if {
	not _off
	not _working_day
}

# METADATA
# title: Ends
# description: What depends on the day may differ from the next midnight, in seconds since 1970.
ends contains input.now.midnight if not _off

_off if input.purpose.weekend_freeze == false

_working_day if _working_days[input.now.weekday]
