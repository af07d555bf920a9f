# METADATA
# title: Region
# description: >-
#   Where data may go. A recipient abroad receives personal data when its country protects it alike, or people were
#   told of the country before they agreed (外国にある第三者への提供). A dataset may name the only countries that
#   may read it.
package sekisho.region

import data.sekisho.statistics

# Countries that protect personal data alike, by the country of the controller: for Japan those that the
# Personal Information Protection Commission has named; inside the European Economic Area its members, and
# those with a full adequacy decision.
_eea := {
	"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
	"IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
}

_adequate := {"AD", "AR", "CH", "FO", "GB", "GG", "IL", "IM", "JE", "JP", "KR", "NZ", "UY"}

# METADATA
# title: Country of the recipient not told
# description: >-
#   The recipient is in a country that is not said to protect personal data alike, and of which people were not
#   told. A processor abroad is a third party abroad; a branch of the controller is none.
# custom:
#   code: access_denied
#   reason: country_not_told
#   source: APPI 28(1), 28(2); GDPR 44, 45, 49(1)(a)
#   remedy: Name the country in the purpose's transfer_countries, with its information, and ask people anew.
#   title_ja: 知らせていない提供先の国
#   description_ja: 提供先は、同等の水準で個人情報を保護するとされた国になく、本人にその国を知らせてもいません。国外の委託先も国外の第三者です。自社の支店は第三者ではありません。
#   remedy_ja: 利用目的の transfer_countries にその国と情報を加え、本人に改めて同意を求めてください。
deny contains {"code": "access_denied", "reason": "country_not_told"} if {
	not _stays
	not _told
	not statistics.published_view
	count(_about_people) > 0
}

# METADATA
# title: Country not allowed for the dataset
# description: The dataset names the countries whose requesters may read it.
# custom:
#   code: access_denied
#   reason: country_not_allowed
#   source: APPI 23, 28; GDPR 44
#   remedy: Ask from one of these countries, or leave the dataset out.
#   title_ja: データセットに許されない国
#   description_ja: データセットは、読める要求元の国を定めています。
#   remedy_ja: それらの国から求めるか、データセットを外してください。
deny contains {"code": "access_denied", "reason": "country_not_allowed"} if {
	count(_anywhere | _here) != count(input.datasets)
}

_stays if input.requester.recipient == "internal"

_stays if input.requester.country == input.controller.country

_stays if input.purpose.legal_basis == "legal_obligation"

_told if input.requester.country in input.purpose.transfer_countries

_told if {
	input.controller.country == "JP"
	input.requester.country in (_eea | {"GB"})
}

_told if {
	input.controller.country in _eea
	input.requester.country in (_eea | _adequate)
}

_about_people := {name |
	some name
	dataset := input.datasets[name]
	dataset.class != "reference"
}

_anywhere := {name |
	some name
	dataset := input.datasets[name]
	dataset.countries == []
}

_here := {name |
	some name
	dataset := input.datasets[name]
	input.requester.country in dataset.countries
}
