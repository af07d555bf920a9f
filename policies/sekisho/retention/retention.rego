# METADATA
# title: Retention
# description: >-
#   How long data may be used here, and how long a recipient may keep what it received. The end of use comes by
#   itself: the filter counts from the moment of the question.
package sekisho.retention

# METADATA
# title: Rows that may still be used
# description: Dataset name to the filter on the date from which its time runs; rows without one are not used.
row_filters := {name: [{"column": dataset.keep.column, "op": "ge", "value": {"ago": {"days": dataset.keep.days}}}] |
	some name, dataset in input.datasets
	dataset.keep != null
}

# METADATA
# title: Retention by the recipient
# description: The days after which the recipient has deleted what it received; none where the purpose says none.
obligations := [{"kind": "retention", "value": days} |
	days := input.purpose.retention_days
	days != null
]

# METADATA
# title: Limit of use not understood
# description: A dataset says something of how long it may be used that these rules do not read.
# custom:
#   code: access_denied
#   reason: keep_unknown
#   source: APPI 22; GDPR 5(1)(e)
#   remedy: Declare keep as a column and days.
#   title_ja: 読み取れない利用期間
#   description_ja: データセットの利用期間の定めを、これらの規則が読み取れません。
#   remedy_ja: keep に列と日数を宣言してください。
deny contains {"code": "access_denied", "reason": "keep_unknown"} if {
	count(_understood) != count(input.datasets)
}

_understood := _forever | _limited

_forever := {name |
	some name
	dataset := input.datasets[name]
	dataset.keep == null
}

_limited := {name |
	some name
	keep := input.datasets[name].keep
	is_string(keep.column)
	is_number(keep.days)
}
