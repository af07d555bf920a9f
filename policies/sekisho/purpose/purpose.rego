# METADATA
# title: Purpose
# description: Data is used for a registered purpose, on a known ground, from datasets bound to it (利用目的).
package sekisho.purpose

_legal_bases := {"consent", "legitimate_interest", "contract", "legal_obligation"}

_outputs := {"rows", "statistics"}

_actions := {"query", "view"}

# METADATA
# title: Purpose not registered for the requester
# description: A requester uses data only for the purposes under which it is registered.
# custom:
#   code: purpose_not_registered
#   reason: purpose_not_registered
#   source: APPI 18(1); GDPR 5(1)(b)
#   remedy: Register the requester for the purpose, or ask under a purpose that it holds.
#   title_ja: 要求元に登録されていない利用目的
#   description_ja: 要求元がデータを使えるのは、登録された利用目的のためだけです。
#   remedy_ja: 要求元をこの利用目的に登録するか、登録済みの利用目的で求めてください。
deny contains {"code": "purpose_not_registered", "reason": "purpose_not_registered"} if {
	not _registered
}

# METADATA
# title: Dataset not bound to the purpose
# description: Each dataset names the purposes for which it may be used at all; a narrower purpose is part of a wider.
# custom:
#   code: access_denied
#   reason: dataset_not_for_purpose
#   source: APPI 17(1), 18(1); GDPR 5(1)(b), 5(1)(c)
#   remedy: Leave the dataset out, or bind it to the purpose after reviewing that the purpose needs it.
#   title_ja: 利用目的に結び付けられていないデータセット
#   description_ja: データセットごとに、使ってよい利用目的が決められています。
#   remedy_ja: データセットを外すか、利用目的に必要かを確かめたうえで結び付けてください。
deny contains {"code": "access_denied", "reason": "dataset_not_for_purpose"} if {
	count(_bound) != count(input.datasets)
}

# METADATA
# title: No dataset
# description: A statement that reads no dataset gives nothing to decide on, so the answer is no.
# custom:
#   code: access_denied
#   reason: no_dataset
#   source: default deny
#   remedy: Ask for at least one dataset.
#   title_ja: データセットがない
#   description_ja: データセットを読まない文には判断するものがないため、答えは拒否です。
#   remedy_ja: 少なくとも一つのデータセットを求めてください。
deny contains {"code": "access_denied", "reason": "no_dataset"} if {
	not _reads_a_dataset
}

# METADATA
# title: Legal basis unknown
# description: A ground that these rules do not know cannot be judged by them.
# custom:
#   code: access_denied
#   reason: legal_basis_unknown
#   source: GDPR 6(1)
#   remedy: Declare the purpose on consent, legitimate interest, contract or legal obligation.
#   title_ja: 根拠が不明
#   description_ja: これらの規則が知らない根拠は、判断できません。
#   remedy_ja: 利用目的の根拠を同意・正当な利益・契約・法律上の義務のいずれかで宣言してください。
deny contains {"code": "access_denied", "reason": "legal_basis_unknown"} if {
	not _legal_basis_known
}

# METADATA
# title: Output unknown
# description: A purpose releases rows or statistics; anything else is not understood.
# custom:
#   code: access_denied
#   reason: output_unknown
#   source: default deny
#   remedy: Declare the purpose's output as rows or statistics.
#   title_ja: 出力の種類が不明
#   description_ja: 利用目的が出すのは行か統計です。それ以外は理解できません。
#   remedy_ja: 利用目的の output を rows か statistics で宣言してください。
deny contains {"code": "access_denied", "reason": "output_unknown"} if {
	not _output_known
}

# METADATA
# title: Action unknown
# description: A request is a requester's own statement or a published view; anything else is not understood.
# custom:
#   code: access_denied
#   reason: action_unknown
#   source: default deny
#   remedy: Ask by a query or by the name of a published view.
#   title_ja: 操作の種類が不明
#   description_ja: 要求は、要求元自身の文か公開ビューです。それ以外は理解できません。
#   remedy_ja: 問い合わせ、または公開ビューの名前で求めてください。
deny contains {"code": "access_denied", "reason": "action_unknown"} if {
	not _action_known
}

# METADATA
# title: Question not understood
# description: Lists that are no lists would be passed over by an engine that takes an error for a missing value.
# custom:
#   code: access_denied
#   reason: question_not_understood
#   source: default deny
#   remedy: Ask with lists of formats and cells, and with the columns of each dataset.
#   title_ja: 理解できない質問
#   description_ja: 一覧であるべきものが一覧でないと、誤りを欠けた値とみなすエンジンでは見過ごされます。
#   remedy_ja: formats と cells は一覧で、データセットごとに columns を付けて求めてください。
deny contains {"code": "access_denied", "reason": "question_not_understood"} if {
	not _understood
}

_registered if input.purpose.name in input.requester.purposes

# Loops stand in comprehensions: the embedded engine runs them several times faster there than in rule bodies.
# A dataset that names no purposes is not among these.
_bound := {name |
	allowed := _purposes
	some name
	purposes := input.datasets[name].purposes
	some purpose in purposes
	allowed[purpose]
}

_purposes := {input.purpose.name} | {wider | some wider in input.purpose.ancestors}

_understood if {
	is_array(input.purpose.formats)
	is_array(input.purpose.cells)
	count(_with_columns) == count(input.datasets)
}

_with_columns := {name |
	some name
	columns := input.datasets[name].columns
	is_object(columns)
}

_reads_a_dataset if count(input.datasets) > 0

_legal_basis_known if _legal_bases[input.purpose.legal_basis]

_output_known if _outputs[input.purpose.output]

_action_known if _actions[input.action]
