"""The documents are held to the program: names, codes, routes and commands match, links lead somewhere, examples run.

Blocks of code say in their fence what becomes of them:

``sql requester=NAME purpose=NAME``
    runs through the real gateway and must release; with ``refused=CODE`` it must be refused with that code.
``sh run`` and ``python run``
    runs in a folder with ``.venv`` and the workspace ``var/demo``, and must exit 0; with ``fails=WORD`` it must fail
    and say that word; ``opa`` means that the program must be there, ``serve`` that a server must be running, at
    whatever port stands for 8000.
Every other ``python``, ``json`` and ``yaml`` block must parse.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from typer.main import get_command

import sekisho
from sekisho import errors, ports
from sekisho.bootstrap import open_workspace
from sekisho.cli import app as cli
from sekisho.demo.workspace import build_workspace
from sekisho.domain.access import ObligationKind, TransformKind
from sekisho.domain.consent import ConsentEventKind, ConsentState, is_in_force
from sekisho.domain.law import RULE_SETS
from sekisho.domain.terms import ColumnClass
from sekisho.errors import SekishoError
from sekisho.http.app import create_app
from sekisho.http.problems import STATUS
from sekisho.http.services import Services
from sekisho.release import Ask
from tests.policies.catalogue import opa_program

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "policies").glob("*.md")])
_CODES = re.compile(r"^\| `([a-z_]+)` \| (\d{3}|–) \|", re.MULTILINE)
_ROUTES = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]*)` \|", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:src|tests|docs|policies|migrations|\.ci)/[\w./-]*)`")
_FENCE = re.compile(r"^( *)```(\S*) ?([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HOME = re.compile(r"/(?:work|home|root|tmp|Users)/\w")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where it stands, its language, the words and settings of its fence, its text."""

    place: str
    language: str
    words: frozenset[str]
    settings: dict[str, str]
    text: str


def page(name: str) -> str:
    """Return the text of a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks() -> list[Block]:
    """Return every fenced block of every document."""
    found = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for fence in _FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            information = fence.group(3).split()
            found.append(
                Block(
                    f"{path.relative_to(ROOT)}:{line}",
                    fence.group(2),
                    frozenset(word for word in information if "=" not in word),
                    dict(word.split("=", 1) for word in information if "=" in word),
                    inspect.cleandoc(fence.group(4)) if fence.group(1) else fence.group(4),
                )
            )
    return found


def place_of(block: Block) -> str:
    """Return the id of a test."""
    return block.place


BLOCKS = blocks()
STATEMENTS = [block for block in BLOCKS if "requester" in block.settings]
# The same script in two languages runs once. They run in the order of the pages, one folder for all.
SCRIPTS = list({block.text: block for block in reversed(BLOCKS) if "run" in block.words}.values())[::-1]


# Names ---------------------------------------------------------------------------------------------


def error_classes(base: type[SekishoError] = SekishoError) -> set[type[SekishoError]]:
    """Return *base* and every class below it."""
    return {base}.union(*(error_classes(child) for child in base.__subclasses__()))


def test_every_error_code_is_documented():
    """Each code stands in the reference once, with the status that HTTP gives it."""
    documented = _CODES.findall(page("docs/reference/errors.md"))
    codes = {kind.code for kind in error_classes() if kind.__module__ == errors.__name__}

    assert len(documented) == len(dict(documented))
    assert dict(documented) == {code: str(STATUS.get(code, "–")) for code in codes}


def test_reserved_error_codes_are_raised_nowhere():
    """The codes that the reference calls reserved are those that no module raises, and no others."""
    reserved = page("docs/reference/errors.md").partition("## Reserved")[2].partition("## Examples")[0]
    sources = [path for path in Path(sekisho.__file__).parent.rglob("*.py") if path.name != "errors.py"]
    program = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    classes = {kind for kind in error_classes() if kind.__module__ == errors.__name__ and not kind.__subclasses__()}
    unraised = {kind.code for kind in classes if not re.search(rf"\b{kind.__name__}\b", program)}

    assert {code for code, _ in _CODES.findall(reserved)} == unraised


def test_every_route_is_documented():
    """The reference lists the routes of the OpenAPI document, and those that are not there yet are not there."""
    anything = cast("Any", None)
    services = Services(*[anything] * 8)  # nothing is called
    paths = create_app(services).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    there, _, not_yet = page("docs/reference/http.md").partition("## In the contract, not there yet")

    assert set(_ROUTES.findall(there)) == routes
    assert set(_ROUTES.findall(not_yet))
    assert not set(_ROUTES.findall(not_yet)) & routes


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every command below *command* that does something, with its whole name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child_name, child in children.items():
        yield from commands(child, f"{name} {child_name}")


def test_every_command_is_documented():
    """The reference lists every command, and each option that it names exists."""
    rows = dict(re.findall(r"^\| `(sekisho [a-z -]+)` \| (.*) \|$", page("docs/reference/cli.md"), re.MULTILINE))
    known = dict(commands(get_command(cli), "sekisho"))

    assert set(rows) == set(known)
    for name, row in rows.items():
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z][a-z-]*", row)) <= options, name


def test_ports_transforms_obligations_and_classes_are_explained():
    """Each port, transform, obligation and column class is explained in the concepts."""
    text = page("docs/concepts.md")
    names = [f"{ports.__name__}.{found.name}" for found in pkgutil.iter_modules(ports.__path__)]
    modules = [importlib.import_module(name) for name in names]
    own = {name for m in modules for name, kind in vars(m).items() if getattr(kind, "__module__", "") == m.__name__}
    protocols = {name for m in modules for name in own if getattr(vars(m).get(name), "_is_protocol", False)}
    words = [*protocols, *(kind.value for kinds in (TransformKind, ObligationKind, ColumnClass) for kind in kinds)]

    assert len(protocols) > 20
    assert [word for word in words if f"`{word}`" not in text] == []


def test_every_consent_state_and_event_is_explained():
    """Each state has a line that says whether it is in force, as the program does; each kind of event has one."""
    text = page("docs/consent/states.md")
    states, _, events = text.partition("## Every state")[2].partition("## Events")
    told = dict(re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| (no|\*\*yes\*\*) \|", states, re.MULTILINE))
    cells = re.findall(r"^\| ((?:`[a-z]+` ?)+) \|", events.partition("\n## ")[0], re.MULTILINE)

    assert told == {state.value: "**yes**" if is_in_force(state) else "no" for state in ConsentState}
    assert sorted(re.findall(r"`([a-z]+)`", " ".join(cells))) == sorted(kind.value for kind in ConsentEventKind)


def test_every_rule_of_law_is_documented():
    """Each rule of each set stands under its set, with its article and what would help."""
    text = page("docs/consent/law.md")
    assert "no legal advice" in text
    for rules in RULE_SETS:
        section = text.partition(f"\n## `{rules.name}`")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| `([a-z0-9_]+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE)
        assert rows == [(rule.id, rule.article, rule.remedy or "–") for rule in rules.rules]


# Links ---------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Return the anchors that a git host gives to the headings of a document."""
    headings = re.findall(r"^#+ +(.+?)\s*$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(path):
    """Relative links, their anchors, and paths in backticks exist; no path of somebody's machine stands there."""
    text = path.read_text(encoding="utf-8")
    broken = []
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and anchor not in anchors(found.read_text(encoding="utf-8"))):
            broken.append(target)
    broken += [name for name in _PATH.findall(text) if not (ROOT / name).exists() and "<" not in name]

    assert broken == []
    assert _HOME.search(text) is None


def test_every_page_is_reached():
    """Nobody has to know a file's name: every document is linked from another one, decisions by their folder."""
    linked = {
        (path.parent / target.partition("#")[0]).resolve()
        for path in PAGES
        for target in _LINK.findall(path.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target)
    }

    assert [page for page in DOCS.rglob("*.md") if not {page, page.parent} & linked] == []


# Examples ------------------------------------------------------------------------------------------


def test_there_are_examples():
    """The fences are read as they are meant: there are examples of each kind."""
    assert len(STATEMENTS) >= 10
    assert {block.language for block in SCRIPTS} == {"sh", "python"}


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in {"python", "json", "yaml"}], ids=place_of)
def test_blocks_parse(block):
    """What is called Python, JSON or YAML is."""
    read: dict[str, Callable[[str], object]] = {"python": ast.parse, "json": json.loads, "yaml": yaml.safe_load}

    read[block.language](block.text)


# The command line, imported once and forked for each call: starting Python anew each time takes most of the time.
_STEM = """
import json, os, signal, socket, sys
import duckdb, polars, presidio_anonymizer, regopy, sekisho.bootstrap, sekisho.consents
from sekisho.cli import main
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
while True:
    caller, _ = server.accept()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a command waits for the programs that it runs
        told, streams, _, _ = socket.recv_fds(caller, 65536, 3)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        folder, *arguments = json.loads(told)
        os.chdir(folder)
        code = 70
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        caller.send(bytes([code]))
        os._exit(0)
    caller.close()
"""
_TWIG = """#!{python} -IS
import json, os, socket, sys
stem = socket.socket(socket.AF_UNIX)
stem.connect({path!r})
socket.send_fds(stem, [json.dumps([os.getcwd(), *sys.argv[1:]]).encode()], [0, 1, 2])
sys.exit(stem.recv(1)[0])
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder as a reader has it after ``make demo``, with few customers."""
    folder = tmp_path_factory.mktemp("desk")
    build_workspace(folder / "var" / "demo", customers=150)
    program = folder / ".venv" / "bin" / "sekisho"
    program.parent.mkdir(parents=True)
    path = str(folder / "stem")
    program.write_text(_TWIG.format(python=sys.executable, path=path))
    program.chmod(0o700)
    command = [sys.executable, "-c", _STEM, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as stem:
        assert stem.stdout is not None
        try:
            assert stem.stdout.readline() == "ready\n"
            yield folder
        finally:
            stem.terminate()


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What became of every statement of the documents: the code of its refusal, or an empty text."""
    folder = tmp_path_factory.mktemp("statements") / "demo"
    build_workspace(folder, customers=150)

    async def ask_all() -> dict[str, str]:
        found = {}
        async with open_workspace(folder) as workspace:
            for block in STATEMENTS:
                requester = workspace.settings.catalogue.requesters[block.settings["requester"]]
                try:
                    release = await workspace.gateway.query(requester, Ask(block.settings["purpose"], block.text))
                    rows = sum([released.batch.num_rows async for released in release.pages()])
                    found[block.place] = "" if rows else "no rows"
                except SekishoError as refusal:
                    found[block.place] = refusal.code
        return found

    return asyncio.run(ask_all())


@pytest.mark.parametrize("block", STATEMENTS, ids=place_of)
def test_statements_are_answered_as_written(answers, block):
    """Each statement gets rows from the real gateway, or the refusal that the document says."""
    assert answers[block.place] == block.settings.get("refused", "")


@pytest.fixture(scope="module")
def address(desk):
    """The address of a server over the reader's workspace."""
    command = [sys.executable, "-m", "sekisho", "serve", "--workspace", "var/demo", "--port", "0"]
    with subprocess.Popen(command, cwd=desk, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            ready = re.search(r"127\.0\.0\.1:\d+", server.stdout.readline())
            assert ready is not None, "the server did not start"
            yield ready.group()
        finally:
            server.terminate()


_LONG_PAGES = frozenset(
    f"docs/{name}.md" for name in ("consent/restore", "consent/feed", "consent/import", "registers")
)
"""Pages whose scripts take long; they run where all of the long tests do."""


@pytest.mark.parametrize(
    "page",
    [
        # The commands of a translated page are those of the page.
        pytest.param(page, marks=pytest.mark.long if page.endswith(".ja.md") or page in _LONG_PAGES else ())
        for page in sorted({block.place.rsplit(":", 1)[0] for block in SCRIPTS})
    ],
)
def test_the_scripts_of_a_page_run(desk, page, request):
    """The scripts of a page run one after the other as they stand, where it says so against a real server."""
    for block in SCRIPTS:
        if block.place.rsplit(":", 1)[0] != page:
            continue
        if block.language == "sh" and shutil.which("curl") is None and "curl" in block.text:
            assert os.environ.get("CI") != "true", "curl is missing"
            pytest.skip("curl is not installed")
        text = block.text
        if "opa" in block.words:
            opa_program()
        if "serve" in block.words:
            text = text.replace("127.0.0.1:8000", request.getfixturevalue("address"))
        command = ["bash", "-euo", "pipefail", "-c", text] if block.language == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(command, cwd=desk, capture_output=True, text=True, timeout=60, check=False)

        assert (done.returncode != 0) == ("fails" in block.settings), f"{block.place}: {done.stderr}"
        assert block.settings.get("fails", "") in done.stdout + done.stderr, block.place
    assert "Traceback" not in done.stderr
