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
        ("Please ring ms. Ilvesson back.", {"Ilvesson"}),
        ("Please ring Dagmar or Guðrún back.", {"Dagmar", "Guðrún"}),
        ("Ubul, can you ring me back?", {"Ubul"}),
        ("It broke. Ubul, please send another.", {"Ubul"}),
        ("Please come back, Ubul!", {"Ubul"}),
        ("The courier lost Ubul's address.", {"Ubul"}),
        ("Ubul promised a refund.", {"Ubul"}),
        ("We were three: Ubul, Reed and Doyle.", {"Ubul", "Reed", "Doyle"}),
        ("Ubul: It is broken again.\nAmy: Send it back to us.", {"Ubul", "Amy"}),
        ("It was paid by maria martin today.", {"maria martin"}),
        ("Torvald Ilvesson's Big Plan. Please ring Ilvesson back.", {"Torvald Ilvesson", "Ilvesson"}),
    ],
)
def test_found(text, names):
    """A name by its introduction, by who speaks or is spoken to, in a row or a talk, by its full form elsewhere."""
    hidden = {at for span in find_english(text) for at in range(span.start, span.end)}
    rest = "".join("█" if at in hidden else char for at, char in enumerate(text))
    assert not [part for name in names for part in name.split() if part in rest]


def test_a_name_alone_is_not_known_by_its_capital():
    """It takes a full name, a list or a cue: else every product would be somebody."""
    assert found("Please ring Ilvesson back.") == set()


def test_what_is_his_is_not_he():
    """A name ends where it owns something, and where a sentence ends."""
    assert found("We read Torvald Ilvesson's Big Plan.") == {"Torvald Ilvesson"}
    names = found("We asked Mr. Torvald Ilvesson. Where is it?")
    assert "Torvald Ilvesson" in names
    assert not any("Where" in name for name in names)


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
        "Sorry, can you ring me back?",
        "Unfortunately, please send another.",
        "We need Amazon's address.",
        "We sell Tables, Chairs and Lamps.",
        "Colour: It is red.\nShape: It is round.",
        "It was paid by direct debit today.",
        "We went to Kobe in April.",
    ],
)
def test_left_alone(text):
    """What is said of a name, roles, military mail, firms, holidays, streets, rows of things, labels are nobody."""
    assert found(text) == set()
