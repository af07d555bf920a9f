"""``sekisho policy test``: the tests beside the rules, by opa where it is installed, else by the embedded engine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sekisho.cli.running import answer_json, answer_table, say
from sekisho.errors import InvalidRequest

_PACKAGE = re.compile(r"^package\s+([\w.]+)", re.MULTILINE)
_IMPORT = re.compile(r"^import\s+data\.([\w.]+)", re.MULTILINE)
_AT_ONCE = 2
_TOLD = 400  # characters of what opa says of policies that it cannot read
_ORDER = {"passed": 0, "not_run": 1, "failed": 2}  # what failed is read last, above the sum

MinimumOption = Annotated[
    float | None,
    typer.Option(min=0, max=100, help="Percent of the lines that the tests must reach.", show_default=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", help="Policies of another folder than the workspace's.", show_default=False),
]


def run_tests(folder: Path, *own: Path, as_json: bool, min_coverage: float | None, program: str | None) -> int:
    """Run the tests below *folder*, and those of folders of *own*, by *program* (opa); return the exit code."""
    if program is not None:
        told = _by_opa(program, folder, *own)
    else:
        texts = [_texts(each) for each in (folder, *own)]
        told = asyncio.run(_embedded({name: text for each in texts for name, text in each.items()}))
    counts = {state: sum(test["result"] == state for test in told["tests"]) for state in _ORDER}
    coverage = told["coverage"]
    enough = min_coverage is None or (coverage is not None and coverage >= min_coverage)
    if as_json:
        answer_json({**told, **counts, "min_coverage": min_coverage, "ok": _passed(counts) and enough})
    else:
        shown = sorted(told["tests"], key=lambda test: (_ORDER[test["result"]], test["package"], test["name"]))
        answer_table(("result", "package", "test"), [(t["result"], t["package"], t["name"]) for t in shown])
        say(
            f"{counts['passed']} passed, {counts['failed']} failed, {counts['not_run']} not run, by {told['engine']}."
        )
        if coverage is not None:
            say(f"Coverage: {coverage:g} % of the lines.")
            for place in told["not_covered"]:
                say(f"  not reached: {place}")
        elif min_coverage is not None:
            missing = "while a test fails" if told["engine"] == "opa" else "without the program opa"
            say(f"Coverage cannot be told {missing}, so it does not count as reached.")
    if told["engine"] == "embedded" and not _passed(counts):
        say("The embedded engine cannot run every test, and reads some otherwise (rego-cpp joins objects one level")
        say("deep). To know, install opa and ask again:")
        say("  go install github.com/open-policy-agent/opa@latest")
    return 0 if _passed(counts) and enough else 1


def _passed(counts: dict[str, int]) -> bool:
    # No test at all is no proof of anything.
    return counts["passed"] > 0 and not counts["failed"] and not counts["not_run"]


def opa() -> str | None:
    """Return the path of opa: on the search path, or where ``go install`` puts it."""
    places = [os.environ.get("GOBIN"), *(f"{root}/bin" for root in [os.environ.get("GOPATH")] if root)]
    search = os.pathsep.join([*(p for p in places if p), str(Path.home() / "go" / "bin")])
    return shutil.which("opa") or shutil.which("opa", path=search)


_MOST_FOR_A_TEST = "60s"  # opa's own five seconds are too few for a machine that is busy with other things


def _by_opa(program: str, folder: Path, *own: Path) -> dict[str, Any]:
    asked = ("test", "--timeout", _MOST_FOR_A_TEST, "--format", "json", str(folder), *map(str, own))
    results = _run(program, *asked)
    tests = [
        {
            "package": result["package"].removeprefix("data."),
            "name": result["name"],
            "result": "failed" if result.get("fail") or result.get("error") else "passed",
        }
        for result in results or ()
        if not result.get("skip")
    ]
    # While a test fails, opa tells that instead of the coverage, and not as JSON.
    passed = all(test["result"] == "passed" for test in tests)
    covered = _run(program, *asked, "--coverage") if passed else {}
    missing = [
        f"{Path(name).relative_to(folder) if Path(name).is_relative_to(folder) else name}:{each['start']['row']}"
        for name, file in (covered.get("files") or {}).items()
        for each in file.get("not_covered", ())
    ]
    return {"engine": "opa", "tests": tests, "coverage": covered.get("coverage"), "not_covered": missing}


def _run(program: str, *arguments: str) -> Any:
    done = subprocess.run(  # noqa: S603 - opa, found by its name, and a folder of the workspace
        [program, *arguments], check=False, capture_output=True, text=True
    )
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        # Of policies alone: opa test asks nothing that a requester wrote.
        told = " ".join((done.stderr.strip() or done.stdout.strip()).split())[:_TOLD]
        raise InvalidRequest(f"opa cannot read the policies: {told or 'it does not say why'}") from None


def _texts(folder: Path) -> dict[str, str]:
    """Return the modules below *folder*, tests too, without the checks of policies, which opa alone can run."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*.rego"))
        if "checks" not in path.relative_to(folder).parts
    }


async def _embedded(texts: Mapping[str, str]) -> dict[str, Any]:
    """Run each test in a process of its own, with the rules and the test modules that it needs."""
    from sekisho.adapters.policy_sandbox import ProcessSandbox
    from sekisho.adapters.rego_tests import HOLDS, INPUT, RegoTest, tests_in

    rules = {name: text for name, text in texts.items() if not name.endswith("_test.rego")}
    beside = {_package(text): (name, text) for name, text in texts.items() if name.endswith("_test.rego")}
    sandbox, places = ProcessSandbox(), asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, test: RegoTest) -> dict[str, str]:
        holds = None
        if test.module is not None:
            needed = [beside[each] for each in _IMPORT.findall(test.module) if each in beside]
            modules = {**rules, **dict(needed), name: test.module}
            async with places:
                holds = await sandbox.holds(modules, f"{test.package}.{HOLDS}", f"{test.package}.{INPUT}")
        result = "not_run" if holds is None else "passed" if holds else "failed"
        return {"package": test.package, "name": test.name, "result": result}

    asked = [one(name, test) for name, text in beside.values() for test in tests_in(text)]
    return {"engine": "embedded", "tests": await asyncio.gather(*asked), "coverage": None, "not_covered": []}


def _package(text: str) -> str:
    found = _PACKAGE.search(text)
    return found.group(1) if found else ""
