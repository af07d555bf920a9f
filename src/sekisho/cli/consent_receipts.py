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
    app.command(epilog="Example: sekisho consent verify-receipt receipt.pdf --keys jwks.json")(verify_receipt)


def verify_receipt(
    receipt: Annotated[
        Path, typer.Argument(help="The receipt: the JSON document, the PDF, or the signature as it is printed.")
    ],
    keys: Annotated[Path, typer.Option(help="The controller's published keys (/.well-known/jwks.json), as a file.")],
    as_json: JsonOption = False,
) -> None:
    """Verify a consent receipt offline. Exit 0 when it is what the controller signed, else 1.

    Of a PDF the attached signature is verified, and the pages are drawn anew from what was signed and compared.
    """
    from sekisho.adapters.receipt_key import verified_receipt
    from sekisho.adapters.receipt_pdf import MAGIC, PdfReceipts, signature_in

    try:
        content = receipt.read_bytes()
        printed = content.startswith(MAGIC)
        text = signature_in(content) if printed else content.decode()
        found = verified_receipt(text, json.loads(keys.read_text("utf-8")))
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
    if not printed:
        return
    if PdfReceipts().draws(found | {"jws": text}, content):
        answer("The pages say what was signed.")
    else:
        answer(
            "The pages are not those that this version draws of it: trust what was signed (--json), not the pages.",
        )
