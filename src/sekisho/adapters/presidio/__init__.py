r"""Free text and Presidio: our recognisers find what is to be masked, an operator's own plug in beside them.

========================  =========================================================================================
``Finder``                one text in, stretches to be replaced out; what every process that reads texts runs
``PresidioDetector``      a ``ports.Detector`` in this process alone
``detector.FreeText``     the ``ports.Detector`` of the gateway: a cache of stretches, and processes that read
``pool``, ``worker``      those processes, seen from outside and from inside
``entity_recognizers``    ours as Presidio ``EntityRecognizer`` objects, for who runs an ``AnalyzerEngine``
``operators``             our transforms as operators of presidio-anonymizer
========================  =========================================================================================

Ours are called as they are, and Presidio is not even imported. An operator's recognisers are called beside them,
without the ``AnalyzerEngine`` between: what it adds needs a language model (context by lemma) or is done here
(overlaps). Nothing is fetched: the artifacts they get are those of Presidio's ``NoOpNlpEngine``, so a recogniser
brings the model that it needs.

What Presidio does by default and is undone here:

- its patterns stand on ``\b``, which finds no edge between kana and Latin letters: patterns handed in are
  compiled with ``regex.ASCII``, and read the folded text (half-width digits), offsets mapped back;
- a pattern that runs into its time limit (60 s) is skipped and the text passes: the limit is 2 s, and a
  text that took that long is masked whole;
- its e-mail recogniser asks tldextract, which would fetch the public suffix list: only the packaged
  snapshot is used.

Importing Presidio takes two seconds; nothing here does it unless an operator's recogniser has.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from time import monotonic
from typing import Any

from sekisho.detect.normalise import fold
from sekisho.detect.recognisers import find_in
from sekisho.detect.spans import Kind
from sekisho.transform.spans import MAX_TEXT_BYTES, REDACTED, Found, Stretch, replaced, resolve

# What Presidio's own recognisers call the same things.
_SAME = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "PERSON": "NAME",
    "LOCATION": "ADDRESS",
    "IP_ADDRESS": "IP",
    "MAC_ADDRESS": "MAC",
    "IBAN_CODE": "IBAN",
}
_PATTERN_SECONDS = 2
_KIND = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class Finder:
    """Finds what is to be replaced in one text. Safe to call from several threads; keeps no text.

    Parameters
    ----------
    extra:
        An operator's Presidio recognisers. They must be linear in the text and keep no state between texts.

    Attributes
    ----------
    kinds:
        Every kind that can be found.

    Raises
    ------
    ValueError
        When an entity of *extra* is not called in capitals (``STAFF_ID``): its name is what stands in the text.
    """

    def __init__(self, extra: Sequence[Any] = ()) -> None:
        entities = {_SAME.get(entity, entity) for each in extra for entity in each.supported_entities}
        if not all(isinstance(entity, str) and _KIND.fullmatch(entity) for entity in entities):
            raise ValueError("an entity's name has capitals, digits and _ alone")
        self.kinds = frozenset({*map(str, Kind), *entities})
        self._extra = [(each, _prepared(each)) for each in extra]

    def __call__(self, text: str) -> list[Stretch]:
        """Return the stretches of *text* that are to be replaced by their kind."""
        return self.find_in([text])[0]

    def find_in(self, texts: Sequence[str]) -> list[list[Stretch]]:
        """Return the stretches of each of *texts*; together they are read sooner."""
        stretches = []
        for text, spans in zip(texts, find_in(texts), strict=True):
            found: list[Found] = [(span.start, span.end, span.kind, span.score) for span in spans]
            if self._extra:
                found += self._found_by_extra(text)
            stretches.append(resolve(text, found) if found else [])
        return stretches

    def _found_by_extra(self, text: str) -> list[Found]:
        """Return what an operator's recognisers find; they read the folded text."""
        folded = fold(text)
        found: list[Found] = []
        for recogniser, artifacts in self._extra:
            began = monotonic()
            results = recogniser.analyze(folded.text, recogniser.supported_entities, artifacts)
            # Presidio only logs that a pattern ran into its limit, and goes on without it.
            if monotonic() - began >= _PATTERN_SECONDS:
                raise TimeoutError("a recogniser took too long")
            for each in results or ():
                start, end, score = int(each.start), int(each.end), float(each.score)
                kind = _SAME.get(each.entity_type, each.entity_type)
                if not (0 <= start <= end <= len(folded.text) and 0 <= score <= 1 and kind in self.kinds):
                    raise ValueError("a recogniser answered nonsense")
                if start < end and score:
                    found.append((*folded.original(start, end), kind, score))
        return found


class PresidioDetector:
    """A ``ports.Detector`` that replaces personal data by its kind (``[EMAIL]``, ``[PHONE]``, ``[NAME]``).

    Safe to call from several threads. Neither text nor matches are logged.

    Parameters
    ----------
    extra:
        Makes an operator's own Presidio recognisers, called once at the first text.
    max_bytes:
        A text of more UTF-8 bytes is replaced whole.
    """

    def __init__(self, extra: Callable[[], Iterable[Any]] | None = None, *, max_bytes: int = MAX_TEXT_BYTES) -> None:
        self._extra = extra
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._finder: Finder | None = None

    def mask(self, texts: Sequence[str | None]) -> list[str | None]:
        """Return the texts with personal data replaced, nulls as they are.

        A text that is too long, or on which anything fails, is replaced whole by ``[REDACTED]``.
        """
        return [None if text is None else self._mask(text) for text in texts]

    def find(self, text: str) -> list[Stretch] | None:
        """Return what is to be replaced in *text*, ``None`` when anything failed."""
        try:
            return self._ready()(text)
        except Exception:  # noqa: BLE001 - closed whatever happened; the exception may hold the text
            return None

    def warm_up(self) -> None:
        """Load what is loaded at the first text now, so that the first request does not wait for it."""
        self._ready()("氏名：山田太郎 warm@example.com 090-0000-0000")

    def _mask(self, text: str) -> str:
        try:
            if len(text) > self._max_bytes or len(text.encode()) > self._max_bytes:
                return REDACTED
        except UnicodeEncodeError:
            return REDACTED
        stretches = self.find(text)
        return REDACTED if stretches is None else replaced(text, stretches)

    def _ready(self) -> Finder:
        finder = self._finder
        if finder is None:
            with self._lock:
                finder = self._finder
                if finder is None:
                    finder = self._finder = Finder(list(self._extra()) if self._extra else [])
        return finder


def recognizers(languages: Iterable[str] = ("ja", "en")) -> list[Any]:
    """Return ours as Presidio recognisers, one for each kind and language (``entity_recognizers``)."""
    from sekisho.adapters.presidio import entity_recognizers  # noqa: PLC0415 - it imports Presidio

    return list(entity_recognizers.recognizers(languages))


def load_recognizers(target: str) -> list[Any]:
    """Return the recognisers that ``package.module:factory`` makes: one, or several.

    Raises whatever the import or the factory raises, ``TypeError`` when it makes something else.
    """
    module, _, name = target.partition(":")
    made = getattr(import_module(module), name)()
    many = list(made) if isinstance(made, Iterable) else [made]
    wanted = ("analyze", "supported_entities", "supported_language")
    if not many or not all(hasattr(each, attribute) for each in many for attribute in wanted):
        raise TypeError("not a recogniser of Presidio")
    return many


def _prepared(recogniser: Any) -> Any:
    """Undo what Presidio does by default; return the artifacts of no language model, for who asks for some."""
    if "presidio_analyzer" not in sys.modules:
        return None  # a recogniser that Presidio has no part in
    import presidio_analyzer.pattern_recognizer as patterns  # noqa: PLC0415 - see the module
    import regex  # type: ignore[import-untyped]  # noqa: PLC0415 - see the module
    import tldextract.tldextract as suffixes  # noqa: PLC0415 - see the module
    from presidio_analyzer.nlp_engine import NoOpNlpEngine  # noqa: PLC0415 - see the module

    patterns.REGEX_TIMEOUT_SECONDS = _PATTERN_SECONDS
    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)
    if hasattr(recogniser, "global_regex_flags"):
        # Flags of the module that Presidio compiles with: the number of re.ASCII means something else there.
        recogniser.global_regex_flags = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE | regex.ASCII
    language = recogniser.supported_language
    engine = NoOpNlpEngine(models=[{"lang_code": language, "model_name": "none"}])
    engine.load()
    return engine.process_text("", language)
