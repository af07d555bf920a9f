"""Draws consent receipts as PDF, and finds the signature in one.

The page is set by Typst: tagged for screen readers (PDF/UA-1), made to be kept (PDF/A-3a), with the glyphs that it
shows. The signature stands on it as text, and is attached as the file ``receipt.jws``.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import noto_cjk_sans_jp_regular

from sekisho.domain.notices import LOCALES
from sekisho.domain.receipt_texts import printed_receipt
from sekisho.errors import WorkspaceError

if TYPE_CHECKING:
    import typst

MAGIC: Final = b"%PDF-"
"""How a PDF begins."""

_COLUMNS: Final = 112  # characters of the signature in one line
_STREAM: Final = re.compile(rb"stream\r?\n")
_COMPACT: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_MOST_BYTES: Final = 1 << 20  # of one stream: far above any signature, far below what a hostile file unpacks to


class PdfReceipts:
    """Implements ``consents.receipts.ReceiptPrinter``. Only the font that is shipped is used, on every machine."""

    def pdf(self, receipt: Mapping[str, object], locale: str) -> bytes:
        """Return the signed *receipt* as PDF in *locale*; equal receipts have equal bytes.

        The file is dated as the receipt is. Text in a script that the font lacks shows as boxes, and the file then
        keeps to no standard; that beats none.
        """
        import typst  # noqa: PLC0415 - a compiler, which only who asks for paper needs

        signed: Mapping[str, Any] = receipt
        jws = str(signed["jws"])
        issued = datetime.fromisoformat(signed["dct:created"]).astimezone(UTC)
        parts = ("year", "month", "day", "hour", "minute", "second")
        page = asdict(printed_receipt(signed, locale)) | {
            "controller": signed["dct:publisher"],
            "issued": {part: getattr(issued, part) for part in parts},
            "jws": jws,
            "jws_lines": [jws[start : start + _COLUMNS] for start in range(0, len(jws), _COLUMNS)],
        }
        told = json.dumps(page, ensure_ascii=False)
        try:
            return self._drawn(told, ["a-3a", "ua-1"])
        except typst.TypstError:
            return self._drawn(told, [])

    def draws(self, receipt: Mapping[str, object], pdf: bytes) -> bool:
        """Return whether *pdf* is, to the byte, what is drawn of the signed *receipt* here, in any language."""
        try:
            return any(self.pdf(receipt, locale) == pdf for locale in LOCALES)
        except (KeyError, ValueError):
            return False  # a receipt of another version of the gateway

    @cached_property
    def _fonts(self) -> typst.Fonts:
        import typst  # noqa: PLC0415 - as above

        folder = Path(str(noto_cjk_sans_jp_regular.FONT_PATH)).parent
        return typst.Fonts(include_system_fonts=False, font_paths=[folder])

    @cached_property
    def _template(self) -> bytes:
        return files("sekisho.adapters").joinpath("receipt.typ").read_bytes()

    def _drawn(self, told: str, standards: list[typst.PDFStandard]) -> bytes:
        import typst  # noqa: PLC0415 - as above

        compiler = typst.Compiler(self._template, font_paths=self._fonts, sys_inputs={"receipt": told})
        drawn = compiler.compile(format="pdf", pdf_standards=standards)
        assert isinstance(drawn, bytes)  # noqa: S101 - a PDF is one file
        return drawn


def signature_in(pdf: bytes) -> str:
    """Return the compact JWS that is attached to *pdf*. Raises ``WorkspaceError`` unless there is just one."""
    found = {content for start in _STREAM.finditer(pdf) if _COMPACT.fullmatch(content := _unpacked(pdf, start.end()))}
    if len(found) != 1:
        raise WorkspaceError("this PDF carries no receipt: take the signature that is printed on it, as text")
    return found.pop().decode()


def _unpacked(pdf: bytes, start: int) -> bytes:
    """Return the stream at *start*, nothing where it is not packed as attachments are."""
    try:
        return zlib.decompressobj().decompress(memoryview(pdf)[start:], _MOST_BYTES)
    except zlib.error:
        return b""
