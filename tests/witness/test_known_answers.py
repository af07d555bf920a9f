"""Answers that are known from elsewhere: the specification's example, and what another witness signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.domain.note import COSIGNATURE, VerificationKey, key_id, parse_key
from sekisho.witness import Memory, Witness
from tests.witness.logs import Log, time_signed

# The body that the specification prints (C2SP tlog-witness, add-checkpoint).
BODY = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501 - as it stands there

# What litewitness (filippo.io/torchwood 0.9.0) answered to the request of our log of nine leaves.
OTHER_KEY = "lw.example/w+d87c093c+BJHQA1+ixnmliZLrKZqKQm9uJ6FOzKl51C/dHy/3fuAH"
OTHER_LINE = (
    "\u2014 lw.example/w "
    "2HwJPAAAAABrAvLm5ylWMO016IYwgY/As+8kjLPORYujgHoNSr69jDjPPGMZ9bilHD0BGEXstJDmU3qQlLmyvZliqGNmVUPl/4jYAA==\n"
)


@pytest.mark.parametrize(("origin", "status"), [("example.com/behind-the-sofa", 403), ("example.com/elsewhere", 404)])
def test_the_request_of_the_specification_is_read(tmp_path: Path, origin: str, status: int) -> None:
    """It is a request; the key that signed it is not printed, so that it ends where keys are asked for."""
    key = VerificationKey(origin, key_id(origin, bytes(32)), bytes(32))
    memory = Memory(tmp_path / "w")
    assert Witness(memory, [key]).add_checkpoint(BODY.encode()).status == status
    memory.close()


def test_the_signature_of_another_witness_is_right() -> None:
    """Another program's reading of the same specification: key, time, message, signature."""
    assert time_signed(Log(9).note(9), OTHER_LINE, parse_key(OTHER_KEY, COSIGNATURE)) == 1_795_355_366
