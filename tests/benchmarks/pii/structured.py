"""``python -m tests.benchmarks.pii.structured``: ten columns of a million rows masked, two of them keyed.

By processor time of this process, which uses one thread. presidio-anonymizer masks the same columns of a sample in
the same run with its own operators: ``mask`` and ``replace``, ``hash`` in place of keys. Data are made up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"  # read when Polars loads

import numpy as np
import pyarrow as pa

from sekisho.domain.masks import Bucket, DatePart, Keep, Mask, Partial, TopBottom, TransformKind, Truncate
from sekisho.transform.page import numbers_of
from sekisho.transform.pseudonym import PersonPseudonyms
from sekisho.transform.scan import masked
from sekisho.transform.token import Tokens
from tests.benchmarks.consent.rows import Row, at_least
from tests.benchmarks.parts import run_parts

ROWS, SAMPLE, PAGE = 1_000_000, 3_000, 65_536
KEYED = ("customer_id", "invoice")
MASKS: dict[str, TransformKind | Mask] = {
    "name": Partial(Keep.INITIALS),
    "email": Partial(Keep.DOMAIN),
    "phone": Partial(Keep.LAST4),
    "address": Partial(Keep.PREFECTURE),
    "postal_code": TransformKind.PREFIX3,
    "birth_date": Truncate(DatePart.YEAR),
    "age": Bucket(10),
    "amount": TopBottom(0, 100_000),
}


def table(rows: int) -> pa.Table:
    """Return made-up customers with an order each: 200,000 people, an invoice for every five rows."""
    rng = np.random.default_rng(7)
    people = rng.integers(0, 200_000, rows)
    digits = rng.integers(0, 10_000, (2, rows))
    surnames, given = ["佐藤", "鈴木", "高橋", "田中", "伊藤"], ["花子", "太郎", "美咲", "翔太", "陽菜", "大輔"]
    towns = ["東京都渋谷区神南", "大阪府大阪市北区梅田", "北海道札幌市中央区", "神奈川県横浜市西区"]
    days = rng.integers(-10_000, 15_000, rows).astype("datetime64[D]")
    return pa.table(
        {
            "customer_id": pa.array(people),
            "invoice": pa.array([f"{536_000 + i // 5}" for i in range(rows)]),
            "name": pa.array([f"{surnames[p % 5]}{p % 997} {given[p % 6]}" for p in people.tolist()]),
            "email": pa.array([f"user.{p}@mail{p % 40}.example.co.jp" for p in people.tolist()]),
            "phone": pa.array([f"090-{a:04d}-{b:04d}" for a, b in digits.T.tolist()]),
            "address": pa.array([f"{towns[p % 4]}{p % 9 + 1}-{p % 30 + 1}-{p % 7 + 1}" for p in people.tolist()]),
            "postal_code": pa.array([f"{a % 1000:03d}-{b:04d}" for a, b in digits.T.tolist()]),
            "birth_date": pa.array(days),
            "age": pa.array(rng.integers(0, 100, rows)),
            "amount": pa.array(rng.lognormal(8, 1.5, rows)),
        }
    )


def ours(batches: list[pa.RecordBatch]) -> float:
    """Return the processor seconds of masking *batches*."""
    pseudonyms, tokens = PersonPseudonyms(bytes(32)), Tokens(bytes(range(64)), "invoice")
    started = time.process_time()
    for batch in batches:
        columns = [
            pseudonyms.encode(numbers_of(batch.column("customer_id"))),
            tokens.encode(batch.column("invoice")),
            *(_masked(batch.column(name), mask) for name, mask in MASKS.items()),
        ]
        pa.RecordBatch.from_arrays(columns, names=[*KEYED, *MASKS])
    return time.process_time() - started


def _masked(column: pa.Array, mask: TransformKind | Mask) -> pa.Array:
    if isinstance(mask, TransformKind):
        return masked(column, mask)
    return masked(column, mask.kind, mask)


def presidio(rows: pa.Table) -> float:
    """Return the processor seconds of presidio-anonymizer for the same columns of *rows*."""
    from presidio_anonymizer import AnonymizerEngine
    from presidio_anonymizer.entities import OperatorConfig, RecognizerResult

    engine: Any = AnonymizerEngine()
    operators = {
        "customer_id": OperatorConfig("hash", {"hash_type": "sha256", "salt": bytes(16)}),
        "invoice": OperatorConfig("hash", {"hash_type": "sha256", "salt": bytes(16)}),
        "name": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 20, "from_end": False}),
        "email": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 8, "from_end": False}),
        "phone": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 9, "from_end": False}),
        "address": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 40, "from_end": True}),
        "postal_code": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 5, "from_end": True}),
        "birth_date": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 6, "from_end": True}),
        "age": OperatorConfig("replace", {"new_value": "10"}),
        "amount": OperatorConfig("replace", {"new_value": "1000"}),
    }
    texts = {name: [str(value) for value in rows.column(name).to_pylist()] for name in rows.column_names}
    engine.anonymize("a", [RecognizerResult("name", 0, 1, 1.0)], {"name": operators["name"]})  # loaded before
    started = time.process_time()
    for name, values in texts.items():
        operator = {name: operators[name]}
        for text in values:
            engine.anonymize(text, [RecognizerResult(name, 0, len(text), 1.0)], operator)
    return time.process_time() - started


def measure(tell: Callable[[Row], None], *, keep: bool) -> None:
    """Tell both figures: rows a second of one core, and how many times presidio-anonymizer."""
    del keep
    pa.set_cpu_count(1)
    given = table(ROWS)
    batches = given.to_batches(max_chunksize=PAGE)
    ours(batches[:1])
    took = min(ours(batches) for _ in range(3))
    rate = ROWS / took
    tell(at_least("structured masking, 10 columns, 2 keyed: rows per core second", rate, 1_200_000, "rows/s"))
    sample = given.slice(0, SAMPLE)
    theirs = SAMPLE / presidio(sample)
    tell(Row(f"the same columns by presidio-anonymizer, {SAMPLE:,} rows", f"{theirs:,.0f} rows/s"))
    tell(at_least("structured masking against presidio-anonymizer", rate / theirs, 50, "times"))


if __name__ == "__main__":
    run_parts("Masking of structured columns.", {"structured": measure})
