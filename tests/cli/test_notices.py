"""``sekisho notices``: the commands over fakes, in this process."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from sekisho.cli import main
from sekisho.consents.notices import Notices
from sekisho.domain.terms import Requester
from tests.consents.fakes import make_parts

JA, EN = "お知らせ\r\n二行目\n", "Notice\n"


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Return what runs a command and answers its exit code, its output and what it told besides."""
    officer = Requester("privacy_officer", frozenset(), frozenset({"privacy_officer"}))
    mailer = Requester("mailer", frozenset({"newsletter"}))
    fakes = make_parts(requesters={"privacy_officer": officer, "mailer": mailer})
    notices = Notices(fakes.parts, "Example Shop", "privacy@shop.example")
    opened = SimpleNamespace(
        consents=SimpleNamespace(notices=notices), settings=SimpleNamespace(catalogue=fakes.parts.catalogue)
    )
    monkeypatch.setattr("sekisho.cli.notices.with_workspace", lambda _folder, work: asyncio.run(work(opened)))
    (tmp_path / "ja.txt").write_bytes(JA.encode())
    (tmp_path / "en.txt").write_bytes(EN.encode())
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe")
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["notices", *arguments])
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return command


DRAFT = ("draft", "mail", "--major", "-p", "newsletter", "--ja", "ja.txt", "--en", "en.txt")


def test_a_notice_from_draft_to_force(run):
    """Drafted from files, simulated, published, listed and shown, byte for byte."""
    code, out, err = run(*DRAFT)
    assert (code, out) == (0, "Drafted as mail, version 2, major.\n")
    assert "sekisho notices simulate mail 2 -w " in err
    code, out, err = run("simulate", "mail", "2")
    assert "sekisho notices publish mail 2 -w " in err
    assert (code, out.splitlines()) == (
        0,
        ["purpose\tin force now\tasked again", "newsletter\t0\t0", "0 people would be asked again."],
    )
    code, out, _ = run("publish", "mail", "2")
    assert (code, out) == (0, "In force: mail, version 2, major, consent sequence 1.\n")
    code, out, _ = run("list")
    assert code == 0
    assert [line.split("\t")[:4] for line in out.splitlines()[1:]] == [
        ["notice", "1", "major", "published"], ["mail", "2", "major", "published"],
    ]  # fmt: skip
    code, out, err = run("show", "newsletter")
    assert (code, out) == (0, JA)
    assert err.startswith("mail, version 2, ja, SHA-256 ")
    assert run("show", "newsletter", "--locale", "en")[1] == EN
    assert run("show", "notice", "--version", "1")[0] == 0


def test_every_answer_is_json_where_asked(run):
    """``--json`` answers what the service answers."""
    answers = [
        json.loads(run(*arguments, "--json")[1])
        for arguments in (DRAFT, ("simulate", "mail", "2"), ("publish", "mail", "2"), ("list",), ("show", "mail"))
    ]

    assert [set(answer) >= names for answer, names in zip(
        answers,
        ({"key", "version"}, {"asked_again", "requesters"}, {"seq", "status"}, {"items"}, {"text", "sha256"}),
        strict=True,
    )] == [True] * 5  # fmt: skip
    assert answers[4]["text"] == JA


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "nothing"), 2, "not_found"),
        (("publish", "mail", "9"), 2, "not_found"),
        ((*DRAFT, "--as", "mailer"), 1, "access_denied"),
        ((*DRAFT, "--as", "nobody"), 2, "not_found"),
        ((*DRAFT, "-p", "nothing"), 2, "unknown_purpose"),
        ((*DRAFT, "--ja", "missing.txt"), 2, "cannot be read"),
        ((*DRAFT, "--ja", "odd.txt"), 2, "is not UTF-8"),
        (("draft", "mail"), 2, "Missing option"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, tuple) else str(value),
)
def test_what_goes_wrong_says_so(run, arguments, code, told):
    """Used wrongly is 2, refused is 1, each with what is wrong."""
    ended, _, err = run(*arguments)

    assert ended == code
    assert told in err
