"""Secrets, and identifiers by the name of their key: ``password=…``, ``_ga=…``, ``JSESSIONID=…``."""

from __future__ import annotations

import re

from sekisho.detect.spans import Kind, Span

_TOKEN = re.compile(
    r"eyJ[0-9A-Za-z_-]{8,8192}\.[0-9A-Za-z_-]{4,8192}(?:\.[0-9A-Za-z_-]{0,8192}){1,3}"  # JWS and JWE (RFC 7515, 7516)
    r"|A(?:KIA|SIA|ROA|IDA|GPA|NPA|BIA|CCA)[0-9A-Z]{16}(?![0-9A-Za-z])"  # AWS
    r"|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,300}|GOCSPX-[0-9A-Za-z_-]{20,40}"  # Google
    r"|gh[pousr]_[0-9A-Za-z]{36,255}|github_pat_[0-9A-Za-z_]{22,255}|glpat-[0-9A-Za-z_-]{20,100}"
    r"|xox[abeoprs]-[0-9A-Za-z-]{10,300}|(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{16,250}|sk-[0-9A-Za-z_-]{20,250}"
    r"|SG\.[0-9A-Za-z_-]{16,64}\.[0-9A-Za-z_-]{16,64}|npm_[0-9A-Za-z]{36}|AGE-SECRET-KEY-1[0-9A-Z]{58}"
)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z0-9 ]{0,60}-----)?")
_BEARER = re.compile(r"(?:[Bb]earer|BEARER|[Bb]asic) +(?P<value>[0-9A-Za-z._~+/-]{16,8192}=*)")

_USERINFO = re.compile(r"://[^\s/:@]{1,64}:(?P<value>[^\s/@]{1,128})@")  # RFC 3986, 3.2.1

_EQUALS = re.compile("[=:]")
_KEY_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_VALUE = re.compile(r">?\s?[\"']?(?P<value>[^\s\"'<>,;、。「」]{4,4096})")
_AWS = re.compile("A(?:KIA|SIA|ROA|IDA|GPA|NPA|BIA|CCA)[0-9A-Z]")
_CREDENTIAL_KEYS = """
password passwd pwd pass passphrase passcode secret token apikey accesskey secretkey privatekey clientsecret
accesstoken refreshtoken idtoken authtoken awssecretaccesskey awsaccesskeyid privatekeyid authorization xapikey
credential credentials pin pincode dbpassword mysqlpwd pgpassword pw apitoken bearertoken signingkey
encryptionkey
"""
_SESSION_KEYS = """
jsessionid phpsessid aspnetsessionid sessionid session sessid sid connectsid laravelsession aspsessionid cfid
cftoken sessiontoken sessionkey railssession csrftoken xsrftoken aspxauth
"""
_COOKIE_KEYS = """
ga gid gat fbp fbc gclau utma utmz gads gpi gclid fbclid yclid msclkid ttp ttclid ide nid muid uidcookie
cookieid visitorid clientid cid hubspotutk ajsanonymousid mkto mktotrk mktomunchkin yjad
"""
_ADVERTISING_KEYS = "idfa idfv gaid adid aaid aid advertisingid androidid ifa rdid"
_KINDS = {
    **dict.fromkeys(_CREDENTIAL_KEYS.split(), Kind.SECRET),
    **dict.fromkeys(_SESSION_KEYS.split(), Kind.SESSION_ID),
    **dict.fromkeys(_COOKIE_KEYS.split(), Kind.COOKIE_ID),
    **dict.fromkeys(_ADVERTISING_KEYS.split(), Kind.ADVERTISING_ID),
}
"""Keys in lower case without ``_ - .``, and what their values are."""

_NO_MARKS = str.maketrans("", "", "_-.")
_CODES = "ワンタイムコード|認証コード|確認コード|セキュリティコード"
_STATED = re.compile(
    rf"(?:(?:暗証番号|パスコード|{_CODES})(?=[0-9]{{3,12}}(?![0-9年]))|(?:パスワード|パスコード|暗証番号|{_CODES}|合言葉|秘密鍵|APIキー|アクセスキー|アクセストークン|(?<![A-Za-z])(?i:pw|password|passcode|pin)"
    r"|(?P<session>セッション(?i:id)?|クッキー(?i:id)?|(?<![A-Za-z])[Cc]ookie[ _-]?(?i:id)))"
    r"(?:\s?(?:は|が|:|=|is|「|『|\(|→|\s)){1,4})(?P<value>[!#-&*-;=?-~]{4,128}|[0-9]{3}(?![0-9A-Za-z年月日時分秒桁文回]))"
)
_TELLING = re.compile("[0-9!#$%&@*?]")


def find_tokens(text: str) -> list[Span]:
    """Return secrets of folded *text* by their own form, and what stands after Bearer and Basic."""
    spans: list[Span] = []
    if _token_in(text):
        spans += [Span(*match.span(), Kind.SECRET, 0.95) for match in _TOKEN.finditer(text)]
    if "-----BEGIN" in text:
        spans += [Span(*match.span(), Kind.SECRET, 0.95) for match in _PEM.finditer(text)]
    if "://" in text and "@" in text:
        spans += [Span(*match.span("value"), Kind.SECRET, 0.85) for match in _USERINFO.finditer(text)]
    if "earer" in text or "BEARER" in text or "asic " in text:
        spans += [Span(*match.span("value"), Kind.SECRET, 0.85) for match in _BEARER.finditer(text)]
    return spans


def _token_in(text: str) -> bool:
    """Return whether a token may stand in *text*."""
    if "eyJ" in text or "AIza" in text or "SG." in text or "ya29" in text:
        return True
    if _AWS.search(text) is not None:
        return True
    if "_" in text and ("gh" in text or "github" in text or "k_live" in text or "k_test" in text or "npm_" in text):
        return True
    return "-" in text and ("sk-" in text or "xox" in text or "glpat" in text or "GOCSPX" in text or "AGE-" in text)


def find_stated(text: str) -> list[Span]:
    """Return secrets of folded *text* by a word for them: パスワードは…, ``pin is …``."""
    if not _stated_in(text):
        return []
    return [
        Span(*match.span("value"), Kind.SESSION_ID if match["session"] else Kind.SECRET, 0.75)
        for match in _STATED.finditer(text)
        if _TELLING.search(match["value"])
    ]


def _stated_in(text: str) -> bool:
    """Return whether a word for a secret may stand in *text*."""
    if _stated_in_latin(text):
        return True
    return not text.isascii() and (
        "パス" in text
        or "暗証" in text
        or "合言" in text
        or "秘密" in text
        or "キー" in text
        or "トーク" in text
        or "コード" in text
        or "セッシ" in text
    )


def _stated_in_latin(text: str) -> bool:
    if "ass" in text or "PW" in text or "PIN" in text or "PASS" in text or "pw" in text or "Pw" in text:
        return True
    return "pin" in text or "Pin" in text or "ookie" in text


def find_keyed(text: str) -> list[Span]:
    """Return the values in folded *text* of keys that say what they are: ``password=…``, ``_ga: …``."""
    spans: list[Span] = []
    if "=" not in text and ":" not in text:
        return spans
    for mark in _EQUALS.finditer(text):
        if not text[mark.start() - 1 : mark.start()].isascii():
            continue  # 氏名: keys are ASCII
        left = text[max(0, mark.start() - 44) : mark.start()].rstrip(" \"'")
        key = left[len(left.rstrip(_KEY_CHARS)) :]
        kind = _kind_of_key(key) if key else None
        if kind is None:
            continue
        value = _VALUE.match(text, mark.end())
        # "sid: see below" is no session: an identifier has a digit, and some length.
        if value and (kind is Kind.SECRET or _identifies(value["value"])):
            spans.append(Span(*value.span("value"), kind, 0.85))
    return spans


def _kind_of_key(key: str) -> Kind | None:
    """Return what the value of *key* is, by the whole key or its last part (``DB_PASSWORD``, ``x.session_id``)."""
    if key.startswith("_ga_"):
        return Kind.COOKIE_ID
    plain = key.lower().translate(_NO_MARKS)
    found = _KINDS.get(plain)
    if found is None and plain != key.lower():
        found = _KINDS.get(re.split("[_.-]", key.lower())[-1])
        return found if found is Kind.SECRET else None
    # Short keys without their underscore are words of other things.
    if found is Kind.COOKIE_ID and len(plain) <= 3 and key[0] != "_" and plain not in {"ide", "nid", "cid"}:
        return None
    return found


def _identifies(value: str) -> bool:
    return len(value) >= 8 and any(char in "123456789" for char in value)
