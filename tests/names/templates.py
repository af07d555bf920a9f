"""Lines of support logs to learn from, written for this project; what stands in braces is filled in.

``{p}`` is a person in any spelling, ``{full}`` kanji, ``{sur}`` a surname, ``{giv}`` a given name, ``{kana}``
katakana, ``{hira}`` hiragana, ``{foreign}`` a foreign name, ``{latin}`` Latin letters, ``{both}`` kanji with its
reading in brackets; ``{h}`` an honorific. The others are no people: ``{org}``, ``{fac}``, ``{loc}``, ``{addr}``,
``{work}``, ``{word}``, ``{noun}``, ``{role}``, ``{kin}``,
``{tel}``, ``{mail}``, ``{no}``, ``{date}``, ``{time}``, ``{yen}``.
"""

from __future__ import annotations

from tests.names.english_templates import ENGLISH
from tests.names.nobody_templates import OTHERS

__all__ = ["ENGLISH", "OTHERS", "PEOPLE"]

PEOPLE = r"""
お世話になっております。{p}です。
お世話になります。{org}の{p}です。
お世話になっております、{org}{role}の{p}と申します。
いつもお世話になっております。{p}でございます。
初めまして、{p}と申します。{work}について質問があります。
{p}と申しますが、先日注文した{word}が届きません。
私は{loc}に住む{p}です。
{loc}の{p}です。{word}の件でご連絡しました。
担当:{p}
担当者:{p} 連絡先:{tel}
担当は{p}です。
担当の{sur}よりご連絡いたします。
担当の{p}さんが親切でした。
担当{sur}が対応いたしました。
対応者 {p} 対応日 {date}
受付:{sur} 引継ぎ:{sur}
受付担当 {sur}
{role}の{sur}が折り返します。
{role} {p}
{role}、{p}
{org} {role} {full}
{org} {p}
{org}\n{role} {full}\nTEL {tel}\nMail {mail}
--\n{full}\n{org}\n{addr}\n{tel}
よろしくお願いいたします。\n{p}
よろしくお願いします。{p}
以上、よろしくお願い致します。\n\n{p}\n{mail}
宜しくお願いします。 {p}
ご確認ください。{p}より
{p}より
{p}拝
{p}{h}
{p}{h}へ
{p} {h}
{p}{h}、お世話になっております。
{p}{h}から電話あり。{word}の件。
{p}{h}よりお電話。折り返し希望 {tel}
{p}{h}に電話したが不在。
{p}{h}にお電話したところ、留守電でした。
{p}{h}宛にお送りください。
{p}{h}ご本人から{word}の変更の依頼。
{p}{h}のご家族の{p}{h}から連絡がありました。
{p}{h}の奥様から入電。
{p}{h}のお母様が来店されました。
{p}{h}がお待ちです。
{p}{h}は{loc}にお住まいです。
{p}{h}、{p}{h}、{p}{h}に共有済み。
{sur}、{sur}の両名で対応。
{sur}、{sur}、{sur}が参加。
出席者:{p}、{p}、{p}
参加者は{p}と{p}です。
宛先:{p}、{p}
CC: {sur}、{sur}
{sur}・{sur}ペアで確認。
{p}と{p}が同席した。
{p}か{p}に確認してください。
{p}および{p}の連名で申請。
{p}に確認したところ、問題ないとのこと。
{p}が不在のため、{p}が代わりに対応した。
{p}は明日休みです。
{p}から返信がない。
{p}へ転送しました。
{p}を担当に変更しました。
{p}も同じ意見です。
{p}まで連絡ください。
{p}の電話番号は{tel}です。
{p}のメールアドレスは{mail}です。
{p}の住所は{addr}です。
{p}名義の口座に{yen}を振り込みました。
{p}名義で予約しています。
名義:{p}
名義は{p}です。
口座名義 {kana}
口座名義人:{kana}
口座名義は{kana}です。
カード名義は{latin}です。
カードの名義人は{latin}と表示されます。
振込人名 {kana}
お振込名義:{kana} 金額:{yen}
宛名は{p}でお願いします。
宛名:{p}{h}
領収書の宛名は{p}でお願いします。
宛名を{p}から{p}に変更してください。
{addr} {full}
{addr}\n{full} {h}
{addr} {full} {tel}
〒123-4567 {addr} {full}{h}
届け先:{addr} {full}
送付先は{addr}、{full}宛です。
住所:{addr} 氏名:{full} 電話:{tel}
氏名:{full} フリガナ:{kana}
氏名 {full} 生年月日 {date}
氏名:{p} 電話番号:{tel}
氏名({full})
お名前:{p}
お名前は{p}さんですね。
名前は{p}です。
名前:{p}、会員番号:{no}
名前を{p}から{p}に直してください。
姓を{sur}から{sur}に変更したい。
旧姓は{sur}です。
旧姓{sur}で登録しています。
旧姓:{sur}
姓:{sur} 名:{giv}
姓 {sur} 名 {giv}
契約者:{full} 被保険者:{full}
契約者名 {full}
契約者は{p}、受取人は{p}です。
受取人 {p}
ご契約者様:{full}様
お客様名:{p}
お客様名 {p} 様
申込者 {full} ({kana})
申込者:{both}
{both}と申します。
{both}様よりお問い合わせ。
利用者:{kana}
フリガナは{kana}です。
ふりがな:{hira}
ふりがなは{hira}です。
読みは{kana}です。
{hira}と読みます。
{kana}さんという方から電話。
{hira}さんから手紙が届いた。
{hira}ちゃんのママです。
{giv}ちゃんの誕生日プレゼントを注文しました。
{giv}くんへのプレゼントです。
{giv}さんと{giv}さん。
{giv}です。
{giv}が泣いています。
{kin}の{giv}が使っています。
{kin}の{giv}に頼まれました。
{kin}の{giv}と二人で行きます。
{kin}の{giv}へ送ってください。
{kin}の{giv}でもかまいません。
{kin}の{giv}を連れて行きます。
{kin}{giv}
{kin}の{giv}は{word}が苦手です。
{kin}、{giv}の{word}です。
{kin}({giv})
うちの{giv}は{word}が大好きです。
うちの{giv}がいたずらをしました。
{giv}へ、おめでとう。
{giv}も喜んでいました。
{giv}と{giv}と{giv}の三人です。
{giv}の誕生日に間に合いますか。
{hira}です。
{hira}です、こんにちは。
{hira}ですが、{word}はまだですか。
{hira}といいます。
{hira}という者です。
{hira}というお名前で予約されています。
{p}という名前で届いています。
{p}という人から{word}の電話がありました。
{p}さんという方に{word}を頼みました。
{p}と名乗る男性から入電。
{p}さんと名乗る方です。
{full}({hira})
{full}({hira})と申します。
{full}({kana})
{full} {hira}
{full}、{hira}、{tel}
{hira},{no},{mail}
{hira}、{hira}、{hira}
{hira}さま
{hira}の{word}です。
{hira}が{word}をなくしました。
{hira}に{word}を送りました。
{hira}は{date}生まれです。
投稿者:{p} 評価:3
{p} > {word}ありがとう
レビュー {p}さん
{p}になっていますが、{p}が正しいです。
正しくは{p}です。
誤:{p} 正:{p}
{sur}ではなく{sur}です。
{sur}でも{sur}でもありません。
結婚して{sur}になりました。
名字が{sur}に変わった。
{sur}は席を外しています。
{sur}は本日休みを頂いております。
{sur}は退職しました。
{sur}が担当いたします。
{sur}に代わります。
{sur}に申し伝えます。
{sur}宛のファックス
{sur}へ電話、{sur}へメール。
({sur}→{sur})
{sur}/{sur}
{sur} {sur} {sur}
{sur}ほか三名
{sur}様方
{sur}様{word}
{sur}様邸の{word}
{p}の印鑑
{p}と書いてあります。
{p}と書かれています。
{p}と印刷されている。
{p}/{tel}
{p}/{no}/{word}
{sur}課長と{sur}部長の承認待ち
{sur}のままです。
{sur}のまま{word}になりません。
{sur}に伝えてあります。
{sur}が{word}を実施。
{sur}が{word}を処理した。
{role} {sur} / {role} {sur}
一次 {sur}
二次:{sur}
投稿 {p}
{sur}です。{sur}に代わってご連絡します。
{hira}さんと名乗っていました。
{hira}に引っ越したい{hira}です。
先月{word}した{p}です。
さきほど{word}をいただいた{p}ですが
{p}の署名があります。
{p}と印字されています。
{p}と入力しても検索できません。
{p}で登録したはずです。
{p}で予約があります。
{p}を友だちに追加した。
{p}のせいで{word}が遅れた。
{p}ほど親切な人はいない。
娘の{giv}が使っています。
息子の{giv}の名前で登録しました。
長男{giv}、長女{giv}の分も申し込みます。
妻の{giv}が申し込みました。
夫の{giv}です。
夫{giv}のカードを使いました。
母の{full}の代理で連絡しています。
父{full}が亡くなりました。
祖母の{giv}に送りました。
子どもの名前は{giv}です。
友人の{p}に紹介されました。
上司の{p}の許可を得ています。
弊社の{sur}がお伺いします。
弊社{sur}より連絡します。
弊社代表{full}が署名します。
代表取締役 {full}
代表者:{full}
代表 {full}
御社の{sur}様に伝えてください。
貴社{sur}様
店員の{sur}さんの対応がひどい。
スタッフの{sur}さんに助けられました。
オペレーターの{p}さんに感謝します。
{fac}の{sur}さんに案内してもらった。
{org}の{p}{h}から紹介されました。
{org} {p}{h}
{org}{sur}{h}
{org}{role} {sur}{h}
{loc}在住の{p}さん
{loc}支店の{sur}です。
{foreign}と申します。
{foreign}さんのアカウントです。
{foreign}様よりお問い合わせ。
{foreign}です。パスポートの名前は{latin}です。
{foreign}が来日しました。
予約者は{foreign}です。
パスポート表記は{latin}です。
宿泊者名:{latin}
ローマ字表記:{latin}
署名:{latin}
{latin}です。
{latin}と申します。
{latin}さんから英語のメール。
{latin}様
{latin} <{mail}>
{full} <{mail}>
差出人: {full} <{mail}>
From: {latin} <{mail}>
To: {full} <{mail}>
> {p}様\n> お世話になっております。
> {p}さん、ありがとうございます。
{date} {time} {p} <{mail}>:
{date}に{p}さんは書きました:
{date} {p}さんのメッセージ:
{date} {time} {sur}: 対応完了
[{time}] {sur} {word}を確認。
{time} {p}さんから入電
@{p} 確認お願いします
{p}さん>了解しました
CC {p}様
Re: {p}様の件
件名:{p}様 {word}について
【{p}様】{word}のご案内
「{p}」で検索しても出てきません。
「{p}」という名前で登録しています。
({p})
({sur})
(担当 {sur})
(対応:{sur})
記入者({sur})
作成者:{sur} 承認者:{sur}
承認 {sur}
確認済 {sur}
報告者 {full}
面談者 {p}
医師 {full} 看護師 {full}
主治医は{sur}先生です。
{sur}先生の診察を予約したい。
{sur}先生に診てもらった。
患者名 {full} ID {no}
患者:{full}、{date}生
保護者 {full} 児童 {full}
生徒の{full}が欠席。
講師:{full}
配達員の{sur}さんが置いていった。
ドライバー{sur}
ドライバーは{sur}。
運転手:{full}
営業の{sur}から聞いた。
営業担当 {full}
営業{sur}に連絡。
後任は{p}です。
前任の{sur}から引き継ぎました。
本人確認:{full}、{date}生まれ
本人({full})に確認。
{full}本人より
{full}({date}生)
{full}、{date}生まれ、{loc}出身。
{full}、{tel}、{mail}
{no},{full},{kana},{tel}
{no} {full} {kana} {addr}
{full}/{kana}/{tel}
{full}・{tel}
顧客ID {no} {full} 様 {word}
会員{no}の{full}です。
注文番号{no}の{p}です。
注文者:{p} 注文番号:{no}
注文した{p}ですが、キャンセルできますか。
予約した{sur}ですが、時間を変更できますか。
昨日電話した{sur}ですけど。
先日お電話した{p}です。
さっき話した{sur}です
{sur}と言います。
{sur}といいますが
{sur}ですが、まだ届きません。
{sur}ですけど、{word}はどうなりましたか?
{sur}だけど
{sur}なのですが
もしもし、{sur}です。
こんにちは、{p}です!
すみません、{p}です。
至急{sur}まで電話ください。
{p}さん家に届けてください。
{sur}家
{sur}宅に配達。
{sur}邸
隣の{sur}さんに預けました。
{sur}夫妻で参加します。
{sur}社長に報告済み。
{sur}部長、{sur}課長に確認
{sur}部長のご指示です。
{sur}店長に代わってください。
{sur}君に任せた。
{sur}殿
{full}殿の件につき
{full}氏によると、{word}は無料だ。
{sur}氏は{org}の社員。
俳優の{full}さんが{work}に出演。
{full}
{full}
{full}
{kana}
{sur}
{giv}
{hira}
{foreign}
{latin}
{full}は{loc}出身の選手。
{loc}知事の{full}が{org}を訪れた。
{full}の小説『{work}』を読んだ。
社長の{full}は{date}に{fac}で会見した。
""".strip().splitlines()
