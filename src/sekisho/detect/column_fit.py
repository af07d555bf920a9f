"""How far values can be of a kind at all: what is needed beside a name that says so.

A rate of matches asks whether values have the form of a kind. Fit asks less: codes for prefectures, members'
numbers of any form, incomes as numbers. A name that says one thing over values that cannot be it misleads.
"""

from __future__ import annotations

from sekisho.detect.column_kinds import FREE_TEXT, NONE
from sekisho.detect.column_values import Profile

_WORDS = ("kanji", "kana", "latin", "word", "other")


def fit_of(kind: str, profile: Profile, distinct: int) -> float:
    """Return the share of values, 0 to 1, that can be of *kind*."""
    if not profile.values or kind == NONE:
        return 1.0
    forms = profile.forms
    words = sum(forms.get(form, 0.0) for form in _WORDS)
    digits, flags = forms.get("digits", 0.0) + forms.get("epoch", 0.0), forms.get("true_false", 0.0)
    numbers = digits + forms.get("decimal", 0.0)
    rate = profile.matches.get("drivers_licence" if kind == "driver_licence" else kind, 0.0)
    coded = digits + forms.get("code", 0.0) if profile.length <= 4 and distinct <= 200 else 0.0
    opaque = sum(
        forms.get(form, 0.0)
        for form in ("code", "uuid", "hash", "opaque", "line_id", "groups", "passport", "invoice")
    )
    short = profile.length <= 40
    match kind:
        case "name" | "family_name" | "given_name" | "name_kana":
            letters = profile.letters
            if kind == "name_kana":
                return max(rate, forms.get("kana", 0.0))
            tidy = sum(forms.get(form, 0.0) for form in ("kanji", "kana", "latin", "word"))
            return max(rate, 0.8 * tidy * (profile.length <= 25) * (1 - profile.firms)) if letters else rate
        case "user_name":
            return (words + opaque + digits) * (1 - profile.prose) * (profile.length <= 30)
        case "email":
            return max(rate, 0.6 * forms.get("masked", 0.0))
        case "phone":
            dialled = 0.4 * forms.get("digits", 0.0) + 0.6 * (forms.get("groups", 0.0) + forms.get("dialled", 0.0))
            return max(rate, dialled * (9 <= profile.length <= 18), 0.6 * forms.get("masked", 0.0))
        case "card" | "bank_account" | "my_number" | "postal_code" | "insured_number":
            rate = max(rate, *(profile.matches.get(same, 0.0) for same in _SAME.get(kind, (kind,))))
            loose = (
                0.6
                * (digits + forms.get("groups", 0.0))
                * (profile.length >= _LEAST[kind])
                * (profile.length <= _MOST[kind])
            )
            return max(rate, loose, 0.6 * forms.get("masked", 0.0) if kind == "card" else 0.0)
        case "address":
            return max(rate, 0.6 * words * (1 - profile.prose), profile.matches.get("city", 0.0))
        case "city":
            return max(rate, 0.7 * words * (profile.length <= 16))
        case "gender" | "prefecture" | "country" | "occupation" | "education" | "marital_status" | "member_rank":
            codes = 0.5 * (digits + forms.get("code", 0.0)) * (profile.length <= _MOST_CODE)
            return max(rate, 0.8 * words * short * (1 - profile.prose), 0.9 * coded, 0.6 * flags, codes)
        case "nationality":
            return max(profile.matches.get("country", 0.0), 0.8 * words * short, coded)
        case "employer":
            return max(profile.firms, 0.9 * words * short, coded)
        case "customer_id" | "order_number" | "record_id":
            return opaque + digits + (forms.get("word", 0.0) if profile.entropy > 3 else 0.0)
        case "age":
            return max(rate, digits * (profile.length <= 3), coded)
        case "minor" | "household":
            return max(flags, digits * (profile.length <= 2), 0.7 * words * short)
        case "income" | "credit":
            return max(rate, numbers, 0.8 * words * short, coded, flags)
        case "health" | "creed" | "race" | "criminal_record":
            return max(
                rate, 0.9 * words, flags, numbers * (profile.length <= 8), coded, opaque * short, 0.9 * profile.prose
            )
        case "resident_code":
            return digits * (10.5 <= profile.length <= 14)
        case "hashed_id":
            return max(rate, 0.6 * forms.get("opaque", 0.0))
        case "device_id":
            return max(
                rate,
                profile.matches.get("mac", 0.0),
                forms.get("uuid", 0.0),
                0.8 * opaque * (profile.length >= _LEAST_DEVICE),
                digits * (profile.length >= 14),
            )
        case "cookie_id":
            return max(rate, 0.9 * opaque, forms.get("version", 0.0), digits)
        case "push_token" | "secret" | "biometric" | "line_id":
            return max(
                rate,
                0.8 * opaque,
                0.7 * (words + digits) * (kind != "biometric"),
                forms.get("url", 0.0),
                forms.get("crypt", 0.0),
            )
        case "location":
            return max(rate, forms.get("decimal", 0.0), 0.5 * opaque)
        case "ip":
            return max(rate, forms.get("ip4", 0.0) * 0.7)
        case "birth_date":
            dated = forms.get("date", 0.0) + forms.get("stamp", 0.0) + forms.get("day", 0.0)
            return max(rate, 0.8 * dated, digits * (profile.length in {2, 4, 6, 8}) * 0.7)
        case "url":
            return max(rate, 0.5 * (words + opaque) * (1 - profile.prose))
        case "user_agent":
            return max(rate, 0.6 * words * (profile.length > _SHORT_AGENT))
        case (
            "number_plate"
            | "residence_card"
            | "passport"
            | "driver_licence"
            | "pension_number"
            | "employment_insurance"
        ):
            return max(rate, 0.5 * digits + 0.4 * forms.get("groups", 0.0) + 0.1 * opaque)
        case _ if kind == FREE_TEXT:
            return max(profile.prose, words * (0.9 if profile.length >= 6 else 0.6))
    return max(rate, 0.5 * (digits + opaque))


_SHORT_AGENT = 6  # characters: Chrome, and no code of a travel agent
_MOST_CODE = 6  # characters: schools and trades have longer ones than genders
_LEAST_DEVICE = 6  # characters: no T-01, the terminals of a shop
_SAME = {"bank_account": ("bank_account", "iban", "postal_account"), "insured_number": ("insured_number",)}
_LEAST = {"card": 12, "bank_account": 6, "my_number": 12, "postal_code": 4, "insured_number": 3}
_MOST = {"card": 24, "bank_account": 30, "my_number": 15, "postal_code": 9, "insured_number": 24}
