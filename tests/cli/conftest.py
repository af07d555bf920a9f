"""A small demonstration workspace, and the command line run in this process."""

import shutil
from dataclasses import dataclass

import pytest

from sekisho.cli import main
from sekisho.demo.workspace import build_workspace


@dataclass
class Ran:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """Leave logging alone: it would keep the captured stream of one test for all others."""
    monkeypatch.setattr("sekisho.bootstrap.configure_logging", lambda **_: None)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "demo"
    build_workspace(folder, customers=150)
    return folder


@pytest.fixture
def workspace(built, tmp_path):
    """Return a workspace of the test's own."""
    folder = tmp_path / "demo"
    shutil.copytree(built, folder)
    return folder


@pytest.fixture
def run(capsys):
    """Return a function that runs a command line."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Ran(int(ended.value.code or 0), written.out, written.err)

    return run
