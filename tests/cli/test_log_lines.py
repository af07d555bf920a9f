"""Lines of the log, read by the recognisers of free text before they are written."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sekisho.bootstrap import log_lines


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("mail to hanako@example.co.jp failed", "mail to [EMAIL] failed"),
        ("card 4111111111111111", "card [CARD]"),
        ("texts_not_read", "texts_not_read"),
        ("Application startup complete.", "Application startup complete."),
        (17, 17),
    ],
    ids=range(5),
)
def test_words_of_a_line(said, written):
    """An address or number of a person in a line's words is replaced by its kind; the program's words stay."""
    assert log_lines._masked(said) == written


def test_every_line_is_read():
    """What the process writes on standard error has been read, whoever wrote it."""
    code = (
        "from sekisho.bootstrap import configure_logging; import structlog; configure_logging(); "
        "structlog.get_logger('x').warning('mail to hanako@example.co.jp', part='0 4111111111111111')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = json.loads(ran.stderr)
    assert (line["event"], line["part"]) == ("mail to [EMAIL]", "0 [CARD]")


def test_a_line_that_cannot_be_read(monkeypatch):
    """When the recognisers fail, the line is written without the words."""
    monkeypatch.setattr("sekisho.detect.patterns.find_patterns", lambda _text: 1 // 0)
    assert log_lines._masked("mail to hanako@example.co.jp") == "[REDACTED]"
