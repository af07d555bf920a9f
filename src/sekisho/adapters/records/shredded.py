"""Who was erased, remembered outside the database, so that a restored backup brings nobody back.

A backup from before an erasure holds the person's identifiers and the key that what is said about them is sealed
under. The file ``erased.people`` beside the saved heads names the number of everybody who was erased, one line each,
with a MAC: who is found unerased in the database at a start is erased again before anything is served. What an
export of the audit log tells of erasures can be added (``sekisho consent replay``), for a machine that lost the file.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select, text

from sekisho.adapters.records.database import Database, DatabaseFailed, bulk_insert
from sekisho.adapters.records.people_rows import numbers_unerased, take
from sekisho.adapters.records.tables import audit_record, data_subject
from sekisho.domain.record import subject_refs
from sekisho.domain.terms import SubjectNumber
from sekisho.durable import sync
from sekisho.errors import ConsentUnavailable
from sekisho.ports import KeyRing

KIND: Final = "data_subject.erase"
"""Kind of the audit record of an erasure."""

_FILE: Final = "erased.people"
_STEP: Final = 100_000
_DAMAGED: Final = (
    "The file erased.people beside the saved heads cannot be read, or has a line that the gateway did not write; it"
    " says who was erased. Restore it, or remove it and run sekisho consent replay with an export of the audit log."
)


class ShreddedPeople:
    """The file in *folder*, that of the saved heads. Its lines only become more.

    Parameters
    ----------
    keys:
        Key ring; the label is ``erased-people``.
    """

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self._path = folder / _FILE
        self._key = keys.derive("erased-people")

    def add(self, numbers: Iterable[int]) -> None:
        """Remember *numbers*; on the disk when this returns. Raises ``ConsentUnavailable``."""
        lines = "".join(f"{number} {self._mac(number)}\n" for number in numbers).encode("ascii")
        if not lines:
            return
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(handle).st_size
                torn = size and os.pread(handle, 1, size - 1) != b"\n"  # what a crash left of a line ends here
                left = memoryview(b"\n" + lines if torn else lines)
                while left:
                    left = left[os.write(handle, left) :]  # a full disk takes a part, and refuses the rest
                os.fsync(handle)
            finally:
                os.close(handle)
            sync(self._path.parent)
        except OSError:
            raise ConsentUnavailable("That somebody is erased could not be remembered; nobody was erased.") from None

    def numbers(self) -> set[int]:
        """Return everybody who was erased. Raises ``ConsentUnavailable`` for a file that says more than we wrote."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return set()
        except OSError:
            raise ConsentUnavailable(_DAMAGED) from None
        found = set()
        for line in lines:
            number, _, mac = line.partition(b" ")
            if len(mac) < len(self._mac(0)):
                continue  # nothing, or what a crash left of a line: then the erasure did not happen
            if not number.isdigit() or not hmac.compare_digest(mac, self._mac(int(number)).encode()):
                raise ConsentUnavailable(_DAMAGED)
            found.add(int(number))
        return found

    async def returned(self, database: Database) -> list[SubjectNumber]:
        """Return who was erased and stands in the database as before, ascending. Raises ``ConsentUnavailable``.

        A number that the database does not know any more is taken again, so that nobody else ever gets it.
        """
        numbers = sorted(await asyncio.to_thread(self.numbers))
        if not numbers:
            return []

        def work(connection: Connection) -> list[SubjectNumber]:
            known, now = take(connection, "data_subject", 0, database.now_sql)
            if numbers[-1] > known:
                new = [(number, now) for number in range(known + 1, numbers[-1] + 1)]
                bulk_insert(connection, data_subject, ("number", "created_at"), new)
                take(connection, "data_subject", len(new), database.now_sql)
            return [SubjectNumber(number) for number in numbers_unerased(connection, numbers)]

        try:
            return await database.run(work)
        except DatabaseFailed:
            raise ConsentUnavailable("Who was erased could not be looked up; nothing is served. Try again.") from None

    def _mac(self, number: int) -> str:
        return hmac.digest(self._key, str(number).encode(), "sha256")[:16].hex()


def erased_by_log(
    connection: Connection, keys: KeyRing, records: Iterable[Mapping[str, Any]] | None = None
) -> list[int]:
    """Return the numbers of those whom *records*, by default the database's own log, tell to have been erased."""
    if records is None:
        ids = connection.execute(select(audit_record.c.id).where(audit_record.c.kind == KIND)).scalars()
        refs = {str(each).removeprefix("erase-") for each in ids}
    else:
        refs = {str(record.get("id")).removeprefix("erase-") for record in records if record.get("kind") == KIND}
    if not refs:
        return []
    last = connection.execute(text("SELECT value FROM ledger_counter WHERE name = 'data_subject'")).scalar_one()
    key, length, found = keys.derive("subject-ref"), max(map(len, refs)), []
    for start in range(1, last + 1, _STEP):
        numbers = range(start, min(start + _STEP, last + 1))
        made = subject_refs(key, numbers)
        found += [number for number, ref in zip(numbers, made, strict=True) if ref[:length] in refs]
    return found
