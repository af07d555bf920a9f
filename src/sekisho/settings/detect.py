"""The section ``detect``: what reads free text beside our own recognisers, and how much it may take."""

from __future__ import annotations

import re

from sekisho.settings.faults import shown
from sekisho.settings.section import Section
from sekisho.settings.values import DetectSettings

_FACTORY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*")
_MOST_PROCESSES = 256
_MEGABYTE = 1 << 20


def detect(root: Section) -> DetectSettings:
    """Return how free text is read; by our own recognisers alone when nothing is said."""
    section = root.section("detect")
    default = DetectSettings()
    if section is None:
        return default
    recognizers = section.texts("recognizers")
    for target in recognizers:
        if _FACTORY.fullmatch(target) is None:
            section.wrong_below(
                "recognizers", target, f"{shown(target)} names no recogniser", "write package.module:factory"
            )
    return DetectSettings(
        tuple((target, section.line_below("recognizers", target)) for target in recognizers),
        section.whole("processes", 0, 1, _MOST_PROCESSES) or None,
        section.whole("memory_mb", default.memory // _MEGABYTE, 128, 1 << 20) * _MEGABYTE,
        section.whole("cache_mb", default.cache // _MEGABYTE, 1, 1 << 16) * _MEGABYTE,
    )
