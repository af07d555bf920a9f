"""``sekisho audit prune``: by a policy, tried dry, and proved afterwards."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.audit_verify import Outcome, Verdict
from sekisho.bootstrap import open_workspace
from sekisho.ports import AuditEntry


@pytest.fixture
def kept(workspace):
    """A workspace that keeps records for thirty days, with three hundred more of them."""

    async def fill() -> None:
        async with open_workspace(workspace) as opened:
            denied = AuditEntry("access.deny", {"code": "access_denied"})
            await asyncio.gather(*(opened.audit.append(denied) for _ in range(300)))

    asyncio.run(fill())
    file = workspace / "sekisho.yaml"
    text = file.read_text("utf-8")
    section = "audit:\n  keep_days: 30\n"
    head, found, rest = text.partition("\naudit:\n")
    file.write_text(f"{head}\n{section}{rest}" if found else f"{text}\n{section}", "utf-8")
    return workspace


@pytest.fixture
def later(monkeypatch):
    """Forty days later."""
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + timedelta(days=40))


def test_without_a_policy_nothing_is_pruned(run, workspace):
    """Nobody prunes a log for which nobody said how long it is kept."""
    ran = run("audit", "prune", "-w", workspace, "--dry-run")
    assert ran.code == 2
    assert "audit.keep_days" in ran.err


def test_what_the_policy_keeps_is_not_pruned(run, kept):
    """A date that is too young is refused; before one that is old enough there is nothing."""
    assert run("audit", "prune", "-w", kept, "--before", f"{SystemClock().now():%Y-%m-%d}").code == 2
    assert "nothing to prune" in run("audit", "prune", "-w", kept).out


def test_the_log_is_pruned_and_proved(run, kept, later):
    """Dry first, then in earnest; the workspace, its tree and an export are verified, and say where they begin."""
    assert run("audit", "checkpoint", "-w", kept).code == 0
    dry = json.loads(run("audit", "prune", "-w", kept, "--dry-run", "--json").out)
    assert (dry["pruned"], dry["records"] % 256, dry["records"] > 0) == (False, 0, True)
    ran = run("audit", "prune", "-w", kept)
    assert ran.code == 0, ran.err
    assert f"begins at record {dry['minimum_index'] + 1} now" in ran.out
    assert "nothing to prune" in run("audit", "prune", "-w", kept).out
    proof = json.loads(run("consent", "verify", "-w", kept, "--json").out)
    assert (proof["ok"], proof["unaudited"], proof["pruned"] > 0) == (True, 0, True)
    assert "are older than what is kept of it" in run("consent", "verify", "-w", kept).out
    out = kept / "out"
    assert run("audit", "export", "-w", kept, "--out", out).code == 0
    key = run("audit", "verify", kept).err.split(" key, ")[1].split(". Whoever")[0]
    for path in (kept, out, kept / "var" / "audit" / "tree"):
        ran = run("audit", "verify", path, "--key", key)
        assert (ran.code, "pruned by record" in ran.out) == (0, True), ran.out


@pytest.mark.parametrize("unfinished", [True, False])
def test_only_what_a_pruning_left_lets_the_next_one_begin(run, kept, later, monkeypatch, unfinished):
    """An incomplete log is pruned on when the verdict says that pruning mends it, whatever its sentence says."""
    verdict = Verdict(Outcome.INCOMPLETE, "the records it speaks of were pruned", unfinished=unfinished)
    monkeypatch.setattr("sekisho.cli.audit.verified_workspace", lambda *_: verdict)
    ran = run("audit", "prune", "-w", kept)
    assert ran.code == (0 if unfinished else 2), ran.err
    assert ("does not verify" in ran.err) is not unfinished


@pytest.mark.parametrize(("days", "keeping", "warned"), [
    (1_095, "each", True), (1_096, "each", False), (400, "contract", False), (365, "contract", True),
])  # fmt: skip
def test_check_warns_of_a_policy_below_the_law(run, kept, days, keeping, warned):
    """Records of provisions to a registered third party must not be pruned before the law lets them go."""
    file = kept / "sekisho.yaml"
    text = file.read_text("utf-8").replace("keep_days: 30\n", f"keep_days: {days}\n", 1)
    assert "      representative: " in text
    text = re.sub(r"(\n      representative: [^\n]*)", rf"\1\n      records: {keeping}", text)
    file.write_text(text, "utf-8")
    ran = run("check", "-w", kept, "--json")
    found = [each for each in json.loads(ran.out)["findings"] if each["part"] == "audit"]
    assert [each["level"] for each in found] == ["warning"] * warned, ran.out
