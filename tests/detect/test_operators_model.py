"""A language model that an operator installs plugs in beside ours, through Presidio's interface."""

from __future__ import annotations

from sekisho.adapters.presidio import PresidioDetector


def test_a_named_entity_model_plugs_in():
    """What a model of the operator's calls PERSON is masked as a name, together with what ours find."""

    def extra():
        from presidio_analyzer import EntityRecognizer, RecognizerResult

        class Model(EntityRecognizer):
            """Stands where a spaCy model would: it knows one name that no rule finds."""

            def load(self):
                """Nothing to load."""

            def analyze(self, text, entities, nlp_artifacts):
                start = text.find("yefremova")
                return [RecognizerResult("PERSON", start, start + 9, 0.85)] if start >= 0 else []

        return [Model(supported_entities=["PERSON"], supported_language="en")]

    text = "follow up with yefremova, hanako@example.com"
    assert PresidioDetector().mask([text]) == ["follow up with yefremova, [EMAIL]"]
    assert PresidioDetector(extra).mask([text]) == ["follow up with [NAME], [EMAIL]"]
