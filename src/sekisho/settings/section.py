"""One mapping of the file, held against the table of keys, and read value by value.

Every reader returns ``None`` where the value is absent or wrong; what is wrong has then been noted, so
that reading goes on and finds the other faults too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from sekisho.settings.document import Listing, Node, Odd, Table
from sekisho.settings.faults import Faults, nearest, shown
from sekisho.settings.keys import LOCALES, SECTIONS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_Word = TypeVar("_Word", bound=StrEnum)


class Section:
    """A mapping called *label* in messages, whose keys are those of *path* in the table of keys."""

    def __init__(self, label: str, path: str, line: int, table: Table, faults: Faults) -> None:
        self.label, self.line, self._path, self._faults = label, line, path, faults
        allowed = {key.name for key in SECTIONS[path]}
        for name, (key_line, _) in table.entries.items():
            if name not in allowed:
                faults.add(key_line, f"{label} has an unknown key {shown(name)}", nearest(name, allowed))
        self._entries = {name: entry for name, entry in table.entries.items() if name in allowed}
        for key in SECTIONS[path]:
            if key.required and key.name not in self._entries:
                faults.add(line, f"{label} has no `{key.name}`", f"add `{key.name}: {key.example}`")

    def line_of(self, key: str) -> int:
        """Return the line of *key*, or of the section where the key is absent."""
        return self._entries[key][0] if key in self._entries else self.line

    def has(self, key: str) -> bool:
        """Return whether *key* stands there."""
        return key in self._entries

    def keys_of(self, key: str) -> frozenset[str]:
        """Return the names that stand below *key*, whether or not they are rightly declared.

        What is declared with a fault is not unknown: one slip should not be told twice.
        """
        node = self._value(key)
        return frozenset(node.value.entries) if node and isinstance(node.value, Table) else frozenset()

    def words_below(self, key: str, inner: str, leaf: str) -> frozenset[str]:
        """Return the words at ``key.*.inner.*.leaf``, unchecked, to look forward in the file."""
        node = self._value(key)
        level = [node] if node else []
        for step in ("*", inner, "*", leaf):
            tables = [n.value.entries for n in level if isinstance(n.value, Table)]
            level = [entry[1] for table in tables for name, entry in table.items() if step in {"*", name}]
        return frozenset(node.value for node in level if isinstance(node.value, str))

    def wrong(self, key: str, wrong: str, remedy: str) -> None:
        """Note a fault of this section on the line of *key*."""
        self._faults.add(self.line_of(key), f"{self.label}: {wrong}", remedy)

    def _value(self, key: str) -> Node | None:
        entry = self._entries.get(key)
        return entry[1] if entry else None

    def _not(self, key: str, wanted: str) -> None:
        value = self._entries[key][1].value
        remedy = f"write {value.why}" if isinstance(value, Odd) else f"write {wanted}"
        self.wrong(key, f"`{key}` is not {wanted}", remedy)

    def text(self, key: str, limit: int = 500) -> str | None:
        """Return a text that is not blank."""
        node = self._value(key)
        if node is None:
            return None
        if not isinstance(node.value, str) or not node.value.strip() or len(node.value) > limit:
            self._not(key, f"a text of 1 to {limit} characters")
            return None
        return node.value

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """Return a whole number from *least* to *most*."""
        node = self._value(key)
        if node is None:
            return default
        if type(node.value) is not int or not least <= node.value <= most:
            self._not(key, f"a whole number from {least:,} to {most:,}")
            return default
        return node.value

    def wholes(self, key: str, least: int, most: int) -> tuple[int, ...]:
        """Return a list of whole numbers from *least* to *most*."""
        node = self._value(key)
        items = node.value.items if node is not None and isinstance(node.value, Listing) else ()
        numbers = [item.value for item in items if type(item.value) is int and least <= item.value <= most]
        if node is not None and (not items or len(numbers) < len(items)):
            self._not(key, f"a list of whole numbers from {least:,} to {most:,}")
            return ()
        return tuple(numbers)

    def flag(self, key: str) -> bool:
        """Return true or false; absent is false."""
        node = self._value(key)
        if node is None:
            return False
        if not isinstance(node.value, bool):
            self._not(key, "true or false")
            return False
        return node.value

    def choice(self, key: str, words: type[_Word], what: str | None = None) -> _Word | None:
        """Return one of the *words*; *what* they are called in messages, where the key does not say it."""
        word = self.text(key)
        if word is None:
            return None
        try:
            return words(word)
        except ValueError:
            self.wrong(key, f"{shown(word)} is no {what or key}", nearest(word, [w.value for w in words]))
            return None

    def name(self, key: str) -> str | None:
        """Return an identifier."""
        word = self.text(key)
        return word if word is not None and self._is_name(word, self.line_of(key), f"`{key}`") else None

    def names(self, key: str, known: Iterable[str] | None = None, what: str = "name") -> tuple[str, ...]:
        """Return a list of identifiers without repetition, each one of *known* where that is given."""
        node = self._value(key)
        if node is None:
            return ()
        if not isinstance(node.value, Listing):
            self._not(key, "a list: [a, b]")
            return ()
        found: list[str] = []
        known = None if known is None else frozenset(known)
        for item in node.value.items:
            word = item.value
            if not isinstance(word, str) or not word:
                remedy = item.value.why if isinstance(item.value, Odd) else "a word"
                self._faults.add(item.line, f"{self.label}: an item of `{key}` is not a word", f"write {remedy}")
            elif word in found:
                self._faults.add(item.line, f"{self.label}: {shown(word)} stands twice in `{key}`", "keep one")
            elif known is not None and word not in known:
                self._faults.add(item.line, f"{self.label}: unknown {what} {shown(word)}", nearest(word, known))
            elif known is not None or self._is_name(word, item.line, f"an item of `{key}`"):
                found.append(word)
        return tuple(found)

    def texts(self, key: str, limit: int = 200) -> tuple[str, ...]:
        """Return a list of texts for people, one line each, without repetition."""
        node = self._value(key)
        if node is None:
            return ()
        return tuple(self._distinct(key, node, limit, translated=False))

    def told(self, key: str, limit: int = 200) -> dict[str, dict[str, str]]:
        """Return a list of texts for people: the English one, or the only one, with what it is in each language.

        What is said once, and not in every language, is the same in all of them: it has no titles.
        """
        node = self._value(key)
        return {} if node is None else self._distinct(key, node, limit, translated=True)

    def _distinct(self, key: str, node: Node, limit: int, *, translated: bool) -> dict[str, dict[str, str]]:
        """Return the texts of a list, each with what it is called in every language."""
        if not isinstance(node.value, Listing):
            self._not(key, "a list: [a, b]")
            return {}
        found: dict[str, dict[str, str]] = {}
        for item in node.value.items:
            titles = self._titles(key, item) if translated and isinstance(item.value, Table) else {}
            said = titles.get("en") if titles else item.value
            text = said.strip() if isinstance(said, str) else ""
            if isinstance(item.value, Table) and translated and set(titles) != set(LOCALES):
                continue  # told already
            if not text or len(text) > limit or not text.isprintable():
                remedy = item.value.why if isinstance(item.value, Odd) else f"1 to {limit} characters on one line"
                self._faults.add(item.line, f"{self.label}: an item of `{key}` is not a text", f"write {remedy}")
            elif text in found:
                self._faults.add(item.line, f"{self.label}: {shown(text)} stands twice in `{key}`", "keep one")
            else:
                found[text] = titles
        return found

    def titles(self, key: str) -> dict[str, str]:
        """Return a text for people in every language; absent is empty."""
        node = self._value(key)
        return {} if node is None else self._titles(key, node)

    def _titles(self, key: str, node: Node) -> dict[str, str]:
        if not isinstance(node.value, Table):
            self._not(key, "{ja: …, en: …}")
            return {}
        texts: dict[str, str] = {}
        for locale, (line, text) in node.value.entries.items():
            if locale not in LOCALES:
                self._faults.add(line, f"{self.label}: {shown(locale)} is no language of `{key}`", "write ja and en")
            elif not isinstance(text.value, str) or not text.value.strip():
                self._faults.add(line, f"{self.label}: `{key}` in `{locale}` is not a text", "write one, in quotes")
            else:
                texts[locale] = text.value.strip()
        for locale in LOCALES:
            if locale not in node.value.entries:
                self.wrong(key, f"`{key}` is missing in `{locale}`", f"add `{locale}: …`")
        return texts

    def path(self, key: str, folder: Path, default: str | None = None) -> Path | None:
        """Return an absolute path: below the workspace *folder*, or anywhere when written absolute."""
        text = self.text(key, 1000) if self.has(key) else default
        return None if text is None else self.place(key, text, folder)

    def place(self, key: str, text: str, folder: Path) -> Path | None:
        """Return *text* as an absolute path, links followed; relative ones must stay below *folder*."""
        if "\0" in text or text.startswith("~"):
            self.wrong(key, "a path that no system understands", "write it relative to the workspace, or absolute")
            return None
        place = (folder / text).resolve()
        if not Path(text).is_absolute() and not place.is_relative_to(folder):
            self.wrong(key, f"{shown(text)} lies outside the workspace", "write an absolute path if that is meant")
            return None
        return place

    def section(self, key: str) -> Section | None:
        """Return the mapping below *key*."""
        node = self._value(key)
        if node is None:
            return None
        if not isinstance(node.value, Table):
            self._not(key, "a mapping")
            return None
        path = f"{self._path}.{key}".lstrip(".")
        label = f"{self.label}, `{key}`" if self._path else f"`{key}`"
        return Section(label, path, self.line_of(key), node.value, self._faults)

    def sections(self, key: str) -> Iterator[Section]:
        """Yield the mappings of the list below *key*."""
        node = self._value(key)
        if node is None:
            return
        if not isinstance(node.value, Listing):
            self._not(key, "a list of mappings")
            return
        path = f"{self._path}.{key}.*".lstrip(".")
        for place, item in enumerate(node.value.items, start=1):
            label = f"{self.label}, item {place} of `{key}`"
            if isinstance(item.value, Table):
                yield Section(label, path, item.line, item.value, self._faults)
            else:
                self._faults.add(item.line, f"{label} is not a mapping", "write its keys behind the dash")

    def line_below(self, key: str, text: str) -> int:
        """Return the line of the item *text* of the list *key*."""
        node = self._value(key)
        items = node.value.items if node and isinstance(node.value, Listing) else ()
        return next((item.line for item in items if item.value == text), self.line_of(key))

    def wrong_below(self, key: str, text: str, wrong: str, remedy: str) -> None:
        """Note a fault of this section on the line of the item *text* of the list *key*."""
        self._faults.add(self.line_below(key, text), f"{self.label}: {wrong}", remedy)

    def is_word(self, key: str, word: str) -> bool:
        """Return whether *key* is exactly *word*."""
        node = self._value(key)
        return node is not None and node.value == word

    def is_empty(self, key: str) -> bool:
        """Return whether *key* is a list of nothing."""
        node = self._value(key)
        return node is not None and isinstance(node.value, Listing) and not node.value.items

    def named(
        self, key: str, what: str, *, dotted: bool = False, known: frozenset[str] | None = None
    ) -> Iterator[tuple[str, Section]]:
        """Yield the sections below *key* that the workspace named: name and section, names checked.

        *what* is the singular in messages; *dotted* names are ``store.table``; else they are among *known* where
        that is given.
        """
        node = self._value(key)
        if node is None:
            return
        if not isinstance(node.value, Table) or not node.value.entries:
            self._not(key, f"a mapping of at least one {what}")
            return
        path = f"{self._path}.{key}.*".lstrip(".")
        inside = f"{self.label}, " if self._path else ""
        for name, (line, child) in node.value.entries.items():
            if known is not None:
                if name not in known:
                    self._faults.add(line, f"{inside}unknown {what} {shown(name)}", nearest(name, known))
                    continue
            elif not self._is_dataset(name, line) if dotted else not self._is_name(name, line, f"the {what}"):
                continue
            if not isinstance(child.value, Table):
                self._faults.add(line, f"{inside}{what} {name} is not a mapping", "indent its keys below it")
                continue
            yield name, Section(f"{inside}{what} {name}", path, line, child.value, self._faults)

    def _is_dataset(self, name: str, line: int) -> bool:
        parts = name.split(".")
        if len(parts) != 2:
            self._faults.add(
                line, f"the dataset {shown(name)} is not called store.table", "write two words and a dot"
            )
            return False
        return all([self._is_name(part, line, f"the dataset {shown(name)}") for part in parts])  # noqa: C419 - all faults

    def _is_name(self, word: str, line: int, what: str) -> bool:
        """Return whether *word* is an identifier; names of the catalogue become names in statements."""
        if _NAME.fullmatch(word):
            return True
        said = what if what.endswith("`") and shown(word) in what else f"{what} {shown(word)}"
        if word.startswith("__"):
            self._faults.add(line, f"{said}: names with two underscores in front are reserved", "leave them out")
        elif not word.isascii():
            # Letters that look alike would be two names for one reader.
            self._faults.add(
                line, f"{said}: names are ASCII", "use a to z, 0 to 9 and _; titles may be in any script"
            )
        elif _NAME.fullmatch(word.lower()):
            self._faults.add(line, f"{said}: names are lower case", f"write `{word.lower()}`")
        else:
            remedy = "use a to z, 0 to 9 and _, a letter first, 63 characters at most"
            self._faults.add(line, f"{said}: not a name", remedy)
        return False
