"""The conditional random field in use: what CRFsuite trained says the same here as there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pycrfsuite
import pytest

from sekisho.detect.crf import Crf, Sums
from sekisho.detect.features import PLACES, Features
from sekisho.detect.morphemes import Word, sentences, words
from tests.names import synthetic, train

Trained = tuple[pycrfsuite.Tagger, Crf, Sums, Features]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small model in CRFsuite's own hands, and in ours."""
    path = tmp_path_factory.mktemp("crf") / "small.crfsuite"
    trainer, features = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False), train.Listed()
    trainer.set_params(train.SETTINGS | {"max_iterations": 20})
    for found, labels in train.examples(synthetic.lines(150, 1, unseen=False)):
        trainer.append(features.of(found), labels)
    trainer.train(str(path))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    crf = Crf(train.weights_of(Path(path)))
    sums = Sums(crf)
    return tagger, crf, sums, Features(sums.keep)


def read(text: str) -> list[list[Word]]:
    """The words of each sentence."""
    return [found for _, sentence in sentences(text) if (found := words(sentence))]


def test_it_says_what_crfsuite_says(trained: Trained) -> None:
    """Probabilities of every label, and the best reading, for texts that it did not learn, long ones too."""
    tagger, crf, sums, features = trained
    listed = train.Listed()
    texts = [marked.text for marked in synthetic.lines(60, 2, unseen=True)]
    for found in [*(each for text in texts for each in read(text)), read("山田さんと、" * 120)[0]]:
        tagger.set(listed.of(found))
        scores = sums.scores(features.of([found]))
        theirs = [[tagger.marginal(label, at) for label in crf.labels] for at in range(len(found))]
        assert np.abs(crf.probabilities(scores, [len(found)]) - theirs).max() < 1e-4
        assert crf.best(scores) == tagger.tag()


def test_sentences_side_by_side_are_each_as_alone(trained: Trained) -> None:
    """Sentences of any lengths in any order, read together, have the probabilities that each has alone."""
    _, crf, sums, features = trained
    several = [found for marked in synthetic.lines(30, 3, unseen=True) for found in read(marked.text)]
    several += [several[0][:1], read("山田さんと、" * 60)[0], several[1][:2]]
    together = crf.probabilities(sums.scores(features.of(several)), [len(found) for found in several])
    alone = [crf.probabilities(sums.scores(features.of([found])), [len(found)]) for found in several]
    assert np.abs(together - np.concatenate(alone)).max() < 1e-6


def test_what_is_forgotten_is_made_again(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that remembers few words says the same as one that remembers all."""
    _, crf, sums, features = trained
    monkeypatch.setattr("sekisho.detect.features._REMEMBERED", 5)
    few = Sums(crf)
    forgetful = Features(few.keep)
    for marked in synthetic.lines(30, 4, unseen=True):
        for found in read(marked.text):
            assert np.array_equal(few.scores(forgetful.of([found])), sums.scores(features.of([found])))


def test_what_ends_a_row_of_nouns_is_seen_from_each_of_its_words() -> None:
    """Not by the last itself, by no word outside of the row, and not beyond the end of a sentence."""
    listed = train.Listed()

    def heads(text: str) -> list[str]:
        told = (feature.decode() for word in listed.of(read(text)[0]) for feature in word)
        return [feature for feature in told if feature.startswith(("headw=", "head#"))]

    assert heads("京都大学病院に行く") == ["headw=病院", "headw=病院", "head#", "head#", "head#"]
    told = dict[int, list[str]]()
    features = Features(lambda number, by_place: told.update({number: by_place[PLACES.index("head")]}))
    seen = features.of([*read("京都"), *read("大学病院")])
    assert [told[number][0] for number in seen.numbers[PLACES.index("head")]] == ["head#", "headw=病院", "head#"]


def test_a_row_may_have_more_words_than_there_is_room_for_at_first() -> None:
    """Of two thousand words that are new, each is known to be a noun."""
    (_, _, noun), *_ = read("病院")[0]
    features = Features(lambda number, by_place: None)
    *heads, none = features.of([[(0, str(word), noun) for word in range(2_000)]]).numbers[PLACES.index("head")]
    assert set(heads) == {2_000}
    assert none == 0


def test_a_sentence_of_one_word(trained: Trained) -> None:
    """The shortest sentence has probabilities that add up to one."""
    _, crf, sums, features = trained
    scores = sums.scores(features.of([read("山田")[0][:1]]))
    assert crf.probabilities(scores, [1]).shape == (1, len(crf.labels))
    assert crf.probabilities(scores, [1]).sum() == pytest.approx(1)
    assert len(crf.best(scores)) == 1
