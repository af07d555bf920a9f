"""What a spreadsheet takes for a formula: one rule for every table of text that leaves."""

from __future__ import annotations

import re

# A spreadsheet runs a cell that starts with one of these as a formula (OWASP, CSV injection). Full-width, small and
# raised forms become them where text is normalised (NFKC), as spreadsheets with a Japanese keyboard in mind do.
# Blanks, control characters, characters without width and quotes in front are dropped by some programs that read CSV,
# and by people who copy cells.
FORMULA = (
    r"""^[\s'"\x{0000}-\x{001F}\x{00AD}\x{061C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FEFF}]*"""
    r"""[=+\-@\t\r\n＝＋－＠﹦﹢﹣﹫⁼⁺⁻₌₊₋]"""
)
"""The rule in the notation of polars; what fits it gets an apostrophe in front."""

FORMULA_START = re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", FORMULA))
"""The same for Python."""
