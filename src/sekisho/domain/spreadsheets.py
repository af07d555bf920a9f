"""What a spreadsheet takes for a formula: one rule for every table of text that leaves."""

from __future__ import annotations

import re

# A spreadsheet runs a cell that starts with one of these as a formula (OWASP, CSV injection); the full-width forms
# are read the same by spreadsheets with a Japanese keyboard in mind. Blanks, characters without width and quotes in
# front are dropped by some programs that read CSV, and by people who copy cells.
FORMULA = r"""^[\s'"\x{200B}-\x{200F}\x{2060}\x{FEFF}]*[=+\-@\t\r\n＝＋－＠]"""
"""The rule in the notation of polars; what fits it gets an apostrophe in front."""

FORMULA_START = re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", FORMULA))
"""The same for Python."""
