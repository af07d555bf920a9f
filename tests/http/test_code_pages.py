"""Pages of programs go back to the system, and what is in them comes again."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from sekisho.http.code_pages import Mapping, constant, mappings

_PAGE = 4096
_GIVEN = """
import pyarrow as pa, pyarrow.compute as pc
from sekisho.http.code_pages import give_code_back

def held():
    fields = dict(line.split(":") for line in open("/proc/self/status") if line.startswith("Rss"))
    return int(fields["RssFile"].split()[0])

pc.sum(pa.array([1, 2])).as_py()
before = held()
given = give_code_back()
after = held()
print(given > 0, after < before / 2, pc.sum(pa.array([1, 2])).as_py(), pa.array(["a"]).cast(pa.binary())[0].as_py())
"""

_SMAPS = """\
55d0c0000000-55d0c0002000 r--p 00000000 08:01 11   /usr/lib/one.so
Size:                  8 kB
Anonymous:             0 kB
55d0c0002000-55d0c0005000 r-xp 00002000 08:01 11   /usr/lib/one.so
Anonymous:             0 kB
55d0c0005000-55d0c0006000 r--p 00005000 08:01 11   /usr/lib/one.so
Anonymous:             4 kB
55d0c0006000-55d0c0007000 rw-p 00006000 08:01 11   /usr/lib/one.so
Anonymous:             0 kB
7ffc00000000-7ffc00021000 r-xp 00000000 00:00 0   [vdso]
Anonymous:             0 kB
7ffd00000000-7ffd00021000 r--p 00000000 00:00 0
Anonymous:             0 kB
"""


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="this system does not tell")
def test_code_goes_back_and_comes_again() -> None:
    """Half or more of what is mapped from files leaves memory, and the program goes on as before."""
    ran = subprocess.run([sys.executable, "-c", _GIVEN], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == ["True", "True", "3", "b'a'"]


def test_only_what_is_unchanged_is_looked_at() -> None:
    """What may be written, was written all the same, or shows no file stays as it is."""
    assert list(mappings(_SMAPS)) == [
        Mapping(0x55D0C0000000, 0x55D0C0002000, 0, "/usr/lib/one.so"),
        Mapping(0x55D0C0002000, 0x55D0C0005000, 0x2000, "/usr/lib/one.so"),
    ]


@pytest.mark.parametrize(
    ("offset", "pages", "found"),
    [
        (1, 2, (0, 2)),  # all of it
        (0, 3, (1, 3)),  # the page in which the segment begins has something else, too
        (2, 2, (0, 1)),  # and so has the one in which it ends
        (0, 5, None),  # a whole file, over which the loader is about to put what is written
        (4, 1, None),
        (0, 1, None),
    ],
)
def test_only_whole_pages_of_what_is_never_written_go(offset: int, pages: int, found: tuple[int, int] | None) -> None:
    """A page goes back when the segment holds all of it and the mapping shows nothing else."""
    mapping = Mapping(100 * _PAGE, (100 + pages) * _PAGE, offset * _PAGE, "")
    constant = [(_PAGE - 8, 3 * _PAGE + 8)]
    assert list(mapping.of(constant)) == (
        [] if found is None else [((100 + found[0]) * _PAGE, (100 + found[1]) * _PAGE)]
    )


def test_a_program_says_what_is_never_written(tmp_path: Path) -> None:
    """Code and constants count, what is written does not, nor what is not mapped."""
    segments = [(1, 4, 0, 700), (1, 5, 4096, 900), (1, 6, 8192, 500), (6, 4, 64, 224)]
    told = b"".join(struct.pack("<IIQQQQQQ", *each[:3], 0, 0, each[3], 0, 0) for each in segments)
    program = tmp_path / "program"
    program.write_bytes(
        b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<QQIHHH", 64, 0, 0, 64, 56, 4) + bytes(6) + told
    )
    assert constant(str(program)) == ((0, 700), (4096, 4996))


def test_only_programs_say_what_is_never_written(tmp_path: Path) -> None:
    """A library says it of parts of itself; data, a file that broke off and one that is not there say nothing."""
    library = Path(pa.lib.__file__)
    if library.suffix != ".so" or not library.read_bytes().startswith(b"\x7fELF\x02\x01"):
        pytest.skip("libraries are other files here")
    found = constant(str(library))
    assert found
    assert 0 < sum(high - low for low, high in found) < library.stat().st_size
    other = tmp_path / "data"
    for content in (b"", b"PAR1" * 100, b"\x7fELF\x02\x01" + bytes(20), b"\x7fELF\x02\x01" + b"\xff" * 100):
        other.write_bytes(content)
        constant.cache_clear()
        assert constant(str(other)) == ()
    assert constant(str(tmp_path / "nothing")) == ()
