"""Words of column names that say whose something is, or make another thing of the noun before them.

Written as in ``column_words``, which joins both: concept to its words, folded (NFKC, lower case).
"""

from __future__ import annotations

from collections.abc import Mapping

HEADS: Mapping[str, str] = {
    # --- text -------------------------------------------------------------------------------------
    "text": """
        お客様の声 一言 ひとこと 書き込み 投稿 投稿内容 本文テキスト 対応メモ 応対履歴 応対内容 相談 苦情 クレーム
        クレーム内容 ご質問 お問い合わせ本文 伝達事項 引継ぎ 引継 議事録 日報 報告 報告内容 面談記録 経過 経過記録
        看護記録 診療記録 記録 shosai keika kiroku 備考 備考欄 メモ コメント 内容 本文 自由記述 自由回答 自由意見
        感想 意見 ご意見 要望 ご要望 所見 特記事項 自己紹介 申し送り 摘要 件名 用件 経緯 問い合わせ内容
        お問い合わせ内容 問合せ内容 質問内容 相談内容 対応内容 対応履歴 応対メモ 連絡事項 伝言 メッセージ 口コミ
        レビュー クチコミ 志望動機 指導内容 詳細 その他 記述 検索語 検索キーワード 検索ワード 理由 解約理由 退会理由
        comment comments memo note notes remark remarks biko bikou message messages body text freetext feedback
        review reviews shoken bio transcript chat tekiyo kenmei naiyo naiyou youken kanso iken goiken yobo goyobo
        riyu subject reason details detail keyword keywords query search content narrative summary observation
        observations opinion suggestion instructions hitokoto tokki mosiokuri sodan complaint jikoshokai
        toiawasenaiyo annotation utterance inquirybody 問合せ内容詳細 特記 tokkijiko 備忘 覚書 せつめい 紹介文
        プロフィール文 自己pr selfintro selfintroduction aboutme about 回答内容 設問回答 freeanswer openanswer
        otherreason 主訴詳細 contents memoran handover 引き継ぎ 引継事項 conversation 会話 utterances voice 音声
        書き起こし transcription tweet 呟き つぶやき ocr rawtext 状況 jokyo jokyou 通信欄 tsushinran 連絡帳 連絡欄
        renrakuran メッセージ欄 essay answeressay 作文 小論文 論述 口上 のしメッセージ 寄せ書き フリーコメント
        フリーワード freeword freecomment 対応詳細 補足 hosoku 補足事項 付記 追記 但し書き 但書 tadashigaki finding
        findings impression soap 主訴内容 経過観察 アセスメント assessment 指示 shiji 指示内容 依頼内容 依頼事項
        作業内容 sagyo 修理内容 故障内容 koshonaiyo 症状詳細 事故内容 事故概要 gaiyo 概要 outline abstract 抜粋
        excerpt snippet 自由 詳細内容 その他内容 その他要望 特別要望 specialrequest specialrequests wishes wish
        宿泊要望 配達メモ deliveryinstruction deliveryinstructions giftmessage のし noshi 商談 shodan 活動 面談
        mendan 所感 shokan 反省 振り返り 日誌 nisshi 日記 diary blog 本文html html markdown rawmessage stacktrace
        errormessage rejectreason cancelreason returnreason complaintdetail howtoimprove improvement likeaboutus
        wherehear
    """,
    # --- what follows a noun and makes it another thing ------------------------------------------
    "flag": """
        フラグ 有無 可否 要否 済 済み 同意 許諾 許可 希望 配信 受信 送信 送付 停止 拒否 無効 有効 登録済 確認 確認済
        認証済 削除 解約 flag flg is has can enabled disabled verified confirmed optin optout subscribed subscribe
        consent agreed allowed allow valid active deleted umu kahi doi haishin bool required available public opened
        clicked sent accepted received magazine newsletter notification permission unsubscribed kyohi bounced
        blocked exists 開封 kaifu クリック 可 否 不可 利用可否 送付可否 有 受取 確認フラグ kakunin kakuninflg doui
        doiflg 規約 kiyaku terms gdpr cookieconsent trackingconsent marketing marketingoptin 通知可否 停止フラグ
        休眠 kyumin dormant dormantflag blacklist ブラックリスト banned suspended locked hidden archived published
        draft defaultflag isdefault primaryflag virtual testflag テスト用 smsoptin done completed paid shipped
        cancelled canceled refunded
    """,
    "count": """
        使用量 shiyoryo 消費量 shohiryo usage kwh 地点
        回数 件数 数 個数 数量 人数 本数 点数 台数 枚数 日数 泊数 冊数 名数 順位 順 count cnt qty quantity kensu
        kensuu kaisu kaisuu suryo suuryou ninzu nissu attempts numberof times views clicks sessions hits impressions
        length size width height weight bytes capacity stock zaiko kosu 重量 サイズ 幅 高さ 在庫 在庫数 visits
        last30d 歳月 年数 nensu 勤続 勤続年数 kinzoku kinzokunensu 月数 累計 ruikei 累積 残数 残回数 在籍 平均
        heikin 最大 最小 max min 合計数 距離 kyori distance mileage km 走行距離 容量 yoryo 重さ seatcount headcount
        定員 teiin ページ数 文字数 再生回数 likes like retweet フォロワー数 followercount 登録者数 rows records
    """,
    "score": """
        率 割合 スコア 評価 満足度 推奨度 偏差値 得点 点 ポイント score rate ratio percent percentage rating nps
        csat point points pt average avg mean sum ritsu hyoka manzokudo ポイント数 pointbalance 成績 評点 星 stars
        grade pct 満足 順位点 gpa 成績評価 評定 hyotei 内申 naishin テスト test quiz examscore lifetimevalue churn
        probability 確率 prediction 予測 indexscore confidence
    """,
    "type": """
        区分 種別 種類 分類 型 タイプ 方法 手段 経路 チャネル 流入元 形式 状態 ステータス kbn kubun type types kind
        category shubetsu shubetu shurui status state stage method mode format version バージョン 版 channel source
        medium jotai joutai level レベル language lang 言語 currency 通貨 locale timezone os platform segment group
        グループ 言語コード provider domain ドメイン bunrui keiro class encoding priority 優先度 result 結果 目的
        purpose brandname role 権限 カテゴリ カテゴリー ジャンル genre color 色 unit 単位 theme label ラベル tag
        tags タグ screen 画面 画面名 operation action module localecode rejectedreasoncode errorcode signal gateway
        protocol 支払方法 model 状況 jokyo jokyou 有効区分 プラン区分 membership 会員種別 会員区分 kaiinshubetsu
        契約種別 rarity statuscode 進捗 shinchoku phase フェーズ ステップ categorycd 大分類 中分類 小分類 決済方法
        決済手段 shiharaihoho 通知設定 券種 等級 fuel shape 形状 材料 性能 tongue 母語 bogo 使用言語 gengo 審査結果
        shinsakekka kekka 可 適用 tekiyokubun 種 sort sortorder visibility layer severity 深刻度 重要度 緊急度
        urgency risk リスク 評価区分 ランク区分 compression rule ルール 方式 houshiki hoshiki 様式 体系 間隔
        interval frequency 頻度 hindo 周期 曜日 weekday dayofweek シーズン season 天気 weather tenki 気温
        temperature 湿度 humidity speed 速度 voltage battery バッテリー signalstrength resolution 解像度 色名 iro
        カラー サイズ名 柄 gara 味 flavor フレーバー 産 難易度 difficulty 進行 予約状況 在庫状況 配送状況 支払状況
        対応状況 入金状況 回収状況 稼働状況 shiharaikubun 振込区分 取引区分 課税区分 税区分 入出庫 増減 direction
        inout yesno 敬称 salutation honorific prefix suffix
    """,
    "time": """
        ts
        日時 日付 時刻 年月日 日 年月 年 月 期限 期間 有効期限 時間 曜日 更新日 登録日 入会日 作成日 作成日時
        更新日時 登録日時 購入日 発売日 来店日 入社日 退社日 退会日 受付日 at date time timestamp dt datetime hizuke
        nichiji on created updated modified expires expiry expiration year month day hour duration elapsed seconds
        ms start end kaishi shuryo koshinbi torokubi nengappi ymd kigen jikan sinceat checkin checkout deadline
        epoch updatedon week quarter period 開始 終了 チェックイン チェックアウト シフト agedays ttl kikan nengetsu
        youbi yobi 発行日 hakkobi 支払日 shiharaibi 納期 nouki 締日 shimebi 締切 満了日 期日 kijitsu 予定日 yoteibi
        実施日 jisshibi 最終更新 最終ログイン 最終購入日 初回購入日 出荷日 到着日 出発日 shuppatsu tochaku 到着 出発
        departure arrival 発生日 hasseibi 受診日 来院日 退院日 入院日 入学 入学日 卒業年 卒業日 入社 退職日 退職
        採用日 契約日 解約日 利用日 riyobi 開店日 閉店日 発注日 納品日 入荷日 検収日 kenshubi 請求日 入金日 引落日
        振込日 申込日 回答日 投稿日 送信日時 受信日時 開封日時 clickedat openedat sentat senttime issuedat issued
        duedate due paidat shippedat deliveredat cancelledat canceledat completedat finishedat startedat endedat
        validfrom validto validuntil effectivedate birthtimezone nendo 年度 fy 経過日数 lasttouch lastlogin lastseen
        lastaccess
    """,
    "amount": """
        金額 価格 単価 料金 合計 合計金額 税 税込 税抜 消費税 割引 割引額 売上 売上高 手数料 送料 円 支払 支払額
        支払金額 請求額 残高 入金額 出金額 保険料 掛金 原価 定価 小計 price amount fee cost tax discount sales yen
        jpy kingaku kakaku tanka uriage goukei gokei total subtotal ryokin soryo shippingfee premium revenue budget
        margin balance usd paymentamount charge 診療報酬 授業料 spend ltv shiharai hokenryo 資本金 shihonkin capital
        年商 turnover 家賃 yachin rent 敷金 礼金 薬価 yakka 運賃 fare 入会金 年会費 会費 kaihi 値段 nedan 予算 yosan
        原資 粗利 利益 profit 賞金 報奨 単価税込 補償額 warranty 査定額 評価額 見積額 入札額
    """,
    # --- identifiers ---------------------------------------------------------------------------------
    "id": """
        id ids no 番号 コード 番 cd code num number bango bangou kodo uuid guid key キー ref reference seq pk sn
        serial 連番 通番 管理番号 識別子 identifier rowid sid oid kanribango 記号 kigo kigou symbol ident 個体識別
        serialno 受付番 番地番号 handleid idx index mrn medicalrecordnumber subjectid uid pid cid mid eid hid rid
        tid code1 seqno 会員id
    """,
    # --- whose ---------------------------------------------------------------------------------------
    "person": """
        マネージャー manager managers 店長 顧客 お客様 客 会員 利用者 ユーザー ユーザ 社員 従業員 職員 スタッフ 患者
        生徒 学生 児童 園児 保護者 契約者 申込者 応募者 担当 担当者 担当医 注文者 購入者 受取人 受取 配送先 届先
        差出人 宿泊者 ゲスト 医師 教員 講師 先生 上司 世帯主 回答者 代表者 連帯保証人 保証人 父 母 本人 被保険者
        オーナー 名義人 受講者 参加者 来場者 購読者 投稿者 作成者 登録者 更新者 customer customers cust cst client
        clients user users usr member members mbr employee employees emp staff person people patient patients
        student students pupil guest guests guardian parent mother father policyholder applicant applicants contact
        contacts owner holder recipient recipients buyer purchaser sender visitor visitors doctor physician teacher
        candidate candidates subscriber subscribers author passenger attendee participant respondent respondents
        consumer individual account accounts profile profiles kokyaku kaiin riyosha shain jugyoin shokuin kanja
        seito gakusei hogosha keiyakusha tanto tantosha moushikomisha oubosha chumonsha okyaku okyakusama juri
        uketorinin shukuhakusha kaitousha kaitosha crew operator ope assignee shipto shiptos billto emergency
        beneficiary tenant resident residents donor signer nurse kyoin dantaidaihyo lead leads 社員名簿 名簿 meibo
        hihokensha cardholder borrower payer payee cashier rep salesperson consignee insuree enrollee householdhead
        kinkyu player players プレイヤー 選手 athlete 入居者 nyukyosha 借主 貸主 入居 hoshonin 保証会社担当 応募
        乗客 passengers rider riders caller donors trainer トレーナー instructor coach 住民 jumin 世帯員 setainushi
        施術者 利用客 来館者 加入者 kanyusha 申請者 shinseisha 請求者 通報者 予約者 yoyakusha 宛先 受信者 送信者
        委任者 代理人 遺族 相続人 故人 被害者 加害者 患者様 親 祖父 祖母 配偶者 fiance spouse child 子 兄 姉 弟 妹
        friend inviter invitee 紹介者 shokaisha 友達 フォロワー follower followers seller sellers 出品者 売主 買主
        host hosts landlord lender debtor creditor shareholder 株主 役員 director directors president ceo 代表
        daihyo daihyosha 社長 校長 園長 院長 担任 tannin 主治医 shujii 看護師 kangoshi 薬剤師 技師 gishi 運転手
        untenshu 乗務員 販売員 hanbaiin 応対者 対応者 taiosha 登録ユーザー subscriberinfo beneficiaries
        insuredperson claimant complainant witness victim volunteer ボランティア alumni 卒業生 受験者 juken jukensha
        examinee speaker 講演者 出演者 attendees registrant 学籍 gakuseki cif 会員証 診察券 shinsatsuken 社員証
        learner learners enji 同伴者 dohansha 相談者 soudansha 受給者 jukyusha 要介護者 利用会員 上長 承認者
        shoninsha 作業者 sagyosha 入力者 nyuryokusha 起票者 申告者 送迎者 宿泊客 来客 visitorname 得意客 見込客
        mikomikyaku prospect prospects 担当営業 営業担当 eigyotanto physicians therapist attending counselor mentor
        mentee worker workers labourer contractor freelancer delegate participantid uid subscriberid mrn
        medicalrecordnumber subjectid sso oauth staffs colleague supervisor requester submitter reporter creator
        editor modifier updater approver initiator callee 会員様 生徒番号 受験生 児 生徒名 家主 大家 借入人 債務者
        saimusha 連帯 組員 社長名 店員 tenin pilot captain cabin voter 有権者 nominee heir 加入 被扶養者 hifuyosha
        dependant dependent
    """,
    "thing": """
        branch branches 銀行 支店 金融機関 bank banks ginko ginkou shiten 商品 製品 品 品番 品名 品目 店舗 店 店名
        支社 拠点 倉庫 キャンペーン ブランド メーカー ファイル サーバ サーバー ホスト プラン コース メニュー 客室
        ホテル 施設 会場 会社 企業 取引先 法人 団体 組織 病院 医院 路線 駅 クーポン 配送会社 仕入先 科目 教科
        教室 クラス テーブル ページ 画像 テンプレート イベント 講座 銘柄 機種 車種 部品 代理店 営業所 店番 レジ 広告
        施策 書籍 作品 材料 設備 学年 学部 学科 product products item items goods sku skus shohin shouhin hinban
        hinmei seihin jan ean gtin isbn upc store stores shop shops tenpo tempo mise outlet warehouse campaign
        campaigns brand brands maker manufacturer file files folder hostname server plan plans course courses menu
        room rooms hotel hotels facility facilities venue company companies corp organization organisation org
        vendor vendors supplier suppliers carrier hospital clinic station coupon coupons image template
        departmentstore applicationname project table asset equipment part parts kikai torihikisaki shiiresaki
        kaisha kigyo byoin shisetsu eigyosho soko bumon warehousename book books lesson lessons game track catalog
        catalogue series variant package ad ads creative playlist news article stock fleet machine register terminal
        tanpin kyanpen partner merchant merchants gakubu gakka kamoku route depot center centre 医療機関
        iryokikan locker seat seats 座席 物件 bukken artist gym 店番号 座席番号 arena 路線名 train 便 flight guild
        games アーティスト 曲 song songs album movie 薬局 施設名 保険会社 拠点名 物件名 センサー sensor sensors
        会場名 店舗コード plant factory 工場 area エリア 地区 region 地域 zone district 都市計画 担当部門 チーム
        team teams club クラブ league program programme プログラム コンテンツ video videos 動画 記事 document
        documents 書類 文書 lot ロット batch バッチ task タスク step endpoint api function service サービス atm 券種
        銘柄名 業者 業務 gyosha ブランド名 メニュー名 コース名 プラン名 商品名 製品名 品種 原産国 sanchi 産地 材質
        素材 仕様 規格 代表電話 hotline かかりつけ医 目的地 mokutekichi destination gate 改札 ward kurasu 駅名
        boarding 乗車駅 降車駅 停留所 空港 airport 航空会社 airline 便名 flightno ホテル名 宿 yado 旅館 観光地
        スポット spot 施設種別 棚 shelf 通路 売場 uriba フロア floor 階数 面積 坪 tsubo 間取り madori 築年数 最寄駅
        moyorieki 沿線 農園 産直 農家名 品番コード 型番 kataban 型式 シリアル 製造 製造元 seizo 販売元 輸入元
        勘定科目 kanjo 費目 himoku 科目名 補助科目 会計 仕訳 予算科目 プロジェクト案件 案件 anken 部材 buzai 素材名
        レシピ recipe 料理 dish food 食品 drink ドリンク 犬種 猫種 種 breed 種族 キャラ character スキル skill badge
        バッジ 称号 アイコン icon banner バナー ロゴ logo font css widget queue topic bucket cluster container pod
        repository repo commit release environment env instance node shard partition namespace domainname licensekey
        vm disk cpu memory 帳票 様式 フォーム 質問票 questionnaire 設備名 車種名 車両タイプ garage 駐車場 parking
        lane 車線 道路 店頭 kiosk 端末番号 レジ番号 regi hall 席 seki テーブル番号 卓番 takuban
    """,
    "record": """
        sale inq jiko bkg rsv resv appt
        注文 受注 伝票 請求 請求書 領収書 予約 受付 問い合わせ お問い合わせ 問合せ 配送 送り状 追跡 取引 決済 契約
        証券 診察 カルテ 来院 来店 受診 申込 申請 レシート 保険金 事故 チケット 見積 納品 出荷 order orders invoice
        invoices receipt receipts ticket tickets booking bookings reservation reservations shipment shipments
        tracking payment payments transaction transactions txn tran trans inquiry inquiries claim claims application
        applications case cases contract contracts policy policies delivery deliveries parcel parcels chumon juchu
        denpyo uketsuke yoyaku torihiki haisou haiso okurijo keiyaku shoken receiptline slip cart carts stay stays
        trip trips purchase purchases basket voucher enrolment enrollment appointment appointments encounter
        admission quote mitsumori nouhin shukka lines issue issues ride rides qr qrcode 乗車 受講 届出 発注 hacchu
        入金 出金 振込 貸出 返却 入庫 出庫 検針 点検 修理 保守 購入 kounyu konyu 販売 hanbai donation donations 寄付
        kifu bet lottery raffle bid bids rental rentals subscription subscriptions subscriptionid refund refunds
        return returns waybill awb manifest consignment pnr confirmation 引換 券番号 整理券 受験 exam 処方箋
        shohosen プリスクリプション レセプト rezept referral 紹介状 検体 specimen sample certificate certificates
        証明書番号 shomeisho 車台番号 shadai vin chassis 整備 見積番号 受領 juryo 督促 回収 kaishu 審査 shinsa
        underwriting quotation 満期 manki 更新手続 移転 解約手続 事件 jiken 判例 入居申込 内見 naiken 契約書
        keiyakusho 覚書番号 請願 相談番号 sodanbango caseid ticketid orderid invoiceid bookingid 引当 精算 seisan
        経費 keihi expense expenses claimno 稟議 ringi 勤怠 kintai timesheet 打刻 dakoku paystub payslip 給与明細
        申告 shinkoku 納税 nozei 督促状 受診券 接種券 sesshuken 予診票 prescriptionno rx 紹介 依頼 irai 送信id
        messageid notificationid callid conversationid threadid chatid 投稿id postid reviewid commentid answerid
        responseid
    """,
    "event": """
        セッション 閲覧 ログ 履歴 回答 明細 session sessions event events visit log logs answer answers response
        responses messagelog history rireki meisai post posts entry entries survey surveys trace span correlation
        lineitems checkoutsession slipline access pageview pageviews request requests call calls pv
    """,
    "body": """
        height weight 身長 体重 shincho shinchou taiju taijuu waist stature ウエスト hip バスト bust 胸囲 足 shoe
        shoesize 靴 服 足のサイズ
    """,
    "state": "state",
    "company": """
        会社 企業 company kaisha kigyo 会社名 勤務先会社 法人名 hojinmei 事業所 事業所名 jigyosho 組織 organization
        organisation org companyname
    """,
    "describes": "description 説明 setsumei title titles タイトル 見出し caption alt descr desc",
    "how_many": "num numberof numof noof countof totalnumberof",
    "neutral": """
        項目 column feature data field 欄 the of for and a in new old main primary secondary sub default current
        previous prev latest lastknown firstknown original raw x jp ja en の 新 旧 主 副 現 第 お ご 様 kanji 漢字
        用 値 value val info 情報 home 自宅用 work personal private official display rec col f t tbl m dim fact mst
        master マスタ 一覧 trn tmp stg wk list lineno shipping billing ship bill shopping emergencycontact full 全
        formatted normalized ext additional extra other keyvalue attribute attr dwh mart rawdata src 上 下 db schema
        v us our my their gaku
    """,
}
"""Concepts of sentences, flags, counts, times, numbers, owners, and words that say nothing."""
