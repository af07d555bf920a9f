# METADATA
# title: Columns
# description: >-
#   One transform for each used column, by its class. A column for which no rule gives a transform is
#   refused. Data minimisation (GDPR 5(1)(c), 25; APPI 23) is decided here, over classes, not names.
package sekisho.columns

import data.sekisho.statistics

# METADATA
# title: Transforms
# description: >-
#   Dataset name to column name to the name of the transform. What the class says comes first; what a column
#   declares, and what the purpose sees of a category, take its place, in this order.
transforms := {name: kinds |
	some name, declared in _as_declared
	kinds := object.union_n([declared, _explicit[name], _shown[name]])
} if {
	_shows_more
} else := _as_declared

# METADATA
# title: No transform for a column
# description: A class or generalisation that these rules do not know.
# custom:
#   code: column_denied
#   reason: no_transform_for_column
#   source: default deny
#   remedy: Give the column a known class and generalisation, or add a rule for the new one.
#   title_ja: 列に対する変換がない
#   description_ja: これらの規則が知らない区分または一般化です。
#   remedy_ja: 列に既知の区分と一般化を与えるか、新しいものへの規則を加えてください。
deny contains {"code": "column_denied", "reason": "no_transform_for_column"} if {
	_used != _treated
}

# METADATA
# title: Direct identifier shown
# description: Whether a used direct identifier leaves unmasked.
default direct_identifier_clear := false

direct_identifier_clear if count(_direct_identifiers & _shown_categories) > 0

_used := sum([count(dataset.columns) | some dataset in input.datasets])

_treated := sum([count(kinds) | some kinds in transforms])

_direct_identifiers := {column.category |
	column := input.datasets[_].columns[_]
	column.class == "direct_identifier"
	column.data_subject == false
}

# What becomes of a column when the purpose says nothing of it: what its class gets; without a mask of its own, its
# generalisation; else the mask that it declares, with parameters of its own. A class without entry is decided by what
# the column declares, or not at all: with a mask that these rules do not know, it has no transform. Tables are looked
# up, here and below, in local names: a reference to a rule costs OPA three times as much for each column, and a
# comparison costs the embedded engine ten times as much.
_as_declared := {name: kinds |
	of_class := {true: _of_key, false: _of_class}
	generalised := _generalised
	masks := _masks
	maskable := _maskable
	some name, dataset in input.datasets
	by_class := {column_name: kind |
		some column_name, column in dataset.columns
		kind := of_class[column.data_subject][column.class]
	}
	by_generalisation := {column_name: kind |
		some column_name, column in dataset.columns
		by_mask := generalised[column.class]
		kind := by_mask[column.data_subject][column.mask][column.generalise]
	}
	by_mask := {column_name: kind |
		some column_name, column in dataset.columns
		kind := masks[column.mask]
		maskable[column.data_subject][column.class]
	}
	kinds := object.union_n([by_class, by_generalisation, by_mask])
}

_shows_more if {
	_releases_rows
	input.purpose.explicit != []
}

_shows_more if _may_clear

# A view counts people by coarse groups of its own, which min_group checks.
_of_class := {
	"none": "clear",
	"linking_identifier": "token",
	"quasi_identifier": "clear",
	"direct_identifier": "withhold",
	"free_text": "withhold",
	"sensitive": "withhold",
} if {
	statistics.published_view
}

_of_class := {
	"none": "clear",
	"linking_identifier": "token",
	"direct_identifier": "redact",
	"free_text": "mask_text",
	"sensitive": "withhold",
} if {
	_releases_rows
	not _explicitly_sensitive
} else := {
	"none": "clear",
	"linking_identifier": "token",
	"direct_identifier": "redact",
	"free_text": "mask_text",
} if {
	_releases_rows
}

# The key that names the person is treated as such, whatever its class.
_of_key := {
	"none": "pseudonym",
	"linking_identifier": "pseudonym",
	"quasi_identifier": "pseudonym",
	"direct_identifier": "pseudonym",
	"free_text": "pseudonym",
	"sensitive": "pseudonym",
}

_generalised := {"quasi_identifier": {false: {null: {
	"year": "year",
	"age_band": "age_band",
	"prefix3": "prefix3",
	"host": "host",
	"browser": "browser",
	null: "clear",
}}}} if {
	_releases_rows
} else := {}

_maskable := {false: {"direct_identifier": "by its mask", "quasi_identifier": "by its mask"}} if {
	_releases_rows
} else := {}

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

# What explicit consent shows, of the class or of a category, is shown by the mask that its column declares.
_explicit := {name: kinds |
	masks := object.union(_masks, {null: "clear"})
	some name, dataset in input.datasets
	kinds := {column_name: kind |
		_releases_rows
		input.purpose.explicit != []
		some column_name
		dataset.columns[column_name].class == "sensitive"
		column := dataset.columns[column_name]
		column.data_subject == false
		_is_explicit(column.category)
		kind := masks[column.mask]
	}
}

_is_explicit(_) if _explicitly_sensitive

_is_explicit(category) if category in input.purpose.explicit

_explicitly_sensitive if "sensitive" in input.purpose.explicit

# What the purpose sees unmasked, and of the keys that name the person only what a legal duty may need: their own number
# (a report to an authority names its customer).
_shown := {name: kinds |
	some name, dataset in input.datasets
	kinds := {column_name: "clear" |
		_may_clear
		some column_name, column in dataset.columns
		_is_shown(column)
	}
}

_is_shown(column) if {
	column.data_subject == false
	column.class == "direct_identifier"
	column.category in input.purpose.clear
}

_is_shown(column) if {
	column.data_subject == false
	column.class == "quasi_identifier"
	_all_quasi_identifiers
}

_is_shown(column) if {
	column.data_subject == true
	input.purpose.legal_basis == "legal_obligation"
	column.category in input.purpose.clear
}

# Categories of direct identifiers that the purpose sees as they are; a view sees none.
_shown_categories := {category |
	_may_clear
	some category in input.purpose.clear
}

_all_quasi_identifiers if {
	_may_clear
	"quasi_identifiers" in input.purpose.clear
}

# On these grounds a purpose may declare what it must see unmasked; under consent identifiers stay masked.
_clear_on := {"contract", "legal_obligation"}

_may_clear if {
	_releases_rows
	_clear_on[input.purpose.legal_basis]
}

_releases_rows if not statistics.published_view
