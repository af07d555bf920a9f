"""``python -m tests.benchmarks.audit``: the audit log's figures on PostgreSQL, beside other designs."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.audit import disclosure, over_http, releases, slow_disk, verifying
from tests.benchmarks.parts import run_parts

PARTS: dict[str, Callable[..., None]] = {
    "releases": releases.measure,
    "slow": slow_disk.measure,
    "http": over_http.measure,
    "lag": over_http.lag,
    "records": verifying.measure,
    "disclosures": disclosure.measure,
    "overload": over_http.overload,
}

if __name__ == "__main__":
    run_parts("The audit log's figures on PostgreSQL.", PARTS)
