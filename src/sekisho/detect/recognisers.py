"""All recognisers: each described for whoever wants to pick, and all together in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sekisho.detect.cues import WORDS
from sekisho.detect.names import find_names, find_names_in
from sekisho.detect.normalise import fold
from sekisho.detect.patterns import find_patterns, find_patterns_in
from sekisho.detect.sensitive import flags
from sekisho.detect.settle import settle
from sekisho.detect.spans import Kind, Span
from sekisho.detect.tagger import Known


@dataclass(frozen=True, slots=True)
class Recogniser:
    """One kind of personal data, and how it is found.

    Attributes
    ----------
    kind:
        What is found; its value is the name of the entity to Presidio.
    languages:
        Languages in which it is looked for.
    context:
        Words that raise the score when they stand within 30 characters.
    source:
        Where the form and the check digit are laid down.
    find:
        Takes a folded text (``normalise.fold``) and yields spans. Recognisers that are found in one pass share
        one function, so that a caller who wants several kinds calls each function once and keeps the
        spans of the kinds it wants.
    masked:
        Whether what is found is masked; else it is a flag for review (要配慮個人情報).
    """

    kind: Kind
    languages: tuple[str, ...]
    context: tuple[str, ...]
    source: str
    find: Callable[[str], Iterable[Span]]
    masked: bool = True


_BOTH, _JAPAN = ("ja", "en"), ("ja",)


def _of(kind: Kind, languages: tuple[str, ...], source: str) -> Recogniser:
    return Recogniser(kind, languages, WORDS.get(kind, ()), source, find_patterns)


RECOGNISERS: tuple[Recogniser, ...] = (
    _of(Kind.EMAIL, _BOTH, "RFC 5321 and 6531"),
    _of(Kind.PHONE, _BOTH, "電気通信番号計画 (Ministry of Internal Affairs and Communications); E.164"),
    _of(Kind.CARD, _BOTH, "ISO/IEC 7812: issuer prefix, length, Luhn"),
    _of(Kind.POSTAL_CODE, _BOTH, "Japan Post: three digits and four"),
    _of(
        Kind.ADDRESS,
        _BOTH,
        "住居表示に関する法律: prefecture, municipality, town, block, building, room",
    ),
    Recogniser(Kind.NAME, _BOTH, (), "honorifics, labels, lists; models where there are", find_names),
    _of(Kind.BIRTH_DATE, _BOTH, "元号法: first and last days of the eras; dates that exist"),
    _of(Kind.AGE, _BOTH, "a number with 歳, 才, years old, or after 年齢, age"),
    _of(Kind.MY_NUMBER, _JAPAN, "平成26年総務省令第85号, article 5: check digit modulo 11"),
    _of(
        Kind.RESIDENT_CODE,
        _JAPAN,
        "住民基本台帳法施行規則, article 1: eleven digits, check digit modulo 11",
    ),
    _of(Kind.CORPORATE_NUMBER, _JAPAN, "平成26年財務省令第70号, article 2: check digit modulo 9"),
    _of(Kind.INVOICE_NUMBER, _JAPAN, "消費税法 57-2: T and thirteen digits; a sole trader's is personal"),
    _of(
        Kind.DRIVERS_LICENCE,
        _JAPAN,
        "道路交通法施行規則: authority, year, serial, check digit, reissues",
    ),
    _of(Kind.RESIDENCE_CARD, _JAPAN, "入管法施行規則 19-6: two letters, eight digits, two letters"),
    _of(Kind.PASSPORT, _BOTH, "ICAO 9303, Ministry of Foreign Affairs: two letters, seven digits"),
    _of(Kind.INSURER_NUMBER, _JAPAN, "診療報酬請求書等の記載要領: law, prefecture, insurer, check digit"),
    _of(Kind.INSURED_NUMBER, _JAPAN, "健康保険法施行規則: symbol, number, branch; by its label"),
    _of(
        Kind.BENEFICIARY_NUMBER,
        _JAPAN,
        "公費負担者番号・受給者番号, 介護保険被保険者証: seven to ten digits; by its label",
    ),
    _of(Kind.PENSION_NUMBER, _JAPAN, "国民年金法 14: four digits and six"),
    _of(Kind.EMPLOYMENT_INSURANCE, _JAPAN, "雇用保険法施行規則 10: four digits, six, one"),
    _of(Kind.BANK_ACCOUNT, _BOTH, "全国銀行協会: bank 4, branch 3, type, account 7; by its label"),
    _of(Kind.POSTAL_ACCOUNT, _JAPAN, "Japan Post Bank: 記号 five digits, 番号 to eight"),
    _of(Kind.IBAN, _BOTH, "ISO 13616: country, length, modulo 97"),
    _of(Kind.SWIFT, _BOTH, "ISO 9362; by its label"),
    _of(Kind.IP, _BOTH, "RFC 791, RFC 4291"),
    _of(Kind.MAC, _BOTH, "IEEE 802"),
    _of(Kind.URL, _BOTH, "RFC 3986"),
    _of(Kind.LINE_ID, _BOTH, "LINE Messaging API: U, C or R and 32 hex digits; a LINE ID by its label"),
    _of(Kind.DEVICE_ID, _BOTH, "RFC 9562 (UUID)"),
    _of(Kind.ADVERTISING_ID, _BOTH, "IDFA, IDFV, GAID: a UUID by its label"),
    _of(Kind.COOKIE_ID, _BOTH, "Google Analytics _ga, Meta _fbp and _fbc"),
    _of(Kind.SESSION_ID, _BOTH, "names of session cookies and parameters"),
    _of(Kind.NUMBER_PLATE, _JAPAN, "道路運送車両法施行規則: office, class, kana, number"),
    _of(Kind.SECRET, _BOTH, "RFC 7519, RFC 7468; key prefixes of AWS, Google, GitHub and others"),
    _of(Kind.ORDER_NUMBER, _BOTH, "by its label"),
    _of(Kind.ID_NUMBER, _BOTH, "by its label"),
    Recogniser(Kind.SENSITIVE, _BOTH, (), "個人情報保護法 2(3), 施行令 2: words by category", flags, masked=False),
)
"""Every recogniser, in the order of their kinds."""


def find(text: str) -> list[Span]:
    """Return everything in *text* that is, or may be, personal data.

    Parameters
    ----------
    text:
        Any text. Callers bound its length; the time taken is linear in it.

    Returns
    -------
    Spans over *text* itself, in order of position. They may overlap: everything that any of them
    covers is to be masked. Once it is, nothing is found in the rest.
    """
    return find_in([text])[0]


def find_in(texts: Sequence[str]) -> list[list[Span]]:
    """Return what :func:`find` finds in each of *texts*; together they are read sooner."""
    known: Known = {}

    def find_all(texts: list[str]) -> list[list[Span]]:
        names = find_names_in(texts, known=known)
        return [spans + of_text for spans, of_text in zip(find_patterns_in(texts), names, strict=True)]

    def find_folded(texts: Sequence[str]) -> list[list[Span]]:
        folded = [fold(text) for text in texts]
        settled = settle([each.text for each in folded], find_all)
        return [
            spans
            if each.starts is None
            else [Span(*each.original(span.start, span.end), span.kind, span.score) for span in spans]
            for each, spans in zip(folded, settled, strict=True)
        ]

    found = find_folded(texts)
    # Where one character is folded to several, it goes whole though a part of it was found: more goes than was
    # put down, and what is left is another text.
    wider = [at for at, spans in enumerate(found) if spans and fold(texts[at]).starts is not None]
    for at, spans in zip(wider, settle([texts[at] for at in wider], find_folded), strict=True):
        found[at] = spans
    return found
