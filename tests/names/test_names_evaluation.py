"""What the model of names that is shipped is worth, on texts that it never saw."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.names import corpora, people, synthetic, templates, train, unseen_templates
from tests.names.evaluate import SEED, covered, exact


@pytest.mark.long
@pytest.mark.parametrize(
    ("corpus", "label", "least"),
    [
        ("gsd", "PERSON", 0.79),
        ("gsd", "LOCATION", 0.78),
        ("stockmark", "PERSON", 0.88),
        ("stockmark", "LOCATION", 0.83),
    ],
)
def test_names_of_written_language(corpus, label, least):
    """What the shipped model reaches is kept; the aims, some of them missed, stand in ``docs/names.md``."""
    texts = corpora.gsd("dev") if corpus == "gsd" else corpora.stockmark(held_out=True)
    assert exact(texts, label).f1 >= least


@pytest.mark.long
def test_unseen_names_in_unseen_lines():
    """Of names that training never saw, in lines that it never saw, 98 % are masked whole, at little cost."""
    found = covered(synthetic.unseen_lines(4_000, SEED))
    assert found.recall >= 0.98
    assert found.cost <= 0.03


@pytest.mark.long
def test_english():
    """English names are found by rules and lists: nearly three in four, which the documentation says."""
    assert covered(corpora.english(held_out=True)).recall >= 0.74


@pytest.mark.long
def test_nothing_judged_was_learnt():
    """No article, template, surname or given name that judges the model is among what it learns from."""
    learnt, judged = people.pools()
    assert not {name for name, _ in learnt.surnames + learnt.common} & {name for name, _ in judged.surnames}
    assert not {name for name, _ in learnt.given + learnt.common_given} & {name for name, _ in judged.given}
    assert not set(templates.PEOPLE + templates.OTHERS) & set(unseen_templates.LINES + unseen_templates.TUNING)
    texts = {marked.text for marked in [*corpora.stockmark(held_out=False), *corpora.gsd("train")]}
    assert not texts & {marked.text for marked in [*corpora.stockmark(held_out=True), *corpora.gsd("dev")]}


def test_the_same_lines_for_the_same_seed():
    """Lines to learn from are the same every time."""
    assert synthetic.lines(50, 3, unseen=False) == synthetic.lines(50, 3, unseen=False)


@pytest.mark.long
def test_trained_twice_it_is_the_same(tmp_path):
    """The same texts give the same model, byte for byte, in another process too."""
    program = (
        "import sys; from pathlib import Path; from tests.names import synthetic, train;"
        "train.train(Path(sys.argv[1]), synthetic.lines(200, 1, unseen=False))"
    )
    models = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        subprocess.run([sys.executable, "-c", program, str(folder)], check=True)
        models.append((folder / train.NAME).read_bytes())
    assert models[0] == models[1]
