# METADATA
# title: Output class
# description: >-
#   What may leave for a purpose at most: statistics, anonymised, pseudonymised or personal data. The gateway
#   proves of each answer that nothing more is in it.
package sekisho.output

_classes := {"statistics", "anonymised", "pseudonymised", "personal"}

_sets := {"statistics", "anonymised"}

# METADATA
# title: Rows are more than the purpose may have
# description: Statistics and anonymised data (匿名加工情報) are made of sets; no row of a statement is either.
# custom:
#   code: aggregate_required
#   reason: output_class_needs_sets
#   source: APPI 2(6), 43; GDPR recital 26
#   remedy: Read one of the purpose's published views.
#   title_ja: 利用目的を超える行の開示
#   description_ja: 統計や匿名加工情報は集合から作られます。文の返す行はそのどちらでもありません。
#   remedy_ja: 利用目的の公開ビューを読んでください。
deny contains {"code": "aggregate_required", "reason": "output_class_needs_sets"} if {
	_sets[input.purpose.output_class]
	input.action != "view"
}

# METADATA
# title: Output class unknown
# description: A class of output that these rules do not know cannot be kept to.
# custom:
#   code: access_denied
#   reason: output_class_unknown
#   source: default deny
#   remedy: Declare the purpose's output_class as statistics, anonymised, pseudonymised or personal.
#   title_ja: 不明な出力の区分
#   description_ja: これらの規則が知らない出力の区分は守れません。
#   remedy_ja: 利用目的の output_class を statistics、anonymised、pseudonymised、personal のいずれかで宣言してください。
deny contains {"code": "access_denied", "reason": "output_class_unknown"} if {
	not _known
}

# METADATA
# title: Obligation to stay within the class
# description: None where the purpose declares no class.
obligations := [{"kind": "output_class", "value": class} |
	class := input.purpose.output_class
	class != null
]

_known if input.purpose.output_class == null

_known if _classes[input.purpose.output_class]
