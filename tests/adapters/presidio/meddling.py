"""Recognisers of an operator that do what none should, at a word in the text; loaded by the processes that read."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace


class Meddler:
    """Finds the word STAFF; at other words it breaks. Has the form of Presidio's, whose import takes seconds."""

    def __init__(self, entity: str = "STAFF_ID") -> None:
        self.supported_entities, self.supported_language = [entity], "ja"

    def analyze(self, text, entities, nlp_artifacts=None):
        """Do what the text says."""
        if "RAISE" in text:
            raise RuntimeError(text)
        if "EXIT" in text:
            raise SystemExit(text)
        if "KILL" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "STOP" in text:
            os.kill(os.getpid(), signal.SIGSTOP)
        if "SPIN" in text:
            while True:
                pass
        if "SLEEP" in text:
            time.sleep(3_600)
        if "MEMORY" in text:
            held = [bytearray(1 << 26) for _ in range(1_000)]
            raise AssertionError(len(held))
        if "PRINT" in text:
            print(text, flush=True)  # noqa: T201 - as people do
            os.write(1, text.encode())
            os.write(2, text.encode())
        if "FILE" in text:
            with open(text.split("=")[1], "w", encoding="utf-8") as file:  # noqa: PTH123 - as people do
                file.write(text)
        nonsense = {
            "OUTSIDE": ("STAFF_ID", 0, 10_000, 0.9),
            "BACKWARDS": ("STAFF_ID", 5, 2, 0.9),
            "NEGATIVE": ("STAFF_ID", -3, 2, 0.9),
            "OTHERKIND": (text, 0, 3, 0.9),
            "NAN": ("STAFF_ID", 0, 3, float("nan")),
        }
        for word, (entity, start, end, score) in nonsense.items():
            if word in text:
                return [SimpleNamespace(entity_type=entity, start=start, end=end, score=score)]
        at = text.find("STAFF")
        return [] if at < 0 else [SimpleNamespace(entity_type="STAFF_ID", start=at, end=at + 5, score=0.9)]


def meddler():
    """Return one recogniser."""
    return Meddler()


def of_presidio():
    """Return two, of two languages, one of them Presidio's own."""
    from presidio_analyzer import Pattern, PatternRecognizer

    staff = PatternRecognizer("BADGE", patterns=[Pattern("badge", r"\bB[0-9]{5}\b", 0.8)], supported_language="en")
    return [Meddler(), staff]


def lower_case():
    """Return one whose entity is called by what a text could hold."""
    return Meddler(entity="yamada taro")


def nothing():
    """Return what is no recogniser."""
    return ["STAFF_ID"]


def broken():
    """Fail with what could be a secret."""
    raise ValueError("postgresql://u:hunter2@h")
