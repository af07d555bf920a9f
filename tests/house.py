"""House rules that no linter knows: run by ``make check``, exits 1 with what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

MOST_LINES = 400
FORBIDDEN_NAMES = re.compile(r"(^|/)(utils?|helpers?|common|managers?|misc)(\.py|/|$)")
ROOT = Path(__file__).resolve().parent.parent


def tracked(*patterns: str) -> list[str]:
    """Return the files that git tracks, or would, under *patterns*."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def faults() -> list[str]:
    """Return every broken rule as one sentence."""
    lengths = {
        name: len((ROOT / name).read_text(encoding="utf-8").splitlines())
        for name in tracked("src/*.py", "tests/*.py", "policies/*.rego")
    }
    found = [
        f"{name} has {lines} lines; split it along its concepts ({MOST_LINES} at most)."
        for name, lines in lengths.items()
        if lines > MOST_LINES
    ]
    found += [
        f"{name}: name it after what it does." for name in tracked("src", "tests") if FORBIDDEN_NAMES.search(name)
    ]
    return found


if __name__ == "__main__":
    broken = faults()
    sys.stdout.write("\n".join(broken) + "\n" if broken else "House rules: kept.\n")
    sys.exit(bool(broken))
