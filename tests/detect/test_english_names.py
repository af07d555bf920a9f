"""Names of people in English text: what tells them, and what has capitals and is nobody."""

from __future__ import annotations

import pytest

from sekisho.detect.english_names import find_english


def found(text: str) -> set[str]:
    """What is found of *text*."""
    return {text[span.start : span.end] for span in find_english(text)}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("my name is lena ilvesson.", {"lena ilvesson"}),
        ("MY NAME IS noah ilvesson", {"noah ilvesson"}),
        ("Ubul said that nothing came.", {"Ubul"}),
        ("Nothing came, said Ubul.", {"Ubul"}),
        ("Torvald Ilvesson called. Please ring Ilvesson back.", {"Torvald Ilvesson", "Ilvesson"}),
        ("Mr. Ilvesson called. Please ring Ilvesson back.", {"Ilvesson"}),
    ],
)
def test_found(text, names):
    """A name by its introduction in small letters, by who speaks, and by its full form elsewhere in the text."""
    hidden = {at for span in find_english(text) for at in range(span.start, span.end)}
    rest = "".join("█" if at in hidden else char for at, char in enumerate(text))
    assert not [part for name in names for part in name.split() if part in rest]


def test_a_name_alone_is_not_known_by_its_capital():
    """It takes a full name, a list or a cue: else every product would be somebody."""
    assert found("Please ring Ilvesson back.") == set()


@pytest.mark.parametrize(
    "text",
    [
        "My name is spelled wrong.",
        "My name is not correct.",
        "Customer said that Support wrote.",
        "PSC 1437, APO AA 66791",
        "It is sold by Quorva Software.",
        "We met on Labor Day.",
        "I'm Very Sorry",
        "Send it to Rua Quorva 12.",
    ],
)
def test_left_alone(text):
    """What is said of a name, roles, military mail, firms, holidays and streets are nobody."""
    assert found(text) == set()
