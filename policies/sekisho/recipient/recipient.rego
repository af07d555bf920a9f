# METADATA
# title: Recipient
# description: >-
#   Personal data goes to a third party only for a purpose declared as provision to third parties (第三者提供).
#   A processor under contract is not a third party (APPI 27(5)(i); GDPR 28).
package sekisho.recipient

_recipients := {"internal", "processor", "third_party"}

# METADATA
# title: Third-party provision not declared
# description: The purpose, and so the consent given to it, does not speak of provision to third parties.
# custom:
#   code: access_denied
#   reason: third_party_provision_not_declared
#   source: APPI 27(1); GDPR 13(1)(e)
#   remedy: Use a purpose declared with third_party, for which people were told and asked.
#   title_ja: 第三者提供が宣言されていない
#   description_ja: この利用目的と、それへの同意は、第三者への提供に触れていません。
#   remedy_ja: 第三者提供として宣言され、本人に知らせて同意を得た利用目的を使ってください。
deny contains {"code": "access_denied", "reason": "third_party_provision_not_declared"} if {
	input.requester.recipient == "third_party"
	_personal_data
	not _provision_declared
}

# METADATA
# title: Third-party provision without consent
# description: >-
#   A third party receives personal data of people who agreed to it, or because a law says so. An interest or a
#   contract of the controller is no ground to provide it, and opting out is not offered here.
# custom:
#   code: access_denied
#   reason: third_party_provision_without_consent
#   source: APPI 27(1); GDPR 6(1)
#   remedy: Ask people for their consent (legal_basis consent), or name the legal obligation.
#   title_ja: 同意のない第三者提供
#   description_ja: 第三者が個人データを受け取るのは、本人が同意したとき、または法令によるときだけです。事業者の利益や契約は提供の根拠にならず、オプトアウトも用いません。
#   remedy_ja: 本人に同意を求める (legal_basis consent) か、法令上の義務を示してください。
deny contains {"code": "access_denied", "reason": "third_party_provision_without_consent"} if {
	input.requester.recipient == "third_party"
	_provision_declared
	not _ground_of_provision
	_personal_data
}

# METADATA
# title: Person-related information that others will know
# description: >-
#   A third party will know whose it is (個人関連情報), and people were not asked whether it may.
# custom:
#   code: access_denied
#   reason: person_related_not_confirmed
#   source: APPI 31(1)
#   remedy: Use a purpose declared with person_related, for which people agreed to that.
#   title_ja: 提供先で個人データとなる個人関連情報
#   description_ja: 第三者は誰の情報かを知ることになりますが、本人の同意を確かめていません。
#   remedy_ja: person_related を宣言し、本人が同意した利用目的を使ってください。
deny contains {"code": "access_denied", "reason": "person_related_not_confirmed"} if {
	input.requester.recipient == "third_party"
	"person_related" in _classes
	not _person_related_declared
}

# METADATA
# title: Pseudonymously processed information to a third party
# description: Pseudonymously processed information (仮名加工情報) is provided to nobody, whoever agreed.
# custom:
#   code: access_denied
#   reason: pseudonymised_information_not_provided
#   source: APPI 41(6), 42(1)
#   remedy: Leave the dataset out; a processor or a joint user may read it.
#   title_ja: 仮名加工情報の第三者提供
#   description_ja: 仮名加工情報は、同意の有無にかかわらず、第三者に提供できません。
#   remedy_ja: データセットを外してください。委託先や共同利用者は読めます。
deny contains {"code": "access_denied", "reason": "pseudonymised_information_not_provided"} if {
	input.requester.recipient == "third_party"
	"pseudonymised" in _classes
}

# METADATA
# title: Recipient unknown
# description: Who the requester is to the controller must be known.
# custom:
#   code: access_denied
#   reason: recipient_unknown
#   source: default deny
#   remedy: Register the requester as internal, processor or third_party.
#   title_ja: 提供先の区分が不明
#   description_ja: 要求元が管理者にとって何者かが分からなければなりません。
#   remedy_ja: 要求元を internal、processor、third_party のいずれかで登録してください。
deny contains {"code": "access_denied", "reason": "recipient_unknown"} if {
	not _recipient_known
}

_provision_declared if input.purpose.third_party == true

_ground_of_provision if input.purpose.legal_basis in {"consent", "legal_obligation"}

_person_related_declared if input.purpose.person_related == true

_classes := {dataset.class | some dataset in input.datasets}

_recipient_known if _recipients[input.requester.recipient]

# Data about nobody (a product list) is not provided "about" anyone; a column of a personal class is.
_personal_data if {
	some dataset in input.datasets
	dataset.has_data_subject != false
}

_personal_data if {
	some dataset in input.datasets
	some column in dataset.columns
	column.class != "none"
}
