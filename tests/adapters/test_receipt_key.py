"""Receipts verify with the published keys alone, and no changed byte gets through."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from sekisho.adapters.identity.jwks import public_jwk
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.receipt_key import ReceiptKey, verified_receipt
from sekisho.errors import TamperedLog, WorkspaceError
from tests.adapters.signed_receipts import DECISION, receipt_key, signed_receipt

MANDATORY = (
    "dct:identifier", "dct:conformsTo", "dpv:hasDataSubject", "dpv:hasNotice", "dpv:hasProcess",
    "dpv:hasDataController", "dpv:hasJurisdiction", "sekisho:withdrawalMethod", "dpv:hasConsentStatus",
    "dpv:hasRight",
)  # fmt: skip


def made(folder: Path) -> tuple[ReceiptKey, dict[str, Any], dict[str, Any]]:
    """Return a key, a signed receipt and the published keys."""
    key = receipt_key(folder)
    return key, signed_receipt(key), {"keys": [key.jwk]}


def test_a_receipt_verifies_with_the_published_keys(tmp_path: Path) -> None:
    """The document and the bare signature both prove the receipt, offline."""
    _, receipt, jwks = made(tmp_path)
    plain = {name: value for name, value in receipt.items() if name != "jws"}
    assert verified_receipt(json.dumps(receipt), jwks) == plain
    assert verified_receipt(receipt["jws"], jwks) == plain


def test_a_signature_is_read_from_paper(tmp_path: Path) -> None:
    """In lines, as it is printed, the signature proves the same."""
    _, receipt, jwks = made(tmp_path)
    lines = "\r\n ".join(receipt["jws"][start : start + 112] for start in range(0, len(receipt["jws"]), 112))
    assert verified_receipt(f"{lines}\n", jwks)["dct:identifier"] == DECISION.id


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # the contract names it so; RFC 9864 says Ed25519
def test_an_independent_library_verifies_the_signature(tmp_path: Path) -> None:
    """The signature is a compact JWS (EdDSA) whose payload is the receipt."""
    _, receipt, jwks = made(tmp_path)
    verified = jws.deserialize_compact(receipt["jws"], OKPKey.import_key(jwks["keys"][0]), algorithms=["EdDSA"])
    assert json.loads(verified.payload)["dct:identifier"] == DECISION.id


def test_a_receipt_has_what_the_standard_demands(tmp_path: Path) -> None:
    """Every mandatory field of ISO/IEC TS 27560 stands in the record."""
    _, receipt, _ = made(tmp_path)
    record = receipt["dpv:hasRecordOfActivity"]
    assert receipt["@type"] == "dpv:ConsentReceipt"
    assert record["@type"] == "dpv:ConsentRecord"
    assert all(record.get(name) for name in MANDATORY)
    assert record["dpv:hasConsentStatus"]["@type"] == "dpv:ConsentGiven"
    assert record["dpv:hasNotice"]["sekisho:sha256"] == "ab" * 32
    assert record["dpv:hasProcess"]["sekisho:transferCountries"] == ["loc:US"]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """A signed receipt and the published keys."""
    _, receipt, jwks = made(tmp_path_factory.mktemp("receipt"))
    return receipt, jwks


@given(place=st.integers(min_value=0), flip=st.integers(1, 127))
def test_a_changed_byte_of_the_signature_is_found(
    signed: tuple[dict[str, Any], dict[str, Any]], place: int, flip: int
) -> None:
    """Whatever byte of the compact form is changed, the receipt is refused."""
    compact = signed[0]["jws"].encode()
    at = place % len(compact)
    changed = bytes([*compact[:at], compact[at] ^ flip, *compact[at + 1 :]])
    with pytest.raises((TamperedLog, WorkspaceError)):
        verified_receipt(changed.decode(), signed[1])


def test_a_document_that_says_something_else_is_found(tmp_path: Path) -> None:
    """A genuine signature under a changed document proves nothing."""
    _, receipt, jwks = made(tmp_path)
    with pytest.raises(TamperedLog):
        verified_receipt(json.dumps(receipt | {"dct:publisher": "somebody else"}), jwks)


def test_another_key_or_another_kind_of_token_is_refused(tmp_path: Path) -> None:
    """A receipt of an untrusted key, and a signed thing that is no receipt, are refused."""
    key, receipt, jwks = made(tmp_path)
    other = ReceiptKey(FileKeyRing.create(tmp_path / "other"), public_jwk)
    with pytest.raises(TamperedLog):
        verified_receipt(receipt["jws"], {"keys": [other.jwk]})
    with pytest.raises(TamperedLog):
        verified_receipt(key.sign(b'{"@type": "something"}'), jwks)
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x","typ":"consent-receipt+jwt"}').rstrip(b"=").decode()
    with pytest.raises(TamperedLog):
        verified_receipt(f"{none}.{receipt['jws'].split('.')[1]}.", jwks)
