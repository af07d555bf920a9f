"""The search of the test run finds what a test could leave behind."""

from __future__ import annotations

import shutil

import pytest
from tests.sinks.run import faults_in, kinds_in, pytest_runtest_makereport

LEAVING = {
    "an address": "row: eiji0213" + "@" + "example.jp",
    "a number": "call 090" + "-9927-7086",
    "a token": "eyJhbGciOiJFZERTQSJ9." + "eyJzdWIiOiJtIn0" + "." + "s" * 86,
    "a canary": "name=" + "kanari" + "7q",
}


@pytest.mark.parametrize("left", LEAVING)
def test_what_looks_like_somebody_is_found(left):
    """Addresses, numbers, tokens and canaries; what is said of them does not repeat them."""
    kinds = kinds_in(LEAVING[left])
    assert kinds
    assert not kinds_in(str(kinds))


def test_what_names_nobody_is_not():
    """Services, times, hashes and ids are left alone."""
    told = "privacy@shop.example 2026-11-22T09:00:00Z 0199d3c2-0000-7000-8000-000000000000 " + "ab" * 32
    assert kinds_in(told) == set()


def test_a_test_that_prints_somebody_fails():
    """Its last report becomes a failure that names the section, and no longer holds the text."""
    report = pytest.TestReport("a", ("a", 1, "a"), {}, "passed", None, "teardown")
    report.sections = [("Captured stdout call", LEAVING["an address"])]
    hook = pytest_runtest_makereport(type("Item", (), {"nodeid": "a"})())
    next(hook)
    with pytest.raises(StopIteration) as ended:
        hook.send(report)
    assert ended.value.value.failed
    assert "Captured stdout call" in str(report.longrepr)
    assert not kinds_in(str(report.longrepr) + str(report.sections))


def test_files_of_a_gateway_are_searched_and_stores_are_not(tmp_path):
    """What a gateway keeps is named; what customers' data is kept in is passed over."""
    kept = {"exports/1/job.json", "exports/1/files/audit.csv", "tree/checkpoint"}
    for name in kept | {"stores/audit.csv", "audit/notes.txt"}:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LEAVING["a number"], "utf-8")
    (tmp_path / "audit" / "w.heads").write_text("nobody", "utf-8")
    try:
        assert set(faults_in(tmp_path)) == kept
    finally:
        shutil.rmtree(tmp_path)  # or the search of this very run would find them
