"""What the model of names sees of each word: the word, its tag, its letters, and those of its neighbours.

Most of it depends on one word alone, and is made once a word and remembered. Training and use make the
same features; training keeps the features, use the places of their weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sekisho.detect.morphemes import Word, part_of_speech, tags_in_dictionary

_CLASSES = (
    (re.compile("[0-9]+"), "0"),
    (re.compile("[A-ZÀ-Þ]"), "A"),
    (re.compile("[a-zà-ÿ]+"), "a"),
    (re.compile("[\u3041-\u309f]"), "あ"),
    (re.compile("[\u30a1-\u30fa\u30fc-\u30ff]"), "ア"),
    (re.compile("[\u3005-\u3007\u3400-\u9fff\uf900-\ufaff]"), "漢"),
)
_REMEMBERED = 20_000
"""Words of which the features are remembered, some 30 MB; then all are forgotten."""


class _Seen(NamedTuple):
    """The features of one word, as seen from itself and from its neighbours; and a number of its own."""

    here: list[Any]
    second_before: list[Any]  # by the second word after it
    before: list[Any]  # by the word after it
    after: list[Any]  # by the word before it
    second_after: list[Any]
    number: int
    word: bytes
    tag: bytes
    shape: bytes


class Features:
    """Makes features and remembers them; not for several threads at once.

    Parameters
    ----------
    kept:
        Makes of some features the list that is kept: of them, or of where their weights are.
    """

    def __init__(self, kept: Callable[[Sequence[bytes]], list[Any]] = list) -> None:
        self._kept_of = kept
        self._seen: dict[tuple[str, int], _Seen] = {}
        self._joined: dict[tuple[int, int, int], list[Any]] = {}
        self._pairs: dict[tuple[int, int], tuple[list[Any], list[Any]]] = {}
        second_before, before, after, second_after = (self._kept([name]) for name in ("-2#", "-1#", "+1#", "+2#"))
        self._edge = _Seen(self._kept([]), second_before, before, after, second_after, -1, b"#", b"#", b"#")

    def of(self, words: Sequence[Word]) -> list[list[Any]]:
        """Return what is kept of the features of each word of one sentence."""
        seen, joined, two = self._seen, self._joined, self._pairs
        if len(seen) > _REMEMBERED:
            seen.clear()
            joined.clear()
            two.clear()
        elif len(joined) > 2 * _REMEMBERED:
            joined.clear()
            two.clear()
        second, before, here = self._edge, self._edge, self._edge
        rest = []
        for _, surface, pos in words:
            found = seen.get((surface, pos))
            if found is None:
                found = seen[surface, pos] = self._look(surface, pos, len(seen))
            rest.append(found)
        rest += (self._edge, self._edge)
        here = rest[0]
        result = []
        for at in range(1, len(rest) - 1):
            after = rest[at]
            key = (before.number, here.number, after.number)
            near = joined.get(key)
            if near is None:
                near = joined[key] = self._join(before, here, after)
            left, right = (second.number, before.number), (after.number, rest[at + 1].number)
            two_before, two_after = two.get(left), two.get(right)
            if two_before is None:
                two_before = two[left] = self._two(second, before)
            if two_after is None:
                two_after = two[right] = self._two(after, rest[at + 1])
            result.append(near + second.second_before + rest[at + 1].second_after + two_before[0] + two_after[1])
            second, before, here = before, here, after
        return result

    def _join(self, before: _Seen, here: _Seen, after: _Seen) -> list[Any]:
        """Return what a word and its neighbours make together."""
        tags = before.tag + b"|" + here.tag
        pairs = (
            b"tt-" + tags,
            b"tt+" + here.tag + b"|" + after.tag,
            b"ttt" + tags + b"|" + after.tag,
            b"ww-" + before.word + b"|" + here.word,
            b"ww+" + here.word + b"|" + after.word,
            b"sss" + before.shape + b"|" + here.shape + b"|" + after.shape,
            b"wt+" + after.word + b"|" + here.tag,
            b"wt-" + before.word + b"|" + here.tag,
        )
        return here.here + before.before + after.after + self._kept_of(pairs)

    def _two(self, first: _Seen, second: _Seen) -> tuple[list[Any], list[Any]]:
        """Return what two words make as seen from after them, and from before them."""
        words = first.word + b"|" + second.word
        return self._kept_of([b"w2-" + words]), self._kept_of([b"w2+" + words])

    def _kept(self, features: Sequence[str]) -> list[Any]:
        return self._kept_of([feature.encode() for feature in features])

    def _look(self, surface: str, pos: int, number: int) -> _Seen:
        # A line break would break the model's own listing of its features.
        word = surface.replace("\n", "⏎")
        tag = "/".join(part[:4] for part in part_of_speech(pos)[:4])
        shape = _shape(word)
        entries = ",".join(sorted(tags_in_dictionary(word))) if len(word) > 1 or shape == "漢" else ""
        here = ["b", f"w={word}", f"t={tag}", f"s={shape}", f"l={min(len(word), 6)}", f"ts={tag}|{shape}"]
        here += [f"a={word[0]}", f"z={word[-1]}", f"d={entries}"]
        if len(word) > 1:
            here += [f"a2={word[:2]}", f"z2={word[-2:]}"]
        if len(word) > 2 and shape[0] == "ア":
            here += [f"a3={word[:3]}", f"z3={word[-3:]}"]
            here += [f"g={word[at : at + 2]}" for at in range(len(word) - 1)]
        near = (f"w={word}", f"t={tag}", f"s={shape}", f"d={entries}", f"z={word[-1]}")
        return _Seen(
            self._kept(here),
            self._kept([f"-2w={word}", f"-2t={tag}"]),
            self._kept([f"-1{feature}" for feature in (*near, f"z2={word[-2:]}")]),
            self._kept([f"+1{feature}" for feature in (*near, f"a={word[0]}")]),
            self._kept([f"+2w={word}", f"+2t={tag}"]),
            number,
            word.encode(),
            tag.encode(),
            shape.encode(),
        )


def _shape(word: str) -> str:
    for pattern, mark in _CLASSES:
        word = pattern.sub(mark, word)
    return word[:4] + ("+" if len(word) > 4 else "")
