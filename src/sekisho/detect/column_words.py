"""What the words of column names mean, in Japanese, romaji and English.

A word may stand for several concepts (``address`` is a place or a machine); the rules of ``column_headers``
decide by the words beside it. Words are written folded (NFKC, lower case).
"""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.detect.column_head_words import HEADS

Concepts = frozenset[str]
"""What a word may stand for."""

NOUNS: Mapping[str, str] = {
    # --- people's own things -------------------------------------------------------------------
    "full_name": """
        氏名 姓名 お名前 名義 名義人 本名 宛名 人名 芳名 戸籍名 shimei simei seimei fullname onamae meigi meiginin
        atena honmyo legalname displayname personname 通称 通称名 tsusho realname wholename fullnm fullnamekanji
        hogoshamei kanjishimei 氏名漢字 漢字氏名 申込者氏名 signaturename 差出人名 送り主 okurinushi 届出人
        uketorininmei ご芳名 顧客名 会員名 利用者名 患者名 社員名 従業員名 生徒名 学生名 応募者名 受取人名 注文者名
        購入者名 申込者名 契約者氏名 担当者氏名 世帯主名 保護者名 本人氏名 被保険者名 お客様名 ユーザー氏名
        kokyakumei kaiinmei kanjamei shainmei gakuseimei seitomei riyoshamei tantoshamei keiyakushamei
        uketorininname kanjaname cardholdername holdername signatory customerfullname contactname accountholdername
        patientname studentname employeename guestname recipientname membername staffname drivername doctorname
        payeename billingname shippingname buyername sendername authorname ownername
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
        username loginid alias nick あだ名 ニックネーム名 handlename ハンドルネーム accountname 投稿者名
        hundle gamertag profilename penname usrname
    """,
    "email": """
        メール メアド メールアドレス eメール eメールアドレス 電子メール メルアド email mail emails mailaddress
        mailaddr emailaddress emailaddr mailadd eml mailid 連絡先メール pcメール 携帯メール pcmail keitaimail mailad
        meruado contactemail workemail email1 emailid emailaddress1 eメイル メイル メイルアドレス primaryemail
        secondaryemail personalemail companyemail loginemail recoveryemail notificationemail ccemail replyto
        fromaddress toaddress 送信元アドレス 宛先アドレス
    """,
    "phone": """
        電話 電話番号 携帯 携帯電話 携帯番号 連絡先 fax ファックス ファクス 固定電話 tel telno telephone phone
        phonenumber phoneno mobile cell cellphone denwa keitai msisdn renrakusaki denwabango whatsapp caller
        callerid callernumber 発信 発信者番号 着信 着信番号 phonee164 contactno contactnumber contacttel 自宅電話
        携帯tel 日中連絡先 hiruma handphone landline 内線 naisen faxno faxnumber telfax smsnumber sms 代表電話
        daihyodenwa hotline renraku renrakutel renrakusakitel 連絡電話 問合せ先電話 会社電話 勤務先電話 kinmusakitel
        電話1 電話2 でんわ ケータイ phone1 phone2 tel1 tel2 telmobile telhome homephone workphone officephone
        daytimephone eveningphone primaryphone secondaryphone phonehome phonemobile contactphone recipientphone
        shippingphone pager ext
    """,
    "address": """
        部屋番号 部屋 号室 室番号 roomnumber heya heyabango 市区町村以下 丁目番地 ビル名 アパート 住所 番地 町名
        町域 丁目 建物 建物名 マンション名 お届け先 届け先 届先 送付先 送り先 居所 現住所 自宅 jusho juusho jyusho
        address addr addresses street banchi apartment apt choiki chomei tatemono town 字 大字 番 丁 通り 転居先
        転居先住所 旧住所 新住所 現住居 実家 本店所在 genjusho genjusyo jyuusyo jyusyo zyusyo mailingaddress
        streetaddress addressline addressline1 addressline2 deliveryaddress shippingaddress billingaddress
        請求先住所 お住まい 宛先住所 dropoff pickup housenumber buildingname flat 番地以降 それ以降の住所 町域名
        街区 gaiku 住所カナ 住所コード 住所全文 フル住所 fulladdress zyuusyo currentaddress permanentaddress
        registeredaddress residenceaddress 現在地住所 送付住所 返送先 引取先 集荷先 shukasaki 納品先 nouhinsaki
        納入先 配達先 haitatsusaki todokesaki kyosho street1 street2 suburb residential
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
        市区町村 市町村 市区 区市町村 市区郡 city shikuchoson shichoson municipality ward cityname locality towncity
        市区町村名 市名 区名 自治体 jichitai 在住市 住所市区
    """,
    "country": "国 国名 在住国 居住国 country kuni countrycode",
    "nationality": """
        国籍 nationality kokuseki citizenship 在留資格 zairyushikaku visatype visa 国籍地域 出身国
    """,
    "birth": """
        生年月日 誕生日 生年 出生日 出生 生まれ 誕生 お誕生日 birth birthday dob birthdate born bday dateofbirth
        seinengappi tanjobi tanjoubi birthdt birthyear birthmonth yearofbirth 生年月 生まれ年 umare umaredoshi
        birthyyyymmdd seinen 生誕 ymdofbirth 誕生年月日 生誕日 バースデー birthd bdate bornon bornat birthdayymd
        umarebi 生年月日西暦 和暦生年月日 被保険者生年月日
    """,
    "age": """
        年齢 年代 年令 満年齢 age nenrei nendai agegroup ageband agerange 年齢層 nenreiso nenreisou 年齢区分
        満年齢区分 歳児 ageyears currentage agecategory agebracket 何歳
    """,
    "minor": """
        未成年 minor underage miseinen 未成年者 児童区分 age18 under18 over18 isadult 成人 成年 minors ischild
    """,
    "gender": """
        性別 男女 gender sex seibetsu seibetu 男女別 danjo 男女区分 genderidentity seibetsukubun 性 sexcd gendercd
    """,
    "occupation": """
        ご職業 shokumei 職名 職務 職位 等級 職業 職種 役職 肩書 業種 occupation job jobtitle profession shokugyo
        shokugyou yakushoku position shokushu jobtype jobcategory industry gyoshu 職 仕事 shigoto 勤務形態 雇用形態
        koyokeitai employmenttype employmentstatus 職業名 希望職種 応募職種 資格 shikaku qualification yakushokumei
        役割名 担当業務 現職 genshoku 前職 zenshoku 職歴 shokureki career skillset 保有資格 免許資格 licencejob
        professionname worktype workstyle 雇用区分 koyokubun 社員区分 employeetype 職員区分 等級区分 jobgrade
        joblevel paygrade seniority
    """,
    "employer": """
        勤務先 勤め先 所属 部署 部門 勤務先名 employer workplace kinmusaki department dept busho shozoku division
        工場名 勤務地 kinmuchi 配属 haizoku 配属先 office 配属部署 haizokubusho 所属部署 shozokubusho 所属会社
        会社部署 課 ka 部課 buka 所属名 shozokumei costcenter divisionname bu 出向先 派遣先 hakensaki 取引先担当部署
        workplacename worksite
    """,
    "education": """
        学歴 最終学歴 出身校 学校名 学校 education gakureki degree school gakko university 学歴区分 学校種別 専攻
        senko major graduation 卒業学校 出身大学 大学名 alma degreename schooling 在籍校 出身高校 出身学校 専攻名
        学部名 gakubumei 学位 gakui diploma qualificationedu educationlevel educationallevel almamater
    """,
    "marital": """
        婚姻 未婚 既婚 婚姻状況 婚姻区分 配偶者 配偶者有無 marital married marriage kekkon kon'in konin haigusha
        spouse 結婚 既婚区分 結婚歴 婚歴 maritalstatus mikikon 未既婚 配偶 kikonmikon 結婚状況 配偶関係 haigukankei
        marriagehistory 婚姻歴 partnerstatus
    """,
    "household": """
        続柄 zokugara 家族続柄 relationship relation 家族人数 dokyo doukyo 世帯 家族 家族構成 世帯人数 扶養 扶養人数
        子供 子ども お子様 同居 household children kids kazoku setai fuyo dependents dependants kazokukosei ペット
        pet pets 扶養家族 扶養者 扶養親族 世帯構成 世帯区分 kodomo 子供の数 子の数 childrencount familysize
        numchildren numberofchildren housing 持家 住居形態 居住形態 jukyo kyojukeitai 居住 住居 jukyokeitai 住宅
        jutaku 持ち家 賃貸 homeownership 同居人 同居者 dokyonin 世帯主との続柄 続き柄 間柄 扶養区分 扶養有無 育児
        ikuji 介護者 子育て 兄弟 車の有無 マイカー carowner
    """,
    "rank": """
        ランク 会員ランク ステージ 会員ステージ rank tier loyalty ranku kaiinrank memberrank membershiplevel
        membershiptier kaiinstage loyaltytier vipランク ロイヤルティ
    """,
    # --- numbers ---------------------------------------------------------------------------------
    "my_number": """
        myno
        マイナンバー 個人番号 mynumber kojinbango kojinbangou kojinno individualnumber mainamba mynum ssn nationalid
        nationalidnumber taxid taxnumber taxpayer 納税者番号 socialsecuritynumber socialinsurance 個人no
        特定個人情報
    """,
    "resident_code": "住民票コード 住民票 juminhyo juminhyocode residentcode",
    "licence": """
        本人確認書類 honninkakuninshorui
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
        ccnumber kurejitto カードno クレカ番号 cardnum creditcardnumber creditcardno ccno cc カード会員番号
        kaadobango cardbango
    """,
    "credit_word": "credit クレジット debit",
    "bank_account": """
        accountno accno acctno acctnum acctnumber accountnum accountnumber 口座no 普通口座 furikomisaki hikiotoshi
        引落口座 引き落とし口座 iban 口座 口座番号 銀行口座 振込先 振込口座 koza kouza kozabango bankaccount
        ゆうちょ 貯金 振込口座番号 口座情報 kouzabango kozano furikomikoza hikiotoshikoza 引落口座番号 引落とし口座
        返金口座 henkinkoza payoutaccount beneficiaryaccount 預金口座 yokinkoza 通帳 通帳番号 店番口座 sortcode
        routing routingnumber
    """,
    "bank": "branch 銀行 支店 金融機関 bank ginko ginkou shiten swift bic kinyukikan 銀行名 支店名",
    "invoice_number": "適格請求書 インボイス番号 インボイス登録番号 tekikaku invoiceregistration",
    "registration": "登録番号 registration",
    "corporate": "法人番号 hojin hojinbango houjinbango corporate corporatenumber",
    "plate": """
        車両番号 ナンバープレート 車番 自動車登録番号 plate numberplate licenseplate licenceplate sharyobango
        vehicle 車両
    """,
    "ip": """
        ip ipaddress ipaddr ipv4 ipv6 ipアドレス remoteaddr 接続元 接続元ip 送信元 送信元ip sourceip srcip destip
        dstip clientaddr ipadr remoteip xforwardedfor hostip
    """,
    "mac": "mac macaddress macアドレス",
    "device": """
        anonymousid anonymous anonid
        install installation installations インストール インストールid terminalid handsetid androidid 端末 デバイス
        端末id device idfa idfv gaid adid aaid advertising imei udid imsi tanmatsu deviceid handset iccid simid sim
        eid serialnumber ssaid vendorid クライアントid browserid fingerprintid idm felica nfc rfid icカード
        hardwareid machineid browserfingerprint deviceuuid devicefingerprint clientuuid bluetooth ssid bssid msno
        製造番号
    """,
    "cookie": "ga gid gcl clientid クッキー cookie cookies fbp fbc gaclientid cookieid visitorid",
    "line": "line",
    "social": "twitter instagram facebook tiktok sns xid whats",
    "push": "push fcm apns プッシュ",
    "token": "トークン token",
    "secret": """
        パスワード 暗証番号 暗証 秘密 合言葉 シークレット password passwd pwd passcode pin apikey secret salt
        credential privatekey accesstoken refreshtoken ansho otp cvv cvc jwt セキュリティコード 秘密の質問 himitsu
        秘密の答え secretanswer securityanswer secretquestion 認証コード 認証キー authtoken bearer oauthtoken
        sessiontoken csrf totp mfa recoverycode clientsecret privkey passhash passwordhash pwdhash pinhash pinno
    """,
    "hash": "ハッシュ hash hashed sha256 sha1 sha md5 digest hmac pseudonym hem pseudo",
    "browser": """
        ユーザーエージェント ブラウザ useragent ua browser agent useragentstring uastring browserua 閲覧環境
        agentstring
    """,
    "url": """
        url uri リンク 参照元 リファラ リファラー link referrer referer refurl landing href homepage website
        permalink webpage ホームページ hp ホームページurl リンク先 遷移元 遷移先 流入元url pageurl pagepath path
        screenurl referral utm utmsource canonical profileurl
    """,
    "referrer": "参照元 リファラ リファラー referrer referer",
    "geo": """
        緯度 経度 位置情報 座標 lat lng lon latitude longitude coordinates gps geo geolocation geohash ido keido
        latlng gpslat gpslng 測位 sokui 経緯度 緯経度 現在地 genzaichi beacon latlon coords coordinate altitude 標高
        heading
    """,
    "biometric": """
        顔写真 指紋 顔画像 虹彩 声紋 署名 生体 photo portrait fingerprint faceid biometric face avatar kaojashin
    """,
    # --- sensitive -----------------------------------------------------------------------------
    "income": """
        kihonkyu kihonkyuu 手当 teate 賃金 chingin 時給 jikyu 月給 gekkyu hourlywage compensation 収入 世帯収入
        年間収入 bonus 年収 年収帯 所得 給与 給料 賞与 年俸 月収 世帯年収 報酬 手取り 基本給 income salary wage
        wages nenshu nenshuu kyuyo kyuuyo shotoku payroll earnings incomeband bonuspay shunyu 年収額 月給額 給与額
        基本給額 世帯収入帯 現年収 希望年収 想定年収 annualsalary annualincome monthlysalary householdincome
        grosspay netpay takehome payrate 所得額 課税所得 賞与額 年収レンジ incomerange incomelevel nenkingaku
        zeikomi 手取額 支給額 shikyugaku 総支給 控除 kojo 源泉 gensen 源泉徴収 年金額 年金受給額 報酬月額 標準報酬
        hyojunhoshu 給料日前残高 売上報酬 commissionincome annualpay paycheck payamount salaryband payband wageband
    """,
    "credit": """
        与信 信用 借入 借入額 負債 債務 滞納 延滞 預金残高 預金額 資産 貯蓄 残債 ローン debt loan creditscore
        creditlimit yoshin karire taino zandaka assets savings delinquency bankruptcy 破産 口座残高 生活保護
        seikatsuhogo 自己破産 延滞回数 delinquent arrears creditrating 信用スコア 与信枠 与信ランク 借入残高 債権
        差押 sashiosae networth wealth 貯蓄額 預金 yokin chochiku 保有資産 資産額 株式 kariire karireg 他社借入
        kariiregaku 借入金額 返済 hensai 返済額 返済遅延 overdue pastdue nonpayment defaulted fico cic
        creditlimitamount 利用限度額 限度額 gendogaku loanbalance mortgage 住宅ローン 抵当 teito 保証債務
        garnishment 督促回数 滞納額 滞納月数 所有資産 金融資産 kinyushisan 有価証券 holdings portfolio 投資 投資額
        toushi investment pensionbalance
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
        shindan kiou kioreki bloodtype blood hba1c icd icd10 pregnancy pregnant vaccine vaccination bmi health
        treatment surgery shikkan arerugi shogai shogaisha ketsuekigata ketsuatsu fukuyaku condition diagnoses drug
        drugs cholesterol glucose kenshin kensa taiju shincho comorbidity dietary sideeffects
        sideeffect 副作用 fukusayo 病 感染 感染症 covid pcr 既往 持病名 服薬歴 投薬歴 okusuri 治療内容 手術歴
        入院日数 精神疾患 身体障害 療養 休職 産休 介護 kaigo 要支援 かかりつけ 体調 体質 障害種別 障害区分 障害名
        障害の有無 障がいの有無 障がい者手帳 食事制限 dietaryrestriction dietaryrestrictions healthcheck
        healthcondition checkup 腹囲 waistcm ecg mri xray biopsy cancer diabetes insulin medicalhistory 医療 診療
        shinryo 診察 shinsatsu labresult labvalue 判定結果 疾病名 罹患 rikan 後遺症 発症日 初診 看護度 適性 ストレス
        stress 睡眠 sleep 歩数 steps 脂肪 体脂肪 体脂肪率 bodyfat 平熱 heinetsu allergen allergens bodytype 体型
        taikei 熱 発熱 検体結果 陽性 陰性 positive 抗体 kotai 接種歴 接種回数 ワクチン名 予防接種 yobosesshu 病棟
        byoto 診療内容 shinryonaiyo 所見名 治療薬 お薬 薬名 yakumei 処置 処置名 手術名 shujutsu 検査名 kensamei
        検査項目 検診結果 判定区分 hantei メタボ 特定健診 問診結果 自覚症状 jikakushojo 後遺 難病 nanbyo 特定疾患
        診療科 受診科 shinryoka jushinka
        自立支援 療育手帳 精神障害 発達障害 hattatsushogai 知的障害 聴覚 視覚 車椅子 wheelchair accessibility
        impairment impairments handicap handicapped 不妊治療 出産 出産予定日 shussan 月経周期 cycle 性感染症 hiv std
        依存症 addiction 臓器 donororgan 移植 麻酔 リハビリ rehab 介護記録 adl 食事量 排泄 服薬状況 残薬 副反応
        reaction pain 疼痛 痛み vital vitals spo2 脈 呼吸 respiratory temperaturebody medicine medicines rxname
        dosage dose 用量 用法 yoho 薬価コード phr ehr
    """,
    "creed": """
        宗教 信仰 宗派 信条 思想 支持政党 政党 政治 組合 労働組合 組合員 religion religious creed faith shukyo
        shuukyou shinko political politics party union seitoparty belief kumiai shijiseito 宗教名 教会 檀家 氏子
        informedparty 政治団体 政治的見解 支持 supportparty 後援会 membershipunion labourunion laborunion tradeunion
        信念 philosophy 哲学 worldview sexualorientation 性的志向 性的少数 支持者 党員 toin 宗教上 食事制限宗教
        halal ハラル ハラール kosher 信者 shinja baptism 洗礼 礼拝 寺 檀那寺 bodaiji 菩提寺 戒名 kaimyo ユニオン
    """,
    "race": """
        人種 民族 本籍 本籍地 出自 race ethnicity ethnic minzoku jinshu honseki caste 戸籍 koseki 帰化 出生地
        birthplace placeofbirth 門地 部落 皮膚の色 祖先 ancestry indigenous tribe 社会的身分 部族 肌の色 skincolor
        ルーツ 帰化歴 難民 refugee
    """,
    "orientation": "性的指向 性自認 sexual orientation lgbt",
    "criminal": """
        犯罪 犯罪歴 前科 前歴 逮捕 逮捕歴 有罪 刑罰 懲役 補導 非行 criminal conviction convictions arrest arrested
        offence offense felony zenka hanzai hanzaireki crime 犯罪経歴 処分歴 刑事 刑事処分 処分 違反 違反歴 ihan
        shobun 起訴 判決 仮釈放 保護観察 少年院 少年 criminalrecord backgroundcheck juvenile 被害 被害届 crimevictim
        犯罪被害 dv 非行歴 補導歴 検挙 kenkyo 服役 受刑 jukei 反社 反社会 hansha 反社チェック amlhit sanction
        sanctions pep 容疑 yogi 犯歴
    """,
}
"""Each concept of nouns and its words; heads have their own table."""

MEANINGS: dict[str, Concepts] = {}
"""Each word and the concepts that it may stand for."""
for _concept, _words in (*NOUNS.items(), *HEADS.items()):
    for _word in _words.split():
        MEANINGS[_word] = MEANINGS.get(_word, frozenset()) | {_concept}

LONGEST = max(map(len, MEANINGS))
"""Characters of the longest word."""
