"""Canonical records, their chain, and the notes that are signed over it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, StrEnum
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.note import (
    Head,
    MalformedNoteError,
    format_key,
    head_text,
    parse_head,
    parse_key,
    parse_note,
    seal_text,
    sign_note,
    split_notes,
)
from sekisho.domain.record import (
    MAX_SUBJECT_REFS,
    UnrecordableError,
    canonical,
    chain_of,
    check_id,
    check_kind,
    genesis,
    indexed,
    leaf_hash,
    micros,
    next_link,
    plain_fields,
    subject_ref,
    subject_set,
    timestamp,
)

# The example of the note format's reference implementation (golang.org/x/mod/sumdb/note).
EXAMPLE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6"
    "RyyBwJnAM=\n"
)

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_.:/-*0189ABC", min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


class Colour(Enum):
    """Something that JSON libraries turn into a number on their own."""

    RED = 1


RESERVED = {"v", "id", "seq", "writer", "wseq", "prev", "at", "kind"}
FIELDS = st.dictionaries(NAMES.filter(lambda name: name not in RESERVED), VALUES, max_size=6)


@given(FIELDS)
def test_canonical_bytes_are_those_of_sorted_compact_utf8_json(fields):
    """An independent writer of the same rules gives the same bytes, and they read back as what went in."""
    data = canonical(plain_fields(fields))
    other = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    assert data == other.encode()
    assert json.loads(data) == fields


@given(FIELDS)
def test_a_record_is_one_line(fields):
    """No record holds a line end or another control character, so an export has one record to a line."""
    assert not any(byte < 0x20 or byte == 0x7F for byte in canonical(plain_fields(fields)))


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        -0.0,
        1e300,
        1e-7,
        float("nan"),
        float("inf"),
        b"bytes",
        2**53,
        -(2**53),
        {1: "x"},
        {"é": 1},
        {"": 1},
        {"a b": 1},
        {"a": {"b c": 1}},
        object(),
        {1, 2},
        UUID(int=1),
        datetime(2026, 11, 5, tzinfo=UTC),
        Colour.RED,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_canonical_form_does_not_know_is_refused(value):
    """Floats, NaN, bytes, wide integers, bad keys and foreign objects are refused, wherever they stand."""
    places: tuple[dict[str, object], ...] = (
        {"field": value}, {"list": [1, value]}, {"first": [value]}, {"inner": {"field": value}},
        {"deep": [{"field": value}]}, {"word": "\\", "field": value}, {"word": "語", "inner": {"field": value}},
    )  # fmt: skip
    for fields in places:
        with pytest.raises(UnrecordableError):
            plain_fields(fields)


@pytest.mark.parametrize("name", ["", "a b", "é", "x" * 161, "a\n", 'a"', 1])
def test_a_field_has_an_ascii_name(name):
    """Fields are called by short ASCII names, at the top as below."""
    for fields in ({name: "value"}, {"inner": {name: "value"}}):
        with pytest.raises(UnrecordableError):
            plain_fields(fields)


def test_other_spellings_of_plain_values_are_recorded():
    """Tuples, words of an enumeration that are strings, and marks that look like numbers are what they say."""

    class Word(StrEnum):
        YES = "yes"

    said = plain_fields({"pair": (1, 2), "word": Word.YES, "text": ':1.5 [2.e {x} \\ "', "none": None})
    assert said == {"pair": [1, 2], "word": "yes", "text": ':1.5 [2.e {x} \\ "', "none": None}
    assert type(said["word"]) is str


@pytest.mark.parametrize("text", ["a\nb", "\x00", "\x1b[31m", "\x7f", "\ud800"])
def test_control_characters_and_lone_surrogates_are_refused_without_being_quoted(text):
    """A refused value is not in the message: it names the field alone."""
    with pytest.raises(UnrecordableError) as caught:
        plain_fields({"reason": "secret" + text})
    assert "secret" not in str(caught.value)
    assert "reason" in str(caught.value)


def test_fields_of_the_log_itself_cannot_be_given():
    """Nobody but the log says what a record's sequence, time or predecessor is."""
    for name in RESERVED:
        with pytest.raises(UnrecordableError, match=name):
            plain_fields({name: 1})


def test_nesting_and_size_are_bounded():
    """A record of more than 32 KiB or more than eight levels is refused."""
    deep: object = 1
    for _ in range(9):
        deep = [deep]
    with pytest.raises(UnrecordableError, match="nested"):
        plain_fields({"deep": deep})
    with pytest.raises(UnrecordableError, match="bytes"):
        canonical(plain_fields({"wide": "x" * 40_000}))


@pytest.mark.parametrize("reason", ["first", "一番"])
def test_fields_are_copied(reason):
    """What the caller changes after handing an entry over does not change the record."""
    reasons = [reason]
    copy = plain_fields({"reasons": reasons})
    reasons.append("second")
    assert copy == {"reasons": [reason]}


@pytest.mark.parametrize("kind", ["", "Access", "a..b", "access release", "a" * 33, "access.release\n"])
def test_kinds_are_dotted_words(kind):
    """A kind is dotted lower-case words that fit their column."""
    with pytest.raises(UnrecordableError):
        check_kind(kind)
    assert check_kind("access.release") == "access.release"


def test_ids_are_short_and_plain():
    """An id has at most 36 letters, digits, dashes."""
    assert check_id("0199-ab") == "0199-ab"
    for bad in ("", "x" * 37, "a b", "a\n"):
        with pytest.raises(UnrecordableError):
            check_id(bad)


def test_the_chain_is_what_it_is_documented_to_be():
    """Leaf, link and genesis follow the formulas in the documentation, written out here by hand."""
    first, second = b'{"a":1}', b'{"a":2}'
    start = hashlib.sha256(b"sekisho/audit/w1").digest()
    one = hashlib.sha256(start + hashlib.sha256(b"\x00" + first).digest()).digest()
    two = hashlib.sha256(one + hashlib.sha256(b"\x00" + second).digest()).digest()
    assert genesis("w1") == start
    assert leaf_hash(first) == hashlib.sha256(b"\x00" + first).digest()
    assert chain_of("w1", [first, second]) == [one, two]
    assert next_link(one, second) == two


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=6), st.data())
def test_any_other_sequence_of_records_has_another_end(records, data):
    """A chain's last value stands for every record before it, its order and its writer."""
    other = list(records)
    place = data.draw(st.integers(0, len(records) - 1))
    other[place] += b"!"
    assert chain_of("w", records)[-1] != chain_of("w", other)[-1]
    assert chain_of("w", records)[-1] != chain_of("v", records)[-1]


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)))  # noqa: DTZ001 - the zone is added below
def test_search_columns_come_from_the_record(instant):
    """Times survive the way through the record to the microsecond, in whatever zone they were given."""
    moment = instant.replace(tzinfo=timezone(timedelta(hours=9)))
    found = indexed({"at": timestamp(moment), "kind": "access.deny", "purpose": "p" * 80, "requester": 7})
    assert found.at == micros(moment)
    assert found.purpose == "p" * 64
    assert found.requester is None


@pytest.mark.parametrize("at", [None, 5, "yesterday", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000+"])
def test_a_record_without_its_time_has_no_columns(at):
    """A time in another spelling is not the log's."""
    with pytest.raises(ValueError, match=r"time|Invalid"):
        indexed({"at": at, "kind": "gap"})


def test_people_are_kept_as_keyed_references():
    """A set of people is the same whatever order and repetition it came in, and another key hides them."""
    refs = [subject_ref(b"k" * 32, number) for number in (5, 3, 5)]
    people = subject_set(refs)
    assert people.count == 2
    assert people == subject_set(refs[::-1])
    assert people.refs == b"".join(sorted(bytes.fromhex(ref) for ref in set(refs)))
    assert people.digest == hashlib.sha256(people.refs).hexdigest()
    assert people == subject_set(bytes.fromhex("".join(refs)))
    assert subject_ref(b"j" * 32, 5) != refs[0]


def test_many_people_are_kept_as_a_digest_alone():
    """A full page keeps its references; of more people only their number and digest are kept."""
    refs = b"".join(number.to_bytes(16, "big") for number in range(MAX_SUBJECT_REFS + 1))
    assert subject_set(refs[:-16]).refs == refs[:-16]
    people = subject_set(refs)
    assert people.count == MAX_SUBJECT_REFS + 1
    assert people.refs == b""
    assert people.digest == hashlib.sha256(refs).hexdigest()


@pytest.mark.parametrize("refs", ["ab" * 16, ["customer 17850"], ["AB" * 16], [b"x" * 16], b"customer:17850", 7])
def test_anything_but_a_reference_is_refused_as_a_person(refs):
    """An identifier that was not turned into a keyed reference never gets into the log."""
    with pytest.raises(UnrecordableError) as caught:
        subject_set(refs)
    assert "17850" not in str(caught.value)


# ---- notes ------------------------------------------------------------------------------------------


def signer() -> tuple[str, Callable[[bytes], bytes]]:
    """Return a fresh key as a verification key and a signing function."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return format_key("example.org/log", public), private.sign


def test_the_reference_example_is_understood():
    """The known note and key of the format's reference implementation parse, and the signature verifies."""
    key, note = parse_key(EXAMPLE_KEY), parse_note(EXAMPLE_NOTE)
    assert format_key(key.name, key.public) == EXAMPLE_KEY
    (line,) = note.signatures
    assert (line.name, line.key_id) == (key.name, key.key_id)
    Ed25519PublicKey.from_public_bytes(key.public).verify(line.signature, note.text.encode())


@given(st.binary(min_size=32, max_size=32), st.integers(1, 10**15))
def test_heads_survive_being_signed_and_read(chain, size):
    """What is read from a head's note is what was signed."""
    vkey, sign = signer()
    head = Head("0199-w", size, chain)
    assert parse_head(parse_note(sign_note(head_text(head), parse_key(vkey), sign)).text) == head


@pytest.mark.parametrize(
    "text",
    [
        "sekisho/audit/w\n0\n" + "A" * 43 + "=\n",
        "sekisho/audit/w\n01\n" + "A" * 43 + "=\n",
        "sekisho/audit/w\n٣\n" + "A" * 43 + "=\n",
        "sekisho/audit/\n1\n" + "A" * 43 + "=\n",
        "sekisho/audit/w\n1\n" + "A" * 42 + "B=\n",
        "sekisho/audit/w\n1\nAAAA\n",
        "sekisho/other/w\n1\n" + "A" * 43 + "=\n",
        "sekisho/audit/w\n1\n" + "A" * 43 + "=\nmore\n",
        seal_text(1, b""),
    ],
)
def test_what_is_not_a_head_is_refused(text):
    """A head has one spelling, and the seal of an export is not a head."""
    with pytest.raises(MalformedNoteError):
        parse_head(text)


@pytest.mark.parametrize(
    "vkey",
    ["", "name", "name+c74f20a3", EXAMPLE_KEY.replace("c74f", "c74e"), EXAMPLE_KEY[:-2] + "Q=", "a b+00+AA==",
     EXAMPLE_KEY.replace("+ARpc", "+AhpC")],
)  # fmt: skip
def test_what_is_not_a_key_is_refused(vkey):
    """A key whose hash is not its own, or of another kind, is refused."""
    with pytest.raises(MalformedNoteError):
        parse_key(vkey)


@given(st.integers(0, len(EXAMPLE_NOTE) - 1), st.characters(max_codepoint=0x7E))
def test_a_changed_note_is_another_note(place, character):
    """No character of a note can change without changing what is read from it."""
    changed = EXAMPLE_NOTE[:place] + character + EXAMPLE_NOTE[place + 1 :]
    if changed == EXAMPLE_NOTE:
        return
    with contextlib.suppress(MalformedNoteError):
        assert parse_note(changed) != parse_note(EXAMPLE_NOTE)


@given(st.integers(0, 400))
def test_a_torn_end_of_a_file_of_notes_is_left_out(cut):
    """A write that a crash cut short costs that note alone."""
    vkey, sign = signer()
    notes = [sign_note(head_text(Head("w", size, bytes(32))), parse_key(vkey), sign) for size in (1, 2, 3)]
    text = "".join(f"{note}\n" for note in notes)
    found = list(split_notes(text[: max(len(text) - cut, 0)]))
    assert found == notes[: len(found)]
    if cut == 0:
        assert found == notes
    elif cut < len(notes[0]):
        assert len(found) == 2


def test_timestamps_are_utc():
    """A time is written in UTC whatever its zone."""
    tokyo = timezone(timedelta(hours=9))
    assert timestamp(datetime(2026, 11, 5, 9, 0, 0, 7, tzinfo=tokyo)) == "2026-11-05T00:00:00.000007Z"
    assert micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1_000_000
