"""Receipts over HTTP: the form and the language that the caller asks for; JSON-LD to everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from tests.http.conftest import CUSTOMER, REQUESTER, World, client_of

from sekisho.consents import Consents
from sekisho.errors import NotFound
from sekisho.http.app import create_app
from sekisho.ports import DataSubjectRef

ADDRESS, MINE = "/v1/me/receipts/mine", "mine"
JSON_LD, PDF = "application/ld+json", "application/pdf"


@dataclass
class Cases:
    """The use cases of receipts: one person has one."""

    asked: list[tuple[DataSubjectRef, str]] = field(default_factory=list)

    async def receipt(self, person: DataSubjectRef, receipt_id: str) -> dict[str, object]:
        """Return it."""
        self.asked.append((person, receipt_id))
        if receipt_id != MINE:
            raise NotFound("There is no such receipt of yours.")
        return {"jws": "a.b.c"}

    async def receipt_pdf(self, person: DataSubjectRef, receipt_id: str, locale: str) -> bytes:
        """Return it in *locale*."""
        await self.receipt(person, receipt_id)
        return f"%PDF-1.7 {locale}".encode()


@pytest.fixture
def cases() -> Cases:
    return Cases()


@pytest.fixture
async def client(world: World, cases: Cases) -> AsyncIterator[httpx.AsyncClient]:
    consents = cast(Consents, SimpleNamespace(receipts=cases))
    async with client_of(create_app(replace(world.services, consents=consents))) as opened:
        yield opened


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON_LD),
        ("*/*", JSON_LD),
        ("application/json", JSON_LD),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON_LD),
        (PDF, PDF),
        ("application/pdf, */*", PDF),
        ("Application/PDF;q=0.9, application/ld+json;q=0.8", PDF),
        ("application/pdf;q=0.8, application/json", JSON_LD),
        ("application/pdf, application/ld+json", JSON_LD),
        ("application/pdf;q=0", JSON_LD),
        ("text/plain", JSON_LD),
    ],
)
async def test_accept_chooses_the_form(client: httpx.AsyncClient, accept: str | None, form: str) -> None:
    """PDF where it is named and wanted more than JSON; a cache is told that it depends."""
    headers = {**CUSTOMER, "accept": accept} if accept is not None else CUSTOMER
    client.headers.pop("accept")
    answer = await client.get(ADDRESS, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, form)
    assert answer.headers["vary"] == "Accept, Accept-Language"
    assert answer.content.startswith(b"%PDF-" if form == PDF else b"{")


@pytest.mark.parametrize(
    ("language", "query", "locale"),
    [
        (None, "", "ja"),
        ("en-GB,en;q=0.9", "", "en"),
        ("fr, en;q=0.7, ja;q=0.6", "", "en"),
        ("ja-JP", "", "ja"),
        ("fr", "", "ja"),
        ("en, ja", "", "ja"),
        ("ja", "?locale=en", "en"),
        ("en", "?locale=ja", "ja"),
        ("en", "?locale=fr", "ja"),
        ("en;q=nonsense", "", "ja"),
    ],
)
async def test_the_language_is_the_callers(
    client: httpx.AsyncClient, language: str | None, query: str, locale: str
) -> None:
    """`locale` before Accept-Language; Japanese for whoever reads neither of the two; the answer says which."""
    headers = {**CUSTOMER, "accept": PDF} | ({"accept-language": language} if language is not None else {})
    answer = await client.get(f"{ADDRESS}{query}", headers=headers)
    assert answer.content == f"%PDF-1.7 {locale}".encode()
    assert answer.headers["content-language"] == locale
    assert answer.headers["content-disposition"].startswith("inline")


@pytest.mark.parametrize("form", [JSON_LD, PDF])
async def test_whose_it_is_is_the_same_in_each_form(client: httpx.AsyncClient, cases: Cases, form: str) -> None:
    """A customer's own token, one's own receipt: else 401, or 404 as a problem."""
    other = await client.get("/v1/me/receipts/other", headers={**CUSTOMER, "accept": form})
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    assert cases.asked == [(DataSubjectRef("customer_id", "17850"), "other")]
    for headers in ({}, REQUESTER):
        assert (await client.get(ADDRESS, headers={**headers, "accept": form})).status_code == 401
    assert len(cases.asked) == 1
