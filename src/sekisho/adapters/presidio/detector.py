"""Free text on its way out of the gateway: what is known is not read again, what is new is read in processes.

A text passes four doors, and whatever fails at one of them replaces the text whole:

1. a text over 64 KiB, or one that is not Unicode text, is not looked into;
2. what was found in it before is remembered (``cache``);
3. new texts are read: by processes (``pool``), or by this one while no process is up, when they are few and no
   operator's recogniser is to read them;
4. what comes back is checked against the text before it is cut up by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from sekisho import detect
from sekisho.adapters.presidio import PresidioDetector
from sekisho.adapters.presidio.cache import StretchCache
from sekisho.adapters.presidio.pool import Answers, Pool
from sekisho.adapters.presidio.process import Recipe
from sekisho.transform.spans import MAX_TEXT_BYTES, REDACTED, replaced

_FEW_BYTES: Final = 4 * 1024
"""Bytes of new texts that this process may read itself while no other is up."""

_log = structlog.get_logger("sekisho.free_text")


class FreeText:
    """The ``ports.Detector`` of the gateway. Safe to call from several threads; never call it on an event loop.

    Parameters
    ----------
    key:
        Of the cache, derived from the key ring.
    recipe:
        What the processes that read know.
    processes:
        How many there may be.
    cache_bytes:
        How much the cache may hold.
    seconds:
        How long one call may take; what is not read by then is replaced whole.
    told:
        Is told how many texts had which fate: ``read``, ``known``, ``oversize`` or ``failed``.
    """

    def __init__(
        self,
        key: bytes,
        recipe: Recipe | None = None,
        *,
        processes: int = 1,
        cache_bytes: int = 32 << 20,
        seconds: float = 10.0,
        told: Callable[[str, int], None] = lambda _fate, _count: None,
    ) -> None:
        self._recipe = recipe or Recipe()
        self.cache = StretchCache(key, version_of(self._recipe), cache_bytes)
        self.pool = Pool(self._recipe, processes, told=_say)
        self._here = PresidioDetector()
        self._seconds = seconds
        self.told = told

    def mask(self, texts: Sequence[str | None]) -> list[str | None]:
        """Return the texts with personal data replaced by its kind, nulls as they are.

        A text that cannot be read is replaced whole by ``[REDACTED]``.
        """
        masked: list[str | None] = [None if text is None else REDACTED for text in texts]
        places: dict[bytes, list[int]] = {}
        counts = dict.fromkeys(("read", "known", "oversize", "failed"), 0)
        for place, text in enumerate(texts):
            if not text:
                masked[place] = text
                continue
            content = _content(text)
            if content is None:
                counts["oversize"] += 1
            else:
                places.setdefault(self.cache.name(content), []).append(place)
        names = list(places)
        stretches = self.cache.get(names)
        missing = [at for at, known in enumerate(stretches) if known is None]
        counts["known"] = len(names) - len(missing)
        if missing:
            new = [str(texts[places[names[at]][0]]) for at in missing]
            for at, found in zip(missing, self._read(new), strict=True):
                counts["failed" if found is None else "read"] += 1
                stretches[at] = found
                if found is not None:
                    self.cache.put(names[at], found)
        for name, found in zip(names, stretches, strict=True):
            if found is not None:
                for place in places[name]:
                    masked[place] = replaced(str(texts[place]), found)
        for fate, count in counts.items():
            if count:
                self.told(fate, count)
        return masked

    async def healthy(self) -> bool:
        """Return whether texts can be read: no process is up because none came up is a no."""
        return self.pool.is_up or self.pool.fault is None

    def close(self) -> None:
        """End the processes."""
        self.pool.close()

    def _read(self, texts: Sequence[str]) -> Answers:
        """Return what is found in each of *texts*."""
        deadline = monotonic() + self._seconds
        few = sum(map(len, texts)) <= _FEW_BYTES
        if few and not self._recipe.recognizers and not self.pool.is_up:
            self.pool.start()
            return [self._here.find(text) for text in texts]
        return self.pool.find(texts, deadline)


def version_of(recipe: Recipe) -> str:
    """Return what changes with every change of what finds: our recognisers and models, an operator's by name."""
    digest = hashlib.sha256()
    folder = Path(detect.__file__).parent
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and "__pycache__" not in each.parts):
        status = path.stat()
        digest.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    digest.update(repr((recipe.recognizers, metadata.version("presidio-analyzer"))).encode())
    return digest.hexdigest()


def _content(text: str) -> bytes | None:
    """Return the bytes of a text that is looked into."""
    if len(text) > MAX_TEXT_BYTES:
        return None
    try:
        content = text.encode()
    except UnicodeEncodeError:  # half a character; no store yields one
        return None
    return content if len(content) <= MAX_TEXT_BYTES else None


def _say(fault: str) -> None:
    _log.warning("texts_not_read", part="free_text", error=fault)
