"""Compiles the policies that come with the program: ``python -m tests.policies.compiling``."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path

from sekisho.adapters.rego import policy_digest, policy_files, shipped_policies
from sekisho.adapters.rego.compiled import MODULE_FILE, name_sources
from tests.policies.catalogue import opa_program


def compiled_policies(policies: Path) -> bytes:
    """Return the module that OPA's compiler makes of *policies*, with the name of its sources."""
    files = policy_files(policies)
    with tempfile.TemporaryDirectory() as made:
        sources, bundle = Path(made) / "sources", Path(made) / "bundle.tar.gz"
        for name, content in files.items():
            path = sources / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        # From inside the folder: the module holds the names of its files.
        build = [opa_program(), "build", "--target", "wasm", "--entrypoint", "sekisho/access/decision"]
        tops = sorted({name.partition("/")[0] for name in files})
        subprocess.run([*build, "--output", str(bundle), *tops], check=True, cwd=sources)
        with tarfile.open(bundle) as archive:
            module = archive.extractfile("/policy.wasm")
            assert module is not None
            return name_sources(module.read(), policy_digest(files))


if __name__ == "__main__":
    where = shipped_policies()
    (where / MODULE_FILE).write_bytes(compiled_policies(where))
    print(f"{MODULE_FILE} is made of the policies.")  # noqa: T201 - the command's answer
