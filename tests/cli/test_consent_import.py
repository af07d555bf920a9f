"""``sekisho consent import``, ``link`` and ``unlink``."""

import json

import pytest

LINE = {
    "purpose": "recommendation",
    "event": "withdraw",
    "method": "paper",
    "occurred_at": "2025-01-01T00:00:00+09:00",
}


@pytest.fixture
def history(tmp_path):
    """Return a function that writes a file of history."""

    def write(*lines, name="history.ndjson"):
        path = tmp_path / name
        path.write_text("".join(line if isinstance(line, str) else json.dumps(LINE | line) + "\n" for line in lines))
        return path

    return write


def test_a_history_is_tried_and_imported(run, workspace, history):
    """The dry run changes nothing; the import records each event once, however often it is called."""
    file = history({"data_subject": "customer_id:900001"}, {"data_subject": "customer_id:900002"})
    tried = run("consent", "import", file, "--dry-run", "--workspace", workspace)
    assert (tried.code, "2 can be imported" in tried.out) == (0, True)
    shown = run("consent", "show", "customer_id:900001", "--workspace", workspace)
    assert "withdrawn" not in shown.out
    reports = [run("consent", "import", file, "--json", "--workspace", workspace) for _ in range(2)]
    assert [report.code for report in reports] == [0, 0]
    assert json.loads(reports[0].out) == json.loads(reports[1].out)
    assert json.loads(reports[0].out)["recorded"] == 2
    assert "withdrawn" in run("consent", "show", "customer_id:900001", "--workspace", workspace).out


def test_a_file_with_faults_ends_with_1_and_names_the_lines(run, workspace, history, tmp_path):
    """Nothing of it is imported, and no value of a line is printed; --skip-faults imports the rest."""
    file = history({"data_subject": "customer_id:900003"}, "Mariko\n")
    ended = run("consent", "import", file, "--workspace", workspace)
    assert ended.code == 1
    assert "2\tinvalid_request" in ended.out
    assert "Mariko" not in ended.out + ended.err
    assert run("consent", "import", file, "--skip-faults", "--workspace", workspace).code == 0
    header = tmp_path / "header.csv"
    header.write_text("Mariko,purpose\n")
    whole = run("consent", "import", header, "--workspace", workspace)
    assert (whole.code, whole.err.splitlines()[-1].split(":")[0]) == (1, "invalid_request")
    assert "Mariko" not in whole.out + whole.err


def test_only_a_collection_point_imports(run, workspace, history):
    """Another requester is refused; a format that there is none of is a mistake of the call."""
    file = history({"data_subject": "customer_id:900004"})
    assert run("consent", "import", file, "--as", "recommender", "--workspace", workspace).code == 1
    assert run("consent", "import", file, "--format", "xml", "--workspace", workspace).code == 2


def test_two_identifiers_are_linked_and_unlinked(run, workspace):
    """Both commands answer the sequence."""
    pair = ("customer_id:900005", "email_sha256:" + "ab" * 32)
    linked = json.loads(run("consent", "link", *pair, "--json", "--workspace", workspace).out)
    unlinked = json.loads(run("consent", "unlink", *pair, "--json", "--workspace", workspace).out)
    assert unlinked["seq"] == linked["seq"] + 1
    assert run("consent", "link", pair[0], pair[0], "--workspace", workspace).code == 2
