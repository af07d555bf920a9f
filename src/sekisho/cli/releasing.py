"""Writes a release to standard output, in the forms of the HTTP contract or as a table."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import answer_table, say

if TYPE_CHECKING:
    from sekisho.release import Release

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


def chosen(form: Form | None) -> Form:
    """Return the form to write. Raises ``typer.BadParameter`` for bytes on a terminal."""
    terminal = sys.stdout.isatty()
    if form is None:
        return Form.TABLE if terminal else Form.NDJSON
    if terminal and form in {Form.ARROW, Form.PARQUET}:
        raise typer.BadParameter(f"{form.value} is not for a terminal; redirect it into a file")
    return form


def page_rows(form: Form) -> int:
    """Return how many rows a page of *form* has."""
    from sekisho.http.formats import FORMATS, ROWS_PER_PAGE  # noqa: PLC0415 - slow to import

    return next((known.page_rows for known in FORMATS if known.name == form.value), ROWS_PER_PAGE)


async def write(release: Release, form: Form) -> None:
    """Write every page of *release* as it comes. Raises what a later page raises: then the answer has no end."""
    if form is Form.TABLE:
        await _write_table(release)
        return
    from sekisho.http.formats import FORMATS, json_document  # noqa: PLC0415 - slow to import

    encoder = next(known.encoder for known in FORMATS if known.name == form.value)
    out = sys.stdout.buffer
    try:
        if encoder is None:
            page = await anext(aiter(release.pages()))
            out.write(json_document(release, page) + b"\n")
            return
        encode, complete = encoder(release).page, True
        async for page in release.pages():
            out.write(encode(page))
            complete = page.complete or not page.last
        if not complete and form in {Form.CSV, Form.PARQUET}:  # forms without a mark of their own
            say(f"Not all rows: the answer was cut by --max-rows. Release {release.id}.")
    finally:
        out.flush()
        await release.close()


async def _write_table(release: Release) -> None:
    from sekisho.http.rows import json_rows  # noqa: PLC0415 - slow to import

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
