"""Names exchanged for others in the sentences that the model learns from."""

from __future__ import annotations

from tests.names.corpora import Marked
from tests.names.exchange import exchanged

TEXTS = [
    Marked("山田は大阪の山田だ", ((0, 2, "PERSON"), (3, 5, "LOCATION"), (6, 8, "PERSON")), "one"),
    Marked("鈴木一郎とトム、鈴木一", ((0, 4, "PERSON"), (5, 7, "PERSON"), (8, 11, "PERSON")), "one"),
    Marked("高橋次郎とジョン・スミス", ((0, 4, "PERSON"), (5, 12, "PERSON")), "one"),
    Marked("奈良の鈴木", ((0, 2, "LOCATION"), (3, 5, "PERSON")), "one"),
    Marked("佐藤", ((0, 2, "PERSON"),), "two"),
    Marked("加藤", ((0, 2, "PERSON"),), "two"),
    Marked("誰もいない", (), "one"),
]


def copies() -> set[Marked]:
    """What comes of the texts, whatever is drawn."""
    return {copy for seed in range(40) for copy in exchanged(TEXTS, seed)}


def test_a_name_gives_way_to_one_of_its_corpus_kind_and_shape():
    """What stands around it stays, the marks stand where the other name is, and the same name has the same for it."""
    texts = {copy.text for copy in copies() if "は" in copy.text}
    assert texts == {"鈴木は大阪の鈴木だ", "鈴木は奈良の鈴木だ", "山田は奈良の山田だ"}
    assert {copy.text for copy in copies() if copy.kind == "two"} == {"佐藤", "加藤"}
    names = {(copy.text[start:end], label) for copy in copies() for start, end, label in copy.marks}
    assert names == {(each.text[start:end], label) for each in TEXTS for start, end, label in each.marks}


def test_of_a_name_without_another_there_is_no_copy():
    """A shape that one name alone has stays; a text in which all stay, or that has no name, is not learnt twice."""
    made = copies()
    assert {copy.text for copy in made if "・" in copy.text} == {"鈴木一郎とジョン・スミス"}
    assert all("トム、鈴木一" in copy.text for copy in made if "トム" in copy.text)
    assert not {copy.text for copy in made} & {each.text for each in TEXTS if each.kind == "one"}
    assert not [copy for copy in made if not copy.marks]


def test_the_same_copies_for_the_same_seed():
    """Sentences to learn from are the same every time."""
    assert exchanged(TEXTS, 3) == exchanged(TEXTS, 3)
