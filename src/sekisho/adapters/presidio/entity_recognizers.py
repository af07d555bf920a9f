"""Our recognisers as Presidio's ``EntityRecognizer``, one a kind and language, for who runs an ``AnalyzerEngine``.

    >>> from presidio_analyzer import AnalyzerEngine
    >>> from presidio_analyzer.nlp_engine import NoOpNlpEngine
    >>> from sekisho.adapters.presidio.entity_recognizers import registry
    >>> languages = ["ja", "en"]
    >>> models = [{"lang_code": language, "model_name": "none"} for language in languages]
    >>> engine = NoOpNlpEngine(models=models)
    >>> analyzer = AnalyzerEngine(registry=registry(), nlp_engine=engine, supported_languages=languages)
    >>> [result.entity_type for result in analyzer.analyze("メールはhanako@example.co.jpです", language="ja")]
    ['EMAIL']

They stand on no token and no lemma, so any NLP engine will do, beside any other recogniser. What is found together in
one pass is found once: each thread remembers what was found in the text that it read last.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerRegistry, RecognizerResult

from sekisho import __version__
from sekisho.detect.normalise import Folded, fold
from sekisho.detect.recognisers import RECOGNISERS, Recogniser
from sekisho.detect.spans import Span

LANGUAGES = ("ja", "en")


class SekishoRecognizer(EntityRecognizer):
    """Finds one kind of personal data in texts of one language.

    Attributes
    ----------
    recogniser:
        Its description, with the source of the form.
    """

    def __init__(self, recogniser: Recogniser, language: str) -> None:
        self.recogniser = recogniser
        kind = str(recogniser.kind)
        super().__init__(
            supported_entities=[kind],
            supported_language=language,
            name=f"Sekisho{kind.title().replace('_', '')}Recognizer",
            context=list(recogniser.context),
            version=__version__,
        )

    def load(self) -> None:
        """Load nothing: models are loaded at the first text that needs one."""

    def analyze(self, text: str, entities: Sequence[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """Return what is found in *text*, as it is written."""
        del nlp_artifacts
        kind = self.supported_entities[0]
        if kind not in entities:
            return []
        folded, spans = _LAST.spans(text, self.recogniser.find)
        return [
            RecognizerResult(entity_type=kind, start=start, end=end, score=span.score)
            for span in spans
            if span.kind == kind
            for start, end in (folded.original(span.start, span.end),)
        ]


def recognizers(languages: Iterable[str] = LANGUAGES, *, review: bool = False) -> list[SekishoRecognizer]:
    """Return a recogniser for each kind and each of *languages* in which it is looked for.

    With *review* also those whose findings flag a text for people to read (要配慮個人情報), and are not to be masked.
    """
    wanted = frozenset(languages)
    return [
        SekishoRecognizer(recogniser, language)
        for recogniser in RECOGNISERS
        if recogniser.masked or review
        for language in recogniser.languages
        if language in wanted
    ]


def registry(languages: Iterable[str] = LANGUAGES) -> RecognizerRegistry:
    """Return a registry that holds ours alone."""
    known = list(languages)
    return RecognizerRegistry(recognizers=recognizers(known), supported_languages=known)


class _Last(threading.local):
    """The text that this thread read last, and what each function found in it."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._folded = Folded("")
        self._found: dict[Callable[[str], Iterable[Span]], list[Span]] = {}

    def spans(self, text: str, find: Callable[[str], Iterable[Span]]) -> tuple[Folded, list[Span]]:
        """Return what *find* finds in the folded *text*, and the way back."""
        if text != self._text:
            self._text, self._folded, self._found = text, fold(text), {}
        if find not in self._found:
            self._found[find] = list(find(self._folded.text))
        return self._folded, self._found[find]


_LAST = _Last()
