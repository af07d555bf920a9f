"""Recognisers of the operator's own, as those who run the service see them."""

import subprocess
import sys
from pathlib import Path

import pytest

MEDDLING = Path(__file__).parents[1] / "adapters" / "presidio" / "meddling.py"


def declare(workspace, *targets):
    """Name *targets* in the workspace's file; return the line of the first."""
    (workspace / "meddling.py").write_text(MEDDLING.read_text())
    file = workspace / "sekisho.yaml"
    text = file.read_text() + "\ndetect:\n  recognizers:\n"
    file.write_text(text + "".join(f"    - {target}\n" for target in targets))
    return text.count("\n") + 1


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("meddling:absent", "AttributeError"),
        ("not_there:at_all", "ModuleNotFoundError"),
        ("meddling:broken", "ValueError"),
    ],
)
def test_check_names_the_line_of_a_recogniser_that_cannot_be_loaded(run, workspace, target, fault):
    """The finding has line, name and the class of the fault, and no word of the fault itself."""
    line = declare(workspace, "meddling:meddler", target) + 1
    ran = run("check", "-w", workspace)
    assert ran.code == 1
    assert f"error: detect: line {line}: the recogniser {target} cannot be loaded ({fault})" in ran.out
    assert "hunter2" not in ran.out + ran.err


def test_check_is_content_with_one_that_can(run, workspace):
    """A recogniser beside the file is found, and nothing is told of it."""
    declare(workspace, "meddling:meddler")
    assert "detect" not in run("check", "-w", workspace).out


def test_serve_does_not_begin_without_them(workspace):
    """The service does not begin when an operator's recognisers cannot be loaded, and says on which line."""
    line = declare(workspace, "not_there:at_all")
    ran = subprocess.run(
        [sys.executable, "-m", "sekisho", "serve", "-w", str(workspace), "--port", "0"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert f"line {line}: the recogniser not_there:at_all cannot be loaded (ModuleNotFoundError)" in ran.stderr
