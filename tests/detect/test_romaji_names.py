"""Japanese names in capital Latin letters."""

from __future__ import annotations

import pytest

from sekisho.detect.names import find_names
from sekisho.detect.normalise import fold


def names(text: str) -> set[str]:
    return {text[span.start : span.end] for span in find_names(fold(text).text)}


@pytest.mark.parametrize(
    "name",
    [
        *("YAMADA TARO", "SATO KENJI", "HANAKO TANAKA", "OHTANI SHOHEI", "HATTORI HANZO", "HOMMA KYOKO"),
        *("WATANABE MAI", "TSUCHIYA ICHIRO", "SUZUKI, JUN", "ITO/MISAKI", "KONDO SHUNSUKE", "INOUE RYO"),
    ],
)
@pytest.mark.parametrize("text", ["{}", "Cardholder {}", "CARDHOLDER {}", "カード名義は {} です", "name {}, card"])
def test_names_in_capitals_are_found(text: str, name: str) -> None:
    """A surname and a given name in capitals are found whole, whatever stands before."""
    assert name in names(text.format(name)), names(text.format(name))


@pytest.mark.parametrize(
    "text",
    [
        *("AUTO MODE", "DATE NAME", "USB MEMO", "ONE TIME", "TOKYO OSAKA", "NEW ERROR CODE", "PLEASE READ THIS"),
        *("DO NOT USE", "ORDER DATE", "MAIN MENU", "MASK TOKEN", "SALE TODAY", "DEMO DATA", "HTTP GET", "SIZE TABLE"),
    ],
)
def test_headings_in_capitals_stay(text: str) -> None:
    """Words in capitals that are no Japanese name are not found."""
    assert not names(text)
    assert not names(f"{text} を見る")
