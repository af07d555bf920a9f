"""What policies tell of their own reasons to say no: the METADATA beside each rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from sekisho.errors import SekishoError

_BLOCK = re.compile(r"^# METADATA\n((?:^#.*\n)+)", re.MULTILINE)


def rules_in(folder: Path) -> Iterator[dict[str, str]]:
    """Yield what the METADATA of each rule that can refuse says. Raises ``SekishoError`` when one cannot be read."""
    for path in sorted(folder.rglob("*.rego")):
        if path.stem.endswith("_test") or "checks" in path.parts:
            continue
        for block in _BLOCK.finditer(path.read_text("utf-8")):
            try:
                about = yaml.safe_load(re.sub(r"^# ?", "", block.group(1), flags=re.MULTILINE))
                custom = about.get("custom") or {}
            except (yaml.YAMLError, AttributeError):
                raise SekishoError(f"The METADATA of a rule in {path.name} cannot be read.") from None
            if "reason" in custom:
                yield {
                    "code": str(custom["code"]),
                    "reason": str(custom["reason"]),
                    "title": str(about.get("title", "")),
                    "description": str(about.get("description", "")),
                    "source": str(custom.get("source", "")),
                    "remedy": str(custom.get("remedy", "")),
                    "title_ja": str(custom.get("title_ja", "")),
                    "description_ja": str(custom.get("description_ja", "")),
                    "remedy_ja": str(custom.get("remedy_ja", "")),
                    "file": path.relative_to(folder).as_posix(),
                }
