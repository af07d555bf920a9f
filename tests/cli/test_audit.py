"""Exporting the audit log and proving it: every outcome has its exit code."""

import json
import shutil

import pytest

from sekisho.adapters.keyring import FileKeyRing


@pytest.fixture
def used(run, workspace):
    """Return a workspace in which something happened."""
    sql = "SELECT country, COUNT(*) AS n FROM pos.order_lines GROUP BY country"
    assert run("query", "-w", workspace, "-r", "recommender", "-p", "recommendation", sql).code == 0
    return workspace


@pytest.fixture
def key(used):
    return FileKeyRing(used / "var" / "keys").verification_key()


@pytest.fixture
def exported(run, used, tmp_path):
    folder = tmp_path / "export"
    assert run("audit", "export", "--out", folder, "-w", used).code == 0
    return folder


def test_an_untouched_export_is_ok(run, exported, key):
    """Exit 0, and what was checked."""
    ran = run("audit", "verify", exported, "--key", key)
    assert ran.code == 0
    assert ran.out.startswith("ok: ")


def test_a_changed_byte_names_the_record(run, exported, key):
    """Exit 1, with the record at fault."""
    path = exported / "records.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if b'"kind":"access.release"' in line)
    record = json.loads(lines[place])
    lines[place] = lines[place].replace(b'"permit"', b'"Permit"')
    path.write_bytes(b"".join(lines))
    ran = run("audit", "verify", exported, "--key", key, "--json")
    verdict = json.loads(ran.out)
    assert (ran.code, verdict["outcome"]) == (1, "tampered")
    assert verdict["bad"]["id"] == record["id"]


def test_a_missing_file_is_incomplete(run, exported, key):
    """Exit 2."""
    (exported / "records.ndjson").unlink()
    ran = run("audit", "verify", exported, "--key", key)
    assert ran.code == 2
    assert ran.out.startswith("incomplete: ")


def test_another_key_is_untrusted(run, exported, tmp_path):
    """Exit 3: whoever signed it, it was not the one who is trusted."""
    other = FileKeyRing.create(tmp_path / "other").verification_key()
    assert run("audit", "verify", exported, "--key", other).code == 3


@pytest.mark.parametrize(
    "arguments",
    [["--nonsense"], ["--key"], ["{export}"], ["{export}", "--key", "nonsense"], ["nowhere", "--key", "k"]],
)
def test_wrong_use_exits_64(run, exported, arguments):
    """2 means incomplete there, so that wrong use needs another number."""
    ran = run("audit", "verify", *(argument.format(export=exported) for argument in arguments))
    assert (ran.code, ran.out) == (64, "")


def test_a_workspace_is_verified_with_its_own_key_and_says_so(run, used, key):
    """Without --key the workspace's own key is used, with a warning."""
    ran = run("audit", "verify", used)
    assert ran.code == 0
    assert key in ran.err
    assert "keep the key elsewhere" in ran.err


def test_an_earlier_head_exposes_a_rollback(run, used, key, tmp_path):
    """A log that was put back to an earlier state does not continue from a head that was kept."""
    shutil.copytree(used / "var", tmp_path / "before")
    assert run("consent", "withdraw", "customer_id:12347", "recommendation", "-w", used).code == 0
    kept = max((used / "var" / "audit").glob("*.heads"), key=lambda path: path.stat().st_mtime_ns)
    checkpoint = tmp_path / "checkpoint"
    shutil.copy(kept, checkpoint)
    assert run("audit", "verify", used, "--key", key, "--since", checkpoint).code == 0
    shutil.rmtree(used / "var")
    shutil.copytree(tmp_path / "before", used / "var")
    assert run("audit", "verify", used, "--key", key).code == 0
    assert run("audit", "verify", used, "--key", key, "--since", checkpoint).code == 1


def test_ndjson_has_a_record_a_line_and_no_folder_is_overwritten(run, used, tmp_path):
    """The form for other programs; a folder that holds something is left alone."""
    told = json.loads(run("audit", "export", "-f", "ndjson", "--out", tmp_path / "out", "-w", used, "--json").out)
    lines = (tmp_path / "out" / "audit.ndjson").read_text("utf-8").splitlines()
    assert told["records"] == len(lines)
    assert {"access.release", "export.create"} <= {json.loads(line)["kind"] for line in lines}
    again = run("audit", "export", "-f", "ndjson", "--out", tmp_path / "out", "-w", used)
    assert again.code == 2
    assert again.err.startswith("invalid_request: ")


def test_an_export_of_an_empty_range_is_refused(run, used, tmp_path):
    """Nothing happened in 2001."""
    ran = run("audit", "export", "--out", tmp_path / "none", "--until", "2001-01-01", "-w", used)
    assert (ran.code, ran.out) == (2, "")


def test_a_release_is_proved_in_one_file(run, used, key, tmp_path):
    """The file holds the record, its place and a signed checkpoint; a changed one is found."""
    sql = "SELECT COUNT(*) AS n FROM pos.order_lines"
    ran = run("query", "-w", used, "-r", "recommender", "-p", "recommendation", "--format", "json", sql)
    release = json.loads(ran.out)["release"]["id"]
    file = tmp_path / "release.tlog-proof"
    assert run("audit", "proof", release, "--out", file, "-w", used).code == 0
    assert run("audit", "verify", file, "--key", key).code == 0
    assert run("audit", "proof", release, "--out", file, "-w", used).code == 2
    assert run("audit", "proof", "nothing", "-w", used).code == 2
    file.write_text(file.read_text("utf-8").replace("index ", "index 1"), "utf-8")
    assert run("audit", "verify", file, "--key", key).code == 1


def test_the_tree_must_continue_a_checkpoint_that_was_kept(run, used, key, tmp_path):
    """It does, until an older record is another; then also the tree itself is found to be another."""
    kept = tmp_path / "kept"
    kept.write_text(run("audit", "checkpoint", "-w", used).out, "utf-8")
    assert kept.read_text("utf-8").startswith("sekisho/audit\n")
    newer = run("audit", "checkpoint", "-w", used).out
    tree = used / "var" / "audit" / "tree"
    assert (tree / "checkpoint").read_text("utf-8") == newer
    ran = run("audit", "verify", tree, "--key", key, "--since", kept)
    assert (ran.code, ran.out[:4]) == (0, "ok: ")
    bundle = max((tree / "tile" / "entries" / "000.p").iterdir(), key=lambda path: int(path.name))
    bundle.write_bytes(bundle.read_bytes().replace(b'"permit"', b'"Permit"', 1))
    assert run("audit", "verify", tree, "--key", key, "--since", kept).code == 1


FORMS = ["raw", "ndjson", "ocsf", "parquet", "csv", "cef"]


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_exported_and_verified(run, used, key, tmp_path, form):
    """Each is sealed: verified as it is, and found out when its events were changed."""
    told = json.loads(run("audit", "export", "-f", form, "--out", tmp_path / "out", "-w", used, "--json").out)
    ran = run("audit", "verify", tmp_path / "out", "--key", key, "--json")
    assert (ran.code, json.loads(ran.out)["records"]) == (0, told["records"])
    events = next(path for path in (tmp_path / "out").iterdir() if path.name.startswith(("audit.", "records.")))
    content = events.read_bytes()
    events.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    assert run("audit", "verify", tmp_path / "out", "--key", key).code == 1


def test_an_export_takes_a_range_and_filters(run, used, tmp_path):
    """Only what was asked for; a person by an identifier that is told nowhere."""
    out = tmp_path / "out"
    ran = run("audit", "export", "-f", "ndjson", "--out", out, "-w", used, "--requester", "recommender", "--json")
    lines = [json.loads(line) for line in (out / "audit.ndjson").read_text("utf-8").splitlines()]
    assert ran.code == 0
    assert {line["requester"] for line in lines} == {"recommender"}
    filtered = ("--data-subject", "customer_id:12347", "--kind", "access.release", "--from", "2026-01-01")
    assert run("audit", "export", "-f", "ndjson", "--out", tmp_path / "one", "-w", used, *filtered).code == 0
    assert b"12347" not in (tmp_path / "one" / "manifest.json").read_bytes()
    assert run("audit", "export", "--out", tmp_path / "raw", "-w", used, "--purpose", "recommendation").code == 2
    assert run("audit", "export", "--out", tmp_path / "x", "-w", used, "--requester", "taro@shop.example").code == 2
    empty = ("-f", "csv", "--to", "2001-01-01")
    assert (
        json.loads(run("audit", "export", *empty, "--out", tmp_path / "e", "-w", used, "--json").out)["records"] == 0
    )
