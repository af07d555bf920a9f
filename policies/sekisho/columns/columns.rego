# METADATA
# title: Columns
# description: >-
#   One transform for each used column, by its class. A column for which no rule gives a transform is
#   refused. Data minimisation (GDPR 5(1)(c), 25; APPI 23) is decided here, over classes, not names.
package sekisho.columns

import data.sekisho.statistics

# METADATA
# title: Transforms
# description: Dataset name to column name to the name of the transform.
transforms := {name: kinds |
	some name, dataset in input.datasets
	kinds := {column_name: kind |
		some column_name, column in dataset.columns
		kind := _transform(column)
	}
}

# METADATA
# title: No transform for a column
# description: A class or generalisation that these rules do not know.
# custom:
#   code: column_denied
#   reason: no_transform_for_column
#   source: default deny
#   remedy: Give the column a known class and generalisation, or add a rule for the new one.
#   title_ja: 列に対する変換がない
#   description_ja: これらの規則が知らない分類または一般化です。
#   remedy_ja: 列に既知の分類と一般化を与えるか、新しいものへの規則を加えてください。
deny contains {"code": "column_denied", "reason": "no_transform_for_column"} if {
	_used != _treated
}

# METADATA
# title: Direct identifier shown
# description: Whether a used direct identifier leaves unmasked.
default direct_identifier_clear := false

direct_identifier_clear if count(_direct_identifiers & _shown_categories.direct_identifier) > 0

_used := sum([count(dataset.columns) | some dataset in input.datasets])

_treated := sum([count(kinds) | some kinds in transforms])

_direct_identifiers := {column.category |
	some dataset in input.datasets
	some column in dataset.columns
	column.class == "direct_identifier"
	column.data_subject == false
}

# The key that names the person is treated as such, whatever its class.
_transform(column) := _data_subject_key(column.category) if _is_key[column.data_subject]

_transform(column) := _by_category_or_class(column) if _is_other[column.data_subject]

# Looked up, because the embedded engine takes ten times as long for each comparison.
_is_key := {true: "key"}

_is_other := {false: "other"}

_by_category_or_class(column) := "clear" if {
	_shown_categories[column.class][column.category]
} else := kind if {
	kind := _declared[column.class][column.mask]
} else := kind if {
	kind := _by_category[column.class][column.category][column.mask]
} else := kind if {
	kind := _by_class[column.class]
} else := kind if {
	kind := _generalised[column.class][column.mask][column.generalise]
}

# Without a mask of its own: with one that these rules do not know, a column has no transform.
_generalised := {"quasi_identifier": {null: {
	"year": "year",
	"age_band": "age_band",
	"prefix3": "prefix3",
	"host": "host",
	"browser": "browser",
	null: "clear",
}}}

# Masks that a column may declare, with parameters of its own, in place of what its class gets.
_masks := {
	"withhold": "withhold",
	"redact": "redact",
	"constant": "constant",
	"partial": "partial",
	"truncate": "truncate",
	"hierarchy": "hierarchy",
	"bucket": "bucket",
	"top_bottom": "top_bottom",
	"hmac": "hmac",
	"fake": "fake",
	"date_shift": "date_shift",
	"noise": "noise",
}

_declared["direct_identifier"] := _masks if _releases_rows

_declared["quasi_identifier"] := _masks if {
	_releases_rows
	not _all_quasi_identifiers
}

_declared["sensitive"] := _as_declared if {
	_releases_rows
	_explicitly_sensitive
}

# What explicit consent shows is shown by the mask that its column declares.
_by_category["sensitive"] := {category: _as_declared | some category in input.purpose.explicit} if _releases_rows

_as_declared := object.union(_masks, {null: "clear"})

# On these grounds a purpose may declare what it must see unmasked; under consent identifiers stay masked.
_clear_on := {"contract", "legal_obligation"}

# Categories of a class that the purpose sees as they are; a view sees none.
_shown_categories["direct_identifier"] := {category | some category in input.purpose.clear} if _may_clear

# What becomes of a class when the category says nothing; no entry means that nothing is decided yet.
_by_class["linking_identifier"] := "token"

_by_class["none"] := "clear"

_by_class["direct_identifier"] := "withhold" if statistics.published_view

_by_class["direct_identifier"] := "redact" if _releases_rows

_by_class["free_text"] := "withhold" if statistics.published_view

_by_class["free_text"] := "mask_text" if _releases_rows

_by_class["sensitive"] := "withhold" if statistics.published_view

_by_class["sensitive"] := "withhold" if {
	_releases_rows
	not _explicitly_sensitive
}

_explicitly_sensitive if "sensitive" in input.purpose.explicit

# A view counts people by coarse groups of its own, which min_group checks.
_by_class["quasi_identifier"] := "clear" if statistics.published_view

_by_class["quasi_identifier"] := "clear" if _all_quasi_identifiers

_all_quasi_identifiers if {
	_may_clear
	"quasi_identifiers" in input.purpose.clear
}

# Only a legal duty may need the person's own number (a report to an authority names its customer).
_data_subject_key(category) := "clear" if {
	_may_clear
	input.purpose.legal_basis == "legal_obligation"
	category in input.purpose.clear
} else := "pseudonym"

_may_clear if {
	_releases_rows
	_clear_on[input.purpose.legal_basis]
}

_releases_rows if not statistics.published_view
