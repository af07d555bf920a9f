"""Policies on witnesses: the examples of the specification, and what is no policy."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.note import COSIGNATURE, ED25519, VerificationKey, format_key, key_id
from sekisho.domain.witness_policy import PolicyError, majority, parse_policy, policy_of


def key(number: int, kind: int = COSIGNATURE) -> VerificationKey:
    """A key; nothing is verified here, so any bytes will do."""
    name, public = f"w{number}.example", bytes([number]) * 32
    return VerificationKey(name, key_id(name, public, kind), public, kind)


def vkey(number: int, kind: int = COSIGNATURE) -> str:
    """The same as a text."""
    return format_key(f"w{number}.example", bytes([number]) * 32, kind)


KEYS = [key(number) for number in range(1, 7)]
EXAMPLE = f"""\
log {vkey(9, ED25519)}

witness X1 {vkey(1)}
witness X2 {vkey(2)}
\twitness\tX3  {vkey(3)} https://x3.example/w\t
group X-witnesses 2 X1 X2 X3

# the other organisation
witness Y1 {vkey(4)}
witness Y2 {vkey(5)}
witness Y3 {vkey(6)}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_example_of_the_specification() -> None:
    """Two of the first organisation and one of the second, whichever of them: every subset of the six."""
    policy = parse_policy(EXAMPLE)
    assert policy.witnesses == tuple(KEYS)
    assert policy.logs == (key(9, ED25519),)
    for count in range(7):
        for signers in itertools.combinations(KEYS, count):
            first = sum(signer in KEYS[:3] for signer in signers)
            assert policy.met_by(set(signers)) == (first >= 2 and count > first)


def test_a_quorum_may_be_one_witness_or_none() -> None:
    """A policy without witnesses says so in words."""
    assert parse_policy(f"witness a {vkey(1)}\nquorum a\n").met_by({KEYS[0]})
    assert not parse_policy(f"witness a {vkey(1)}\nquorum a\n").met_by({KEYS[1]})
    assert parse_policy("quorum none").met_by(set())


@given(st.integers(1, 6), st.sets(st.sampled_from(KEYS)))
def test_so_many_of_a_list(least: int, signers: set[VerificationKey]) -> None:
    """The policy of the options: any that are enough."""
    assert policy_of(KEYS, least).met_by(signers) == (len(signers) >= least)


def test_without_a_number_all_must_sign() -> None:
    """The strictest is the default; without witnesses nobody must."""
    assert policy_of(KEYS).wanted == "6 of 6"
    assert policy_of([]).met_by(set())
    assert [majority(count) for count in range(6)] == [0, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("least", [-1, 7])
def test_a_quorum_that_nobody_can_meet_is_refused(least: int) -> None:
    """So is one that is no number of witnesses; and a witness that would count twice."""
    with pytest.raises(PolicyError):
        policy_of(KEYS, least)
    with pytest.raises(PolicyError):
        policy_of([KEYS[0], KEYS[0]], 2)


FAULTS = {
    "no quorum": f"witness a {vkey(1)}\n",
    "two quorums": f"witness a {vkey(1)}\nquorum a\nquorum a\n",
    "a quorum of nobody": "quorum a\n",
    "a quorum before its witness": f"quorum a\nwitness a {vkey(1)}\n",
    "a member before its line": f"group g any a\nwitness a {vkey(1)}\nquorum g\n",
    "a name twice": f"witness a {vkey(1)}\nwitness a {vkey(2)}\nquorum a\n",
    "a witness under two names": f"witness a {vkey(1)}\nwitness b {vkey(1)}\nquorum a\n",
    "a key under two key names": (
        f"witness a {vkey(1)}\nwitness b {format_key('other', bytes([1]) * 32, COSIGNATURE)}\nquorum a\n"
    ),
    "a log twice": f"log {vkey(1, ED25519)}\nlog {vkey(1, ED25519)}\nquorum none\n",
    "a member of two groups": f"witness a {vkey(1)}\ngroup g any a\ngroup h any a\nquorum g\n",
    "a member twice": f"witness a {vkey(1)}\ngroup g 2 a a\nquorum g\n",
    "more than there are": f"witness a {vkey(1)}\ngroup g 2 a\nquorum g\n",
    "none of them": f"witness a {vkey(1)}\ngroup g 0 a\nquorum g\n",
    "a leading zero": f"witness a {vkey(1)}\ngroup g 01 a\nquorum g\n",
    "no members": "group g any\nquorum g\n",
    "none as a name": f"witness none {vkey(1)}\nquorum none\n",
    "none as a member": "group g any none\nquorum g\n",
    "a log's key for a witness": f"witness a {vkey(1, ED25519)}\nquorum a\n",
    "a witness's key for a log": f"log {vkey(1)}\nquorum none\n",
    "another word": "witnesses 2\nquorum none\n",
    "a control character": "quorum none\r\n",
    "a space that is not ASCII": "quorum\u00a0none\n",
}


@pytest.mark.parametrize("text", FAULTS.values(), ids=list(FAULTS))
def test_what_is_no_policy_is_refused(text: str) -> None:
    """A policy that says something else than its reader believes is worse than none."""
    with pytest.raises(PolicyError):
        parse_policy(text)


@given(st.text(alphabet=st.sampled_from("quorm neitsgapl12#\t\n"), max_size=80))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(PolicyError):
        parse_policy(text)
