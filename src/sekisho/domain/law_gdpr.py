"""Regulation (EU) 2016/679 (GDPR), applied since 25 May 2018: what it asks of a yes, and promises of a no."""

from __future__ import annotations

from datetime import date

from sekisho.domain import law_rules as check
from sekisho.domain.law_rules import Rule, RuleSet

_TEXT = "https://eur-lex.europa.eu/eli/reg/2016/679/oj"

GDPR_2018 = RuleSet(
    name="gdpr@2018-05",
    regime="gdpr",
    effective_from=date(2018, 5, 25),
    title={"ja": "EU一般データ保護規則", "en": "General Data Protection Regulation"},
    age_of_consent=16,
    rules=(
        Rule(
            id="gdpr_4_11_affirmative",
            article="GDPR 4(11), recital 32",
            title={"ja": "明確な肯定的行為", "en": "A clear affirmative act"},
            explanation={
                "ja": (
                    "同意は、ご本人の明確な肯定的行為によって示されます。"
                    "沈黙、初めから付いた印、何もしないことは同意になりません。"
                ),
                "en": (
                    "Consent is given by a clear affirmative act of the person. Silence, pre-ticked boxes or "
                    "inactivity are no consent."
                ),
            },
            remedy="record what the person said, with consent_type expressed or explicit",
            source=_TEXT,
            applies=check.always,
            broken=check.is_silent,
        ),
        Rule(
            id="gdpr_7_1_demonstrable",
            article="GDPR 7(1)",
            title={"ja": "同意の証明", "en": "Consent that can be demonstrated"},
            explanation={
                "ja": "同意をいただいたことを示せるよう、どの説明文をご覧いただいたかを記録します。",
                "en": "The controller can demonstrate consent: it is recorded which notice the person was shown.",
            },
            remedy="publish a notice for this purpose and send its notice_version",
            source=_TEXT,
            applies=check.always,
            broken=check.has_no_notice,
        ),
        Rule(
            id="gdpr_7_3_withdrawal",
            article="GDPR 7(3)",
            title={"ja": "撤回の容易さ", "en": "Withdrawing is as easy as giving"},
            explanation={
                "ja": "同意はいつでも撤回できます。撤回は、同意するのと同じくらい簡単です。",
                "en": "Consent can be withdrawn at any time, and withdrawing is as easy as giving.",
            },
            source=_TEXT,
            kept_by=(
                "A withdrawal is taken by the same ways as a yes, with fewer fields, from every state, and no rule "
                "of law is asked about it."
            ),
        ),
        Rule(
            id="gdpr_8_1_guardian",
            article="GDPR 8(1)",
            title={"ja": "子どもの同意", "en": "A child's consent"},
            explanation={
                "ja": (
                    "16歳未満のお子さまについては、親権者などの保護責任を負う方の同意が必要です。"
                    "加盟国は13歳まで引き下げることができます。"
                ),
                "en": (
                    "Below the age of 16, the holder of parental responsibility gives or authorises consent to "
                    "online services. Member States may lower the age to 13."
                ),
            },
            remedy="let a guardian say yes (actor type guardian, with of_age_at)",
            source=_TEXT,
            applies=check.may_be_young,
            broken=check.is_too_young,
        ),
        Rule(
            id="gdpr_9_2_explicit",
            article="GDPR 9(2)(a)",
            title={"ja": "特別な種類の個人データ", "en": "Special categories of personal data"},
            explanation={
                "ja": "健康や信条などの特別な種類の個人データには、明示の同意が必要です。",
                "en": "Special categories of personal data, such as health or beliefs, need explicit consent.",
            },
            remedy="ask explicitly and send consent_type explicit",
            source=_TEXT,
            applies=check.is_sensitive,
            broken=check.is_not_explicit,
        ),
        Rule(
            id="gdpr_21_3_direct_marketing",
            article="GDPR 21(2), (3)",
            title={"ja": "ダイレクトマーケティングへの異議", "en": "Objection to direct marketing"},
            explanation={
                "ja": (
                    "ダイレクトマーケティングへの異議は絶対です。異議のあとは、正当な利益を理由に続けることはできず、"
                    "ご本人が新たに同意なさったときにだけ再開します。"
                ),
                "en": (
                    "An objection to direct marketing is absolute: no legitimate interest outweighs it, and only a "
                    "new yes of the person ends it."
                ),
            },
            remedy="ask the person, and record a new give with actor type data_subject",
            source=_TEXT,
            applies=check.is_direct_marketing_objected_to,
            broken=check.is_not_the_persons_own,
        ),
    ),
)
"""The regulation as applied since 25 May 2018."""
