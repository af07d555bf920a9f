"""Keys of documents that may name somebody, beside the dictionary of words for columns."""

from __future__ import annotations

from sekisho.detect import path_keys
from sekisho.detect.column_words import MEANINGS
from sekisho.detect.path_keys import ANY, without_people

FIELDS_FIRST = {
    "doi", "gaku", "kana", "kanji", "kanjo", "ken", "mei", "pan", "ritsu", "sei", "seizo", "toushi",
}  # fmt: skip
"""Words for columns that are rare names, too: 名, 姓, 額, 率 and the like. A key that is one of them is shown."""


def test_hardly_a_word_for_columns_is_a_name(monkeypatch) -> None:
    """A word of the dictionary that names somebody, too, would show keys of documents: it is found here."""
    words = {word for word in MEANINGS if word.isascii()}
    monkeypatch.setattr(path_keys, "MEANINGS", {})
    assert {word for word in words if path_keys._may_name(word)} == FIELDS_FIRST


def test_a_key_that_is_a_given_name_is_not_shown() -> None:
    """Such as were once among the words for columns."""
    assert without_people("profile.yuko.points") == f"profile.{ANY}.points"
    assert without_people("profile.sei.points") == "profile.sei.points"
