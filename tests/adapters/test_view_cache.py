"""The one release of a statistics view: whoever comes second gets the first one's, whatever it computed itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pyarrow as pa
import pytest

from sekisho.adapters.view_cache import FileViewCache
from sekisho.errors import StoreUnavailable


def release(number: int) -> pa.Table:
    """A release of a view."""
    return pa.table({"n": pa.array([number], pa.int64())})


async def test_two_workers_publish_one_release(tmp_path: Path) -> None:
    """Both computed it before either had kept it: two that differ by a person could be compared."""
    workers = [FileViewCache(tmp_path / "views") for _ in range(5)]
    assert [await worker.get("sales", "a" * 32) for worker in workers] == [None] * 5
    stood = await asyncio.gather(
        *(worker.put("sales", "a" * 32, release(place)) for place, worker in enumerate(workers))
    )
    assert len({table.to_pydict()["n"][0] for table in stood}) == 1
    for worker in (*workers, FileViewCache(tmp_path / "views")):
        again = await worker.get("sales", "a" * 32)
        assert again is not None
        assert again.equals(stood[0])
    assert [path.suffix for path in (tmp_path / "views").iterdir()] == [".arrow"]


async def test_a_release_that_cannot_be_kept_is_not_made(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "views").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await FileViewCache(tmp_path / "views").put("sales", "a" * 32, release(1))


async def test_a_name_that_is_no_file_is_refused(tmp_path: Path) -> None:
    """It could lead out of the folder."""
    with pytest.raises(StoreUnavailable):
        await FileViewCache(tmp_path).get("../sales", "a" * 32)
