"""The conditional random field in use: what CRFsuite trained says the same here as there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pycrfsuite
import pytest

from sekisho.detect.crf import Crf
from sekisho.detect.features import Features
from sekisho.detect.morphemes import Word, sentences, words
from tests.names import synthetic, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[pycrfsuite.Tagger, Crf]:
    """A small model in CRFsuite's own hands, and in ours."""
    path = tmp_path_factory.mktemp("crf") / "small.crfsuite"
    trainer, features = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False), Features()
    trainer.set_params(train.SETTINGS | {"max_iterations": 20})
    for found, labels in train.examples(synthetic.lines(150, 1, unseen=False)):
        trainer.append(features.of(found), labels)
    trainer.train(str(path))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    return tagger, Crf(train.weights_of(Path(path)))


def read(text: str) -> list[list[Word]]:
    """The words of each sentence."""
    return [found for _, sentence in sentences(text) if (found := words(sentence))]


def test_it_says_what_crfsuite_says(trained: tuple[pycrfsuite.Tagger, Crf]) -> None:
    """Probabilities of every label, and the best reading, for texts that it did not learn, long ones too."""
    tagger, crf = trained
    texts = [marked.text for marked in synthetic.lines(60, 2, unseen=True)]
    listed, placed = Features(), Features(crf.places)
    for found in [*(each for text in texts for each in read(text)), read("山田さんと、" * 120)[0]]:
        tagger.set(listed.of(found))
        scores = crf.scores(placed.of(found))
        theirs = [[tagger.marginal(label, at) for label in crf.labels] for at in range(len(found))]
        assert np.abs(crf.probabilities(scores) - theirs).max() < 1e-4
        assert crf.best(scores) == tagger.tag()


def test_a_sentence_of_one_word(trained: tuple[pycrfsuite.Tagger, Crf]) -> None:
    """The shortest sentence has probabilities that add up to one."""
    _, crf = trained
    scores = crf.scores(Features(crf.places).of(read("山田")[0][:1]))
    assert crf.probabilities(scores).shape == (1, len(crf.labels))
    assert crf.probabilities(scores).sum() == pytest.approx(1)
    assert len(crf.best(scores)) == 1
