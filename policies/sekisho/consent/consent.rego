# METADATA
# title: Consent
# description: >-
#   Which consent cells every person in the answer must have in force. On legitimate interest the cell says
#   who has not objected; on contract and legal obligation nobody is asked; published statistics need none.
package sekisho.consent

import data.sekisho.statistics

_asked_on := {"consent", "legitimate_interest"}

# METADATA
# title: Consent required
# description: Whether rows are limited to people who agree, or did not object.
default required := false

required if {
	_asked_on[input.purpose.legal_basis]
	not statistics.published_view
}

# METADATA
# title: Consent cells
# description: The purpose itself, or the purpose within each data category that the statement touches.
cells contains input.purpose.name if {
	required
	not _held_by_category
}

cells contains cell if {
	required
	_held_by_category
	some cell in _cells_by_category
}

# METADATA
# title: No consent cell for the data category
# description: People were never asked for this purpose about this kind of data, so nobody can have agreed.
# custom:
#   code: access_denied
#   reason: no_consent_cell_for_category
#   source: APPI 18(1); GDPR 6(1)(a), 7(2)
#   remedy: Leave the dataset or column out, or ask for consent in a new cell of the purpose.
#   title_ja: データの種類に対する同意の単位がない
#   description_ja: この利用目的でこの種類のデータについて、誰もたずねられていません。だから誰も同意していません。
#   remedy_ja: データセットか列を外すか、この利用目的の新しい単位で同意を求めてください。
deny contains {"code": "access_denied", "reason": "no_consent_cell_for_category"} if {
	required
	_held_by_category
	count(_categories - _categories_asked) > 0
}

# METADATA
# title: No data subject
# description: Rows that name nobody are covered by nobody's consent.
# custom:
#   code: access_denied
#   reason: no_data_subject
#   source: GDPR 4(11), 7(1)
#   remedy: Use a dataset with a data-subject key, or a published statistics view.
#   title_ja: 本人の分からないデータ
#   description_ja: 誰のものか分からない行は、誰の同意の対象にもなりません。
#   remedy_ja: 本人の識別子があるデータセットか、公開された統計ビューを使ってください。
deny contains {"code": "access_denied", "reason": "no_data_subject"} if {
	required
	count(_without_data_subject) > 0
}

_held_by_category if count(input.purpose.cells) > 0

_without_data_subject := {name |
	some name
	dataset := input.datasets[name]
	not dataset.has_data_subject
}

_cells_by_category := {concat("/data_category=", [input.purpose.name, category]) |
	some category in (_categories & _categories_asked)
}

_categories_asked := {category | some category in input.purpose.cells}

# A dataset without category has null here, in which no purpose has a cell.
_categories := _data_categories | _intent

_data_categories := {dataset.data_category | some dataset in input.datasets}

# What people search for says what they intend: a cell of its own, wherever such a column stands.
_intent := {"intent" | input.datasets[_].columns[_].category == "search_query"}
