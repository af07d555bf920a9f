"""What the words of column names mean, in Japanese, romaji and English.

A word may stand for several concepts (``address`` is a place or a machine); the rules of ``column_headers``
decide by the words beside it. Words are written folded (NFKC, lower case).
"""

from __future__ import annotations

from collections.abc import Mapping

_CONCEPTS: Mapping[str, str] = {
    # --- people's own things -------------------------------------------------------------------
    "full_name": """
        氏名 姓名 お名前 名義 名義人 本名 宛名 人名 芳名 戸籍名 shimei simei seimei fullname onamae meigi meiginin
        atena honmyo legalname displayname personname 通称 通称名 tsusho realname wholename fullnm fullnamekanji
        customername_ hogoshamei kanjishimei 氏名漢字 漢字氏名 申込者氏名 signature_name 差出人名 送り主 okurinushi
        届出人 uketorininmei
    """,
    "name": "mei 名 名前 名称 name nm names namae na 氏",
    "family": "姓 苗字 名字 myoji surname lastname familyname lname family",
    "given": "下の名前 given middle firstname givenname forename fname",
    "first": "first",
    "last": "last",
    "sei": "sei",
    "kana": """
        フリガナ ふりがな カナ かな 読み よみ 読み仮名 読みかな ヨミガナ よみがな ヨミ カタカナ ひらがな kana
        furigana hurigana yomi yomigana katakana hiragana phonetic reading kn yomikata 仮名 半角カナ 全角カナ
        カナ氏名 氏名カナ フリカナ カナ名 furi ruby ルビ pronunciation kananame namekana
    """,
    "kana_family": "セイ せい",
    "kana_given": "メイ めい",
    "romaji": "ローマ字 英字 romaji roman alphabet latin",
    "nickname": """
        ペンネーム アカウント名 ニックネーム 表示名 ハンドル ハンドル名 ログイン名 ユーザー名 nickname handle login
        username screenname loginid alias
    """,
    "email": """
        メール メアド メールアドレス eメール eメールアドレス 電子メール メルアド email mail emails mailaddress
        mailaddr emailaddress emailaddr mailadd eml mailid 連絡先メール pcメール 携帯メール pcmail keitaimail mailad
        meruado contactemail workemail email1 emailid
    """,
    "phone": """
        電話 電話番号 携帯 携帯電話 携帯番号 連絡先 fax ファックス ファクス 固定電話 tel telno telephone phone
        phonenumber phoneno mobile cell cellphone denwa keitai msisdn renrakusaki denwabango whatsapp caller
        callerid callernumber 発信 発信者番号 着信 着信番号 phone_e164 contactno contactnumber contacttel 自宅電話
        携帯tel 日中連絡先 hiruma handphone landline 内線 naisen faxno faxnumber telfax smsnumber sms 代表電話
        daihyodenwa hotline
    """,
    "address": """
        部屋番号 部屋 号室 室番号 room_number heya heyabango 市区町村以下 丁目番地 ビル名 アパート 住所 番地 町名
        町域 丁目 建物 建物名 マンション名 お届け先 届け先 届先 送付先 送り先 居所 現住所 自宅 jusho juusho jyusho
        address addr addresses street banchi apartment apt choiki chomei tatemono town 字 大字 番 丁 通り 転居先
        転居先住所 旧住所 新住所 現住居 実家 本店所在 genjusho genjusyo jyuusyo jyusyo zyusyo residence_address
        mailingaddress streetaddress addressline addressline1 addressline2 deliveryaddress shippingaddress
        billingaddress 請求先住所 お住まい 宛先住所 dropoff pickup housenumber building_name buildingname roomnumber
        flat
    """,
    "place": "所在地 アドレス shozaichi",
    "postal": """
        郵便番号 郵便 〒 zip postal postcode zipcode yubin yuubin yubinbango yuubinbango postalcode zipcd
    """,
    "prefecture": """
        都道府県 都道府県名 県 県名 府県 pref prefecture prefectures todofuken todohuken todouhuken todoufuken ken
        province prefcode prefname 出身地 出身県 shusshinchi
    """,
    "city": """
        市区町村 市町村 市区 区市町村 市区郡 city shikuchoson shichoson municipality ward cityname
    """,
    "country": "国 国名 在住国 居住国 country kuni countrycode",
    "nationality": """
        国籍 nationality kokuseki citizenship 在留資格 zairyushikaku visatype visa 国籍地域 出身国
    """,
    "birth": """
        生年月日 誕生日 生年 出生日 出生 生まれ 誕生 お誕生日 birth birthday dob birthdate born bday dateofbirth
        seinengappi tanjobi tanjoubi birthdt birthyear birthmonth yearofbirth 生年月 生まれ年 umare umaredoshi
        birthyyyymmdd seinen 生誕
    """,
    "age": "年齢 年代 年令 満年齢 age nenrei nendai agegroup ageband agerange",
    "minor": "未成年 minor underage miseinen",
    "gender": "性別 男女 gender sex seibetsu seibetu",
    "occupation": """
        ご職業 shokumei 職名 職務 職位 等級 職業 職種 役職 肩書 業種 occupation job jobtitle profession shokugyo
        shokugyou yakushoku position shokushu jobtype jobcategory industry gyoshu 職 仕事 shigoto 勤務形態 雇用形態
        koyokeitai employmenttype employmentstatus 職業名 希望職種 応募職種 資格 shikaku qualification
    """,
    "employer": """
        勤務先 勤め先 所属 部署 部門 勤務先名 employer workplace kinmusaki department dept busho shozoku division
        工場名 勤務地 kinmuchi 配属 haizoku 配属先 office
    """,
    "education": """
        学歴 最終学歴 出身校 学校名 学校 education gakureki degree school gakko university 学歴区分 学校種別 専攻
        senko major graduation 卒業学校 出身大学 大学名 alma degree_name schooling
    """,
    "marital": """
        婚姻 未婚 既婚 婚姻状況 婚姻区分 配偶者 配偶者有無 marital married marriage kekkon kon'in konin haigusha
        spouse 結婚 既婚区分 結婚歴 婚歴 maritalstatus mikikon 未既婚 配偶 kikonmikon
    """,
    "household": """
        続柄 zokugara 家族続柄 relationship relation 家族人数 dokyo doukyo 世帯 家族 家族構成 世帯人数 扶養 扶養人数
        子供 子ども お子様 同居 household children kids kazoku setai fuyo dependents dependants kazokukosei ペット
        pet pets 扶養家族 扶養者 扶養親族 世帯構成 世帯区分 kodomo 子供の数 子の数 childrencount familysize
        numchildren numberofchildren housing 持家 住居形態 居住形態 jukyo
    """,
    "rank": """
        ランク 会員ランク ステージ 会員ステージ rank tier loyalty ranku kaiinrank memberrank membershiplevel
        membershiptier kaiinstage loyaltytier vipランク ロイヤルティ
    """,
    # --- numbers ---------------------------------------------------------------------------------
    "my_number": """
        マイナンバー 個人番号 mynumber kojinbango kojinbangou kojinno individualnumber mainamba mynum ssn nationalid
        nationalidnumber taxid taxnumber taxpayer 納税者番号 socialsecuritynumber socialinsurance 個人no
        特定個人情報
    """,
    "resident_code": "住民票コード 住民票 juminhyo juminhyocode residentcode",
    "licence": """
        免許 免許証 運転免許 運転免許証 免許証番号 免許番号 license licence menkyo menkyosho driverlicense
        driverslicense
    """,
    "driver": "運転者 driver drivers driving unten",
    "passport": "旅券 パスポート 旅券番号 passport ryoken passportno",
    "residence_card": "在留カード 在留 特別永住者証明書 zairyu zairyucard zairyukado",
    "residence": "residence",
    "pension": "年金 基礎年金 基礎年金番号 年金番号 nenkin kisonenkin pension",
    "employment": "雇用保険 koyohoken koyouhoken employment",
    "insured": """
        被保険者番号 被保険者証番号 被保険者記号 保険証番号 保険証記号 被保険者証 保険証 枝番 記号番号 hihokensha
        hihokenshabango hokensho insured insurancecard 保険記号 hokenkigo hokenbango hokenno insuranceno insuranceid
        insurancenumber healthinsurance
    """,
    "insurer": "保険者番号 保険者 hokensha hokenshabango insurer",
    "insurance": "保険 hoken insurance",
    "card": """
        クレジットカード クレカ カード番号 クレジットカード番号 カード creditcard card cardnumber cardno pan
        ccnumber kurejitto
    """,
    "credit_word": "credit クレジット debit",
    "bank_account": """
        accountno accno acctno acctnum acctnumber accountnum accountnumber 口座no 普通口座 furikomisaki hikiotoshi
        引落口座 引き落とし口座 iban 口座 口座番号 銀行口座 振込先 振込口座 koza kouza kozabango koza_bango
        bankaccount ゆうちょ 貯金
    """,
    "bank": "branch 銀行 支店 金融機関 bank ginko ginkou shiten swift bic",
    "invoice_number": "適格請求書 インボイス番号 インボイス登録番号 tekikaku invoiceregistration",
    "registration": "登録番号 registration",
    "corporate": "法人番号 hojin hojinbango houjinbango corporate corporatenumber",
    "plate": """
        車両番号 ナンバープレート 車番 自動車登録番号 plate numberplate licenseplate licenceplate sharyobango
        vehicle 車両
    """,
    "ip": "ip ipaddress ipaddr ipv4 ipv6 ipアドレス remoteaddr",
    "mac": "mac macaddress macアドレス",
    "device": """
        install installation installations インストール インストールid terminalid handsetid androidid 端末 デバイス
        端末id device idfa idfv gaid adid aaid advertising imei udid imsi tanmatsu deviceid handset iccid simid sim
        eid serialnumber ssaid vendorid devicetoken_ クライアントid browserid fingerprintid
    """,
    "cookie": "クッキー cookie cookies fbp fbc gaclientid cookieid visitorid",
    "line": "line",
    "social": "twitter instagram facebook tiktok sns xid whats",
    "push": "push fcm apns プッシュ",
    "token": "トークン token",
    "secret": """
        パスワード 暗証番号 暗証 秘密 合言葉 シークレット password passwd pwd passcode pin apikey secret salt
        credential privatekey accesstoken refreshtoken ansho otp cvv cvc jwt
    """,
    "hash": "ハッシュ hash hashed sha256 sha1 sha md5 digest hmac pseudonym hem",
    "browser": "ユーザーエージェント ブラウザ useragent ua browser agent",
    "url": """
        url uri リンク 参照元 リファラ リファラー link referrer referer ref_url landing href homepage website
        permalink
    """,
    "referrer": "参照元 リファラ リファラー referrer referer",
    "geo": """
        緯度 経度 位置情報 座標 lat lng lon latitude longitude coordinates gps geo geolocation geohash ido keido
        latlng
    """,
    "biometric": """
        顔写真 指紋 顔画像 虹彩 声紋 署名 生体 photo portrait fingerprint faceid biometric face avatar kaojashin
    """,
    # --- sensitive -----------------------------------------------------------------------------
    "income": """
        kihonkyu kihonkyuu 手当 teate 賃金 chingin 時給 jikyu 月給 gekkyu hourlywage compensation 収入 世帯収入
        年間収入 bonus 年収 年収帯 所得 給与 給料 賞与 年俸 月収 世帯年収 報酬 手取り 基本給 income salary wage
        wages nenshu nenshuu kyuyo kyuuyo shotoku payroll earnings incomeband bonus_pay shunyu 年収額 月給額 給与額
        基本給額 世帯収入帯 現年収 希望年収 想定年収 annualsalary annualincome monthlysalary householdincome
        grosspay netpay takehome pay payrate 所得額 課税所得 賞与額 年収レンジ incomerange incomelevel nenkingaku
    """,
    "credit": """
        与信 信用 借入 借入額 負債 債務 滞納 延滞 預金残高 預金額 資産 貯蓄 残債 ローン debt loan creditscore
        creditlimit yoshin karire taino zandaka assets savings delinquency bankruptcy 破産 口座残高 生活保護
        seikatsuhogo 自己破産 延滞回数 delinquent arrears creditrating 信用スコア 与信枠 与信ランク 借入残高 債権
        差押 sashiosae networth wealth 貯蓄額 預金 yokin chochiku 保有資産 資産額 株式
    """,
    "health": """
        ninshin shoho shohou shohoyaku shochi byoreki byoureki kioureki kioshogaku systolic diastolic bp heartrate
        pulse myakuhaku taion hearing vision 視力 聴力 心拍 心拍数 脈拍 問診 monshin 検診 kenko kenkojotai
        vaccinated immunization injury 負傷 怪我 ケガ けが 障害者手帳 shogaishatecho 介護認定 kaigodo yokaigo 血中
        コレステロール 中性脂肪 尿酸 尿検査 レントゲン カルテ所見 生理 月経 避妊 不妊 性病 遺伝子 genome genetic dna
        精神 メンタル mental 病名 傷病 傷病名 既往歴 既往症 病歴 診断 診断名 疾患 疾病 症状 主訴 アレルギー 服薬
        服用 服用薬 投薬 処方 処方薬 薬剤 薬 障害 障害者 障害等級 障がい 健診 健康診断 検査 検査値 検査結果 血圧
        体重 身長 血液型 妊娠 ワクチン 接種 要介護 要介護度 介護度 手術 治療 治療歴 通院 通院歴 入院 入院歴 持病
        健康状態 体温 食物アレルギー 血糖 ストレスチェック 療育 手帳 健康 disease diagnosis illness medical allergy
        allergies medication medications prescription symptom symptoms disability byomei byoumei shobyo shobyomei
        shindan kiou kiorekI kioreki bloodtype blood hba1c icd icd10 pregnancy pregnant vaccine vaccination bmi
        health treatment surgery shikkan arerugi shogai shogaisha ketsuekigata ketsuatsu fukuyaku condition
        diagnoses drug drugs weight_kg height_cm cholesterol glucose kenshin kensa taiju shincho comorbidity dietary
        side_effects sideeffects sideeffect 副作用 fukusayo 病 感染 感染症 covid pcr 既往 持病名 服薬歴 投薬歴
        okusuri 治療内容 手術歴 入院日数 精神疾患 身体障害 療養 休職 kyushoku_health 産休 介護 kaigo 要支援
        かかりつけ 体調 体質 障害種別 障害区分 障害名 障害の有無 障がいの有無 障がい者手帳 食事制限
        dietaryrestriction dietaryrestrictions healthcheck healthcondition checkup 腹囲 waist_cm ecg mri xray biopsy
        cancer diabetes insulin medicalhistory 医療 診療 shinryo 診察 shinsatsu labresult lab_value 判定結果 疾病名
        罹患 rikan 後遺症 発症日 初診 看護度 適性 ストレス stress 睡眠 sleep 歩数 steps 脂肪 体脂肪 体脂肪率 bodyfat
    """,
    "creed": """
        宗教 信仰 宗派 信条 思想 支持政党 政党 政治 組合 労働組合 組合員 religion religious creed faith shukyo
        shuukyou shinko political politics party union seito_party belief kumiai shijiseito 宗教名 教会 檀家 氏子
        informed_party 政治団体 政治的見解 支持 support_party 後援会 membership_union labourunion laborunion
        tradeunion 信念 philosophy 哲学 worldview
    """,
    "race": """
        人種 民族 本籍 本籍地 出自 race ethnicity ethnic minzoku jinshu honseki caste 戸籍 koseki 帰化 出生地
        birthplace placeofbirth 門地 部落 皮膚の色 祖先 ancestry indigenous tribe 社会的身分
    """,
    "orientation": "性的指向 性自認 sexual orientation lgbt",
    "criminal": """
        犯罪 犯罪歴 前科 前歴 逮捕 逮捕歴 有罪 刑罰 懲役 補導 非行 criminal conviction convictions arrest arrested
        offence offense felony zenka hanzai hanzaireki crime 犯罪経歴 処分歴 刑事 刑事処分 処分 違反 違反歴 ihan
        shobun 起訴 判決 仮釈放 保護観察 少年院 少年 criminalrecord backgroundcheck juvenile 被害 被害届 crimevictim
        犯罪被害 dv
    """,
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
        riyu subject reason details detail keyword keywords query search query_text content narrative summary
        observation observations opinion suggestion instructions request_text hitokoto tokki mosiokuri sodan
        complaint jikoshokai toiawasenaiyo annotation utterance inquirybody 問合せ内容詳細 特記 tokkijiko 備忘 覚書
        note_text せつめい 紹介文 プロフィール文 自己pr self_intro selfintroduction aboutme about 回答内容 設問回答
        freeanswer openanswer free_answer otherreason 主訴詳細 complaint_text answer_text chief_note body_text
        contents memoran handover 引き継ぎ 引継事項 conversation 会話 utterances voice 音声 書き起こし transcription
        tweet 呟き つぶやき ocr rawtext 状況 jokyo jokyou
    """,
    # --- what follows a noun and makes it another thing ------------------------------------------
    "flag": """
        フラグ 有無 可否 要否 済 済み 同意 許諾 許可 希望 配信 受信 送信 送付 停止 拒否 無効 有効 登録済 確認 確認済
        認証済 削除 解約 flag flg is has can enabled disabled verified confirmed optin optout subscribed subscribe
        consent agreed allowed allow valid active deleted umu kahi doi haishin bool required available public opened
        clicked sent accepted received magazine newsletter notification permission unsubscribed kyohi bounced
        blocked exists
    """,
    "count": """
        回数 件数 数 個数 数量 人数 本数 点数 台数 枚数 日数 泊数 冊数 名数 順位 順 count cnt qty quantity kensu
        kensuu kaisu kaisuu suryo suuryou ninzu nissu attempts number_of times total_count views clicks sessions
        hits impressions length size width height weight bytes capacity stock zaiko kosu 重量 サイズ 幅 高さ 在庫
        在庫数 visits last30d
    """,
    "score": """
        率 割合 スコア 評価 満足度 推奨度 偏差値 得点 点 ポイント score rate ratio percent percentage rating nps
        csat point points pt average avg mean sum ritsu hyoka manzokudo ポイント数 point_balance 成績 評点 星 stars
        grade
    """,
    "type": """
        区分 種別 種類 分類 型 タイプ 方法 手段 経路 チャネル 流入元 形式 状態 ステータス kbn kubun type types kind
        category shubetsu shubetu shurui status state stage method mode format version バージョン 版 channel source
        medium jotai joutai level レベル language lang 言語 currency 通貨 locale timezone os platform segment group
        グループ 言語コード provider domain ドメイン bunrui keiro class encoding priority 優先度 result 結果 目的
        purpose brandname action_type role 権限 カテゴリ カテゴリー ジャンル genre color 色 unit 単位 carrier_type
        theme label ラベル tag tags タグ event_type screen 画面 画面名 operation action module locale_code
        rejected_reason_code error_code signal gateway protocol 支払方法 model 状況 jokyo jokyou 有効区分 プラン区分
        membership 会員種別 会員区分 kaiinshubetsu 契約種別 rarity device_type statuscode 進捗 shinchoku phase
        フェーズ ステップ category_cd 大分類 中分類 小分類 決済方法 決済手段 shiharaihoho 通知設定 theme_type 券種
        等級 size_type fuel shape 形状 材料 性能
    """,
    "time": """
        日時 日付 時刻 年月日 日 年月 年 月 期限 期間 有効期限 時間 曜日 更新日 登録日 入会日 作成日 作成日時
        更新日時 登録日時 購入日 発売日 来店日 入社日 退社日 退会日 受付日 at date time timestamp dt datetime hizuke
        nichiji on created updated modified expires expiry expiration year month day hour duration elapsed seconds
        ms start end kaishi shuryo koshinbi torokubi nengappi ymd kigen jikan since_at checkin checkout deadline
        epoch updated_on date_time week quarter period 開始 終了 チェックイン チェックアウト シフト age_days ttl
    """,
    "amount": """
        金額 価格 単価 料金 合計 合計金額 税 税込 税抜 消費税 割引 割引額 売上 売上高 手数料 送料 円 支払 支払額
        支払金額 請求額 残高 入金額 出金額 保険料 掛金 原価 定価 小計 price amount fee cost tax discount sales yen
        jpy kingaku kakaku tanka uriage goukei gokei total subtotal ryokin soryo shipping_fee premium revenue budget
        margin balance usd payment_amount charge 診療報酬 授業料 spend ltv shiharai hokenryo 資本金 shihonkin
        capital 年商 turnover 家賃 yachin rent 敷金 礼金 薬価 yakka 運賃 fare 入会金 年会費 会費 kaihi 値段 nedan
        予算 yosan 原資 粗利 利益 profit 賞金 報奨 単価税込 補償額 warranty 査定額 評価額 見積額 入札額
    """,
    # --- identifiers ---------------------------------------------------------------------------------
    "id": """
        id ids no 番号 コード 番 cd code num number bango bangou kodo uuid guid key キー ref reference seq pk sn
        serial 連番 通番 管理番号 識別子 identifier rowid sid oid kanribango 記号 kigo kigou symbol ident 個体識別
        serialno 受付番 番地番号 handle_id idx index
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
        beneficiary tenant resident residents donor signer nurse kyoin dantai_daihyo lead leads 社員名簿 名簿 meibo
        hihokensha cardholder borrower payer payee agent_person cashier rep salesperson consignee insuree enrollee
        household_head kinkyu player players プレイヤー 選手 athlete 入居者 nyukyosha 借主 貸主 入居 hoshonin
        保証会社担当 応募 乗客 passengers rider riders caller donors trainer トレーナー instructor coach
        artist_person 住民 jumin 世帯員 setainushi 施術者 利用客 来館者 加入者 kanyusha 申請者 shinseisha 請求者
        通報者 予約者 yoyakusha 宛先 受信者 送信者 委任者 代理人 遺族 相続人 故人 被害者 加害者 患者様 親 祖父 祖母
        配偶者 fiance spouse child children_person 子 兄 姉 弟 妹 referrer_person friend inviter invitee 紹介者
        shokaisha 友達 フォロワー follower followers seller sellers 出品者 売主 買主 host hosts landlord lender
        debtor creditor shareholder 株主 役員 director directors president ceo 代表 daihyo daihyosha 社長 校長 園長
        院長 担任 tannin 主治医 shujii 看護師 kangoshi 薬剤師 技師 gishi 運転手 untenshu 乗務員 販売員 hanbaiin
        応対者 対応者 taiosha 登録ユーザー subscriberinfo beneficiaries insuredperson claimant complainant witness
        victim volunteer ボランティア alumni 卒業生 受験者 juken jukensha examinee speaker 講演者 出演者 attendees
        registrant 学籍 gakuseki cif 会員証 診察券 shinsatsuken 社員証
    """,
    "thing": """
        branch branches 銀行 支店 金融機関 bank banks ginko ginkou shiten 商品 製品 品 品番 品名 品目 店舗 店 店名
        支社 拠点 倉庫 キャンペーン ブランド メーカー ファイル サーバ サーバー ホスト プラン コース メニュー 客室
        ホテル 施設 会場 会社 企業 取引先 法人 団体 組織 病院 診療科 医院 路線 駅 クーポン 配送会社 仕入先 科目 教科
        教室 クラス テーブル ページ 画像 テンプレート イベント 講座 銘柄 機種 車種 部品 代理店 営業所 店番 レジ 広告
        施策 書籍 作品 材料 設備 学年 学部 学科 product products item items goods sku skus shohin shouhin hinban
        hinmei seihin jan ean gtin isbn upc store stores shop shops tenpo tempo mise outlet warehouse campaign
        campaigns brand brands maker manufacturer file files folder hostname server plan plans course courses menu
        room rooms hotel hotels facility facilities venue company companies corp organization organisation org
        vendor vendors supplier suppliers carrier hospital clinic ward_thing station coupon coupons subject_thing
        class_thing image template department_store event_thing application_name project table asset equipment part
        parts kikai torihikisaki shiiresaki kaisha kigyo byoin shisetsu eigyosho soko bumon warehouse_name book
        books lesson lessons game track catalog catalogue series variant package ad ads creative channel_thing
        playlist news article stock fleet machine register terminal tanpin kyanpen partner merchant merchants
        shinryoka gakubu gakka kamoku route depot center centre 医療機関 iryokikan locker seat seats 座席 物件
        bukken artist lesson_thing gym 店番号 座席番号 arena 路線名 train 便 flight guild games アーティスト 曲 song
        songs album movie title_thing 薬局 施設名 保険会社 拠点名 物件名 センサー sensor sensors gateway_thing
        会場名 shop_thing 店舗コード plant factory 工場 area エリア 地区 region 地域 zone district 都市計画 担当部門
        チーム team teams club クラブ league program programme プログラム コンテンツ content_thing video videos 動画
        article_thing 記事 file_thing document documents 書類 文書 license_thing package_thing lot ロット batch
        バッチ job_thing task タスク step server_thing endpoint api function service サービス bank_thing atm 券種
        銘柄名 業者 業務 gyosha ブランド名 メニュー名 コース名 プラン名 商品名 製品名 品種 原産国 sanchi 産地 材質
        素材 仕様 規格 代表電話 hotline
    """,
    "record": """
        注文 受注 伝票 請求 請求書 領収書 予約 受付 問い合わせ お問い合わせ 問合せ 配送 送り状 追跡 取引 決済 契約
        証券 診察 カルテ 来院 来店 受診 申込 申請 レシート 保険金 事故 チケット 見積 納品 出荷 order orders invoice
        invoices receipt receipts ticket tickets booking bookings reservation reservations shipment shipments
        tracking payment payments transaction transactions txn tran trans inquiry inquiries claim claims application
        applications case cases contract contracts policy policies delivery deliveries parcel parcels chumon juchu
        denpyo uketsuke yoyaku torihiki haisou haiso okurijo keiyaku shoken receipt_line slip cart carts stay stays
        trip trips purchase purchases basket voucher enrolment enrollment appointment appointments encounter
        admission quote mitsumori nouhin shukka lines issue issues ride rides qr qrcode 乗車 受講 届出 発注 hacchu
        入金 出金 振込 貸出 返却 入庫 出庫 検針 点検 修理 保守 購入 kounyu konyu 販売 hanbai donation donations 寄付
        kifu bet lottery raffle bid bids entry_record rental rentals loan_record subscription subscriptions
        subscriptionid membership_record refund refunds return returns waybill awb manifest consignment pnr
        confirmation ref_record 引換 券番号 整理券 受験 juken_record exam 処方箋 shohosen プリスクリプション
        prescription_record レセプト rezept referral 紹介状 検体 specimen sample
    """,
    "event": """
        セッション 閲覧 ログ 履歴 回答 明細 session sessions event events visit log logs answer answers response
        responses message_log history rireki meisai post posts entry entries survey surveys trace span correlation
        line_items checkout_session slip_line access pageview pageviews request requests call calls pv
    """,
    "body": "height weight 身長 体重 shincho shinchou taiju taijuu waist stature",
    "state": "state",
    "company": """
        会社 企業 company kaisha kigyo 会社名 勤務先会社 法人名 hojinmei 事業所 事業所名 jigyosho 組織 organization
        organisation org companyname
    """,
    "describes": "description 説明 setsumei title titles タイトル 見出し caption alt descr desc",
    "neutral": """
        項目 column feature data field 欄 the of for and a in new old main primary secondary sub default current
        previous prev latest last_known first_known original raw x jp ja en の 新 旧 主 副 現 第 お ご 様 kanji 漢字
        用 値 value val info 情報 home 自宅用 work personal private official display rec col f t tbl m dim fact mst
        master マスタ 一覧 trn tmp stg wk list line_no shipping billing ship bill shopping emergency_contact full 全
        formatted normalized ext additional extra other key_value attribute attr dwh mart raw_data src 上 下 db
        public_ schema v us our my their gaku mei_ kana_
    """,
}

MEANINGS: dict[str, frozenset[str]] = {}
"""Each word and the concepts that it may stand for."""
for _concept, _words in _CONCEPTS.items():
    for _word in _words.split():
        MEANINGS[_word] = MEANINGS.get(_word, frozenset()) | {_concept}

LONGEST = max(map(len, MEANINGS))
"""Characters of the longest word."""
