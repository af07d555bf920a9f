# METADATA
# title: Minimisation
# description: >-
#   Where a purpose declares what it needs, it uses those columns and no other. It names classes and categories,
#   so that a column classified tomorrow is governed today.
package sekisho.minimisation

# METADATA
# title: Column not needed
# description: A used column has neither a class nor a category that the purpose declares to need.
# custom:
#   code: column_denied
#   reason: column_not_needed
#   source: APPI 18(1), 22; GDPR 5(1)(c), 25(2)
#   remedy: Leave the column out, or add its class or category to the purpose's needs after review.
#   title_ja: 必要のない列
#   description_ja: 使われる列の区分も種類も、利用目的が必要とするものに含まれていません。
#   remedy_ja: その列を外すか、必要を確かめたうえで区分または種類を利用目的の needs に加えてください。
deny contains {"code": "column_denied", "reason": "column_not_needed"} if {
	not _nothing_declared
	count(_used - _needed) > 0
}

_nothing_declared if input.purpose.needs == null

_used := {[dataset, column] | input.datasets[dataset].columns[column]}

# The key that names the person is what consent is looked up by; it leaves as a pseudonym.
_needed := (_keys | _by_class) | _by_category

_needs := {word | some word in input.purpose.needs}

_keys := {[dataset, column] | input.datasets[dataset].columns[column].data_subject == true}

_by_class := {[dataset, column] |
	class := input.datasets[dataset].columns[column].class
	class in _needs
}

_by_category := {[dataset, column] |
	category := input.datasets[dataset].columns[column].category
	category in _needs
}
