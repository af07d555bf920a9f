"""``python -m tests.benchmarks.pii.scan``: a scan of 200 columns of a million rows each in PostgreSQL.

Ten tables of twenty columns lie in a database of their own, as wide and as unlike as those of a shop.
``sekisho scan`` runs as a process of its own, from its start to its end, on a fresh workspace. Needs
``SEKISHO_TEST_POSTGRES``, some five gigabytes and some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, DataSubjectKey
from tests.adapters.stores.servers import Server, database
from tests.benchmarks.consent.rows import Row, Tell, at_most
from tests.benchmarks.parts import run_parts

TABLES, ROWS = 10, 1_000_000
_COLUMNS = {
    "customer_id": "i",
    "email": "'user' || i || '@example.' || (ARRAY['com', 'jp', 'org'])[1 + i % 3]",
    "shimei": "(ARRAY['山田', '佐藤', '高橋', '伊藤'])[1 + i % 4] || ' ' || (ARRAY['太郎', '花子', '健'])[1 + i % 3]",
    "denwa": "'090-' || lpad((i % 10000)::text, 4, '0') || '-' || lpad((i / 100 % 10000)::text, 4, '0')",
    "postal_code": "lpad((100 + i % 900)::text, 3, '0') || '-' || lpad((i % 10000)::text, 4, '0')",
    "address": "'東京都千代田区丸の内' || (1 + i % 9) || '-' || (1 + i % 30) || '-' || (1 + i % 20)",
    "birth_date": "date '1940-01-01' + (i % 25000)",
    "gender": "(ARRAY['男', '女', ''])[1 + i % 3]",
    "member_rank": "(ARRAY['gold', 'silver', 'bronze'])[1 + i % 3]",
    "memo": "'お客様番号 ' || i || ' の件、折り返しお電話ください。担当 ' || (i % 40)",
    "ip": "'10.' || (i % 250) || '.' || (i / 250 % 250) || '.' || (1 + i % 200)",
    "order_no": "'A' || lpad(i::text, 9, '0')",
    "amount": "(i % 100000) / 100.0",
    "quantity": "i % 12",
    "paid": "i % 2 = 0",
    "ordered_at": "timestamp '2020-01-01' + i * interval '1 minute'",
    "sku": "'SKU' || (i % 5000)",
    "country": "(ARRAY['JP', 'US', 'FR', 'DE'])[1 + i % 4]",
    "token": "md5(i::text)",
    "profile": "jsonb_build_object('mail', 'p' || i || '@example.net', 'tags', jsonb_build_array('a', i % 9))",
}
_TYPES = {"customer_id": ColumnType.INTEGER}
_FILE = """\
controller: {{name: Shop, contact: privacy@shop.example}}
identity: {{issuer: "https://issuer.example", audience: sekisho}}
stores: {{crm: {{kind: postgresql, url: '{url}'}}}}
purposes:
  support: {{title: {{ja: 支, en: S}}, description: {{ja: 支, en: S}}, legal_basis: contract}}
datasets:
{datasets}
requesters: {{privacy_officer: {{purposes: [], roles: [privacy_officer]}}}}
"""
_DATASET = """\
  crm.t{n}:
    relation: t{n}
    data_subject: {{column: customer_id, identifier: customer_id}}
    purposes: [support]
    columns: {{customer_id: {{type: integer, class: direct_identifier}}}}
"""


def scan(tell: Tell, **_: object) -> None:
    """Tell time, processors and memory of one scan, and what it found."""
    with database() as server, tempfile.TemporaryDirectory() as place:
        for number in range(TABLES):
            columns = ", ".join(f"{sql} AS {name}" for name, sql in _COLUMNS.items())
            server.run(f"CREATE UNLOGGED TABLE t{number} AS SELECT {columns} FROM generate_series(1, {ROWS}) s(i)")
        server.run("VACUUM ANALYZE")
        server.bootstrap(list(_datasets()))
        folder = Path(place)
        declared = "".join(_DATASET.format(n=number) for number in range(TABLES))
        (folder / "sekisho.yaml").write_text(_FILE.format(url=server.url, datasets=declared), encoding="utf-8")
        _run(tell, folder, server)


def _datasets() -> Iterator[Dataset]:
    columns = tuple(
        Column(name, _TYPES.get(name, ColumnType.STRING), ColumnClass.DIRECT_IDENTIFIER) for name in _COLUMNS
    )
    key = DataSubjectKey("customer_id", "customer_id")
    for number in range(TABLES):
        yield Dataset(f"crm.t{number}", "crm", f"t{number}", columns, key, None, frozenset())


def _run(tell: Tell, folder: Path, server: Server) -> None:
    read = (
        "SELECT sum(blks_read + blks_hit)::bigint AS blocks FROM pg_stat_database WHERE datname = current_database()"
    )
    before = server.run(read)[0]["blocks"]
    command = [sys.executable, "-m", "sekisho", "scan", "-w", str(folder), "--json"]
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        out.seek(0)
        told = json.loads(out.read())
    time.sleep(2)  # the server counts its blocks a little later
    blocks = server.run(read)[0]["blocks"] - before
    columns = sum(each["columns"] for each in told["stores"])
    tell(
        Row(
            "tables, columns and fields found",
            f"{told['stores'][0]['tables']}, {columns}",
            f"≥ {TABLES * 20}",
            columns >= TABLES * 20,
        )
    )
    tell(at_most("from start to end", wall, 60, "s"))
    tell(Row("of it, processors of the gateway", f"{used.ru_utime + used.ru_stime:.1f} CPU s"))
    tell(at_most("most memory of the gateway", used.ru_maxrss / 1024, 300, "MB"))
    size = server.run("SELECT sum(pg_relation_size(oid))::bigint AS size FROM pg_class WHERE relkind = 'r'")[0][
        "size"
    ]
    tell(Row("read by the server, of the tables", f"{blocks * 8 / 1024:,.0f} MB of {size / (1 << 20):,.0f} MB"))


if __name__ == "__main__":
    run_parts("A scan of 200 columns of a million rows in PostgreSQL.", {"scan": scan})
