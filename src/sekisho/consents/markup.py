"""Elements of a page, put together so that every text is escaped: also well-formed as XML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that stands in a page as it is."""

    __slots__ = ()


def el(tag: str, /, *children: object, **attributes: object) -> Markup:
    """Return the element *tag*; children that are not markup are text.

    Names of attributes are spelled with ``_`` for ``-``; a ``_`` at their end is left out (``class_``). An attribute
    that is ``None`` is left out, and so is a child.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = joined(children)
    return Markup(f"<{tag}{told}>{inner}</{tag}>" if inner or tag not in _EMPTY else f"<{tag}{told}/>")


def joined(children: Iterable[object]) -> Markup:
    """Return *children* one after another; lists and generators among them are taken apart."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str | int | float):
            parts.append(escape(str(child)))
        elif isinstance(child, Iterable):
            parts.append(joined(child))
    return Markup("".join(parts))


_EMPTY = frozenset({"meta", "br", "rect", "line", "path", "col", "circle"})
