"""The fixed words of the records of processing, in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Words = Mapping[str, str]

TITLE: Final[Words] = {"ja": "個人データの取扱記録", "en": "Records of processing activities"}
SOURCE: Final[Words] = {
    "ja": "GDPR 第30条。目的・データセット・利用者の宣言と、監査ログに残る実際の提供から作成。",
    "en": "GDPR 30. Made from the declared purposes, datasets and requesters, and from what left by the audit log.",
}

MEASURES: Final[tuple[Words, ...]] = (
    {
        "ja": "許可されていない利用はすべて拒否し、判断ごとにポリシーの版を記録します。",
        "en": "Whatever is not permitted is refused; each decision is recorded with the revision of the policies.",
    },
    {
        "ja": "同意は提供の直前に確認し、撤回は以後に始まるすべての利用に及びます。",
        "en": "Consent is checked right before release; a withdrawal counts for everything that starts afterwards.",
    },
    {
        "ja": "顧客番号などは、目的と利用者ごとに異なる仮名に置き換えます。",
        "en": "Identifiers of people are replaced by pseudonyms that differ by purpose and requester.",
    },
    {
        "ja": "列は種類に応じて、非表示・一般化・マスキングをします。",
        "en": "Columns are withheld, generalised or masked by what they say about a person.",
    },
    {
        "ja": "ゲートウェイが持つ識別子は暗号化し、鍵付きハッシュでのみ検索します。",
        "en": "Identifiers that the gateway keeps are encrypted, and found by keyed hashes alone.",
    },
    {
        "ja": "提供の記録が永続化されるまで、データは一切出ません。記録は改ざんを検出できます。",
        "en": "No data leaves before its record is durable; the records show every change made to them.",
    },
)

NEVER_UNDECLARED: Final[Words] = {
    "ja": "宣言されていない利用はありません。ゲートウェイは宣言にないものをすべて拒否するため、起こり得ません。",
    "en": "Nothing was used that was not declared: it cannot happen, because the gateway refuses all that is not.",
}
SINCE_REMOVED: Final[Words] = {
    "ja": "当時は宣言され、その後 sekisho.yaml から削除されたもの。",
    "en": "Declared when it was used, and removed from sekisho.yaml since.",
}

BASES: Final[Mapping[str, Words]] = {
    "consent": {"ja": "同意", "en": "consent"},
    "legitimate_interest": {"ja": "正当な利益", "en": "legitimate interest"},
    "contract": {"ja": "契約の履行", "en": "contract"},
    "legal_obligation": {"ja": "法的義務", "en": "legal obligation"},
}
RELATIONS: Final[Mapping[str, Words]] = {
    "internal": {"ja": "社内", "en": "internal"},
    "processor": {"ja": "委託先", "en": "processor"},
    "third_party": {"ja": "第三者", "en": "third party"},
}

LABELS: Final[Mapping[str, Words]] = {
    "controller": {"ja": "管理者", "en": "Controller"},
    "contact": {"ja": "連絡先", "en": "Contact"},
    "generated_at": {"ja": "作成日時", "en": "Made at"},
    "purpose": {"ja": "利用目的", "en": "Purpose"},
    "legal_basis": {"ja": "法的根拠", "en": "Legal basis"},
    "people": {"ja": "対象者の区分", "en": "Categories of people"},
    "data": {"ja": "データの区分", "en": "Categories of data"},
    "datasets": {"ja": "データセット", "en": "Datasets"},
    "sensitive": {"ja": "要配慮個人情報など", "en": "Special categories"},
    "recipients": {"ja": "提供先", "en": "Recipients"},
    "transfers": {"ja": "外国への移転", "en": "Transfers to other countries"},
    "retention": {"ja": "保存期間", "en": "Time limit for erasure"},
    "measures": {"ja": "安全管理措置", "en": "Security measures"},
    "happened": {"ja": "実際の提供", "en": "What really happened"},
    "requester": {"ja": "利用者", "en": "Requester"},
    "recipient": {"ja": "関係", "en": "Relation"},
    "releases": {"ja": "提供回数", "en": "Releases"},
    "rows": {"ja": "行数", "en": "Rows"},
    "reached": {"ja": "人数", "en": "People"},
    "first": {"ja": "最初", "en": "First"},
    "last": {"ja": "最後", "en": "Last"},
    "read": {"ja": "読まれたデータセット", "en": "Datasets read"},
    "unused": {"ja": "宣言されたが未使用", "en": "Declared and never used"},
    "removed": {"ja": "その後削除された宣言", "en": "Declarations removed since"},
    "received": {"ja": "第三者から受領したデータ", "en": "Data received from third parties"},
    "days": {"ja": "日", "en": "days"},
    "none": {"ja": "なし", "en": "none"},
    "not_counted": {"ja": "未集計", "en": "not counted"},
}


def label(name: str, locale: str) -> str:
    """Return the word for *name* in *locale*."""
    return LABELS[name][locale]
