"""Rules from concepts of a column's name to kinds. First what the head makes of the words, then the nouns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sekisho.detect.column_kinds import FREE_TEXT, NONE
from sekisho.detect.column_owners import Owner, of_id, of_name

Concepts = frozenset[str]


class Rule(NamedTuple):
    """The name says *kind* as clearly as *strength* if it has every concept of *all_of* and none of *none_of*."""

    kind: str
    strength: float
    all_of: Concepts
    none_of: Concepts = frozenset()


def _words(text: str) -> Concepts:
    return frozenset(text.split())


_DERIVED = _words("flag count score type time amount")
# Kinds that stay what they are behind a flag, a type or an amount: 既往歴有無, 年収区分, 性別コード, 生年月日.
_KEEP: Mapping[str, Concepts] = {
    "birth": _words("time"),
    "age": _words("type count score"),
    "minor": _words("flag type"),
    "gender": _words("type flag"),
    "marital": _words("flag type"),
    "household": _words("count type flag"),
    "income": _words("amount type score count"),
    "credit": _words("amount flag type score count"),
    "health": _words("flag type score count amount"),
    "creed": _words("flag type"),
    "race": _words("type flag"),
    "orientation": _words("type flag"),
    "criminal": _words("flag type count"),
    "rank": _words("type score flag"),
    "occupation": _words("type"),
    "education": _words("type"),
    "employer": _words("type"),
    "country": _words("type"),
    "nationality": _words("type"),
    "prefecture": _words("type"),
    "text": _words("count"),
    "sei": _words("type"),
    "geo": _words("score"),
    "client": _words("grade"),
    "club": _words("type grade"),
    "biometric": _words("type"),
}
_LABELS = _words("type flag score count amount time describes title grade measure")
_NUMBERS = _words(
    "card bank_account line_id insured_number insurer_number my_number resident_code passport residence_card"
    " pension_number employment_insurance invoice_number corporate_number number_plate customer_id device_id"
    " cookie_id hashed_id secret push_token email phone ip user_name"
)
HARMFUL = _words("health creed race criminal_record credit")
"""Kinds that harm when known, and that only people have."""
# Kinds that have names: 病名, 学校名, country_name.
_NAMED = _words(
    "name name_kana family_name given_name user_name address prefecture city country nationality occupation"
    " employer education household member_rank health creed race criminal_record free_text income marital_status"
    " bank_account"
)

_PLACES = _words("address postal_code prefecture city country location")
_REACHED = _words("phone email")
_NO_CARD = _words("person residence insured hash residence_card token rank device club health")

_RULES: tuple[Rule, ...] = (
    # What is said by one word alone
    Rule("my_number", 1.0, _words("my_number")),
    Rule("my_number", 0.8, _words("individual id"), _words("thing record")),
    Rule("resident_code", 1.0, _words("resident_code")),
    Rule("passport", 1.0, _words("passport")),
    Rule("residence_card", 1.0, _words("residence_card")),
    Rule("residence_card", 0.9, _words("residence card")),
    Rule("driver_licence", 0.9, _words("licence driver"), _words("plate")),
    Rule("driver_licence", 0.7, _words("licence"), _words("plate thing")),
    Rule("pension_number", 0.9, _words("pension")),
    Rule("employment_insurance", 0.9, _words("employment")),
    Rule("insured_number", 0.9, _words("insured"), _words("name full_name kana employment pension insurer")),
    Rule("insured_number", 0.9, _words("insured_person id"), _words("employment pension")),
    Rule("insured_number", 0.6, _words("insurance id"), _words("insurer insured employment pension record")),
    Rule("insurer_number", 0.9, _words("insurer"), _words("name full_name")),
    Rule("insurer_number", 0.8, _words("insurance id company")),
    Rule("card", 0.6, _words("card person"), _words("residence hash residence_card token name full_name kana club")),
    Rule("card", 0.9, _words("card"), _NO_CARD),
    Rule("insured_number", 0.8, _words("health card")),
    Rule("customer_id", 0.7, _words("card person"), _words("name full_name kana credit_word")),
    Rule("customer_id", 0.9, _words("club id"), _words("rank")),
    Rule("customer_id", 0.9, _words("club card"), _words("rank credit_word")),
    Rule("customer_id", 0.8, _words("card score id")),
    Rule("customer_id", 0.9, _words("unit id")),
    Rule("customer_id", 0.9, _words("client id"), _words("rank grade time card")),
    Rule("customer_id", 0.9, _words("chart id")),
    Rule("customer_id", 0.8, _words("driver id"), _words("licence")),
    Rule("bank_account", 0.9, _words("bank_account"), _words("full_name kana")),
    Rule("bank_account", 0.8, _words("bank account"), _words("name full_name kana")),
    Rule("bank_account", 0.7, _words("account amount"), _words("name full_name kana score")),
    Rule("bank_account", 0.6, _words("account income")),
    Rule("invoice_number", 1.0, _words("invoice_number")),
    Rule("invoice_number", 0.6, _words("registration"), _words("plate time")),
    Rule("corporate_number", 0.9, _words("corporate")),
    Rule("number_plate", 0.9, _words("plate"), _words("type")),
    Rule("number_plate", 0.8, _words("vehicle id"), _words("type record event insurance")),
    Rule("ip", 1.0, _words("ip")),
    Rule("device_id", 1.0, _words("mac")),
    Rule("device_id", 0.9, _words("device id"), _words("push name token")),
    Rule("device_id", 0.5, _words("device"), _words("push name token")),
    Rule("cookie_id", 0.9, _words("cookie")),
    Rule("line_id", 0.9, _words("line id"), _words("record event address thing bank text")),
    Rule("line_id", 1.0, _words("line_account")),
    Rule("line_id", 0.9, _words("line person"), _words("record event address thing")),
    Rule("user_name", 0.8, _words("social")),
    Rule("user_name", 0.8, _words("nickname")),
    Rule("user_name", 0.8, _words("shown name"), _words("thing kana type")),
    Rule("push_token", 1.0, _words("push token")),
    Rule("push_token", 0.9, _words("device token")),
    Rule("push_token", 0.8, _words("registration token")),
    Rule("push_token", 0.6, _words("push"), _words("text event token")),
    Rule("secret", 1.0, _words("secret")),
    Rule("secret", 0.6, _words("token"), _words("push device card thing")),
    Rule("hashed_id", 1.0, _words("hash"), _words("secret")),
    Rule("user_agent", 0.9, _words("browser"), _words("id")),
    Rule("url", 0.9, _words("url"), _words("biometric image")),
    Rule("location", 0.9, _words("geo"), _words("ip")),
    Rule("biometric", 0.9, _words("biometric"), _words("thing device")),
    Rule("device_id", 0.9, _words("device biometric")),
    Rule("biometric", 0.8, _words("person image"), _words("thing")),
    # Contact
    Rule("email", 1.0, _words("email"), _words("hash text")),
    Rule("phone", 1.0, _words("phone"), _words("hash name")),
    Rule(
        "address",
        0.9,
        _words("address"),
        _words("email ip mac postal hash url bank_account name full_name race premises"),
    ),
    Rule("address", 0.9, _words("premises"), _words("thing count type")),
    Rule("address", 0.7, _words("place"), _words("email ip mac postal prefecture city hash url")),
    Rule("postal_code", 1.0, _words("postal")),
    Rule("prefecture", 1.0, _words("prefecture"), _words("race")),
    Rule("prefecture", 0.5, _words("state")),
    Rule("prefecture", 0.3, _words("region"), _words("thing nationality")),
    Rule("city", 0.3, _words("region"), _words("thing nationality")),
    Rule("city", 1.0, _words("city"), _words("race")),
    Rule("country", 0.9, _words("country"), _words("nationality phone")),
    Rule("nationality", 1.0, _words("nationality")),
    # Names
    Rule("name", 1.0, _words("full_name"), _words("kana email phone bank id")),
    Rule("customer_id", 0.8, _words("full_name id")),
    Rule("name", 0.9, _words("full_name bank_account"), _words("kana")),
    Rule("name_kana", 1.0, _words("full_name kana")),
    Rule("name_kana", 0.9, _words("kana"), _words("thing address place city prefecture bank")),
    Rule("name_kana", 0.8, _words("name kana"), _words("thing place city prefecture bank")),
    Rule("name_kana", 0.8, _words("kana_family"), _words("thing")),
    Rule("name_kana", 0.8, _words("kana_given"), _words("thing")),
    Rule("family_name", 0.9, _words("family"), _words("kana given time kana_family household")),
    Rule("family_name", 0.8, _words("sei"), _words("kana id type")),
    Rule("family_name", 0.8, _words("uji"), _words("kana person full_name")),
    Rule("family_name", 0.6, _words("uji person"), _words("kana")),
    Rule("name", 0.6, _words("uji person"), _words("kana")),
    Rule("gender", 0.8, _words("sei type"), _words("kana")),
    Rule("gender", 0.8, _words("sei id"), _words("kana")),
    Rule("gender", 0.5, _words("sei person"), _words("kana name")),
    Rule("name_kana", 0.8, _words("sei kana")),
    Rule("family_name", 0.8, _words("last name"), _words("kana")),
    Rule("given_name", 0.8, _words("first name"), _words("kana")),
    Rule("given_name", 0.9, _words("given"), _words("kana family time text event address line")),
    # What narrows down
    Rule("birth_date", 1.0, _words("birth"), _words("prefecture city country place address gender")),
    Rule("race", 0.6, _words("birth country")),
    Rule("prefecture", 0.6, _words("birth prefecture")),
    Rule("age", 1.0, _words("age"), _words("birth")),
    Rule("minor", 0.9, _words("minor")),
    Rule("gender", 1.0, _words("gender"), _words("orientation")),
    Rule("occupation", 0.9, _words("occupation")),
    Rule("occupation", 0.8, _words("person title"), _words("thing record event")),
    Rule("employer", 0.8, _words("employer"), _words("health creed")),
    Rule("education", 0.8, _words("education"), _words("id")),
    Rule("education", 0.6, _words("education id")),
    Rule("marital_status", 0.9, _words("marital"), _words("name full_name kana birth income")),
    Rule("household", 0.8, _words("kinship")),
    Rule("household", 0.8, _words("household"), _words("income name full_name kana birth")),
    Rule("member_rank", 0.9, _words("rank"), _words("thing credit")),
    Rule("member_rank", 0.8, _words("grade client"), _words("thing")),
    Rule("member_rank", 0.8, _words("club type"), _words("thing")),
    # What harms
    Rule("income", 0.9, _words("income"), _words("thing")),
    Rule("credit", 0.8, _words("credit")),
    Rule("credit", 0.8, _words("credit_word score")),
    Rule("health", 0.9, _words("health")),
    Rule("creed", 0.9, _words("creed")),
    Rule("creed", 0.9, _words("orientation")),
    Rule("race", 0.9, _words("race")),
    Rule("criminal_record", 0.9, _words("criminal")),
    Rule(FREE_TEXT, 0.5, _words("describes"), _words("thing email phone occupation education employer")),
    Rule(FREE_TEXT, 0.9, _words("text"), _words("email phone")),
)


_SAYS_NO_MORE = _words("neutral id measure")


def kinds_of(words: tuple[Concepts, ...], owner: Owner, around: Owner, inside: Concepts) -> dict[str, float]:
    """Return the kinds that *words* say, with their strength.

    Parameters
    ----------
    words:
        Concepts of each word, in order.
    owner:
        Whom the words themselves name.
    around:
        What stands above them: the parent in a path, or the table.
    inside:
        Concepts of the parents in a path.
    """
    have = frozenset().union(*words)
    head = next((concepts for concepts in reversed(words) if concepts and not concepts <= _SAYS_NO_MORE), frozenset())
    found, of_head = _said(have, head)
    if words[-1:] in {(_words("last"),), (_words("first"),)}:  # legal_last
        found["family_name" if "last" in words[-1] else "given_name"] = 0.8
    numbered = bool(words) and "id" in next((concepts for concepts in reversed(words) if concepts), frozenset())
    if numbered:
        found.pop(FREE_TEXT, None)  # the number of a text is a number
    if "insurance" in inside and numbered and owner is Owner.PERSON:
        return {"insured_number": 0.8, "customer_id": 0.3}
    if "body" in have and Owner.PERSON in {owner, around if owner is Owner.UNKNOWN else owner}:
        return {"health": 0.8, NONE: 0.3}
    if "address" in inside and not found:
        if "type" in head:  # address.state
            return {"prefecture": 0.7}
        if have & _words("line address neutral"):
            return {"address": 0.7}
    if {"text", "type"} <= head and found.keys() <= {FREE_TEXT}:  # 選考状況, 事故状況
        return {FREE_TEXT: 0.5, NONE: 0.5}
    if _derived(words, head, have):
        return {**dict.fromkeys(found, 0.1), NONE: 0.9}
    if head & _words("state region") and found.keys() <= {"prefecture", "city"}:
        return {**found, NONE: 0.5}
    if found.keys() == {FREE_TEXT} and "describes" in have:
        return {**found, NONE: 0.4}
    found = _of_head(found, of_head, head, numbered=numbered)
    if found:
        return _of_things(found, owner)
    if "company" in have and owner is not Owner.PERSON and "id" not in have:
        return {"employer": 0.7} if around is Owner.PERSON else {NONE: 0.8}
    if owner is Owner.THING and not have & _words("name id"):
        return {NONE: 0.7}
    if "name" in have:
        account, labelled = "account" in have | inside, bool(have & _LABELS)
        return of_name(owner, around, account=account, labelled=labelled, strange=not all(words))
    if "id" in have or owner in {Owner.RECORD, Owner.EVENT}:
        if have & _LABELS and owner in {Owner.UNKNOWN, Owner.THING}:  # status_cd, error_code
            return {NONE: 0.9}
        named, unique = "id" in have, "uuid" in have
        return of_id(owner, around, named=named, unique=unique, strange=not all(words))
    if owner is Owner.PERSON and "contact" in words[-1]:
        return {"name": 0.6, "phone": 0.5, "customer_id": 0.4}
    if owner is Owner.PERSON:
        # 担当医 is a person; mother_tongue is something of hers that the dictionary does not know.
        return {"name": 0.6, "customer_id": 0.5} if all(words) else {"name": 0.2, NONE: 0.2}
    if "text" in have:
        return {FREE_TEXT: 0.5, NONE: 0.5}
    if "title" in head and around is Owner.PERSON and have <= _words("title neutral"):
        # A person's title is her post, anything else's its name: title, title_of_work.
        return {"occupation": 0.6, NONE: 0.3} if len(words) == 1 else {"occupation": 0.5, NONE: 0.4}
    return {NONE: 0.7} if have & _LABELS else {}


def _said(have: Concepts, head: Concepts) -> tuple[dict[str, float], frozenset[str]]:
    """Return the kinds whose rules the words satisfy, and those of them that the head has a part in."""
    found: dict[str, float] = {}
    of_head = set()
    for rule in _RULES:
        if rule.all_of <= have and not rule.none_of & have:
            found[rule.kind] = max(found.get(rule.kind, 0.0), rule.strength)
            if rule.all_of & head:
                of_head.add(rule.kind)
    return found, frozenset(of_head)


def _of_head(found: dict[str, float], of_head: frozenset[str], head: Concepts, *, numbered: bool) -> dict[str, float]:
    """Return *found* with the last word deciding: ``email_server`` is a thing, ``card_holder`` a person."""
    if of_head:  # the code of an insured person's occupation is one of occupations, if codes there are
        others = 1.0 if numbered and of_head <= _NUMBERS else 0.6 if numbered else 0.4
        return {
            kind: strength * (1.0 if kind in of_head else max(others, 0.7) if kind in HARMFUL else others)
            for kind, strength in found.items()
        }
    if not found:
        return found
    if numbered and "person" in head and found.keys() & HARMFUL:  # handicapped_person_code
        return {**{kind: 0.7 * found[kind] for kind in found.keys() & HARMFUL}, "customer_id": 0.4}
    if numbered and "thing" in head and found.keys() <= _PLACES:  # pickup_store_cd
        return {}
    if numbered and head & _words("record event person") and not found.keys() <= _NUMBERS:
        return {}  # 診察予約番号, 通院者番号: the number of what stands before it
    if "name" in head and "gender" in found:  # the word for a gender, or whose name it is
        return {"gender": 0.6, "name": 0.6}
    if "name" in head:  # insured_name, referrer_name: what has no name is no kind of name
        return {kind: strength for kind, strength in found.items() if kind in _NAMED}
    if "image" in head and "biometric" in found:
        return found
    if "history" in head:  # 婚姻歴, marital_hist: as much as what it is of
        return found
    if head & _words("record event") and found.keys() & HARMFUL:  # criminal_record, 通院履歴
        return {kind: strength for kind, strength in found.items() if kind in HARMFUL}
    if head & _words("thing record event") and not numbered:
        return {**{kind: 0.3 * strength for kind, strength in found.items()}, NONE: 0.7}
    if "person" in head and found.keys() <= _REACHED:  # phone_contact, mail_honnin
        return {**{kind: 0.7 * strength for kind, strength in found.items()}, "name": 0.4}
    if "person" in head and not numbered:
        return {**{kind: 0.3 * strength for kind, strength in found.items()}, "name": 0.6, "customer_id": 0.4}
    return found


def _derived(words: tuple[Concepts, ...], head: Concepts, have: Concepts) -> bool:
    """Return whether the head makes something else of the nouns before it: a flag, a count, a time."""
    first = words[0] if words else frozenset()
    if "id" in words[-1] and not head & _words("flag type"):
        return False  # whatever is counted or measured before it, this is a number that somebody gave
    if "how_many" in first and len(words) > 1:  # num_guests
        return not have & _words("household")
    asked = "asks" in first and len(words) > 1  # is_member, has_children
    if "method" in head:
        return True  # of repayment, of birth control
    what = _words("flag") if asked else head & _DERIVED or (first & _words("flag") if len(words) > 1 else frozenset())
    if not what:
        return False
    if not asked and head - _DERIVED - _words("neutral id") and not head & _words("thing"):
        return False  # the word has another meaning that a rule took
    return not any(concept in have and what & kept for concept, kept in _KEEP.items())


_OF_PEOPLE_ALONE = _words(
    "name name_kana family_name given_name user_name age gender member_rank income occupation education"
    " credit household"
)


def _of_things(found: dict[str, float], owner: Owner) -> dict[str, float]:
    """Halve what is only personal of people when the name says a thing: 商品の年代, store_name_kana."""
    if owner is not Owner.THING or found.keys() <= HARMFUL:
        return found
    weak = {kind: strength * (0.5 if kind in _OF_PEOPLE_ALONE else 1.0) for kind, strength in found.items()}
    return {**weak, NONE: 0.4}
