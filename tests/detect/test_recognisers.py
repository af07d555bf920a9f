"""Recognisers over whole texts."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sekisho.detect.recognisers import find
from sekisho.detect.spans import Kind


def found(text: str) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for span in find(text):
        result.setdefault(span.kind, set()).add(text[span.start : span.end])
    return result


def covered(text: str) -> str:
    """Return *text* with everything found blacked out, one mark a character."""
    marks = list(text)
    for span in find(text):
        marks[span.start : span.end] = "█" * (span.end - span.start)
    return "".join(marks)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("メールはhanako@example.co.jpです", Kind.EMAIL, "hanako@example.co.jp"),
        ("a@example.comかb@example.comです", Kind.EMAIL, "b@example.com"),
        ("ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｊｐです", Kind.EMAIL, "ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｊｐ"),
        ("メールはhanako%40example.co.jpです", Kind.EMAIL, "hanako%40example.co.jp"),
        ("<p>hanako&#64;example.jp</p>", Kind.EMAIL, "hanako&#64;example.jp"),
        ("電話090-12\x7f34-5678まで", Kind.PHONE, "090-12\x7f34-5678"),
        ("&#23665;&#30000;&#33457;&#23376;様", Kind.NAME, "&#23665;&#30000;&#33457;&#23376;"),
        ("write to jo [at] example.com", Kind.EMAIL, "jo [at] example.com"),
        ("カード4111111111111111で決済", Kind.CARD, "4111111111111111"),
        ("番号は4111-1111-1111-1111。", Kind.CARD, "4111-1111-1111-1111"),
        ("amex 3782 822463 10005 today", Kind.CARD, "3782 822463 10005"),
        ("打ち間違えて4111 1111 1111 1112と", Kind.CARD, "4111 1111 1111 1112"),
        ("電話090-1234-5678まで", Kind.PHONE, "090-1234-5678"),
        ("０９０ー１２３４ー５６７８に", Kind.PHONE, "０９０ー１２３４ー５６７８"),
        ("TEL03-1234-5678", Kind.PHONE, "03-1234-5678"),
        ("03（1234）5678へ", Kind.PHONE, "03（1234）5678"),
        ("050−1234−5678", Kind.PHONE, "050−1234−5678"),
        ("フリーダイヤル0120-123-456です", Kind.PHONE, "0120-123-456"),
        ("+81 (0)90-1234-5678です", Kind.PHONE, "+81 (0)90-1234-5678"),
        ("call (555) 123-4567 now", Kind.PHONE, "(555) 123-4567"),
        ("on +44 20 7946 0958.", Kind.PHONE, "+44 20 7946 0958"),
        ("番号は09012345678です", Kind.PHONE, "09012345678"),
        ("〒150-0001東京都渋谷区", Kind.POSTAL_CODE, "150-0001"),
        ("〒150-0001東京都渋谷区", Kind.ADDRESS, "東京都渋谷区"),
        ("郵便番号は1500001です", Kind.POSTAL_CODE, "1500001"),
        ("住まいは150-0001です", Kind.POSTAL_CODE, "150-0001"),
        (
            "北海道札幌市中央区北一条西2丁目3番4号 コーポ青葉201です",
            Kind.ADDRESS,
            "北海道札幌市中央区北一条西2丁目3番4号 コーポ青葉201",
        ),
        ("横浜市港北区日吉3-5-1に", Kind.ADDRESS, "横浜市港北区日吉3-5-1"),
        ("to 4-12-8 Minami-Aoyama, Minato-ku, Tokyo", Kind.ADDRESS, "4-12-8 Minami-Aoyama, Minato-ku, Tokyo"),
        ("at 12 Baker Street", Kind.ADDRESS, "12 Baker Street"),
        ("マイナンバーは123456789018です", Kind.MY_NUMBER, "123456789018"),
        ("IPは192.168.1.10から", Kind.IP, "192.168.1.10"),
        ("IPは2001:db8::1から", Kind.IP, "2001:db8::1"),
        ("MACは00:1B:44:11:3A:B7です", Kind.MAC, "00:1B:44:11:3A:B7"),
        ("見てhttps://example.com/u?id=1ね", Kind.URL, "https://example.com/u?id=1"),
        ("LINE IDはhanako_99です", Kind.LINE_ID, "hanako_99"),
        ("U0123456789abcdef0123456789abcdefから", Kind.LINE_ID, "U0123456789abcdef0123456789abcdef"),
        ("注文番号：536365について", Kind.ORDER_NUMBER, "536365"),
        ("my order #536365 is", Kind.ORDER_NUMBER, "#536365"),
        ("お客様番号17850です", Kind.ID_NUMBER, "17850"),
        ("口座番号1234567へ", Kind.BANK_ACCOUNT, "1234567"),
        ("生年月日は昭和55年3月4日", Kind.BIRTH_DATE, "昭和55年3月4日"),
        ("1980年3月4日生まれ", Kind.BIRTH_DATE, "1980年3月4日"),
        ("毛受様より", Kind.NAME, "毛受"),
        ("スミスさんから", Kind.NAME, "スミス"),
        ("氏名：税所 咲良 生年月日", Kind.NAME, "税所 咲良"),
        ("毛受明美と申します", Kind.NAME, "毛受明美"),
        ("担当の蒔苗より", Kind.NAME, "蒔苗"),
        ("先日山田花子が", Kind.NAME, "山田花子"),
        ("My name is Jane Doe.", Kind.NAME, "Jane Doe"),
        ("Ms. Brown called", Kind.NAME, "Brown"),
        ("Regards,\nJane Doe", Kind.NAME, "Jane Doe"),
        ("Please ask Saki Endo", Kind.NAME, "Saki Endo"),
    ],
)
def test_found(text, kind, value):
    """Each kind is found in the form that people write it, glued to Japanese characters too."""
    assert value in found(text)[kind]


@pytest.mark.parametrize(
    "text",
    [
        "届いた服のサイズが合わないので交換したいです。どうすればよいですか。",
        "価格は1,200円で、2026-11-21 10:30に届きました。",
        "500-1000円の品、サイズは23.5cm、3.14159265358979",
        "様子を見ます。皆様、お客様、同様に。彼氏と先生方へ",
        "たくさんあります。お母さんに聞きました。",
        "The package arrived late and the box was damaged. I am very unhappy.",
        "Version 2.0 of the app crashes :: every time, 12:34:56",
        "commit 4f1c09a7be21d6e0 and id a4111111111111112b",
    ],
)
def test_left_alone(text):
    """Ordinary sentences, amounts, dates and hashes are left as they are."""
    assert found(text) == {}


def test_offsets_point_into_the_original():
    """Characters that grow, shrink, combine or are invisible do not shift what is cut."""
    text = "㈱ﾎﾟｲﾝﾄ㌔ が090\u200b1234\u200b5678と𠮷、ha\u0301na@example.jp🙂です"
    values = found(text)
    assert "090\u200b1234\u200b5678" in values[Kind.PHONE]
    assert covered(text).startswith("㈱ﾎﾟｲﾝﾄ㌔ が█")
    assert "example" not in covered(text)
    assert covered(text).endswith("です")


JAPANESE = st.text(st.sampled_from("あいうのはをにでカキータ日本語様、。「」（）　 山\n㈱🙂"), max_size=12)
DIGITS = st.sampled_from("0123456789")
EMAILS = st.builds(
    "{}@{}.{}".format,
    st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}[a-z0-9]", fullmatch=True),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True),
    st.sampled_from(["com", "jp", "co.jp", "ne.jp", "example"]),
)


@st.composite
def phones(draw):
    """Draw a Japanese number in one of the ways to write it."""
    head, middle = draw(st.sampled_from([("090", 4), ("080", 4), ("070", 4), ("050", 4), ("03", 4), ("045", 3)]))
    groups = [head, *("".join(draw(st.lists(DIGITS, min_size=n, max_size=n))) for n in (middle, 4))]
    text = draw(st.sampled_from(["-", "", " ", "−", "ー", ".", "‐"])).join(groups)
    return text.translate(str.maketrans("0123456789", "０１２３４５６７８９")) if draw(st.booleans()) else text


@st.composite
def cards(draw):
    """Draw a valid card number in one of the ways to write it."""
    body = draw(st.sampled_from(["4", "51", "3530", "2221"]))
    body += "".join(draw(st.lists(DIGITS, min_size=15 - len(body), max_size=15 - len(body))))
    total = sum(sum(divmod(int(digit) * (2 - index % 2), 10)) for index, digit in enumerate(body))
    number = body + str(-total % 10)
    mark = draw(st.sampled_from(["", "-", " ", "－"]))
    return mark.join(number[at : at + 4] for at in range(0, 16, 4))


POSTAL = st.builds("〒{:03d}-{:04d}".format, st.integers(0, 999), st.integers(0, 9999))


@settings(deadline=None)  # the first text builds the tables
@given(JAPANESE, st.one_of(EMAILS, phones(), cards(), POSTAL), JAPANESE)
@example("メールは", "hanako@example.co.jp", "です")
@example("カード", "4111111111111111", "で決済")
@example("電話", "090-1234-5678", "まで")
def test_planted_values_are_covered(before, value, after):
    """An e-mail address, phone, card or postal code glued into Japanese is covered to the last character."""
    text = before + value + after
    start = len(before) + (value[0] == "〒")
    hidden = {at for span in find(text) for at in range(span.start, span.end)}
    left = [text[at] for at in range(start, len(before) + len(value)) if at not in hidden]
    assert left == []


@settings(deadline=None)  # the first text builds the tables
@given(st.text())
def test_any_text_is_read(text):
    """No text breaks the recognisers, and every span lies inside it."""
    assert all(0 <= span.start < span.end <= len(text) for span in find(text))


@pytest.mark.parametrize(
    "building",
    ["グランドメゾン芝１１０２", "　中央会館　第２号館", "シャルム田町805", "田町団地3-402号室様"],
)
def test_an_address_goes_on_in_the_next_line(building):
    """A building on the line below its block number is masked with it."""
    text = f"東京都港区芝5-1-2\n{building}"
    assert any(span.end == len(text) and span.kind is Kind.ADDRESS for span in find(text))


@pytest.mark.parametrize("line", ["レジ番号1234", "電話:03-1234-5678", "よろしくお願いします", "商品コード881"])
def test_what_is_no_building_stays_out_of_an_address(line):
    """Another line below an address is not of it."""
    assert all(span.end <= 12 for span in find(f"東京都港区芝5-1-2\n{line}") if span.kind is Kind.ADDRESS)


def test_a_password_before_a_host_is_no_part_of_an_address():
    """What stands between a user and a host is a secret, not the first half of an e-mail address."""
    assert {span.kind for span in find("postgres://app:s3cr3t@db.internal:5432/crm")} == {Kind.SECRET}
