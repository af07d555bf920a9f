"""``sekisho consent verify-receipt``: whether a receipt is what was signed, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sekisho.cli.running import JsonOption, answer, answer_json
from sekisho.errors import WorkspaceError


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(epilog="Example: sekisho consent verify-receipt receipt.json --keys jwks.json")(verify_receipt)


def verify_receipt(
    receipt: Annotated[Path, typer.Argument(help="The receipt: the JSON document, or its bare signature.")],
    keys: Annotated[Path, typer.Option(help="The controller's published keys (/.well-known/jwks.json), as a file.")],
    as_json: JsonOption = False,  # noqa: FBT002
) -> None:
    """Verify a consent receipt offline. Exit 0 when it is what the controller signed, else 1."""
    from sekisho.adapters.receipt_key import verified_receipt  # noqa: PLC0415 - slow to import

    try:
        found = verified_receipt(receipt.read_text("utf-8"), json.loads(keys.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"a file cannot be read ({type(error).__name__}); name the receipt and --keys") from None
    if as_json:
        answer_json(found)
        return
    record = found["dpv:hasRecordOfActivity"]
    process, status = record["dpv:hasProcess"], record["dpv:hasConsentStatus"]
    answer(f"Genuine: signed by {found['dct:publisher']}.")
    answer(
        f"{process['sekisho:purpose']}: {status['@type'].removeprefix('dpv:')} at {status['dpv:isIndicatedAtTime']}."
    )
