"""The commands by which the how-to serves signed policies from OPA, run as they stand."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from sekisho.adapters.opa import Demands
from sekisho.adapters.rego import shipped_policies
from tests.policies.catalogue import opa_program, questions
from tests.policies.serving import SOON, asking, running_opa

pytestmark = [pytest.mark.opa, pytest.mark.enable_socket, pytest.mark.xdist_group("opa")]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "policies.md"
BLOCKS = re.findall(r"^```(sh|yaml) serving\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


async def test_the_commands_of_the_page_serve_signed_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A key, a signed bundle, a configuration and a server: the gateway is answered, with signatures demanded."""
    program = Path(opa_program())
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    shutil.copytree(shipped_policies(), tmp_path / "policies")
    *preparing, (_, serving) = [block for block in BLOCKS if block[0] == "sh"]
    for _, commands in preparing:
        script = ["bash", "-euo", "pipefail", "-c", commands]
        await asyncio.to_thread(subprocess.run, script, cwd=tmp_path, check=True, capture_output=True)
    arguments = serving.split()
    assert arguments[:4] == ["opa", "run", "--server", "--addr"]
    (said,) = [yaml.safe_load(text)["policy"] for kind, text in BLOCKS if kind == "yaml"]
    assert said["url"] == arguments[4]
    address = f"unix://{tmp_path}/opa.sock"
    given = [str(tmp_path / "opa.yaml") if each == "opa.yaml" else each for each in arguments[5:]]
    with running_opa(tmp_path, *given, address=address):
        demands = Demands(keyid=said["keyid"], checked_s=SOON.checked_s, known_s=SOON.known_s)
        async with asking(address, demands=demands) as pdp:
            for _ in range(100):  # it listens before its bundle is active
                if await pdp.healthy():
                    break
                await asyncio.sleep(0.1)
            decision = await pdp.decide(next(iter(questions())))
    assert re.fullmatch("[0-9a-f]{16}", decision.revision)
