"""Whose signatures a verifier demands under a checkpoint: logs, witnesses, and how many of which (C2SP tlog-policy).

A *group* of witnesses has witnessed a checkpoint when enough of its members have; a member is a witness or another
group. Each member belongs to one group at most, so that nobody counts twice. Here is only the rule; whether a
signature is right is asked in ``audit_verify``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from sekisho.domain.note import COSIGNATURE, MalformedNoteError, VerificationKey, parse_key

MAX_NAMES = 100
"""Logs, witnesses and groups of each kind that a policy may name."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NONE = "none"


class PolicyError(ValueError):
    """A policy that cannot be read; the text says which line and why."""


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these."""

    least: int
    members: tuple[Member, ...]


Member: TypeAlias = VerificationKey | Group


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """What a verifier demands.

    Attributes
    ----------
    witnesses:
        Keys of the witnesses that are trusted.
    quorum:
        The witness or the group that must have signed; ``None`` when nobody must.
    logs:
        Keys of the logs that are trusted; none when the log is known from elsewhere.
    """

    witnesses: tuple[VerificationKey, ...] = ()
    quorum: Member | None = None
    logs: tuple[VerificationKey, ...] = ()

    def met_by(self, signers: AbstractSet[VerificationKey]) -> bool:
        """Return whether the quorum is met when exactly *signers* have signed."""
        return self.quorum is None or _has(self.quorum, signers)

    @property
    def wanted(self) -> str:
        """The quorum in words."""
        if not isinstance(self.quorum, Group):
            return "none" if self.quorum is None else self.quorum.name
        return f"{self.quorum.least} of {len(self.quorum.members)}"


def policy_of(witnesses: Sequence[VerificationKey], least: int | None = None) -> WitnessPolicy:
    """Return the policy that at least *least* of *witnesses* must have signed; all of them when left out.

    Raises ``PolicyError`` when there are fewer, or one stands there twice.
    """
    keys = tuple(witnesses)
    if len({key.public for key in keys}) != len(keys):
        raise PolicyError("a witness stands there twice; it would count twice")
    wanted = len(keys) if least is None else least
    if not 0 <= wanted <= len(keys):
        raise PolicyError(f"a quorum of {wanted} needs {wanted} witnesses, and there are {len(keys)}")
    return WitnessPolicy(keys, Group(wanted, keys) if wanted else None)


def majority(count: int) -> int:
    """Return how many of *count* are more than half of them."""
    return count // 2 + 1 if count else 0


def parse_policy(text: str) -> WitnessPolicy:
    """Return the policy of a policy file. Raises ``PolicyError`` with the line at fault."""
    reader = _Reader()
    if _FORBIDDEN.search(text):
        raise PolicyError("a policy has no control characters but tabs and line ends")
    for number, line in enumerate(text.split("\n"), start=1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except (PolicyError, MalformedNoteError) as error:
            raise PolicyError(f"line {number}: {error}") from None
    return reader.policy()


class _Reader:
    """What was read so far; names are known from the line after theirs on."""

    def __init__(self) -> None:
        self._logs: list[VerificationKey] = []
        self._names: dict[str, Member] = {}
        self._grouped: set[str] = set()
        self._quorum: list[Member | None] = []

    def read(self, words: list[str]) -> None:
        """Take one line that says something."""
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self._add_log(parse_key(vkey))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._add_witness(name, parse_key(vkey, COSIGNATURE))
            case ["group", name, least, *members] if members:
                self._add_group(name, least, members)
            case ["quorum", name] if not self._quorum:
                self._quorum.append(None if name == _NONE else self._known(name))
            case _:
                raise PolicyError("expected log, witness, group or one quorum, each with what belongs to it")

    def policy(self) -> WitnessPolicy:
        """Return the whole."""
        if not self._quorum:
            raise PolicyError("a policy has a line that says quorum")
        witnesses = tuple(member for member in self._names.values() if isinstance(member, VerificationKey))
        return WitnessPolicy(witnesses, self._quorum[0], tuple(self._logs))

    def _add_log(self, key: VerificationKey) -> None:
        if key.public in {each.public for each in self._logs}:
            raise PolicyError("this log stands there twice")
        if len(self._logs) >= MAX_NAMES:
            raise PolicyError(f"a policy has at most {MAX_NAMES} logs")
        self._logs.append(key)

    def _add_witness(self, name: str, key: VerificationKey) -> None:
        if any(isinstance(each, VerificationKey) and each.public == key.public for each in self._names.values()):
            raise PolicyError("this witness stands there twice")
        self._name(name, key)

    def _add_group(self, name: str, least: str, members: list[str]) -> None:
        for member in members:
            if member in self._grouped:
                raise PolicyError(f"{member} is a member already; it would count twice")
            self._known(member)
            self._grouped.add(member)
        words = {"any": 1, "all": len(members)}
        if least not in words and not re.fullmatch(r"[1-9][0-9]{0,3}", least, re.ASCII):
            raise PolicyError("a group says any, all or a number")
        wanted = words.get(least) or int(least)
        if wanted > len(members):
            raise PolicyError(f"a group of {len(members)} has no {wanted} members")
        self._name(name, Group(wanted, tuple(self._names[member] for member in members)))

    def _name(self, name: str, member: Member) -> None:
        if name == _NONE or name in self._names:
            raise PolicyError(f"the name {name} is taken")
        if len(self._names) >= 2 * MAX_NAMES:
            raise PolicyError(f"a policy has at most {2 * MAX_NAMES} witnesses and groups")
        self._names[name] = member

    def _known(self, name: str) -> Member:
        if name not in self._names:
            raise PolicyError(f"{name} is not named on a line before this one")
        return self._names[name]


def _has(member: Member, signers: AbstractSet[VerificationKey]) -> bool:
    if isinstance(member, VerificationKey):
        return member in signers
    return sum(_has(each, signers) for each in member.members) >= member.least
