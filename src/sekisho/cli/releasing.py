"""Writes a release to standard output, in the forms of the HTTP contract or as a table."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import answer_table, say

if TYPE_CHECKING:
    from sekisho.release import Occasion, Release

_SHOWN = 10_000  # rows that a table shows


class Form(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


FormOption = Annotated[
    Form | None,
    typer.Option(
        "--format", "-f", help="Form of the answer: a table on a terminal, else ndjson.", show_default=False
    ),
]


TicketOption = Annotated[
    str | None, typer.Option("--ticket", help="Ticket or case worked on, such as INC-2041.", show_default=False)
]
GrantOption = Annotated[
    str | None, typer.Option("--grant", help="Grant of an emergency purpose, for the ticket.", show_default=False)
]

_ENDINGS = {".jsonl": Form.NDJSON, **{f".{form.value}": form for form in Form if form is not Form.TABLE}}


def chosen(form: Form | None, output: Path | None = None) -> Form:
    """Return the form to write. Raises ``typer.BadParameter`` for bytes on a terminal, or a table in a file."""
    if output is not None:
        form = form or _ENDINGS.get(output.suffix, Form.NDJSON)
        if form is Form.TABLE:
            raise typer.BadParameter("a table is for a terminal; name another --format for a file")
        return form
    terminal = sys.stdout.isatty()
    if form is None:
        return Form.TABLE if terminal else Form.NDJSON
    if terminal and form in {Form.ARROW, Form.PARQUET}:
        raise typer.BadParameter(f"{form.value} is not for a terminal; redirect it into a file")
    return form


def occasion_of(form: Form, ticket: str | None = None, grant: str | None = None) -> Occasion:
    """Return on what occasion is asked; a table is no form in which an answer is given away."""
    from sekisho.domain.limits import ReleaseFormat
    from sekisho.release import Occasion

    return Occasion(None if form is Form.TABLE else ReleaseFormat(form.value), ticket, grant)


def page_rows(form: Form) -> int:
    """Return how many rows a page of *form* has."""
    from sekisho.http.formats import FORMATS, ROWS_PER_PAGE

    return next((known.page_rows for known in FORMATS if known.name == form.value), ROWS_PER_PAGE)


def value_of(text: str) -> object:
    """Return a parameter as it is typed: a JSON number, string, ``true``, ``false`` or ``null``, else the text."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, list | dict) else value


async def write(release: Release, form: Form, output: Path | None = None) -> None:
    """Write every page of *release* as it comes, to *output* or to standard output.

    Raises what a later page raises: then the answer has no end, and *output* is as it was before.
    """
    if output is None:
        await _write(release, form, sys.stdout.buffer)
        return
    part = output.with_name(f".{output.name}.{release.id}.part")
    try:
        with part.open("xb") as out:
            await _write(release, form, out)
        part.replace(output)
    except OSError:
        raise typer.BadParameter("the file of --output cannot be written") from None
    finally:
        part.unlink(missing_ok=True)


async def _write(release: Release, form: Form, out: IO[bytes]) -> None:
    if form is Form.TABLE:
        await _write_table(release)
        return
    from sekisho.http.formats import FORMATS, json_document

    encoder = next(known.encoder for known in FORMATS if known.name == form.value)
    progress = _Progress()
    try:
        if encoder is None:
            page = await anext(aiter(release.pages()))
            out.write(json_document(release, page) + b"\n")
            return
        encode, complete = encoder(release).page, True
        async for page in release.pages():
            out.write(encode(page))
            complete = page.complete or not page.last
            progress.more(page.batch.num_rows)
        if not complete and form in {Form.CSV, Form.PARQUET}:  # forms without a mark of their own
            say(f"Not all rows: the answer was cut by --max-rows. Release {release.id}.")
    finally:
        progress.end()
        out.flush()
        await release.close()


class _Progress:
    """How many rows were written, on standard error where that is a terminal and standard output is none."""

    def __init__(self) -> None:
        self._rows = 0
        self._shown = False
        self._wanted = sys.stderr.isatty() and not sys.stdout.isatty()

    def more(self, rows: int) -> None:
        """Count *rows*, and tell once there is more than one page."""
        self._shown = self._wanted and (self._shown or self._rows > 0)
        self._rows += rows
        if self._shown:
            sys.stderr.write(f"\r{self._rows:,} rows")
            sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            sys.stderr.write("\n")


async def _write_table(release: Release) -> None:
    from sekisho.http.rows import json_rows

    rows: list[tuple[object, ...]] = []
    count, complete = 0, True
    try:
        async for page in release.pages():
            rows.extend(json_rows(page.batch)[: _SHOWN - len(rows)])
            count, complete = count + page.batch.num_rows, page.complete or not page.last
            if count > _SHOWN:
                complete = False
                break
    finally:
        await release.close()
    answer_table([output.name for output in release.columns], rows)
    masked = [f"{o.name}: {o.transform.value}" for o in release.columns if o.transform.value != "clear"]
    say(f"{len(rows):,} rows{'' if complete else ', not all'}. Release {release.id}.")
    if masked:
        say(f"Masked: {', '.join(masked)}.")
