# METADATA
# title: Role
# description: >-
#   Who may ask for a purpose at all, by what the requester is entrusted with; who watches over the use of data
#   does not use it.
package sekisho.role

_offices := {"privacy_officer", "auditor"}

# METADATA
# title: Role required
# description: The purpose is for requesters with one of the roles that it names.
# custom:
#   code: access_denied
#   reason: role_required
#   source: APPI 23, 24; GDPR 29, 32(4)
#   remedy: Ask as a requester with a role of the purpose, or have the requester entrusted with it.
#   title_ja: 必要な役割
#   description_ja: この利用目的は、定められた役割のいずれかを持つ要求元のためのものです。
#   remedy_ja: 利用目的の役割を持つ要求元で求めるか、要求元にその役割を与えてください。
deny contains {"code": "access_denied", "reason": "role_required"} if {
	not _has_role
}

# METADATA
# title: Office that reads no data
# description: Privacy officer and auditor check what others do; they receive no customer data themselves.
# custom:
#   code: access_denied
#   reason: office_reads_no_data
#   source: GDPR 38(6); separation of duties
#   remedy: Register another requester for the purpose, without this role.
#   title_ja: データを読まない職
#   description_ja: 個人情報保護管理者と監査人は他者の利用を確かめる立場であり、自らは顧客データを受け取りません。
#   remedy_ja: この役割を持たない別の要求元を利用目的に登録してください。
deny contains {"code": "access_denied", "reason": "office_reads_no_data"} if {
	count(_offices & _held) > 0
}

_held := {role | some role in input.requester.roles}

_asked := {role | some role in input.purpose.roles}

_has_role if input.purpose.roles == []

_has_role if count(_asked & _held) > 0
