"""Rules from concepts of a column's name to kinds. First what the head makes of the words, then the nouns."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from sekisho.detect.column_kinds import FREE_TEXT, NONE

Concepts = frozenset[str]


class Owner(StrEnum):
    """What a name, a table or a path is about."""

    PERSON = "person"
    THING = "thing"  # goods, shops, companies: nobody
    RECORD = "record"  # an order, a ticket, a booking: one person's
    EVENT = "event"
    UNKNOWN = "unknown"


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
    "rank": _words("type score"),
    "occupation": _words("type"),
    "education": _words("type"),
    "employer": _words("type"),
    "country": _words("type"),
    "nationality": _words("type"),
    "prefecture": _words("type"),
    "text": _words("count"),
    "geo": _words("score"),
}

_RULES: tuple[Rule, ...] = (
    # What is said by one word alone
    Rule("my_number", 1.0, _words("my_number")),
    Rule("resident_code", 1.0, _words("resident_code")),
    Rule("passport", 1.0, _words("passport")),
    Rule("residence_card", 1.0, _words("residence_card")),
    Rule("residence_card", 0.9, _words("residence card")),
    Rule("driver_licence", 0.9, _words("licence driver"), _words("plate")),
    Rule("driver_licence", 0.7, _words("licence"), _words("plate thing")),
    Rule("pension_number", 0.9, _words("pension")),
    Rule("employment_insurance", 0.9, _words("employment")),
    Rule("insured_number", 0.9, _words("insured")),
    Rule("insured_number", 0.6, _words("insurance id"), _words("insurer insured employment pension record")),
    Rule("insurer_number", 0.9, _words("insurer"), _words("insured name full_name")),
    Rule("card", 0.6, _words("card person"), _words("residence hash residence_card token name full_name kana")),
    Rule("card", 0.9, _words("card"), _words("person residence insured hash residence_card token rank device")),
    Rule("customer_id", 0.7, _words("card person"), _words("name full_name kana credit_word")),
    Rule("bank_account", 0.9, _words("bank_account"), _words("full_name kana")),
    Rule("bank_account", 0.8, _words("bank account"), _words("name full_name kana")),
    Rule("invoice_number", 1.0, _words("invoice_number")),
    Rule("invoice_number", 0.6, _words("registration"), _words("plate time")),
    Rule("corporate_number", 0.9, _words("corporate")),
    Rule("number_plate", 0.9, _words("plate"), _words("type")),
    Rule("ip", 1.0, _words("ip")),
    Rule("device_id", 1.0, _words("mac")),
    Rule("device_id", 0.9, _words("device"), _words("push name token")),
    Rule("cookie_id", 0.9, _words("cookie")),
    Rule("line_id", 0.9, _words("line id"), _words("record event address thing bank text")),
    Rule("line_id", 0.9, _words("line person"), _words("record event address thing")),
    Rule("user_name", 0.8, _words("social")),
    Rule("user_name", 0.8, _words("nickname")),
    Rule("push_token", 1.0, _words("push token")),
    Rule("push_token", 0.9, _words("device token")),
    Rule("push_token", 0.6, _words("push"), _words("text")),
    Rule("secret", 1.0, _words("secret")),
    Rule("secret", 0.6, _words("token"), _words("push device card")),
    Rule("hashed_id", 1.0, _words("hash"), _words("secret")),
    Rule("user_agent", 0.9, _words("browser")),
    Rule("url", 0.9, _words("url"), _words("biometric")),
    Rule("location", 0.9, _words("geo"), _words("ip")),
    Rule("biometric", 0.9, _words("biometric"), _words("thing")),
    # Contact
    Rule("email", 1.0, _words("email"), _words("hash text")),
    Rule("phone", 1.0, _words("phone"), _words("hash name")),
    Rule("address", 0.9, _words("address"), _words("email ip mac postal prefecture city hash url bank_account line")),
    Rule("address", 0.7, _words("place"), _words("email ip mac postal prefecture city hash url")),
    Rule("postal_code", 1.0, _words("postal")),
    Rule("prefecture", 1.0, _words("prefecture"), _words("city address")),
    Rule("prefecture", 0.5, _words("state")),
    Rule("city", 1.0, _words("city"), _words("prefecture")),
    Rule("country", 0.9, _words("country"), _words("nationality phone")),
    Rule("nationality", 1.0, _words("nationality")),
    # Names
    Rule("name", 1.0, _words("full_name"), _words("kana email phone thing bank")),
    Rule("name", 0.9, _words("full_name bank_account"), _words("kana")),
    Rule("name_kana", 1.0, _words("full_name kana")),
    Rule("name_kana", 0.9, _words("kana"), _words("thing address place city prefecture bank")),
    Rule("name_kana", 0.8, _words("kana_family"), _words("thing")),
    Rule("name_kana", 0.8, _words("kana_given"), _words("thing")),
    Rule("family_name", 0.9, _words("family"), _words("kana given full_name time kana_family household")),
    Rule("family_name", 0.8, _words("sei"), _words("kana")),
    Rule("name_kana", 0.8, _words("sei kana")),
    Rule("family_name", 0.8, _words("last name"), _words("kana")),
    Rule("given_name", 0.8, _words("first name"), _words("kana")),
    Rule("given_name", 0.9, _words("given"), _words("kana family time text event record address line")),
    # What narrows down
    Rule("birth_date", 1.0, _words("birth"), _words("prefecture city country place address")),
    Rule("prefecture", 0.6, _words("birth prefecture")),
    Rule("age", 1.0, _words("age"), _words("birth time")),
    Rule("minor", 0.9, _words("minor")),
    Rule("gender", 1.0, _words("gender"), _words("orientation")),
    Rule("occupation", 0.9, _words("occupation")),
    Rule("employer", 0.8, _words("employer")),
    Rule("education", 0.8, _words("education"), _words("id")),
    Rule("marital_status", 0.9, _words("marital"), _words("name full_name kana birth income")),
    Rule("household", 0.8, _words("household"), _words("income name full_name kana birth")),
    Rule("member_rank", 0.9, _words("rank"), _words("thing")),
    # What harms
    Rule("income", 0.9, _words("income"), _words("thing")),
    Rule("credit", 0.8, _words("credit")),
    Rule("credit", 0.8, _words("credit_word score")),
    Rule("health", 0.9, _words("health")),
    Rule("creed", 0.9, _words("creed")),
    Rule("creed", 0.9, _words("orientation")),
    Rule("race", 0.9, _words("race")),
    Rule("criminal_record", 0.9, _words("criminal")),
    Rule(FREE_TEXT, 0.5, _words("describes"), _words("thing email phone")),
    Rule(FREE_TEXT, 0.9, _words("text"), _words("thing email phone")),
)


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
    head = next(
        (concepts for concepts in reversed(words) if concepts and not concepts <= {"neutral", "id"}), frozenset()
    )
    said = {rule.kind: 0.0 for rule in _RULES}
    for rule in _RULES:
        if rule.all_of <= have and not rule.none_of & have:
            said[rule.kind] = max(said[rule.kind], rule.strength)
    found = {kind: strength for kind, strength in said.items() if strength}
    numbered = bool(words) and "id" in next((concepts for concepts in reversed(words) if concepts), frozenset())
    if numbered:
        found.pop(FREE_TEXT, None)  # the number of a text is a number
    if "insurance" in inside and numbered and owner is Owner.PERSON:
        return {"insured_number": 0.8, "customer_id": 0.3}
    if "body" in have and Owner.PERSON in {owner, around if owner is Owner.UNKNOWN else owner}:
        return {"health": 0.8, NONE: 0.3}
    derived = _derived(words, head, have)
    if "address" in inside and not found:
        if "type" in head:  # address.state
            return {"prefecture": 0.7}
        if have & _words("line address neutral name"):
            return {"address": 0.7}
    if {"text", "type"} <= head and found.keys() <= {FREE_TEXT}:  # 選考状況, 事故状況
        return {FREE_TEXT: 0.5, NONE: 0.5}
    if derived:
        return {**dict.fromkeys(found, 0.1), NONE: 0.9}
    if "state" in head:
        return {**found, NONE: 0.5}
    if found.keys() == {FREE_TEXT} and "describes" in have:
        return {**found, NONE: 0.4}
    if found:
        return _of_things(found, owner)
    if "company" in have and owner is not Owner.PERSON and "id" not in have:
        return {"employer": 0.7} if around is Owner.PERSON else {NONE: 0.8}
    if owner is Owner.THING and not have & _words("name id"):
        return {NONE: 0.7}
    if "name" in have:
        return _of_name(owner, around)
    if "id" in have or owner in {Owner.RECORD, Owner.EVENT}:
        return _of_id(owner, around, named="id" in have, strange=not all(words))
    if owner is Owner.PERSON:
        # 担当医 is a person; mother_tongue is something of hers that the dictionary does not know.
        return {"name": 0.6, "customer_id": 0.5} if all(words) else {"name": 0.2, NONE: 0.2}
    if "text" in have:
        return {FREE_TEXT: 0.5, NONE: 0.5}
    return {}


def _derived(words: tuple[Concepts, ...], head: Concepts, have: Concepts) -> bool:
    """Return whether the head makes something else of the nouns before it: a flag, a count, a time."""
    first = words[0] if words else frozenset()
    if "id" in words[-1] and not head & _words("flag type"):
        return False  # whatever is counted or measured before it, this is a number that somebody gave
    if "how_many" in first and len(words) > 1:  # num_guests
        return True
    what = (head & _DERIVED) or (first & _words("flag") if len(words) > 1 else frozenset())
    if not what:
        return False
    if head - _DERIVED - {"neutral", "id"} and not head & _words("thing"):
        return False  # the word has another meaning that a rule took
    return not any(concept in have and what & kept for concept, kept in _KEEP.items())


_OF_PEOPLE_ALONE = _words(
    "name name_kana family_name given_name user_name age gender member_rank income occupation education"
    " credit health household"
)


def _of_things(found: dict[str, float], owner: Owner) -> dict[str, float]:
    """Halve what is only personal of people when the name says a thing: 商品の年代, store_name_kana."""
    if owner is not Owner.THING:
        return found
    weak = {kind: strength * (0.5 if kind in _OF_PEOPLE_ALONE else 1.0) for kind, strength in found.items()}
    return {**weak, NONE: 0.4}


def _of_name(owner: Owner, around: Owner) -> dict[str, float]:
    if owner is Owner.PERSON:
        return {"name": 0.9}
    if owner in {Owner.THING, Owner.EVENT}:
        return {NONE: 0.9}
    if around is Owner.THING:
        return {NONE: 0.6, "name": 0.2}
    return {"name": 0.7 if around is Owner.PERSON else 0.4, NONE: 0.1 if around is Owner.PERSON else 0.3}


def _of_id(owner: Owner, around: Owner, *, named: bool, strange: bool) -> dict[str, float]:
    own = owner is not Owner.UNKNOWN
    if strange and not own:  # the number of something that the dictionary does not know
        if around is Owner.PERSON:
            return {"customer_id": 0.5, "record_id": 0.3, NONE: 0.3}
        return {"record_id": 0.4, "customer_id": 0.3, NONE: 0.4}
    strength = (0.9 if named else 0.5) if own else 0.7
    match owner if own else around:
        case Owner.PERSON:
            return {"customer_id": strength}
        case Owner.THING:
            if around is Owner.PERSON:  # a meter's number in a table of people is as good as theirs
                return {NONE: 0.6, "customer_id": 0.4}
            return {NONE: strength}
        case Owner.RECORD:
            return {"order_number": strength, "record_id": 0.4}
        case Owner.EVENT:
            return {"record_id": strength, "order_number": 0.2}
    return {"record_id": 0.4, "customer_id": 0.3, NONE: 0.2}
