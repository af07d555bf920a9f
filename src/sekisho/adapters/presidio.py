r"""Free text through Presidio: our recognisers find, presidio-anonymizer merges and replaces.

Two paths find spans, and both end in presidio-anonymizer:

- **Direct** (the default): ``detect.find`` is called as it is, some ten thousand texts a second and core.
- **Analyzer** (only when an operator hands in recognisers of their own): Presidio's ``AnalyzerEngine`` over a
  registry that holds ours as one ``EntityRecognizer`` beside theirs, about ten times slower. No language
  model is loaded and nothing is fetched: the NLP engine is Presidio's ``NoOpNlpEngine``, so a recogniser
  that needs tokens or lemmas does not belong here.

What Presidio does by default and is undone here:

- its patterns stand on ``\b``, which finds no edge between kana and Latin letters: patterns handed in are
  compiled with ``regex.ASCII``, and read the folded text (half-width digits), offsets mapped back;
- of two overlapping spans of different kinds it would replace both and cut the text between them
  wrongly: conflicts are resolved by ``REMOVE_INTERSECTIONS``;
- a pattern that runs into its time limit (60 s) is skipped and the text passes: the limit is 2 s, and a
  text that took that long is masked whole;
- its e-mail recogniser asks tldextract, which would fetch the public suffix list: only the packaged
  snapshot is used.

Importing Presidio takes two seconds, so it happens at the first text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any

from sekisho.detect.normalise import fold
from sekisho.detect.recognisers import find, find_folded
from sekisho.detect.spans import Kind, Span
from sekisho.transform.text import MAX_TEXT_BYTES, REDACTED

# What Presidio's own recognisers call the same things.
_SAME = {
    "EMAIL_ADDRESS": Kind.EMAIL,
    "PHONE_NUMBER": Kind.PHONE,
    "CREDIT_CARD": Kind.CARD,
    "PERSON": Kind.NAME,
    "LOCATION": Kind.ADDRESS,
    "IP_ADDRESS": Kind.IP,
    "MAC_ADDRESS": Kind.DEVICE_ID,
    "IBAN_CODE": Kind.BANK_ACCOUNT,
}
_OWN_LANGUAGE = "ja"  # under which ours are registered; they read every language
_PATTERN_SECONDS = 2


class PresidioDetector:
    """A ``ports.Detector`` that replaces personal data by its kind (``[EMAIL]``, ``[PHONE]``, ``[NAME]``).

    Safe to call from several threads. Neither text nor matches are logged.

    Parameters
    ----------
    extra:
        Makes an operator's own Presidio recognisers, called once at the first text. ``None`` takes the
        direct path. They must be linear in the text and keep no state between texts.
    max_bytes:
        A text of more UTF-8 bytes is replaced whole.
    """

    def __init__(self, extra: Callable[[], Iterable[Any]] | None = None, *, max_bytes: int = MAX_TEXT_BYTES) -> None:
        self._extra = extra
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._masking: _Masking | None = None

    def mask(self, texts: Sequence[str | None]) -> list[str | None]:
        """Return the texts with personal data replaced, nulls as they are.

        A text that is too long, or on which anything fails, is replaced whole by ``[REDACTED]``.
        """
        return [None if text is None else self._mask(text) for text in texts]

    def warm_up(self) -> None:
        """Import and set up Presidio now, so that the first request does not wait for it."""
        self._ready()

    def _mask(self, text: str) -> str:
        try:
            if len(text) > self._max_bytes or len(text.encode()) > self._max_bytes:
                return REDACTED
            return self._ready().mask(text)
        except Exception:  # noqa: BLE001 - closed whatever happened; the exception may hold the text
            return REDACTED

    def _ready(self) -> _Masking:
        masking = self._masking
        if masking is None:
            with self._lock:
                masking = self._masking
                if masking is None:
                    masking = _Masking(list(self._extra()) if self._extra else [])
                    self._masking = masking
        return masking


class _Masking:
    """Presidio, set up: made once, then only read."""

    def __init__(self, extra: list[Any]) -> None:
        from presidio_anonymizer import AnonymizerEngine  # noqa: PLC0415 - two seconds, see the module
        from presidio_anonymizer.entities import (  # noqa: PLC0415 - see the module
            ConflictResolutionStrategy,
            OperatorConfig,
            RecognizerResult,
        )

        self._result = RecognizerResult
        self._resolution = ConflictResolutionStrategy.REMOVE_INTERSECTIONS
        self._anonymizer = AnonymizerEngine()  # type: ignore[no-untyped-call]  # the library's
        kinds = {str(kind) for kind in Kind}
        kinds.update(entity for recogniser in extra for entity in recogniser.supported_entities)
        self._operators = {kind: OperatorConfig("replace", {"new_value": f"[{kind}]"}) for kind in kinds}
        # Presidio would add its own default to this dictionary at each call; it is shared by threads.
        self._operators["DEFAULT"] = OperatorConfig("replace", {"new_value": REDACTED})
        # Presidio refuses a language for which it has no recogniser.
        self._languages = sorted({_OWN_LANGUAGE, *(recogniser.supported_language for recogniser in extra)})
        self._analyzer = _analyzer(extra, self._languages) if extra else None
        self.mask("a@example.com")  # operators are looked up lazily: do it before threads share them

    def mask(self, text: str) -> str:
        """Return *text* with every span replaced by its kind."""
        spans: Sequence[tuple[int, int, str, float]] = find(text) if self._analyzer is None else self._analyse(text)
        if not spans:
            return text
        results = [
            self._result(entity_type=str(kind), start=start, end=end, score=score)
            for start, end, kind, score in spans
        ]
        answer = self._anonymizer.anonymize(
            text, results, operators=self._operators, conflict_resolution=self._resolution
        )
        return str(answer.text)

    def _analyse(self, text: str) -> list[tuple[int, int, str, float]]:
        """Return the spans of the analyzer in each language; it reads the folded text."""
        assert self._analyzer is not None  # noqa: S101 - the caller looked
        folded = fold(text)
        began = monotonic()
        found: set[tuple[int, int, str, float]] = set()
        for language in self._languages:
            for result in self._analyzer.analyze(folded.text, language=language):
                if result.start < result.end:
                    kind = str(_SAME.get(result.entity_type, result.entity_type))
                    found.add((*folded.original(result.start, result.end), kind, result.score))
        # Presidio only logs that a pattern ran into its limit, and goes on without it.
        if monotonic() - began >= _PATTERN_SECONDS:
            raise TimeoutError("a recogniser took too long")
        return sorted(found)


def _analyzer(extra: list[Any], languages: list[str]) -> Any:
    """Return an AnalyzerEngine with our recognisers and *extra*, offline."""
    import presidio_analyzer.pattern_recognizer as patterns  # noqa: PLC0415 - see the module
    import regex  # type: ignore[import-untyped]  # noqa: PLC0415 - see the module
    import tldextract.tldextract as suffixes  # noqa: PLC0415 - see the module
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry  # noqa: PLC0415 - see the module
    from presidio_analyzer import RecognizerResult as Found  # noqa: PLC0415 - see the module
    from presidio_analyzer.nlp_engine import NoOpNlpEngine  # noqa: PLC0415 - see the module

    patterns.REGEX_TIMEOUT_SECONDS = _PATTERN_SECONDS
    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class SekishoRecognizer(EntityRecognizer):
        """All recognisers of ``detect``, as one plugin."""

        def load(self) -> None:
            """Load nothing: there is no model."""

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            """Return our spans over *text*, which is folded already."""
            del nlp_artifacts
            return [_found(span) for span in find_folded(text) if str(span.kind) in entities]

    def _found(span: Span) -> Any:
        return Found(entity_type=str(span.kind), start=span.start, end=span.end, score=span.score)

    # Flags of the module that Presidio compiles with: the number of re.ASCII means something else there.
    flags = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE | regex.ASCII
    registry = RecognizerRegistry(global_regex_flags=flags, supported_languages=languages)
    kinds = [str(kind) for kind in Kind]
    registry.add_recognizer(SekishoRecognizer(supported_entities=kinds, supported_language=_OWN_LANGUAGE))
    for recogniser in extra:
        if hasattr(recogniser, "global_regex_flags"):  # not set by the registry on recognisers added by hand
            recogniser.global_regex_flags = flags
        registry.add_recognizer(recogniser)
    models = [{"lang_code": language, "model_name": "none"} for language in languages]
    return AnalyzerEngine(registry=registry, nlp_engine=NoOpNlpEngine(models=models), supported_languages=languages)
