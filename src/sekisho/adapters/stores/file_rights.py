"""The rights that the gateway needs in a store of files, as a script for who owns them; and who has more.

Least privilege is the file system's here: the gateway's account may read the files through a group, nobody else may,
and the gateway may change nothing. It opens a database read-only in any case.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from sekisho.domain.terms import Dataset, Store, StoreKind
from sekisho.errors import InvalidRequest

_WAL = b"\x02\x02"  # at 18 in the header: the versions that writing and reading need


def script(store: Store, *, group: str) -> str:
    """Return the shell script that lets *group* read the files of *store*, and nobody but their owner change them.

    Raises ``InvalidRequest`` for a place that no script can name.
    """
    if not store.location.isprintable():
        raise InvalidRequest(f"The path of the store {store.name} holds a line break or the like; move it.")
    place, named = shlex.quote(store.location), shlex.quote(group)
    lines = [
        f"# The gateway's rights in the store {store.name}. Run it as root or as the owner of the files, and again",
        "# when files were added by a program that does not keep these rights. The gateway's account belongs to the",
        "# group and owns none of them: sudo usermod -a -G GROUP ACCOUNT",
        "set -eu",
    ]
    if store.kind is StoreKind.SQLITE:
        parent = shlex.quote(str(Path(store.location).parent))
        lines += [
            f"chgrp -- {named} {place}",
            f"chmod -- u=rw,g=r,o= {place}",
            f"# Whoever may write the folder may put another file in its place: {parent}",
        ]
        if is_wal(Path(store.location)):
            lines += [
                "# The database keeps a log beside it (WAL), which readers write too. Without it they need not:",
                f"# sqlite3 {place} 'PRAGMA journal_mode = DELETE'",
            ]
    else:
        lines += [
            f"chgrp -R -- {named} {place}",
            f"chmod -R -- u=rwX,g=rX,o= {place}",
            "# New files get the group of their folder.",
            f"find {place} -type d -exec chmod -- g+s {{}} +",
        ]
    return "\n".join([*lines, ""])


def is_wal(database: Path) -> bool:
    """Return whether a SQLite database keeps a write-ahead log; false when it cannot be read."""
    try:
        with database.open("rb") as file:
            return file.read(20)[18:20] == _WAL
    except OSError:
        return False


def excess(store: Store, datasets: Iterable[Dataset]) -> Iterator[str]:
    """Yield what other accounts, or this one without owning it, may do with the files of *store* past the gateway.

    An account that owns the files is not told: it has every right, and is that of the demonstration.
    """
    place = Path(store.location)
    reachable = all(each.stat().st_mode & stat.S_IXOTH for each in place.absolute().parents)
    if reachable and place.stat().st_mode & stat.S_IROTH:
        yield f"every account of this machine can read it past the gateway; chmod o-rwx {place}"
    if reachable and any(each.stat().st_mode & stat.S_IWOTH for each in _files(store, datasets)):
        yield f"every account of this machine can change it; chmod -R o-w {place}"
    elif any(_may_write(each.stat()) for each in _files(store, datasets)):
        yield f"the gateway's account may change it; sekisho stores bootstrap {store.name}"


def _files(store: Store, datasets: Iterable[Dataset]) -> Iterator[Path]:
    """Yield the store's place and every file that a dataset reads."""
    yield Path(store.location)
    if store.kind is StoreKind.DUCKDB:
        for dataset in datasets:
            if dataset.store == store.name:
                yield from Path(store.location).glob(dataset.relation)


def _may_write(found: os.stat_result) -> bool:
    """Return whether this process may write without owning it; root, which may always, is not asked."""
    account = os.geteuid()
    if account in {0, found.st_uid}:
        return False
    mine = found.st_gid in {os.getegid(), *os.getgroups()}
    return bool(found.st_mode & (stat.S_IWGRP if mine else stat.S_IWOTH))
