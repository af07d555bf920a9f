"""The words of the monthly report, in Japanese and English; each exists in both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LOCALES: Final = ("ja", "en")

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # -- head --------------------------------------------------------------------------------------
    "title": ("月次コンプライアンス報告", "Monthly compliance report"),
    "month": ("{year}年{month}月", "{name} {year}"),
    "controller": ("管理者", "Controller"),
    "contact": ("連絡先", "Contact"),
    "period": ("対象期間", "Period"),
    "period_is": ("{since} から {until} の前まで", "from {since} until before {until}"),
    "zone": ("時間帯", "Time zone"),
    "generated": ("作成日時", "Made at"),
    "record_of": ("この報告の記録", "Record of this report"),
    "record_is": ("{id} (監査ログ {seq} 番)", "{id} (number {seq} of the audit log)"),
    "not_over": (
        "この月はまだ終わっていません。作成時点までの数値です。",
        "The month is not over: these are the figures up to the moment at which the report was made.",
    ),
    "source": (
        "数値はすべて監査ログの記録から数えたものです。日は {zone} の時計によります。",
        "All figures are counted from the records of the audit log. Days are those of {zone}.",
    ),
    "small": (
        "人数が {n} 人に満たないものは「{n} 未満」と示し、そこから逆算できる合計は示しません。",
        (
            "Numbers of people below {n} are told as “fewer than {n}”, and sums that would give them away are"
            " left out."
        ),
    ),
    "fewer_than": ("{n} 未満", "fewer than {n}"),
    "at_least": ("{n} 以上", "{n} or more"),
    "contents": ("目次", "Contents"),
    "none": ("なし", "none"),
    "unknown": ("不明", "unknown"),
    "total": ("合計", "Total"),
    "nothing": ("この月の記録はありません。", "There is no record of this month."),
    "unreadable": (
        "読めない記録が {n} 件あり、数えていません。",
        "{n} records could not be read and are not counted.",
    ),
    "key_figures": ("主な数値", "Key figures"),
    "and_more": ("ほか {n} 件", "and {n} more"),
    "day": ("日", "Day"),
    # -- verdict -----------------------------------------------------------------------------------
    "ok": ("検証済み", "Verified"),
    "ok_is": (
        "監査ログ {first} から {last} 番までの記録は、書かれたときのままです。",
        "Records {first} to {last} of the audit log are what was written.",
    ),
    "ok_none": (
        "記録がなく、署名されたログにも欠けはありません。",
        "There are no records, and none is missing from the log that was signed.",
    ),
    "tampered": ("改ざんを検出", "Tampered with"),
    "incomplete": ("検証が不完全", "Not fully verified"),
    "untrusted": ("信頼できない署名", "Signed by another key"),
    "bad_is": (
        "この報告の数値に依拠してはなりません。検出結果 (英文): {finding}",
        "Do not rely on the figures of this report. Found: {finding}",
    ),
    "bad_at": ("最初の不正な記録: 番号 {seq}, ID {id}", "The first bad record: number {seq}, id {id}"),
    # -- sections ----------------------------------------------------------------------------------
    "accesses": ("利用目的別のアクセス", "Accesses by purpose"),
    "denials": ("拒否とその理由", "Denials and their reasons"),
    "withdrawals": ("同意の撤回と反映の速さ", "Withdrawals, and how fast they took effect"),
    "provisions": ("第三者への提供", "Provision to third parties"),
    "break_glass": ("緊急時アクセス", "Break-glass access"),
    "exports": ("ログのエクスポート", "Exports of the log"),
    "changes": ("ポリシーと設定の変更", "Changes of policy and configuration"),
    "log": ("記録の継続性", "Continuity of the log"),
    "verification": ("検証結果", "Verification"),
    "appendix": ("付表: 日別の数値", "Appendix: figures by day"),
    # -- 1 accesses --------------------------------------------------------------------------------
    "accesses_told": (
        "許可され、提供された回答の数です。回答は 1 ページ以上からなり、ページごとに記録があります。",
        ("Answers that were permitted and left. An answer has one or more pages, each with a record of its own."),
    ),
    "accesses_plot": ("日別のアクセス数 (利用目的別)", "Accesses per day, by purpose"),
    "accesses_desc": (
        (
            "利用目的ごとに 1 段、日ごとに 1 本の棒。1 段目は合計で最大 {all} 件、ほかの段は同じ目盛りで最大"
            " {most} 件。数値は付表にあります。"
        ),
        (
            "One row for each purpose, one bar for each day. The first row is their sum, its top is {all}; the"
            " others share one scale whose top is {most}. The appendix has the figures."
        ),
    ),
    "void": (
        "記録後に取りやめた {n} ページは含みません。",
        "{n} pages that were dropped after their record are left out.",
    ),
    "purpose": ("利用目的", "Purpose"),
    "releases": ("回答", "Answers"),
    "pages": ("ページ", "Pages"),
    "rows": ("行", "Rows"),
    "denied": ("拒否", "Denied"),
    "requesters": ("利用者", "Requesters"),
    "other_purposes": ("その他の利用目的", "Other purposes"),
    # -- 2 denials ---------------------------------------------------------------------------------
    "denials_told": (
        "データが一切出なかった要求です。コードごとの意味を添えます。",
        "Requests for which no data left, by code, and what each code means.",
    ),
    "denials_plot": ("コード別の拒否数", "Denials by code"),
    "denials_desc": (
        "コードごとの横棒。数値は棒の右と次の表にあります。",
        "A bar for each code; the figures stand beside the bars and in the table below.",
    ),
    "code": ("コード", "Code"),
    "meaning": ("意味", "Meaning"),
    "count": ("件数", "Count"),
    "reasons": ("ポリシーが挙げた理由", "Reasons that the policies gave"),
    "reason": ("理由", "Reason"),
    "purposes": ("利用目的", "Purposes"),
    "no_purpose": ("(登録のない目的)", "(none that is declared)"),
    # -- 3 withdrawals -----------------------------------------------------------------------------
    "withdrawals_told": (
        "撤回は記録された時点から効力を持ちます。以下は監査ログだけから測ったものです。",
        "A withdrawal counts from its record on. What follows is measured from the audit log alone.",
    ),
    "kind": ("種類", "Kind"),
    "consent.withdraw": ("撤回", "Withdrawal"),
    "consent.object": ("異議申立て", "Objection"),
    "broken_promise": (
        "撤回後に始まり、古い同意のまま提供されたもの",
        "Began after a withdrawal, yet under older consent",
    ),
    "broken": ("撤回が守られていません", "A withdrawal was not kept to"),
    "broken_zero": ("0 でなければなりません", "must be 0"),
    "left_late": (
        "撤回から {s} 秒を過ぎ、古い同意のまま出たページ",
        "Pages that left more than {s} s after a withdrawal under older consent",
    ),
    "under_way": (
        "撤回の時点で処理中だったページ (確認は撤回の前、記録は {s} 秒以内)",
        "Pages under way at a withdrawal (checked before it, recorded within {s} s)",
    ),
    "under_way_lag": ("その遅れ (中央値 / 95% / 最大)", "How long after it (median / 95% / longest)"),
    "seen": ("撤回後の状態で次の回答が出たもの", "Withdrawals that a later answer was made under"),
    "seen_after": ("そこまでの時間 (中央値 / 95% / 最大)", "Time until then (median / 95% / longest)"),
    "waiting": (
        "その後この月に対象の利用がなかったもの",
        "Withdrawals whose data nobody asked for again in the month",
    ),
    "not_told": (
        "示しません (少ない人数を逆算できるため)",
        "not told: a small number would follow from it",
    ),
    "effect_plot": ("撤回から、それを反映した次の回答まで", "From a withdrawal to the next answer under it"),
    "effect_desc": (
        "時間の段階ごとの割合 (パーセント) の横棒。数値は棒の右と次の表にあります。",
        (
            "The share of withdrawals in each step of time, in percent; the figures stand beside the bars and in"
            " the table below."
        ),
    ),
    "below": ("{t}未満", "below {t}"),
    "above": ("{t}以上", "{t} or more"),
    "share": ("割合", "Share"),
    "time": ("時間", "Time"),
    "measured": (
        (
            "「次の回答まで」の時間は、次に誰かがそのデータを求めるまでの時間を含む上限であり、古い同意が使われ続"
            "けた時間ではありません。古い同意のまま出得るのは、撤回の時点で確認を終えていたページだけです。開始時"
            "刻は提供の ID (UUIDv7, ミリ秒) により、複数の機器の時計のずれは補正していません。"
        ),
        (
            "The time until the next answer includes the wait until somebody asked: it is an upper bound, not a"
            " time for which older consent was used. Only pages whose check was over when the withdrawal came may"
            " still leave under it. When an answer began is read from its id (UUIDv7, milliseconds); clocks of"
            " several machines are taken as they are."
        ),
    ),
    "broken_ids": ("該当する記録", "Records concerned"),
    # -- 4 provisions ------------------------------------------------------------------------------
    "provisions_told": (
        ("第三者への個人データの提供 (個人情報保護法 29 条の記録の集計)。人数は同じ人を一度だけ数えたものです。"),
        ("Personal data that left to third parties (the records of APPI 29, added up). Each person is counted once."),
    ),
    "provisions_plot": ("提供先別の回答数", "Answers by recipient"),
    "recipient": ("提供先", "Recipient"),
    "country": ("国", "Country"),
    "basis": ("根拠", "Basis"),
    "people": ("人数", "People"),
    "bars_desc": (
        "横棒。数値は棒の右と次の表にあります。",
        "Bars; the figures stand beside them and in the table below.",
    ),
    # -- 5 break-glass -----------------------------------------------------------------------------
    "break_glass_told": (
        "緊急のために期限付きで与えられた許可と、それにより出たデータです。",
        "Grants for emergencies, which end by themselves, and what left on them.",
    ),
    "break_glass_plot": ("許可の期間", "When grants were valid"),
    "break_glass_desc": (
        "許可ごとに 1 段。印は期間の位置で、短いものは点になります。詳細は次の表にあります。",
        (
            "One row for each grant; the mark shows when it was valid, a short one as a dot. Details are in the"
            " table below."
        ),
    ),
    "ticket": ("チケット", "Ticket"),
    "granted_by": ("許可者 (役割)", "Given by (role)"),
    "requester": ("利用者", "Requester"),
    "from_to": ("期間", "From – to"),
    # -- 6 exports ---------------------------------------------------------------------------------
    "exports_told": (
        "監査ログの取り出しと、この報告自体の作成です。「完了」はジョブだけが記録します。",
        "What was taken out of the audit log, this report included. Only jobs record that they ended.",
    ),
    "format": ("形式", "Format"),
    "begun": ("作成", "Made"),
    "scheduled": ("うち定期", "Scheduled"),
    "done": ("完了", "Ended"),
    "failed": ("失敗", "Failed"),
    "records": ("記録数", "Records"),
    "read": ("取得", "Fetched"),
    "readers": ("取得者", "Fetched by"),
    "deleted": ("削除", "Deleted"),
    "earlier": ("(前月以前に作成)", "(made before)"),
    # -- 7 changes ---------------------------------------------------------------------------------
    "changes_told": ("判断のもとになるものの変更です。", "What changed of that by which the gateway decides."),
    "at": ("日時", "At"),
    "what": ("対象", "What"),
    "by": ("変更者", "By"),
    "by_file": ("設定ファイル", "configuration file"),
    "major": ("重大", "major"),
    "minor": ("軽微", "minor"),
    "version": ("版 {v} ({change})", "version {v} ({change})"),
    "purpose.publish": ("利用目的の公開", "Purpose published"),
    "notice.publish": ("通知文の公開", "Notice published"),
    "webhook.create": ("Webhook の登録", "Webhook created"),
    "webhook.delete": ("Webhook の削除", "Webhook deleted"),
    "webhook.pause": ("Webhook の停止", "Webhook paused"),
    "webhook.resume": ("Webhook の再開", "Webhook resumed"),
    "consent.import_finished": ("同意履歴の取り込み", "Consent history imported"),
    "consent.replay": ("失われた同意の復元", "Lost consent events written again"),
    "data_subject.erase": ("本人情報の消去", "A person was erased"),
    "retention.prune": ("監査ログの古い部分の削除", "Old part of the audit log pruned"),
    "key.epoch": ("仮名化の鍵の更新", "Keys of pseudonyms rotated"),
    "policies": ("判断に使われたポリシーの版", "Revisions of the policies that data left under"),
    "revision": ("版", "Revision"),
    "first": ("最初", "First"),
    "last": ("最後", "Last"),
    "keys": ("ログの署名鍵", "Keys that signed the log"),
    "key": ("鍵", "Key"),
    "runs": ("起動", "Starts"),
    # -- 8 log -------------------------------------------------------------------------------------
    "log_told": (
        "稼働中は 10 秒ごとに記録があります。30 秒を超えて記録がなければ、その間は何も提供されていません。",
        (
            "A running gateway writes a record every ten seconds. Where there is none for more than 30 seconds,"
            " nothing was released meanwhile."
        ),
    ),
    "log_plot": ("日別の記録数", "Records per day"),
    "log_desc": (
        "日ごとに 1 本の棒。最大は {most} 件。▽ は障害の記録がある日です。数値は付表にあります。",
        (
            "One bar for each day, the top is {most}. ▽ marks days with the record of an outage. The appendix has"
            " the figures."
        ),
    ),
    "opened": ("書き込みプロセスの開始", "Writers opened"),
    "closed": ("正常な終了", "Closed in order"),
    "broken_off": ("終了の記録なしに途絶えたもの", "Fell silent without a closing record"),
    "heartbeats": ("生存記録", "Heartbeats"),
    "beats_missed": ("生存記録が抜けた区間", "Times with heartbeats missing"),
    "gaps": ("障害の記録 (書けなかった期間)", "Outages on record (nothing could be written)"),
    "refused": ("その間に断られた記録", "Records refused meanwhile"),
    "silent": ("記録のない時間", "Times without any record"),
    "silent_is": ("{n} 回, 合計 {t} (期間の {share})", "{n}, {t} in all ({share} of the period)"),
    "longest": ("記録のない時間 (長い順)", "Times without any record, the longest first"),
    "outages": ("障害の記録", "Outages on record"),
    "from": ("開始", "From"),
    "to": ("終了", "To"),
    "length": ("長さ", "Length"),
    # -- 9 verification ----------------------------------------------------------------------------
    "verification_told": (
        (
            "この報告の作成時に、対象の記録をすべて計算し直し、連鎖・木・チェックポイント・立会人の署名と照合しま"
            "した。鍵はゲートウェイ自身が持つものです。独立に確かめるには、鍵を管理者と立会人から直接受け取り、下"
            "の命令を使ってください。"
        ),
        (
            "While this report was made, every record was computed anew and held against chains, tree, checkpoint"
            " and the signatures of witnesses, with the key that the gateway itself holds. To check it"
            " independently, take the keys from the log’s owner and from the witnesses themselves, and use the"
            " command below."
        ),
    ),
    "outcome": ("結果", "Outcome"),
    "checked": ("検証した記録", "Records checked"),
    "checked_is": (
        "{n} 件 (番号 {first} から {last}), 連鎖 {writers}, 署名された先頭 {heads}",
        "{n} (numbers {first} to {last}), {writers} chains, {heads} signed heads",
    ),
    "checked_none": ("0 件", "none"),
    "lookback": ("前日と翌分の記録を含みます。", "Records of the day before and the minute after are among them."),
    "origin": ("ログの名前", "Origin"),
    "size": ("木の大きさ", "Size"),
    "root": ("根のハッシュ", "Root"),
    "witnesses": ("立会人の署名", "Witnesses"),
    "no_witness": ("立会人は設定されていません。", "No witness is configured."),
    "witnessed_no": ("必要な数の立会人の署名がありません。", "Not enough witnesses have signed this checkpoint."),
    "command": ("自分で確かめる", "Verify it yourself"),
    "keep": (
        "このチェックポイントを保管すると、後日ログがこれを引き継いでいることを確かめられます (--since)。",
        "Keep this checkpoint: later it can be checked that the log still continues it (--since).",
    ),
    "checkpoint": ("チェックポイント", "Checkpoint"),
    "no_checkpoint": ("署名されたチェックポイントがありません。", "There is no signed checkpoint."),
    # -- units -------------------------------------------------------------------------------------
    "ms": ("{n} ミリ秒", "{n} ms"),
    "s": ("{n} 秒", "{n} s"),
    "min": ("{n} 分", "{n} min"),
    "h": ("{n} 時間", "{n} h"),
    "d": ("{n} 日", "{n} d"),
}
"""What stands in the report: Japanese, English."""

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def text(name: str, locale: str, /, **parts: object) -> str:
    """Return the text *name* in *locale*, with its *parts* put in."""
    return TEXTS[name][LOCALES.index(locale)].format(**parts)
