"""個人情報の保護に関する法律 (APPI) as amended in 2020 and 2021, in force since 1 April 2022: what it asks of a yes.

Articles are numbered as in force; the Guidelines are those of the Personal Information Protection Commission.
"""

from __future__ import annotations

from datetime import date

from sekisho.domain import law_rules as check
from sekisho.domain.law_rules import Rule, RuleSet

_ACT = "https://laws.e-gov.go.jp/law/415AC0000000057"
_GUIDELINES = "https://www.ppc.go.jp/personalinfo/legal/guidelines_tsusoku/"
_ABROAD = "https://www.ppc.go.jp/personalinfo/legal/guidelines_offshore/"

_DESIGNATED = frozenset(
    # the European Union, the rest of the European Economic Area, the United Kingdom
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU"}
    | {"LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "IS", "LI", "NO", "GB"}
)
"""Countries whose protection is recognised as equivalent (Enforcement Rules 15): 28 does not apply to them."""


def is_abroad(country: str) -> bool:
    """Return whether APPI 28 applies to a transfer to *country* (ISO 3166, two letters)."""
    return country != "JP" and country not in _DESIGNATED


APPI_2022 = RuleSet(
    name="appi@2022-04",
    regime="appi",
    effective_from=date(2022, 4, 1),
    title={"ja": "個人情報の保護に関する法律", "en": "Act on the Protection of Personal Information"},
    age_of_consent=16,
    rules=(
        Rule(
            id="appi_2_16_expressed",
            article="Guidelines (General Rules) 2-16",
            title={"ja": "本人の意思表示", "en": "The person's own expression"},
            explanation={
                "ja": (
                    "「本人の同意」とは、個人情報の取扱いを承諾する旨の本人の意思表示をいいます。"
                    "お返事がないことや、機械の信号だけでは、同意をいただいたことになりません。"
                ),
                "en": (
                    "Consent is the person's expression that they accept the handling. Silence, or the signal of a "
                    "machine, is no consent."
                ),
            },
            remedy="record what the person said, with consent_type expressed or explicit",
            source=_GUIDELINES,
            applies=check.always,
            broken=check.is_silent,
        ),
        Rule(
            id="appi_2_16_guardian",
            article="Guidelines (General Rules) 2-16, Q&A 1-62",
            title={"ja": "法定代理人の同意", "en": "Consent of a legal representative"},
            explanation={
                "ja": (
                    "同意の結果を判断できる能力がないお子さまについては、法定代理人の同意が必要です。"
                    "法律に年齢の定めはなく、一般に12歳から15歳までの年齢以下とされます。ここでは16歳未満としています。"
                ),
                "en": (
                    "For children who cannot judge what follows from consent, a legal representative consents. "
                    "The act names no age; it is commonly read as 12 to 15 years and younger. Below 16 is taken here."
                ),
            },
            remedy="let a guardian say yes (actor type guardian, with of_age_at)",
            source=_GUIDELINES,
            applies=check.may_be_young,
            broken=check.is_too_young,
        ),
        Rule(
            id="appi_20_2_sensitive",
            article="APPI 20(2)",
            title={"ja": "要配慮個人情報の取得", "en": "Acquiring sensitive information"},
            explanation={
                "ja": (
                    "病歴や信条などの要配慮個人情報は、あらかじめご本人の同意をいただいて取得します。"
                    "同意をいただいたことを示せるよう、明示の同意をいただきます。"
                ),
                "en": (
                    "Sensitive information, such as medical history or creed, is acquired with prior consent only. "
                    "So that it can be shown, the consent is taken explicitly."
                ),
            },
            remedy="ask explicitly and send consent_type explicit",
            source=_ACT,
            applies=check.is_sensitive,
            broken=check.is_not_explicit,
        ),
        Rule(
            id="appi_27_1_third_party",
            article="APPI 27(1)",
            title={"ja": "第三者提供の制限", "en": "Provision to third parties"},
            explanation={
                "ja": (
                    "個人データを第三者に提供するには、あらかじめご本人の同意が必要です。"
                    "ご判断いただけるよう、どなたに提供するかをお知らせしたうえで伺います。"
                ),
                "en": (
                    "Personal data is provided to third parties with prior consent. So that people can judge, they "
                    "are told to whom before they are asked."
                ),
            },
            remedy="name the third parties in the purpose's recipients, and publish a notice that tells of them",
            source=_ACT,
            applies=check.goes_to_third_parties,
            broken=check.names_no_recipient,
        ),
        Rule(
            id="appi_28_2_abroad",
            article="APPI 28(1), (2), Enforcement Rules 17(2)",
            title={"ja": "外国にある第三者への提供", "en": "Provision to third parties abroad"},
            explanation={
                "ja": (
                    "外国にある第三者への提供について同意をいただくときは、あらかじめ、その国の名称、"
                    "その国の個人情報保護の制度、提供先が講ずる措置をお知らせします。"
                    "日本と同等の水準と認められた国 (EEA諸国と英国) は除かれます。"
                ),
                "en": (
                    "Before consent to a transfer abroad, people are told the country, its system of protecting "
                    "personal information, and the measures of the recipient. Countries recognised as equivalent "
                    "(the EEA and the United Kingdom) are exempt."
                ),
            },
            remedy="state system and measures of each country in transfer_information, and publish a notice of them",
            source=_ABROAD,
            applies=check.crosses_borders(is_abroad),
            broken=check.lacks_transfer_information(is_abroad),
        ),
        Rule(
            id="appi_31_1_person_related",
            article="APPI 31(1)(i)",
            title={"ja": "個人関連情報の第三者提供", "en": "Provision of person-related information"},
            explanation={
                "ja": (
                    "閲覧履歴などの個人関連情報を、提供先が個人データとして取得することが想定されるときは、"
                    "その取得を認める旨のご本人の同意が得られていることを確認します。"
                ),
                "en": (
                    "Where a recipient is expected to acquire person-related information (such as browsing history) "
                    "as personal data, it has to be confirmed that the person has consented to that."
                ),
            },
            remedy="name the recipient who will know the person, and publish a notice that tells of it",
            source=_ACT,
            applies=check.is_person_related,
            broken=check.names_no_recipient,
        ),
        Rule(
            id="appi_31_1_abroad",
            article="APPI 31(1)(ii)",
            title={"ja": "外国にある第三者への個人関連情報の提供", "en": "Person-related information sent abroad"},
            explanation={
                "ja": (
                    "個人関連情報を外国にある第三者に提供するときも、その国の名称と制度、"
                    "提供先の措置をお知らせします。"
                ),
                "en": "The duties to inform about a transfer abroad hold for person-related information as well.",
            },
            remedy="state system and measures of each country in transfer_information, and publish a notice of them",
            source=_ACT,
            applies=lambda purpose, event, age: (
                purpose.person_related and check.crosses_borders(is_abroad)(purpose, event, age)
            ),
            broken=check.lacks_transfer_information(is_abroad),
        ),
    ),
)
"""The act as in force since 1 April 2022."""
