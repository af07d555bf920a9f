"""``sekisho consent verify-receipt``: each form of a receipt, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sekisho.adapters.receipt_pdf import PdfReceipts
from tests.adapters.signed_receipts import receipt_key, signed_receipt


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder with the published keys, and a receipt."""
    key = receipt_key(tmp_path)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    return tmp_path, signed_receipt(key)


def verify(run: Any, folder: Path, content: bytes, *more: str) -> Any:
    """Verify a file with *content*."""
    (folder / "receipt").write_bytes(content)
    return run("consent", "verify-receipt", folder / "receipt", "--keys", folder / "jwks.json", *more)


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_a_pdf_is_verified(run: Any, desk: tuple[Path, dict[str, Any]], locale: str) -> None:
    """The signature in it holds, and the pages are drawn of what was signed."""
    folder, receipt = desk
    ran = verify(run, folder, PdfReceipts().pdf(receipt, locale))
    assert ran.code == 0
    assert "Genuine: signed by 関所小売." in ran.out
    assert "targeted_advertising: ConsentGiven at 2026-11-21T12:00:00.268001Z." in ran.out
    assert "The pages say what was signed." in ran.out


def test_changed_pages_are_told(run: Any, desk: tuple[Path, dict[str, Any]]) -> None:
    """The signature still holds; that the pages may say something else is said."""
    folder, receipt = desk
    ran = verify(run, folder, PdfReceipts().pdf(receipt, "ja").replace(b"/Title", b"/Fitle"))
    assert ran.code == 0
    assert "not the pages" in ran.out
    assert "The pages say what was signed." not in ran.out


def test_the_receipt_in_a_pdf_is_answered(run: Any, desk: tuple[Path, dict[str, Any]]) -> None:
    """As JSON it is the document that was signed, and nothing else."""
    folder, receipt = desk
    ran = verify(run, folder, PdfReceipts().pdf(receipt, "en"), "--json")
    assert json.loads(ran.out) == {name: value for name, value in receipt.items() if name != "jws"}


def test_json_and_text_are_verified(run: Any, desk: tuple[Path, dict[str, Any]]) -> None:
    """The document, and the signature as it was typed from paper; there are no pages to speak of."""
    folder, receipt = desk
    lines = "\n".join(receipt["jws"][start : start + 112] for start in range(0, len(receipt["jws"]), 112))
    for content in (json.dumps(receipt), lines):
        ran = verify(run, folder, content.encode())
        assert (ran.code, "Genuine" in ran.out, "pages" in ran.out) == (0, True, False)


def test_another_key_is_refused(run: Any, desk: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """A PDF that somebody else signed is not genuine, however it looks."""
    folder, _ = desk
    other = tmp_path / "other"
    other.mkdir()
    ran = verify(run, folder, PdfReceipts().pdf(signed_receipt(receipt_key(other)), "ja"))
    assert ran.code == 1
    assert "audit_tampered" in ran.err


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"\xff\xfe", b"", b"{}"], ids=["pdf", "binary", "empty", "object"])
def test_what_is_no_receipt_is_refused(run: Any, desk: tuple[Path, dict[str, Any]], content: bytes) -> None:
    """One sentence says so."""
    ran = verify(run, desk[0], content)
    assert ran.code == 1
    assert ran.out == ""
