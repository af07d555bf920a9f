"""What names of columns say, in Japanese, romaji and English."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sekisho.detect.column_headers import read_dataset, read_header, words_of
from sekisho.detect.column_owners import Owner
from sekisho.detect.column_words import MEANINGS

SAID = """
氏名 name | お名前 name | shimei name | fullName name | 契約者名 name | customer_name name | 宛名 name
担当者名 name | 姓 family_name | last_name family_name | lastName family_name | surname family_name
myoji family_name | first_name given_name | givenName given_name | fname given_name | フリガナ name_kana
氏名カナ name_kana | shimei_kana name_kana | kanashimei name_kana | lastNameKana name_kana | セイ name_kana
yomigana name_kana | 電話番号 phone | tel phone | TEL1 phone | telNo phone | denwa_bango phone | 携帯 phone
mobile_phone phone | 緊急連絡先 phone | contact.phones[] phone | phone.number phone | FAX番号 phone
cellphone phone | メールアドレス email | e-mail email | mailAddr1 email | contact.email email | 顧客メール email
emails[].value email | 住所 address | 現住所 address | jusho1 address | 届け先住所2 address
billing_address address | address.line1 address | 郵便番号 postal_code | zip postal_code
postalCode postal_code | yubin_no postal_code | 都道府県 prefecture | todofuken_cd prefecture | pref prefecture
市区町村 city | country_code country | 生年月日 birth_date | birthday birth_date | dob birth_date
date_of_birth birth_date | seinengappi birth_date | 年齢 age | nendai age | age_group age | 性別 gender
sex gender | seibetsu gender | 性別コード gender | マイナンバー my_number | kojin_bango my_number
my_number my_number | 免許証番号 driver_licence | 旅券番号 passport | passport_no passport
在留カード番号 residence_card | 基礎年金番号 pension_number | 雇用保険被保険者番号 employment_insurance
被保険者番号 insured_number | 保険者番号 insurer_number | card_no card | クレジットカード番号 card
口座番号 bank_account | account_no bank_account | 法人番号 corporate_number | 顧客番号 customer_id
kaiin_no customer_id | cust_cd customer_id | patientId customer_id | 社員番号 customer_id | ip_address ip
last_login_ip ip | macAddress device_id | idfa device_id | cookie_id cookie_id | fcm_token push_token
LINEユーザーID line_id | line_id line_id | user_agent user_agent | referrer url | email_sha256 hashed_id
password secret | 年収 income | 年収区分 income | 給与 income | 病名 health | 既往歴有無 health
アレルギー health | 血液型 health | 宗教 creed | 支持政党 creed | 人種 race | 犯罪歴 criminal_record
会員ランク member_rank | 職業 occupation | 婚姻区分 marital_status | 備考 free_text | memo free_text
お問い合わせ内容 free_text | comment free_text | biko free_text | 自由記述 free_text | 注文番号 order_number
order_id order_number | 予約番号 order_number | session_id record_id | eventId record_id | mail_count none
tel_flag none | email_verified_at none | メール配信フラグ none | phone_type none | address_updated_at none
store_name none | 商品名 none | product_code none | jan none | 店舗コード none | created_at none | 登録日時 none
price none | is_active none | item_count none | ステータス none | campaign_name none
"""
CASES = [tuple(case.rsplit(" ", 1)) for line in SAID.strip().splitlines() for case in line.split(" | ")]


@pytest.mark.parametrize(("name", "kind"), CASES, ids=[name for name, _ in CASES])
def test_a_name_says_a_kind(name: str, kind: str) -> None:
    """The kind that a name says most clearly is the one a person would read in it."""
    said = read_header(name).kinds
    assert max(said, key=lambda each: said[each]) == kind, said


@pytest.mark.parametrize(
    ("dataset", "owner"),
    [
        ("crm.customers", "person"),
        ("商品マスタ", "thing"),
        ("ec.orders", "record"),
        ("shop.members", "person"),
        ("t1", "unknown"),
    ],
)
def test_a_dataset_is_about_its_last_word(dataset: str, owner: str) -> None:
    """A store's or schema's name says nothing of a dataset; its last word does."""
    assert read_dataset(dataset) == owner


@pytest.mark.parametrize(
    ("dataset", "kind"), [("customers", "customer_id"), ("orders", "order_number"), ("products", "none")]
)
def test_an_ambiguous_name_means_what_the_table_is_about(dataset: str, kind: str) -> None:
    """`id` is a person's, a record's or a thing's number by the table that it stands in."""
    said = read_header("id", read_dataset(dataset)).kinds
    assert max(said, key=lambda each: said[each]) == kind


def test_a_name_of_goods_is_no_name_of_people() -> None:
    """`name` says a person in a table of customers, and goods in a table of products."""
    of_people, of_goods = (read_header("name", read_dataset(table)).kinds for table in ("customers", "products"))
    assert of_people["name"] > of_people["none"]
    assert of_goods["none"] > of_goods["name"]


def test_what_stands_above_in_a_path_says_whose_it_is() -> None:
    """A name in a nested person is a person's, in a nested product a product's."""
    assert read_header("buyer.name").kinds["name"] > 0.5
    assert read_header("product.name").owner is Owner.THING
    assert read_header("product.name").kinds["none"] > 0.5


def test_names_are_split_however_they_are_written() -> None:
    """Snake and camel case, capitals, full width and runs without marks give the same words."""
    spellings = [
        "mail_address",
        "mailAddress",
        "MAIL_ADDRESS",
        "MailAddress",
        "ｍａｉｌａｄｄｒｅｓｓ",
        "mailaddress",
    ]
    assert len({tuple(words_of(spelling)) for spelling in spellings}) == 1


@pytest.mark.parametrize("name", ["", ".", "[]", "a" * 10_000, "住" * 10_000, "名.名" * 3_000, "\ud800", "\x00"])
def test_any_name_is_read(name: str) -> None:
    """Empty, endless and broken names say nothing and fail nothing."""
    assert set(read_header(name).kinds) <= {"name", "none", "address", "given_name"}


NAMES = tomllib.loads((Path(__file__).parents[1] / "columns/names.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_the_names_that_schemas_use_are_read(kind: str) -> None:
    """Of the names that schemas give a kind, in either language and however shortened, eight in ten say it."""
    names = NAMES[kind].split()
    said = [read_header(name).kinds for name in names]
    right = sum(bool(kinds) and max(kinds, key=lambda each: kinds[each]) == kind for kinds in said)
    assert right >= 0.8 * len(names), f"{right} of {len(names)}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("card_company", "none"), ("insured_name", "name"), ("age_at_visit", "age"), ("is_member", "none"),
        ("検針手数料", "none"), ("natlty", "nationality"), ("txn_uuid", "record_id"), ("通院者番号", "customer_id"),
        ("criminal_record", "criminal_record"), ("medication.name", "health"), ("legal_last", "family_name"),
        ("国籍・地域", "nationality"), ("kentaishubetsu", "none"), ("shokuji_allergy", "health"),
        ("library_card_no", "customer_id"), ("member_grade", "member_rank"), ("入社時年齢", "age"),
        ("年齢（入社時）", "age"), ("送付先住所（都道府県）", "prefecture"), ("guardiansname", "name"),
        ("CSEIBETUKB", "gender"), ("DTANJO", "birth_date"), ("hhkntelno", "phone"), ("kykseiymd", "birth_date"),
        ("被保険者職業コード", "occupation"), ("pickup_store_cd", "none"), ("relation_to_owner", "household"),
        ("phone_contact", "phone"), ("special_report", "free_text"), ("返済方法", "none"), ("phonepro", "phone"),
        ("sei_kbn", "gender"), ("webPushEndpoint", "push_token"),
    ],
)  # fmt: skip
def test_words_are_composed(name: str, kind: str) -> None:
    """The last word decides, before prepositions too; endings, parents and thinned words say what they can."""
    said = read_header(name).kinds
    assert max(said, key=lambda each: said[each]) == kind, said


def test_words_share_what_they_mean() -> None:
    """There is one set for each combination of concepts, and not one for each of the words."""
    assert len({id(concepts) for concepts in MEANINGS.values()}) == len(set(MEANINGS.values()))
