# METADATA
# title: Sensitive data
# description: >-
#   Special care-required personal information (要配慮個人情報) and what the controller treats alike: reached by a
#   contract or a duty only where the purpose names it, and provided to third parties by category alone.
package sekisho.sensitive

import data.sekisho.statistics

_without_consent := {"contract", "legal_obligation"}

# METADATA
# title: Sensitive column not needed
# description: >-
#   A contract or a legal duty does not reach special categories (要配慮個人情報) that the purpose
#   does not name expressly. Shown, such a column is empty; to compare or compute with it is refused.
# custom:
#   code: column_denied
#   reason: sensitive_not_needed
#   source: APPI 2(3), 20(2); GDPR 9
#   remedy: Leave the column out, or name its category in the purpose's explicit list after review.
#   title_ja: 必要のない要配慮個人情報
#   description_ja: 契約や法律上の義務は、利用目的が明示しない要配慮個人情報には及びません。表示すると空になり、比較や計算は拒否されます。
#   remedy_ja: その列を外すか、必要を確かめたうえでその種類を利用目的の explicit に加えてください。
deny contains {"code": "column_denied", "reason": "sensitive_not_needed"} if {
	_rows_without_consent
	not "sensitive" in input.purpose.explicit
	count(_computed - _explicit) > 0
}

# METADATA
# title: Sensitive column to a third party
# description: >-
#   People agree to the provision of such data only when they are told which: the class as a whole is not enough.
# custom:
#   code: column_denied
#   reason: sensitive_to_third_party
#   source: APPI 27(1), 27(2) proviso; GDPR 9(2)(a)
#   remedy: Leave the column out, or name its category in the purpose's explicit list, and tell people so.
#   title_ja: 要配慮個人情報の第三者提供
#   description_ja: 要配慮個人情報の提供への同意は、どの情報かを示して得なければなりません。区分全体の指定では足りません。
#   remedy_ja: その列を外すか、その種類を利用目的の explicit に加え、本人に知らせてください。
deny contains {"code": "column_denied", "reason": "sensitive_to_third_party"} if {
	input.requester.recipient == "third_party"
	not statistics.published_view
	"sensitive" in input.purpose.explicit
	count(_used - _explicit) > 0
}

_rows_without_consent if {
	not statistics.published_view
	_without_consent[input.purpose.legal_basis]
}

_explicit := {category | some category in input.purpose.explicit}

_used := {column.category |
	column := input.datasets[_].columns[_]
	column.class == "sensitive"
	column.data_subject == false
}

# Categories of sensitive columns that do more than stand in the answer.
_computed := {column.category |
	column := input.datasets[_].columns[_]
	column.class == "sensitive"
	column.data_subject == false
	some use in column.uses
	use != "shown"
}
