"""Ours as plugins of Presidio: recognisers for its analyzer, operators for its anonymizer."""

from __future__ import annotations

import pytest
from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer
from presidio_analyzer.nlp_engine import NoOpNlpEngine
from presidio_anonymizer import AnonymizerEngine, DeanonymizeEngine
from presidio_anonymizer.entities import InvalidParamError, OperatorConfig, OperatorResult, RecognizerResult
from tests.detect.test_presidio import TEXTS

from sekisho.adapters.presidio import recognizers
from sekisho.adapters.presidio.entity_recognizers import registry
from sekisho.adapters.presidio.operators import register
from sekisho.detect.recognisers import RECOGNISERS, find

LANGUAGES = ["ja", "en"]
KEY = bytes(range(64))


@pytest.fixture(scope="module")
def analyzer():
    models = [{"lang_code": language, "model_name": "none"} for language in LANGUAGES]
    ours = registry()
    staff = PatternRecognizer("STAFF_ID", patterns=[Pattern("s", r"EMP[0-9]{4}", 0.8)], supported_language="ja")
    ours.add_recognizer(staff)
    return AnalyzerEngine(registry=ours, nlp_engine=NoOpNlpEngine(models=models), supported_languages=LANGUAGES)


def test_each_kind_is_a_recogniser():
    """Each kind has a recogniser in each of its languages, with entity, context words and a name of its own."""
    made = recognizers()
    assert {(each.supported_entities[0], each.supported_language) for each in made} == {
        (str(each.kind), language) for each in RECOGNISERS if each.masked for language in each.languages
    }
    assert len({(each.name, each.supported_language) for each in made}) == len(made)
    by_kind = {each.supported_entities[0]: each for each in made}
    assert "マイナンバー" in by_kind["MY_NUMBER"].context
    assert [each.supported_language for each in recognizers(["en"])] == ["en"] * len(recognizers(["en"]))


@pytest.mark.parametrize("text", [*TEXTS, "㈱ﾃﾞｰﾀ ０９０ー１２３４ー５６７８"], ids=range(len(TEXTS) + 1))
def test_the_analyzer_finds_the_same(analyzer, text):
    """Presidio's analyzer over ours covers what a direct call covers, where it stands in the text."""
    found = {at for result in analyzer.analyze(text, language="ja") for at in range(result.start, result.end)}
    assert found == {at for span in find(text) for at in range(span.start, span.end)}


def test_beside_others_and_by_entity(analyzer):
    """Others' recognisers stand beside ours, and one who asks for some entities gets those."""
    text = "社員EMP1234 a@example.jp 090-1234-5678"
    asked = analyzer.analyze(text, language="ja", entities=["STAFF_ID", "EMAIL"])
    assert {(result.entity_type, text[result.start : result.end]) for result in asked} == {
        ("STAFF_ID", "EMP1234"), ("EMAIL", "a@example.jp"),
    }  # fmt: skip


def test_operators():
    """Equal values have equal hashes and tokens; other kinds, keys or domains others; a token is turned back."""
    anonymizer, deanonymizer = AnonymizerEngine(), DeanonymizeEngine()
    register(anonymizer, deanonymizer)

    def masked(name, **params):
        spans = [RecognizerResult("EMAIL", 0, 1, 0.9), RecognizerResult("EMAIL", 2, 3, 0.9)]
        spans.append(RecognizerResult("NAME", 4, 5, 0.9))
        return anonymizer.anonymize("a,a,a", spans, {"DEFAULT": OperatorConfig(name, params)}).text.split(",")

    one, two, other = masked("sekisho_hmac", key=KEY)
    assert one == two != other
    assert len(one) == 32
    assert one not in masked("sekisho_hmac", key=KEY[::-1])
    token, again, _ = masked("sekisho_token", key=KEY, domain="mail")
    assert token == again
    assert token not in masked("sekisho_token", key=KEY, domain="phone")
    whole = [OperatorResult(0, len(token), "EMAIL", token, "sekisho_token")]

    def back(domain):
        config = OperatorConfig("sekisho_detoken", {"key": KEY, "domain": domain})
        return deanonymizer.deanonymize(token, whole, {"DEFAULT": config}).text

    assert back("mail") == "a"
    with pytest.raises(InvalidParamError) as refused:
        back("phone")
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sekisho_hmac", {}), ("sekisho_hmac", {"key": b"short"}), ("sekisho_hmac", {"key": "k" * 64}),
        ("sekisho_token", {"key": KEY[:32], "domain": "mail"}), ("sekisho_token", {"key": KEY}),
    ],
    ids=["no key", "short key", "text key", "short token key", "no domain"],
)  # fmt: skip
def test_operators_refuse(name, params):
    """A key or domain that is none is refused, and neither it nor the text is told."""
    anonymizer = AnonymizerEngine()
    register(anonymizer)
    with pytest.raises(InvalidParamError) as refused:
        anonymizer.anonymize("山田", [RecognizerResult("NAME", 0, 2, 0.9)], {"DEFAULT": OperatorConfig(name, params)})
    assert "short" not in str(refused.value)
    assert "山田" not in str(refused.value)
