"""What each error code means and what would help, in Japanese and English, for whoever asks why.

The reasons of the policies have their texts beside their rules (METADATA); here are the codes of the gateway itself.
The languages are closed: a text exists in both, or nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LANGUAGES: Final = ("en", "ja")
"""The languages of explanations; the first where none is asked for."""


@dataclass(frozen=True, slots=True)
class RefusalText:
    """One refusal in one language: what it is called, what it means, what would help."""

    title: str
    explanation: str
    remedy: str


def _text(en: tuple[str, str, str], ja: tuple[str, str, str]) -> Mapping[str, RefusalText]:
    return {"en": RefusalText(*en), "ja": RefusalText(*ja)}


CODE_TEXTS: Final[Mapping[str, Mapping[str, RefusalText]]] = {
    "unauthenticated": _text(
        (
            "Not authenticated",
            "The token is missing, has ended, or is meant for another service.",
            "Get a fresh token and send it as Authorization: Bearer.",
        ),
        (
            "認証されていません",
            "トークンがない、期限が切れている、または別のサービス向けのものです。",
            "新しいトークンを取得し、Authorization: Bearer で送ってください。",
        ),
    ),
    "purpose_not_registered": _text(
        (
            "Purpose not registered for this requester",
            "A requester uses data only for the purposes under which it is registered.",
            "Ask for one of your own purposes, or have the controller register you for this one.",
        ),
        (
            "この要求元には登録されていない利用目的です",
            "要求元がデータを使えるのは、登録された利用目的のためだけです。",
            "登録済みの利用目的で求めるか、管理者にこの利用目的の登録を依頼してください。",
        ),
    ),
    "access_denied": _text(
        (
            "Access denied by policy",
            "A rule of the policy says no to this use of the data.",
            "Read the reasons: each names its rule and what would help.",
        ),
        (
            "ポリシーにより拒否されました",
            "このデータの使い方に対し、ポリシーの規則が拒否と判断しました。",
            "理由をご覧ください。それぞれに、もとになった規則と対処が書かれています。",
        ),
    ),
    "column_denied": _text(
        (
            "Column denied by policy",
            "A rule of the policy says no to one of the columns, or to the way in which it is used.",
            "Leave the column out, or only show it instead of computing with it.",
        ),
        (
            "ポリシーにより列の利用が拒否されました",
            "列そのもの、またはその使い方に対し、ポリシーの規則が拒否と判断しました。",
            "その列を外すか、計算や比較に使わず表示だけにしてください。",
        ),
    ),
    "statement_refused": _text(
        (
            "Statement refused",
            "It is not exactly one read-only statement, or it holds something that is not on the allow-list.",
            "The detail names the construct: leave it out or write it otherwise, in the dialect of the store.",
        ),
        (
            "この文は受け付けられません",
            "読み取りだけの一つの文ではないか、許可リストにない構文が含まれています。",
            "detail に示された構文を外すか、ストアの方言で別の書き方にしてください。",
        ),
    ),
    "masked_column_use": _text(
        (
            "Masked column used where only its raw value could answer",
            "The column is masked for this purpose, and no expression ever runs on a raw masked value.",
            "Show the column instead of comparing or computing with it, or leave it out.",
        ),
        (
            "マスクされた列を生の値でしか答えられない形で使っています",
            "この利用目的では列がマスクされ、マスク前の値に対する式は一切実行されません。",
            "比較や計算に使わず表示だけにするか、その列を外してください。",
        ),
    ),
    "aggregate_required": _text(
        (
            "This purpose releases published statistics only",
            "Statistics purposes answer fixed views, so that no series of questions isolates one person.",
            "Read one of the published views of the purpose.",
        ),
        (
            "この利用目的では公開された統計だけが得られます",
            "問いを重ねて一人を割り出せないよう、統計の利用目的では決まったビューだけに答えます。",
            "この利用目的の公開ビューを読んでください。",
        ),
    ),
    "unknown_purpose": _text(
        (
            "Unknown purpose",
            "No purpose of this name is declared.",
            "Look at the spelling, and ask for one of your purposes.",
        ),
        (
            "利用目的が見つかりません",
            "この名前の利用目的は宣言されていません。",
            "綴りを確かめ、登録された利用目的で求めてください。",
        ),
    ),
    "unknown_dataset": _text(
        (
            "Unknown dataset",
            "There is no such dataset for you.",
            "Name datasets as store.table; GET /v1/datasets lists yours.",
        ),
        (
            "データセットが見つかりません",
            "あなたに見えるデータセットの中に、この名前のものはありません。",
            "「ストア.表」の形で書いてください。一覧は GET /v1/datasets で得られます。",
        ),
    ),
    "unknown_column": _text(
        (
            "Unknown column",
            "None of the datasets of the statement has such a column.",
            "GET /v1/datasets/{name} lists the columns of a dataset.",
        ),
        (
            "列が見つかりません",
            "文が読むどのデータセットにも、この列はありません。",
            "データセットの列は GET /v1/datasets/{name} で確かめられます。",
        ),
    ),
    "invalid_request": _text(
        (
            "Invalid request",
            "The request cannot be read, is empty or too large.",
            "The detail names the part and the kind of fault.",
        ),
        (
            "要求を読み取れません",
            "要求が空か、大きすぎるか、読み取れない形です。",
            "detail に示された箇所と誤りの種類を確かめてください。",
        ),
    ),
    "not_found": _text(
        ("Not found", "There is no such thing for you.", "GET /v1/views and GET /v1/datasets list what there is."),
        (
            "見つかりません",
            "あなたに見える範囲に、そのようなものはありません。",
            "GET /v1/views と GET /v1/datasets で一覧を確かめてください。",
        ),
    ),
    "rate_limited": _text(
        (
            "Too many requests",
            "More was asked in a short time than is allowed.",
            "Wait as long as Retry-After says, then ask again.",
        ),
        (
            "要求が多すぎます",
            "短い時間に、許された回数を超えて求められました。",
            "Retry-After の時間だけ待ってから、もう一度求めてください。",
        ),
    ),
    "budget_exhausted": _text(
        (
            "Privacy budget exhausted",
            "The recorded privacy budget does not allow another answer now.",
            "Use the answers that were released already, or wait for the next period.",
        ),
        (
            "プライバシー予算を使い切りました",
            "記録されたプライバシー予算では、いま新しい答えを出せません。",
            "すでに公開された答えを使うか、次の期間を待ってください。",
        ),
    ),
    "idempotency_conflict": _text(
        (
            "Idempotency key used with another body",
            "The same key came with another request before.",
            "Send a new key.",
        ),
        (
            "冪等キーが別の本文で使われています",
            "同じキーが、以前に別の要求で使われました。",
            "新しいキーを送ってください。",
        ),
    ),
    "notice_outdated": _text(
        (
            "Notice outdated",
            "The decision was made on a notice that is no longer in force.",
            "Show the notice in force and ask again.",
        ),
        (
            "通知が古くなっています",
            "すでに効力のない通知にもとづく意思表示です。",
            "現在の通知を示して、もう一度たずねてください。",
        ),
    ),
    "policy_unavailable": _text(
        (
            "Policy decision unavailable",
            "The policy gave no complete decision in time; without one, nothing is released.",
            "Ask again later; an operator looks at GET /health/ready.",
        ),
        (
            "ポリシーの判断が得られません",
            "時間内に完全な判断が得られませんでした。判断のないまま何も提供しません。",
            "しばらくしてから求めてください。運用者は GET /health/ready を確かめてください。",
        ),
    ),
    "audit_unavailable": _text(
        (
            "Audit log unavailable",
            "The record of the release could not be made durable; without it, nothing is released.",
            "Ask again later; an operator looks at the audit log's database and disk.",
        ),
        (
            "監査記録に書き込めません",
            "提供の記録を確実に残せませんでした。記録のないまま何も提供しません。",
            "しばらくしてから求めてください。運用者は監査記録のデータベースと容量を確かめてください。",
        ),
    ),
    "consent_unavailable": _text(
        (
            "Consent unavailable",
            "Who agrees cannot be told for sure now, or changed while the answer was made.",
            "Ask again.",
        ),
        (
            "同意の状態を確かめられません",
            "同意の状態がいま確定できないか、答えを作る間に変わりました。",
            "もう一度求めてください。",
        ),
    ),
    "store_unavailable": _text(
        (
            "Data store unavailable",
            "A data store does not answer, or took too long.",
            "Ask again later, or ask for less.",
        ),
        (
            "データストアが応答しません",
            "データストアが応答しないか、時間がかかりすぎました。",
            "しばらくしてから、または範囲を絞って求めてください。",
        ),
    ),
    "keys_unavailable": _text(
        (
            "Keys unavailable",
            "The keys that pseudonyms are made with could not be had from their provider.",
            "Ask again later; an operator looks at `keys` in sekisho.yaml and at the provider.",
        ),
        (
            "鍵を利用できません",
            "仮名化に使う鍵を、鍵の提供元から得られませんでした。",
            "しばらくしてから求めてください。運用者は sekisho.yaml の keys と鍵の提供元を確かめてください。",
        ),
    ),
    "mail_unavailable": _text(
        ("Mail unavailable", "A message could not be handed over.", "Ask again later."),
        ("メールを送れません", "メッセージを引き渡せませんでした。", "しばらくしてからもう一度お試しください。"),
    ),
    "internal_error": _text(
        ("Internal error", "Something unexpected happened; nothing more was released.", "Report the trace id."),
        (
            "内部エラー",
            "予期しないことが起きました。これ以上は何も提供していません。",
            "トレース番号を添えて報告してください。",
        ),
    ),
}
"""Error code to language to its text; every code of ``errors`` that a requester may meet."""


def text_of(code: str, language: str) -> RefusalText:
    """Return the text of *code* in *language*; what nobody described is an internal error."""
    return CODE_TEXTS.get(code, CODE_TEXTS["internal_error"])[language]
