"""The keyed transforms of one requester and one purpose, and references for the audit log.

Every pair of requester and purpose has keys of its own, so what one receives for one purpose cannot be
joined with anything received elsewhere. Labels of the keys name purpose, requester and epoch.

What is given out is made with the keys of the current epoch of the purpose. What comes in is read with those of
some former epochs, too: a rotation takes away from nobody what they were given just before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.access import TransformKind
from sekisho.domain.governed import Output
from sekisho.domain.record import REF_BYTES, subject_ref
from sekisho.domain.terms import Purpose, Requester, SubjectNumber
from sekisho.domain.transforms import Above, kinds_above
from sekisho.ports import (
    DataSubjectRef,
    EpochKeys,
    Ground,
    KeyRing,
    KeysByEpoch,
    Names,
    PeopleIndex,
    PeopleKeys,
    listed,
)
from sekisho.query.plan import Plan
from sekisho.transform.draws import Draws
from sekisho.transform.keyed_hash import Hashes
from sekisho.transform.order import each_once
from sekisho.transform.page import numbers_of
from sekisho.transform.pseudonym import PersonPseudonyms
from sekisho.transform.token import Tokens

_REMEMBERED = 1_024
_WITHOUT_KEYS = frozenset(
    {
        TransformKind.CLEAR, TransformKind.WITHHOLD, TransformKind.REDACT, TransformKind.PARTIAL, TransformKind.YEAR,
        TransformKind.AGE_BAND, TransformKind.PREFIX3, TransformKind.HOST, TransformKind.BROWSER,
        TransformKind.MASK_TEXT,
    }
)  # fmt: skip
"""Transforms that need no key. What does not stand here takes the epoch that holds."""
_TABLED = 1 << 24
"""References of people with numbers below this are kept, 16 bytes each; of others they are computed anew."""
_KEYED = kinds_above(Above.EQUALITY)
_ONE, _CHANCES, _TIES = np.uint64(1), np.uint64(1 << 12), np.uint64(1 << 24)  # 12 bits by other keys, 12 by chance
_OTHERS = np.uint64(64 - 12)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_REF = np.dtype(f"V{REF_BYTES}")


class AskedOnce:
    """An index of people whose identifiers of one kind are asked for once: they serve one request from then on.

    They are as of *ground*, which was read for that request. A store has an index of its own (:meth:`to_look_again`).
    """

    def __init__(self, people: PeopleIndex, ground: Ground | None) -> None:
        self._people = people
        self._ground = ground
        self._keys: dict[str, PeopleKeys] = {}

    def to_look_again(self) -> PeopleIndex:
        """Return the index for a store, whose tables can know of people who came later: who asks again reads anew."""
        return _AskedAgain(self._people, self._ground)

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        """See ``ports.PeopleIndex.number_of``."""
        return await self._people.number_of(ref)

    async def numbers_of(self, identifier: str, values: Names) -> NDArray[np.int64]:
        """See ``ports.PeopleIndex.numbers_of``."""
        return await self._people.numbers_of(identifier, values)

    async def keys(self, identifier: str, ground: Ground | None = None) -> PeopleKeys:
        """See ``ports.PeopleIndex.keys``: as they were when they were first asked for."""
        known = self._keys.get(identifier)
        if known is None:
            known = self._keys[identifier] = await self._people.keys(identifier, ground or self._ground)
        return known


class _AskedAgain(AskedOnce):
    async def keys(self, identifier: str, ground: Ground | None = None) -> PeopleKeys:
        first = identifier not in self._keys
        known = self._keys[identifier] = await self._people.keys(identifier, self._ground if first else ground)
        return known


class RawKeys:
    """Finds the raw key of a person; the newest of several."""

    def __init__(self, keys: PeopleKeys) -> None:
        self.keys = keys
        self._numbers, self._places = keys.numbers, None
        if (keys.numbers[1:] < keys.numbers[:-1]).any():
            self._places = np.argsort(keys.numbers, kind="stable")
            self._numbers = keys.numbers[self._places]

    def of(self, number: int) -> str | None:
        """Return the raw key of the person *number*, ``None`` for nobody."""
        place = int(self._numbers.searchsorted(number, "right")) - 1
        if place < 0 or self._numbers[place] != number:
            return None
        value: str = self.keys.values[place if self._places is None else int(self._places[place])].as_py()
        return value


@dataclass(eq=False)
class KeyedTransforms:
    """Pseudonyms and tokens of one requester and purpose in one epoch. Implements ``query.plan.TokenCodec``.

    ``former`` are those of the epochs before that are still read, newest first.
    """

    keys: EpochKeys
    label: str
    pseudonyms: PersonPseudonyms = field(repr=False)
    raw_keys: dict[str, RawKeys] = field(repr=False)
    former: tuple[KeyedTransforms, ...] = field(default=(), repr=False)
    _tokens: dict[str, Tokens] = field(default_factory=dict, repr=False)
    _seeds: dict[str, int] = field(default_factory=dict, repr=False)
    _hashes: dict[str, Hashes] = field(default_factory=dict, repr=False)
    _draws: dict[str, Draws] = field(default_factory=dict, repr=False)

    def tokens(self, domain: str) -> Tokens:
        """Return the tokens of one domain of linking identifiers."""
        tokens = self._tokens.get(domain)
        if tokens is None:
            tokens = self._tokens[domain] = Tokens(self.keys.derive(f"token/{domain}/{self.label}", 64), domain)
        return tokens

    @property
    def epoch(self) -> int:
        """The epoch in which keys are given out."""
        return self.keys.epoch

    def hashes(self, domain: str) -> Hashes:
        """Return the keyed hashes of one domain."""
        hashes = self._hashes.get(domain)
        if hashes is None:
            hashes = self._hashes[domain] = Hashes(self.keys.derive(f"hmac/{domain}/{self.label}"))
        return hashes

    def draws(self, what: str) -> Draws:
        """Return the draws by person for *what*."""
        draws = self._draws.get(what)
        if draws is None:
            draws = self._draws[what] = Draws(self.keys.derive(f"draws/{what}/{self.label}"))
        return draws

    def person(self, token: str) -> int | None:
        """See ``TokenCodec.person``."""
        number = self.pseudonyms.decode(token)
        for former in self.former if number is None else ():
            number = former.pseudonyms.decode(token)
            if number is not None:
                break
        return number

    def persons(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the person number of each of *tokens*, -1 where it was not made here."""
        numbers = self.pseudonyms.decode_many(tokens)
        for former in self.former:
            missing = np.flatnonzero(numbers < 0)
            if not missing.size:
                break
            numbers[missing] = former.pseudonyms.decode_many([tokens[place] for place in missing.tolist()])
        return numbers

    def raw_key(self, identifier: str, number: int) -> str | None:
        """See ``TokenCodec.raw_key``."""
        known = self.raw_keys.get(identifier)
        return None if known is None else known.of(number)

    def token(self, domain: str, token: str) -> str | None:
        """See ``TokenCodec.token``."""
        for each in (self, *self.former):
            value = each.tokens(domain).decode(token)
            if value is not None:
                return value
        return None

    def seed(self, name: str) -> int:
        """See ``TokenCodec.seed``."""
        seed = self._seeds.get(name)
        if seed is None:
            material = int.from_bytes(self.keys.derive(f"order/{name}/{self.label}", 16), "big")
            seed = self._seeds[name] = 1 + material % (2**30 - 1)
        return seed

    def sort_keys(self, column: pa.Array, output: Output) -> NDArray[np.uint64]:
        """Return numbers that sort raw keys like what the requester will see of them; nobody comes last.

        The order of raw keys would align the pseudonyms of two purposes; the order of tokens says nothing.
        """
        if output.transform is TransformKind.PSEUDONYM:
            return self.pseudonyms.keys(numbers_of(column))
        if output.transform is TransformKind.HMAC:
            return self.hashes(output.domain or "").keys(column.cast(pa.string()))
        return self.tokens(output.domain or "").keys(column.cast(pa.string()))

    def row_keys(self, batch: pa.RecordBatch, outputs: Sequence[Output], *, joined: bool) -> NDArray[np.uint64]:
        """Return numbers that sort rows by the token of their first key.

        Where rows are *joined* of several, those with one first token are sorted by the others, then by chance. As
        they come from the store, the second people would stand in one order for every purpose; and what an engine
        joins by, an index over all columns that it reads, puts the rows beside one person in the order of texts that
        are masked.
        """
        first, *others = [place for place, output in enumerate(outputs) if output.transform in _KEYED]
        keys = self.sort_keys(batch.column(first), outputs[first])
        if not joined:
            return keys
        mixed = np.zeros(len(keys), np.uint64)
        for place in others:
            mixed = mixed * _ODD + self.sort_keys(batch.column(place), outputs[place])
        return (keys & ~(_TIES - _ONE)) | (mixed >> _OTHERS) * _CHANCES | by_chance(len(keys))


def by_chance(count: int) -> NDArray[np.uint64]:
    """Return *count* numbers below 2^12 that nothing foretells: what ends the order of rows that are joined."""
    return np.random.default_rng().integers(_CHANCES, size=count, dtype=np.uint64)


class OneEpoch:
    """The key ring's own epoch and no other; implements ``ports.KeysByEpoch`` where nothing is rotated."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def refresh(self, ground: Ground | None = None) -> None:
        """There is nothing to learn."""

    def of(self, purpose: str) -> Sequence[EpochKeys]:
        """See ``ports.KeysByEpoch.of``."""
        del purpose
        return (self._keys,)


class Pseudonymity:
    """Makes and remembers the keyed transforms, and the keyed references of people in the audit log.

    The references are made with a key of the ring that never changes: the log finds a person over all epochs.
    """

    def __init__(self, keys: KeyRing, people: PeopleIndex, epochs: KeysByEpoch | None = None) -> None:
        self._epochs: KeysByEpoch = epochs or OneEpoch(keys)
        self._people = people
        self._known: OrderedDict[str, KeyedTransforms] = OrderedDict()
        self._raw: dict[str, RawKeys] = {}
        self._ref_key = keys.derive("subject-ref")
        self._refs = np.zeros(0, dtype=_REF)
        self._referenced = np.zeros(0, dtype=np.bool_)
        self._lock = threading.Lock()  # guards the table of references

    async def of(
        self,
        requester: Requester,
        purpose: Purpose,
        plan: Plan | None = None,
        people: PeopleIndex | None = None,
        ground: Ground | None = None,
    ) -> KeyedTransforms:
        """Return the transforms of *requester* for *purpose*, ready to bind *plan* to the identifiers of *people*.

        They are of the epoch that holds now, and stay so: whoever keeps them finishes in it. Which one that is, is
        not asked for a *plan* that needs no key. Raises ``KeysUnavailable``.
        """
        if plan is None or _needs_keys(plan):
            await self._epochs.refresh(ground)
        for slot in plan.all_slots() if plan is not None else ():
            if slot.identifier is not None:
                await self._load(slot.identifier, people or self._people)
        return self._transforms(requester.name, purpose.name)

    async def refresh(self) -> None:
        """Learn of every epoch that began before this call. Raises ``KeysUnavailable``."""
        await self._epochs.refresh()

    def number_of(self, requester: Requester, purpose: str, pseudonym: str) -> SubjectNumber | None:
        """Return the person behind a pseudonym that *requester* received for *purpose*, else ``None``."""
        number = self._transforms(requester.name, purpose).person(pseudonym)
        return None if number is None else SubjectNumber(number)

    def numbers_of(self, requester: Requester, purpose: str, pseudonyms: Names) -> NDArray[np.int64]:
        """Return the person of each of *pseudonyms*, -1 for what *requester* never received for *purpose*."""
        return self._transforms(requester.name, purpose).persons(listed(pseudonyms))

    def pseudonyms_of(self, requester: Requester, purpose: str, numbers: NDArray[np.int64]) -> list[str]:
        """Return the pseudonym of each person of *numbers* as *requester* receives it for *purpose*.

        Raises ``ValueError`` when one of *numbers* names nobody.
        """
        if (numbers < 0).any():
            raise ValueError("nobody has no pseudonym")
        names: list[str] = self._transforms(requester.name, purpose).pseudonyms.encode(numbers).to_pylist()
        return names

    def _transforms(self, requester: str, purpose: str) -> KeyedTransforms:
        current, *former = self._epochs.of(purpose)
        label = f"{purpose}/{requester}/{current.epoch}"
        known = self._known.get(label)
        if known is None or known.keys is not current:
            before = tuple(self._made(f"{purpose}/{requester}/{keys.epoch}", keys) for keys in former)
            known = self._known[label] = self._made(label, current, before)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _made(self, label: str, keys: EpochKeys, former: tuple[KeyedTransforms, ...] = ()) -> KeyedTransforms:
        return KeyedTransforms(keys, label, PersonPseudonyms(keys.derive(f"pseudonym/{label}")), self._raw, former)

    async def _load(self, identifier: str, people: PeopleIndex) -> None:
        keys = await people.keys(identifier)
        known = self._raw.get(identifier)
        if known is None or known.keys.version != keys.version:
            self._raw[identifier] = RawKeys(keys)

    def references(self, numbers: NDArray[np.int64]) -> bytes:
        """Return the audit log's references of the distinct people among *numbers*; negative means nobody.

        They stand one after another, 16 bytes each, in the order of the numbers. What was asked once costs
        no loop in Python; safe to call from several threads.
        """
        if numbers.size == 1:  # one person, which is most of all questions
            number = int(numbers[0])
            if 0 <= number < len(self._refs) and self._referenced[number]:
                return bytes(self._refs[number].tobytes())
        distinct = each_once(numbers[numbers >= 0])
        split = int(np.searchsorted(distinct, _TABLED))
        few, rest = distinct[:split], distinct[split:].tolist()
        with self._lock:
            if few.size:
                self._learn(few)
            known = self._refs[few].tobytes()
        return known + b"".join(self._reference(number) for number in rest)

    def _learn(self, numbers: NDArray[np.int64]) -> None:
        """Bring the references of ascending *numbers* into the table."""
        size = int(numbers[-1]) + 1
        if size > len(self._refs):
            grown = min(max(size, 2 * len(self._refs), _REMEMBERED), _TABLED)
            # Fresh zeros take no memory until they are written: a single high number costs a page.
            refs, referenced = np.zeros(grown, dtype=_REF), np.zeros(grown, dtype=np.bool_)
            refs[: len(self._refs)] = self._refs
            referenced[: len(self._referenced)] = self._referenced
            self._refs, self._referenced = refs, referenced
        missing = numbers[~self._referenced[numbers]]
        if missing.size:
            made = b"".join(self._reference(number) for number in missing.tolist())
            self._refs[missing] = np.frombuffer(made, dtype=_REF)
            self._referenced[missing] = True

    def _reference(self, number: int) -> bytes:
        return bytes.fromhex(subject_ref(self._ref_key, number))


def _needs_keys(plan: Plan) -> bool:
    """Return whether a value of *plan* is decoded, ordered or shown by a key."""
    if any(output.transform not in _WITHOUT_KEYS for output in plan.outputs):
        return True
    return any(slot.domain is not None or slot.identifier is not None or slot.seed for slot in plan.all_slots())
