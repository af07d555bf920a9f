"""The PDF of a receipt: the same bytes each time, tagged, in two languages, and the signature in it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import noto_cjk_sans_jp_regular
import pytest

from sekisho.adapters.receipt_key import ReceiptKey, verified_receipt
from sekisho.adapters.receipt_pdf import MAGIC, PdfReceipts, signature_in
from sekisho.errors import WorkspaceError
from tests.adapters.signed_receipts import DECISION, receipt_key, signed_receipt

PRINTER = PdfReceipts()
FONT_SHA256 = "68a3fc98800b2a27b371f2fb79991daf3633bd89309d4ffaa6946fd587f375b5"  # of Noto CJK, release Sans2.004
LOCALES = pytest.mark.parametrize("locale", ["ja", "en"])


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> ReceiptKey:
    """A key that signs receipts."""
    return receipt_key(tmp_path_factory.mktemp("receipt"))


@pytest.fixture(scope="module")
def receipt(key: ReceiptKey) -> dict[str, Any]:
    """A signed receipt."""
    return signed_receipt(key)


def pages(pdf: bytes) -> int:
    """Return how many pages *pdf* has."""
    return len(re.findall(rb"/Type/Page\b(?!s)", pdf))


@LOCALES
def test_the_signature_in_the_pdf_proves_the_receipt(key: ReceiptKey, receipt: dict[str, Any], locale: str) -> None:
    """What is attached is the signature of the receipt, whole."""
    pdf = PRINTER.pdf(receipt, locale)
    assert pdf.startswith(MAGIC)
    assert signature_in(pdf) == receipt["jws"]
    assert verified_receipt(signature_in(pdf), {"keys": [key.jwk]})["dct:identifier"] == DECISION.id


@LOCALES
def test_it_is_tagged_and_made_to_be_kept(receipt: dict[str, Any], locale: str) -> None:
    """Title, language, structure, embedded fonts, PDF/A-3a and PDF/UA-1, on two pages."""
    pdf = PRINTER.pdf(receipt, locale)
    assert f"/Lang({locale})/StructTreeRoot".encode() in pdf
    assert b"/MarkInfo<</Marked true" in pdf
    assert b"/DisplayDocTitle true" in pdf
    assert b"<pdfuaid:part>1<" in pdf
    assert b"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A<" in pdf
    assert b"NotoSansCJKjp-Regular" in pdf
    assert pages(pdf) == 2


def test_equal_receipts_have_equal_bytes(receipt: dict[str, Any], tmp_path: Path) -> None:
    """Now, in another process, in another folder, on several threads at once; dated as the receipt is."""
    pdf = PRINTER.pdf(receipt, "ja")
    assert b"/CreationDate(D:20261121120000Z)" in pdf
    program = (
        "import json, sys; from sekisho.adapters.receipt_pdf import PdfReceipts;"
        "sys.stdout.buffer.write(PdfReceipts().pdf(json.load(sys.stdin), 'ja'))"
    )
    text = json.dumps(receipt).encode()
    other = subprocess.run([sys.executable, "-c", program], input=text, capture_output=True, check=True, cwd=tmp_path)
    assert other.stdout == pdf
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: PRINTER.pdf(receipt, "ja"), range(8))) == {pdf}


@LOCALES
def test_no_text_is_read_as_markup(key: ReceiptKey, locale: str) -> None:
    """What a controller declares is text, whatever it looks like; a word without a break stays on the page."""
    hostile = '#panic("x") #read("/etc/passwd") *a* $x$ [ ] \\ <b> @x // "'
    receipt = signed_receipt(key, title={"ja": hostile, "en": hostile}, recipients=["processor: " + "x" * 180])
    assert signature_in(PRINTER.pdf(receipt, locale)) == receipt["jws"]


@pytest.mark.parametrize("title", ["広告 🎉", "โฆษณา", "\ue000"], ids=["emoji", "thai", "private use"])
def test_a_script_without_glyphs_is_no_fault(key: ReceiptKey, title: str) -> None:
    """A title that the font cannot show costs the standard, never the receipt."""
    receipt = signed_receipt(key, title={"ja": title, "en": title})
    pdf = PRINTER.pdf(receipt, "ja")
    assert b"pdfuaid" not in pdf
    assert signature_in(pdf) == receipt["jws"]


def test_the_font_is_the_published_one() -> None:
    """The package carries the file that the Noto project released."""
    assert hashlib.sha256(noto_cjk_sans_jp_regular.FONT_PATH.read_bytes()).hexdigest() == FONT_SHA256


def test_changed_pages_are_found(key: ReceiptKey, receipt: dict[str, Any]) -> None:
    """Only the bytes that are drawn of a receipt are its pages; another receipt's, or a changed byte, are not."""
    pdf = PRINTER.pdf(receipt, "en")
    other = signed_receipt(key, replace(DECISION, seq=8))
    assert PRINTER.draws(receipt, pdf)
    assert not PRINTER.draws(other, pdf)
    assert not PRINTER.draws(receipt, pdf.replace(b"20261121", b"20261120"))
    assert not PRINTER.draws({"jws": receipt["jws"]}, pdf)


def packed(content: bytes) -> bytes:
    """Return a stream as PDF packs it."""
    return b"<<>>\nstream\n" + zlib.compress(content) + b"\nendstream\n"


@pytest.mark.parametrize(
    "streams",
    [
        b"",
        packed(b"text"),
        packed(b"a.b.c") + packed(b"a.b.d"),
        packed(b"a" * (1 << 22) + b".b.c"),
        b"stream\nnot packed",
    ],
    ids=["none", "other", "two", "bomb", "plain"],
)
def test_a_pdf_without_one_signature_proves_nothing(streams: bytes) -> None:
    """No signature, or two that differ, is no receipt; what unpacks without end is not unpacked."""
    with pytest.raises(WorkspaceError, match="no receipt"):
        signature_in(MAGIC + b"1.7\n" + streams)
