"""The notice that the gateway writes by itself: what is declared about a purpose, in plain words.

It says what people must be told before they decide: who, why, on what ground, which data, for whom, where to,
how long, how to take it back and what follows from a no (GDPR 13, 7(3); APPI 21, 27, 28). A controller that has
words of its own publishes them instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_BASES = {
    "ja": {
        "consent": "お客様の同意にもとづきます。",
        "legitimate_interest": "当社の正当な利益にもとづきます。いつでも異議を申し立てることができます。",
        "contract": "お客様との契約を果たすために必要です。",
        "legal_obligation": "法令で定められた義務にもとづきます。",
    },
    "en": {
        "consent": "We do this only with your consent.",
        "legitimate_interest": "We do this in our legitimate interest. You can object at any time.",
        "contract": "We need this to perform our contract with you.",
        "legal_obligation": "The law obliges us to do this.",
    },
}
_CHOICES = {
    "ja": {
        "consent": "いつでも、同意したときと同じ手順で取り消せます。取り消す前の利用には影響しません。",
        "legitimate_interest": "異議は、設定の画面から、または上記のお問い合わせ先へ、いつでも申し立てられます。",
        "contract": "同意によるものではないため、取り消しの手続きはありません。ご質問は上記へどうぞ。",
        "legal_obligation": "同意によるものではないため、取り消しの手続きはありません。ご質問は上記へどうぞ。",
    },
    "en": {
        "consent": "You can withdraw at any time, in the way in which you agreed. What was done before stays lawful.",
        "legitimate_interest": "You can object at any time: in your settings, or by writing to the contact above.",
        "contract": "This does not rest on consent: there is none to withdraw. Ask at the contact above.",
        "legal_obligation": "This does not rest on consent: there is none to withdraw. Ask at the contact above.",
    },
}
_WITHOUT = {
    "ja": {
        "consent": "同意しない場合、または何も選ばない場合、お客様のデータをこの目的に利用しません。",
        "legitimate_interest": "異議を申し立てると、お客様のデータをこの目的に利用しなくなります。",
        "contract": "このデータがないと、契約の内容を果たせないことがあります。",
        "legal_obligation": "法令にもとづくため、お断りいただくことはできません。",
    },
    "en": {
        "consent": "If you say no, or say nothing, we do not use your data for this.",
        "legitimate_interest": "If you object, we stop using your data for this.",
        "contract": "Without this data we may not be able to do what we agreed with you.",
        "legal_obligation": "Because the law demands it, you cannot decline.",
    },
}
_WITH = {
    "ja": "同意いただくと、説明のとおりにデータを利用します。いつでも取り消せます。",
    "en": "If you say yes, we use your data as described. You can withdraw at any time.",
}
_RELATIONS = {
    "ja": {"internal": "社内", "processor": "委託先", "third_party": "第三者"},
    "en": {"internal": "within our organisation", "processor": "processor", "third_party": "third party"},
}


def consequences_of(legal_basis: str) -> dict[str, dict[str, str]]:
    """Return what follows from ``yes`` and from ``no``, by language, where a purpose stands on *legal_basis*."""
    no = {locale: words[legal_basis] for locale, words in _WITHOUT.items()}
    return {"yes": dict(_WITH), "no": no} if legal_basis == "consent" else {"no": no}


@dataclass(frozen=True, slots=True)
class _Words:
    """The fixed words of one language."""

    who: str
    contact: str
    ground: str
    data: str
    any_data: str
    recipients: str
    nobody: str
    third_parties: str
    countries: str
    no_countries: str
    code: str
    period: str
    until_withdrawn: str
    valid: str
    while_used: str
    kept: str
    choice: str
    without: str
    explicit: str
    confirmation: str
    guardian: str
    colon: str
    list_mark: str
    about_country: tuple[tuple[str, str], ...]


_WORDS = {
    "ja": _Words(
        who="取り扱う事業者",
        contact="お問い合わせ先",
        ground="根拠",
        data="利用するデータ",
        any_data="上記の目的に必要なデータ",
        recipients="データの提供先",
        nobody="第三者には提供しません。",
        third_parties="第三者に提供します。",
        countries="外国への提供",
        no_countries="外国にある第三者には提供しません。",
        code="国コード (ISO 3166)",
        period="期間",
        until_withdrawn="取り消されるまで有効です。",
        valid="同意は {days} 日間有効です。その後は、あらためておたずねします。",
        while_used="受け取った部門や提供先は、利用が終わるとデータを消去します。",
        kept="受け取った部門や提供先がデータを保存できるのは、最長 {days} 日間です。",
        choice="取り消し・異議",
        without="同意しない場合",
        explicit="配慮が必要なデータを含むことがあるため、はっきりとした同意をいただきます。",
        confirmation="同意は、お送りする確認にお答えいただいてから有効になります。",
        guardian="{age} 歳未満の方は、保護者の方が選びます。",
        colon=": ",
        list_mark="・",
        about_country=(("system", "その国の個人情報保護の制度"), ("measures", "提供先が講ずる措置")),
    ),
    "en": _Words(
        who="Who is responsible",
        contact="Contact",
        ground="Why we may",
        data="Which data",
        any_data="The data that the purpose above needs",
        recipients="Who receives it",
        nobody="We do not provide it to third parties.",
        third_parties="We provide it to third parties.",
        countries="Other countries",
        no_countries="We do not provide it to third parties abroad.",
        code="Country codes (ISO 3166)",
        period="How long",
        until_withdrawn="Your consent holds until you withdraw it.",
        valid="Your consent holds for {days} days. Then we ask you again.",
        while_used="Whoever receives the data deletes it when its use ends.",
        kept="Whoever receives the data may keep it for {days} days at most.",
        choice="Changing your mind",
        without="If you say no",
        explicit="Sensitive data may be part of it, which is why we ask for your explicit consent.",
        confirmation="Your yes counts once you have answered the confirmation that we send you.",
        guardian="For people under {age}, a parent or guardian decides.",
        colon=": ",
        list_mark="- ",
        about_country=(("system", "How personal data is protected there"), ("measures", "What the recipient does")),
    ),
}


def told_sections(facts: Mapping[str, object], locale: str) -> dict[str, list[str]]:
    """Return what a receipt repeats of *facts* in *locale*, heading to lines.

    On what ground, which data, who receives it, where to, how long it is kept, and how to change one's mind.
    """
    words, basis = _WORDS[locale], str(facts.get("legal_basis"))
    return {
        words.ground: [_BASES[locale][basis]],
        words.data: _data(facts, words, locale) or [words.any_data],
        words.recipients: _recipients(facts, words, _RELATIONS[locale]),
        words.countries: _countries(facts, words),
        words.period: _period(facts, words, asked=False),
        words.choice: [_CHOICES[locale][basis]],
    }


def generated_texts(facts: Mapping[str, object], controller: str, contact: str) -> dict[str, str]:
    """Return the notice about one purpose in every language.

    Parameters
    ----------
    facts:
        What is declared; see ``purpose_facts.facts_of``.
    controller, contact:
        Who answers for the data, and where people can ask.
    """
    return {locale: _text(facts, controller, contact, locale) for locale in _WORDS}


def _text(facts: Mapping[str, object], controller: str, contact: str, locale: str) -> str:
    words, basis = _WORDS[locale], str(facts.get("legal_basis"))
    ground = [_BASES[locale][basis]]
    if facts.get("explicit"):
        ground.append(words.explicit)
    choice = [_CHOICES[locale][basis]]
    if facts.get("confirmation") == "double_opt_in":
        choice.append(words.confirmation)
    if isinstance(age := facts.get("guardian_below_age"), int):
        choice.append(words.guardian.format(age=age))
    sections = (
        (words.who, [controller, f"{words.contact}{words.colon}{contact}"]),
        (words.ground, ground),
        (words.data, _data(facts, words, locale) or [words.any_data]),
        (words.recipients, _recipients(facts, words, _RELATIONS[locale])),
        (words.countries, _countries(facts, words)),
        (words.period, _period(facts, words, asked=basis == "consent")),
        (words.choice, choice),
        (words.without, [_WITHOUT[locale][basis]]),
    )
    head = [_localised(facts.get("title"), locale), "", _localised(facts.get("description"), locale)]
    lines = [line for heading, body in sections for line in ("", f"■ {heading}", *body)]
    return "\n".join([*head, *lines]) + "\n"


def _recipients(facts: Mapping[str, object], words: _Words, relations: Mapping[str, str]) -> list[str]:
    lines = [words.third_parties if facts.get("third_party") else words.nobody]
    for recipient in _items(facts.get("recipients")):
        relation, _, name = recipient.partition(":")
        lines.append(f"{words.list_mark}{relations.get(relation, relation)}{words.colon}{name.strip()}")
    return lines


def _countries(facts: Mapping[str, object], words: _Words) -> list[str]:
    codes = _items(facts.get("transfer_countries"))
    lines = [f"{words.code}{words.colon}{', '.join(codes)}"] if codes else [words.no_countries]
    told = facts.get("transfer_information")
    for code, about in sorted(told.items()) if isinstance(told, Mapping) else ():
        lines.append(f"{words.list_mark}{code}")
        lines += [f"  {title}{words.colon}{about.get(part, '')}" for part, title in words.about_country]
    return lines


def _period(facts: Mapping[str, object], words: _Words, *, asked: bool) -> list[str]:
    lines = []
    if asked:
        days = facts.get("validity_days")
        lines.append(words.valid.format(days=days) if days else words.until_withdrawn)
    kept = facts.get("retention_days")
    lines.append(words.kept.format(days=kept) if kept else words.while_used)
    return lines


def _data(facts: Mapping[str, object], words: _Words, locale: str) -> list[str]:
    titles = facts.get("data_titles")
    known = titles if isinstance(titles, Mapping) else {}
    data = _items(facts.get("data_categories"))
    return [f"{words.list_mark}{_localised(known.get(text), locale) or text}" for text in data]


def _items(value: object) -> Sequence[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _localised(value: object, locale: str) -> str:
    return str(value.get(locale, "")) if isinstance(value, Mapping) else ""
