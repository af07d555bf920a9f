"""Policies as files of a folder, and the revision that names what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path

from sekisho.errors import PolicyUnavailable

Appearance = tuple[object, ...]
"""What the file system says of policy files, see :func:`appearance`."""

_NOT_LOADED = {"checks"}  # folders of policies about the policies


def shipped_policies() -> Path:
    """Return the folder of the policies that come with the program.

    In an installed package they lie beside the code, in a checkout at its top.

    Raises
    ------
    PolicyUnavailable
        When neither is there.
    """
    packaged = Path(str(resources.files("sekisho"))) / "policies"
    for folder in (packaged, packaged.parents[2] / "policies"):
        if (folder / "sekisho").is_dir():
            return folder
    raise PolicyUnavailable("The policies that come with the program are missing. Install it again.")


def policy_files(folder: Path) -> dict[str, bytes]:
    """Return the policy files below *folder* that take part in decisions: relative name to content.

    Tests (``*_test.rego``) and checks of the policies themselves are left out. Where *folder* is a link it is
    followed once, so that a folder exchanged meanwhile gives one set of files or the other.

    Raises
    ------
    PolicyUnavailable
        When the folder cannot be read, or holds no policy.
    """
    try:
        place = folder.resolve()
        files = {path.relative_to(place).as_posix(): path.read_bytes() for path in _taking_part(place)}
    except OSError:
        raise PolicyUnavailable("The policy folder cannot be read.") from None
    if not files:
        raise PolicyUnavailable("The policy folder holds no policy, so nothing is allowed.")
    return files


@lru_cache(maxsize=1)
def reviewed_texts() -> frozenset[str]:
    """Return the texts of the policies that come with the program, whose ``ends`` its tests look at."""
    return frozenset(content.decode() for content in policy_files(shipped_policies()).values())


def policy_revision(files: dict[str, bytes]) -> str:
    """Return the revision of a set of policy files: the first 16 digits of their :func:`policy_digest`."""
    return policy_digest(files)[:16]


def policy_digest(files: dict[str, bytes]) -> str:
    """Return SHA-256 over names and content of a set of policy files, in hexadecimal."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        # Lengths first, so that no text can move from a name into a content or a next file unseen.
        digest.update(f"{len(name)}:{name}{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def appearance(folder: Path) -> Appearance | None:
    """Return what the file system says of the policy files; another value may mean other policies.

    ``None`` when the folder cannot be read.
    """
    try:
        place = folder.resolve()
        seen: list[object] = [place]
        for path in _taking_part(place):
            told = path.stat()
            seen.append((path, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns))
    except OSError:
        return None
    return tuple(seen)


def _taking_part(place: Path) -> Iterator[Path]:
    for path in sorted(place.rglob("*.rego")):
        if not path.name.endswith("_test.rego") and not _NOT_LOADED.intersection(path.relative_to(place).parts):
            yield path
