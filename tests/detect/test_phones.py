"""The numbering plan, beside phonenumbers."""

from __future__ import annotations

import random

import pytest

from sekisho.detect.phones import PhoneType, phone_type


@pytest.mark.parametrize(
    ("digits", "kind"),
    [
        ("09012345678", PhoneType.MOBILE), ("06012345678", PhoneType.MOBILE), ("0312345678", PhoneType.FIXED),
        ("05012345678", PhoneType.IP), ("02012345678", PhoneType.PAGER), ("0120123456", PhoneType.TOLL_FREE),
        ("08001234567", PhoneType.TOLL_FREE), ("0570012345", PhoneType.NAVIGATION), ("0990123456", PhoneType.PREMIUM),
        ("819012345678", PhoneType.MOBILE), ("0000000000", None), ("09002345678", None), ("123", None),
    ],
)  # fmt: skip
def test_types(digits, kind):
    """Each range of the plan has its type."""
    assert phone_type(digits) is kind


def test_as_phonenumbers_says():
    """What phonenumbers holds for a valid number of Japan has the same type here, but for carriers' prefixes."""
    import phonenumbers
    from phonenumbers import PhoneNumberType as Theirs

    names = {
        Theirs.MOBILE: "mobile", Theirs.FIXED_LINE: "fixed", Theirs.VOIP: "ip", Theirs.PAGER: "pager",
        Theirs.TOLL_FREE: "toll_free", Theirs.UAN: "navigation", Theirs.PREMIUM_RATE: "premium",
        Theirs.PERSONAL_NUMBER: "personal",
    }  # fmt: skip
    dice = random.Random(2)
    heads = ("090", "080", "070", "060", "050", "0120", "0800", "0570", "0990", "03", "06", "045", "0466", "0154")
    wrong = []
    for _ in range(1_500):
        head = dice.choice(heads)
        length = 11 if head in {"090", "080", "070", "060", "050", "0800"} else 10
        digits = head + "".join(dice.choices("0123456789", k=length - len(head)))
        number = phonenumbers.parse(digits, "JP")
        ours = phone_type(digits)
        if phonenumbers.is_valid_number(number) and (
            ours is None or ours.value != names[phonenumbers.number_type(number)]
        ):
            wrong.append(digits[:4])
    assert wrong == []
