"""A receipt in words, for people to print and keep: everything is read from the signed document alone.

So what is printed is what was signed; nothing about a decision stands on paper that the signature does not cover.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sekisho.domain.consent import NO, YES, ActorType, Assurance, ConsentEventKind
from sekisho.domain.notice_texts import told_sections
from sekisho.domain.receipt import AsOf
from sekisho.domain.terms import LegalBasis

_JAPAN = timezone(timedelta(hours=9))  # there is no summer time in Japan
_GROUNDS = {
    "dpv:LegitimateInterest": LegalBasis.LEGITIMATE_INTEREST.value,
    "dpv:Contract": LegalBasis.CONTRACT.value,
    "dpv:LegalObligation": LegalBasis.LEGAL_OBLIGATION.value,
}
_NAMES: Mapping[str, Mapping[str, str]] = {
    "ja": {
        ConsentEventKind.REQUEST: "同意をおたずねしました",
        ConsentEventKind.GIVE: "同意しました",
        ConsentEventKind.CONFIRM: "同意を確認しました",
        ConsentEventKind.RENEW: "同意を更新しました",
        ConsentEventKind.REFUSE: "同意しませんでした",
        ConsentEventKind.DEFER: "あとで選ぶことにしました",
        ConsentEventKind.WITHDRAW: "同意を取り消しました",
        ConsentEventKind.OBJECT: "異議を申し立てました",
        ConsentEventKind.REVOKE: "事業者が同意を取り消しました",
        ConsentEventKind.INVALIDATE: "事業者が同意を無効としました",
        ConsentEventKind.EXPIRE: "同意の期限が切れました",
        ActorType.DATA_SUBJECT: "ご本人",
        ActorType.GUARDIAN: "保護者",
        ActorType.AGENT: "代理人",
        ActorType.OPERATOR: "事業者の担当者",
        ActorType.SYSTEM: "事業者のシステム",
        ActorType.SIGNAL: "ご本人のブラウザの信号",
        Assurance.NONE: "本人確認なし",
        Assurance.SELF_ASSERTED: "お申し出のとおり",
        Assurance.VERIFIED_CONTACT: "連絡先を確認",
        Assurance.DOCUMENT: "書類で確認",
        Assurance.ELECTRONIC_ID: "電子的な身分証明で確認",
        "web_form": "ウェブ画面",
        "call_centre": "電話",
        "paper": "書面",
        "api": "システム連携",
        "dpv:ImpliedConsent": "黙示の同意",
        "dpv:ExpressedConsent": "意思表示による同意",
        "dpv:ExplicitlyExpressedConsent": "明示の同意",
        "gpc": "Global Privacy Control",
        AsOf.DECISION: "決定のときにお伝えしていた内容です (目的の第 {version} 版)。",
        AsOf.RECORDING: "記録したときの内容です (目的の第 {version} 版)。"
        "決定のときにどの版をお伝えしたかの記録はありません。",
        AsOf.RECEIPT: "この受領証を作成したときの内容です。決定のときに何をお伝えしたかの記録はありません。",
    },
    "en": {
        ConsentEventKind.REQUEST: "You were asked",
        ConsentEventKind.GIVE: "You agreed",
        ConsentEventKind.CONFIRM: "You confirmed that you agree",
        ConsentEventKind.RENEW: "You renewed your consent",
        ConsentEventKind.REFUSE: "You declined",
        ConsentEventKind.DEFER: "You chose to decide later",
        ConsentEventKind.WITHDRAW: "You withdrew your consent",
        ConsentEventKind.OBJECT: "You objected",
        ConsentEventKind.REVOKE: "The controller revoked the consent",
        ConsentEventKind.INVALIDATE: "The controller declared the consent invalid",
        ConsentEventKind.EXPIRE: "The consent expired",
        ActorType.DATA_SUBJECT: "the person concerned",
        ActorType.GUARDIAN: "a parent or guardian",
        ActorType.AGENT: "an agent",
        ActorType.OPERATOR: "staff of the controller",
        ActorType.SYSTEM: "a system of the controller",
        ActorType.SIGNAL: "a signal of the person's browser",
        Assurance.NONE: "identity not verified",
        Assurance.SELF_ASSERTED: "identity as stated",
        Assurance.VERIFIED_CONTACT: "contact verified",
        Assurance.DOCUMENT: "identity document seen",
        Assurance.ELECTRONIC_ID: "electronic identification",
        "web_form": "web page",
        "call_centre": "telephone",
        "paper": "on paper",
        "api": "through another system",
        "dpv:ImpliedConsent": "implied consent",
        "dpv:ExpressedConsent": "expressed consent",
        "dpv:ExplicitlyExpressedConsent": "explicit consent",
        "gpc": "Global Privacy Control",
        AsOf.DECISION: "As told when it was decided (version {version} of the purpose).",
        AsOf.RECORDING: "As of when it was recorded (version {version} of the purpose); "
        "which version was told when it was decided is not on record.",
        AsOf.RECEIPT: "As of when this receipt was made; what was told when it was decided is not on record.",
    },
}


@dataclass(frozen=True, slots=True)
class _Words:
    """The fixed words of one language."""

    title: str
    decision: str
    purpose: str
    scope: str
    decided: str
    when: str
    recorded: str
    by: str
    of_age: str
    how: str
    until: str
    until_withdrawn: str
    told: str
    controller: str
    notice: str
    version: str
    no_notice: str
    language: str
    as_of: str
    change: str
    anew: str
    ask: str
    machine: str
    proof: str
    identifier: str
    record: str
    reference: str
    rules: str
    verify: str
    verifying: str
    signature: str


_WORDS = {
    "ja": _Words(
        title="同意の受領証",
        decision="決定の内容",
        purpose="目的",
        scope="対象のデータ",
        decided="決定",
        when="日時",
        recorded="記録した日時",
        by="決定した人",
        of_age="成年に達する日",
        how="方法",
        until="有効期限",
        until_withdrawn="取り消されるまで",
        told="お伝えした内容",
        controller="取り扱う事業者",
        notice="通知",
        version="第 {version} 版",
        no_notice="記録なし",
        language="言語",
        as_of="いつの内容か",
        change="取り消すには",
        anew="お考えが変わったときは、いつでもあらためてお選びいただけます。",
        ask="お問い合わせ先: {contact}",
        machine="システムから: {call}",
        proof="証明",
        identifier="受領証の番号",
        record="台帳の記録",
        reference="ご本人の参照番号",
        rules="確認した法令の規則",
        verify="確かめ方",
        verifying="このファイルには署名 (receipt.jws) が添付されています。"
        "事業者の公開鍵 (/.well-known/jwks.json) があれば、通信なしで"
        "確かめられます: sekisho consent verify-receipt FILE.pdf --keys jwks.json",
        signature="署名 (JWS, RFC 7515)",
    ),
    "en": _Words(
        title="Consent receipt",
        decision="What was decided",
        purpose="Purpose",
        scope="Data in question",
        decided="Decision",
        when="When",
        recorded="Recorded",
        by="Decided by",
        of_age="Comes of age",
        how="How",
        until="Holds until",
        until_withdrawn="it is withdrawn",
        told="What was told",
        controller="Controller",
        notice="Notice",
        version="version {version}",
        no_notice="none on record",
        language="language",
        as_of="As of",
        change="How to withdraw",
        anew="You can decide anew at any time.",
        ask="Contact: {contact}",
        machine="For systems: {call}",
        proof="Proof",
        identifier="Receipt number",
        record="Ledger entry",
        reference="Person, by reference",
        rules="Rules of law checked",
        verify="How to verify",
        verifying="The signature is attached to this file (receipt.jws). With the controller's public keys "
        "(/.well-known/jwks.json) it is verified offline: sekisho consent verify-receipt FILE.pdf --keys jwks.json",
        signature="Signature (JWS, RFC 7515)",
    ),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its rows: a label and the lines beside it."""

    heading: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class PrintedReceipt:
    """A receipt as it is printed, but for its signature: ``headline`` says what was decided about what."""

    locale: str
    title: str
    headline: str
    sections: tuple[Section, ...]
    identifier: str
    signature: str


def printed_receipt(receipt: Mapping[str, Any], locale: str) -> PrintedReceipt:
    """Return *receipt*, the JSON-LD document, in the words of *locale* (``ja`` or ``en``)."""
    words = _WORDS[locale]
    record = receipt["dpv:hasRecordOfActivity"]
    title, decided = _title(record["dpv:hasProcess"], locale), _decided(record, locale)
    told = told_sections(_facts(record), locale)
    *facts, choice = told.items()
    sections = (
        _section(words.decision, _decision(record, words, locale)),
        _section(words.told, {**_about(record, words, locale), **dict(facts), words.as_of: [_as_of(record, locale)]}),
        _section(words.change, {choice[0]: _change(record, choice[1], words)}),
        _section(words.proof, _proof(receipt, words)),
    )
    return PrintedReceipt(
        locale, words.title, f"{title}: {decided}", sections, receipt["dct:identifier"], words.signature
    )


def _section(heading: str, rows: Mapping[str, list[str]]) -> Section:
    spoken = ((label, tuple(filter(None, lines))) for label, lines in rows.items())
    return Section(heading, tuple((label, lines) for label, lines in spoken if lines))


def _decision(record: Mapping[str, Any], words: _Words, locale: str) -> dict[str, list[str]]:
    process, status = record["dpv:hasProcess"], record["dpv:hasConsentStatus"]
    said, recorded = status["dpv:isIndicatedAtTime"], status["sekisho:recordedAt"]
    kind, by = record["sekisho:event"]["sekisho:kind"], status["dpv:isIndicatedBy"]
    ways = [status["sekisho:method"], status.get("sekisho:signal")]
    decided = [_decided(record, locale)]
    if kind in YES and record["dpv:hasLegalBasis"] not in _GROUNDS:
        decided.append(_name(status["sekisho:consentType"], locale))
    described = process["dct:description"].get(locale, "")
    return {
        words.purpose: [_title(process, locale), *filter(None, [described]), process["sekisho:purpose"]],
        words.scope: [cell.partition("=")[2] for cell in process["sekisho:cells"] if "=" in cell],
        words.decided: [_listed(decided, locale)],
        words.when: [_time(said, locale)],
        words.recorded: [_time(recorded, locale)] if recorded != said else [],
        words.by: [
            _listed([_name(by, locale), *filter(None, [status.get("sekisho:relation")])], locale),
            _name(status["sekisho:assurance"], locale),
        ],
        words.of_age: [_time(status["sekisho:ofAgeAt"], locale)] if "sekisho:ofAgeAt" in status else [],
        words.how: [
            _listed([_name(way, locale) for way in ways if way not in {None, by}], locale),
            *filter(None, [status.get("sekisho:collectionPoint")]),
        ],
        words.until: [_until(status, words, locale)] if kind in YES else [],
    }


def _about(record: Mapping[str, Any], words: _Words, locale: str) -> dict[str, list[str]]:
    """Return who answers for the data and what was shown."""
    controller, notice = record["dpv:hasDataController"], record["dpv:hasNotice"]
    key, _, version = notice.get("dct:identifier", "").rpartition("/")
    shown = [_listed([*filter(None, [key]), words.version.format(version=version)], locale)] if version else []
    if "dct:language" in notice:
        shown.append(f"{words.language}: {notice['dct:language']}")
    if "sekisho:sha256" in notice:
        shown.append(f"SHA-256: {notice['sekisho:sha256']}")
    if "sekisho:servedId" in notice:
        shown.append(f"ID: {notice['sekisho:servedId']}")
    return {
        words.controller: [controller["dpv:hasName"], controller["dpv:hasContact"]],
        words.notice: shown or [words.no_notice],
    }


def _change(record: Mapping[str, Any], choice: list[str], words: _Words) -> list[str]:
    decided_no = record["sekisho:event"]["sekisho:kind"] in NO
    contact = record["dpv:hasDataController"]["dpv:hasContact"]
    call = [] if decided_no else [words.machine.format(call=record["sekisho:withdrawalMethod"])]
    return [*([words.anew] if decided_no else choice), words.ask.format(contact=contact), *call]


def _proof(receipt: Mapping[str, Any], words: _Words) -> dict[str, list[str]]:
    record = receipt["dpv:hasRecordOfActivity"]
    event = record["sekisho:event"]
    return {
        words.identifier: [receipt["dct:identifier"]],
        words.record: [f"{event['sekisho:sequence']}", f"SHA-256: {event['sekisho:hash']}"],
        words.reference: [record["dpv:hasDataSubject"]],
        words.rules: [", ".join(event["sekisho:ruleSets"])] if event["sekisho:ruleSets"] else [],
        words.verify: [words.verifying],
    }


def _facts(record: Mapping[str, Any]) -> dict[str, object]:
    """Return the facts of the purpose as the receipt states them, under their own names."""
    process = record["dpv:hasProcess"]
    kept = process.get("dpv:hasStorageCondition")
    return {
        "legal_basis": _GROUNDS.get(record["dpv:hasLegalBasis"], LegalBasis.CONSENT.value),
        "data_categories": process["dpv:hasPersonalData"],
        "data_titles": process.get("sekisho:personalDataTitles"),
        "recipients": process["dpv:hasRecipient"],
        "third_party": process["sekisho:thirdParty"],
        "transfer_countries": [country.removeprefix("loc:") for country in process["sekisho:transferCountries"]],
        "retention_days": None if kept is None else int(kept["dpv:hasDuration"].strip("PD")),
    }


def _as_of(record: Mapping[str, Any], locale: str) -> str:
    process = record["dpv:hasProcess"]
    return _name(process["sekisho:factsAsOf"], locale).format(version=process.get("sekisho:purposeVersion"))


def _until(status: Mapping[str, Any], words: _Words, locale: str) -> str:
    until = status.get("sekisho:validUntil")
    return words.until_withdrawn if until is None else _time(until, locale)


def _title(process: Mapping[str, Any], locale: str) -> str:
    return str(process["dct:title"].get(locale) or process["sekisho:purpose"])


def _decided(record: Mapping[str, Any], locale: str) -> str:
    return _name(record["sekisho:event"]["sekisho:kind"], locale)


def _name(code: str, locale: str) -> str:
    """Return what *code* is called in *locale*; a code that has no name there stands for itself."""
    return _NAMES[locale].get(code, code)


def _listed(parts: list[str], locale: str) -> str:
    return ("、" if locale == "ja" else ", ").join(parts)


def _time(text: str, locale: str) -> str:
    """Return an instant as people of *locale* write it, with its time zone."""
    instant = datetime.fromisoformat(text)
    if locale != "ja":
        return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
    local = instant.astimezone(_JAPAN)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M:%S} (日本時間)"
