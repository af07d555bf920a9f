"""Tell how the recognisers fare on both files."""

from __future__ import annotations

import sys

from tests.detect.held_out import FILES, judged, labelled, table

for name in FILES:
    sys.stdout.write(f"{name}\n" + "\n".join(table(judged(labelled(name)))) + "\n\n")
