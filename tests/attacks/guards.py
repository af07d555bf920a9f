"""Guards by name, and how one is taken away while everything else stands.

Most guards are a line that refuses: ``raise StatementRefused(…)``. :func:`lifted` takes single ones out of the
running program, so that a test can show what would leak without it. The others are in ``silent.py``: what masks,
fences, filters, orders and keys without refusing anything.
"""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import re
import sys
import textwrap
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType, TracebackType

from sekisho.query.names import fold

_NAMES = (
    ("parse._parse_one", "one SELECT"),
    ("allowlist._check", "allow-list of nodes"),
    ("allowlist.check", "size of a statement"),
    ("tokens", "size of a statement"),
    ("parse._datasets", "tables of the catalogue"),
    ("parse.parse", "tables of the catalogue"),
    ("dialects.postgresql._check_pattern", "patterns that cannot fail"),
    ("dialects.postgresql", "what PostgreSQL reads another way"),
    ("columns", "binding of names"),
    ("resolve", "binding of names"),
    ("kinds.Kinds._clear", "masked use: clear operands"),
    ("kinds.Kinds._equality", "masked use: equality"),
    ("kinds.Kinds._in", "masked use: equality"),
    ("kinds._same", "masked use: set operations"),
    ("kinds.Kinds._of_definition", "masked use: set operations"),
    ("kinds.Kinds._count", "masked use: COUNT"),
    ("kinds.Kinds._window", "masked use: windows"),
    ("kinds.Kinds._check_select", "masked use: clauses"),
    ("kinds.Kinds.check", "masked use: clauses"),
    ("kinds.Kinds.of", "masked use: IS NULL"),
    ("kinds", "masked use: positions"),
    ("order", "ties"),
    ("rules", "rules"),
    ("plan", "tokens"),
    ("oracle", "second oracle"),
    ("stores", "second oracle"),
)


@dataclass(frozen=True, order=True)
class Site:
    """One refusal in the program: the function, and what it raises there."""

    module: str
    function: str
    text: str

    @property
    def guard(self) -> str:
        """The guard that it belongs to."""
        place = f"{self.module.removeprefix('sekisho.query.')}.{self.function}"
        if "function" in self.text.lower() and place.startswith("allowlist._check_node"):
            return "allow-list of functions"
        return next((name for prefix, name in _NAMES if place.startswith(prefix)), place)


def site_of(fault: BaseException) -> Site | None:
    """Return the refusal that *fault* came from, ``None`` when it is no line of the program that can be taken out."""
    at: TracebackType | None = fault.__traceback__
    found: Site | None = None
    while at is not None:
        code, module = at.tb_frame.f_code, at.tb_frame.f_globals.get("__name__", "")
        if module.startswith("sekisho.query") and "<" not in code.co_qualname:
            raised = _raised(module, code.co_qualname).get(at.tb_lineno)
            if raised is not None:
                found = Site(module, code.co_qualname, raised)
        at = at.tb_next
    return found


def _function(module: str, name: str) -> FunctionType:
    found: object = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    assert isinstance(found, FunctionType)
    return found


@functools.cache
def _tree(module: str, name: str) -> tuple[ast.Module, str]:
    lines, start = inspect.getsourcelines(_function(module, name))
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, start - 1)
    return tree, inspect.getsourcefile(_function(module, name)) or ""


@functools.cache
def _raised(module: str, name: str) -> dict[int, str]:
    """Return what a function raises, by each line of the raising statement."""
    return {
        line: _text(node)
        for node in ast.walk(_tree(module, name)[0])
        if isinstance(node, ast.Raise) and node.exc is not None
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _text(node: ast.Raise) -> str:
    assert node.exc is not None
    return re.sub(r"\s+", " ", ast.unparse(node.exc))[:90]


class _Without(ast.NodeTransformer):
    def __init__(self, texts: Collection[str]) -> None:
        self._texts = texts

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        if node.exc is not None and _text(node) in self._texts:
            return ast.copy_location(ast.Pass(), node)
        return node


@functools.cache
def _code_without(module: str, name: str, texts: frozenset[str]) -> CodeType:
    tree, file = _tree.__wrapped__(module, name)  # a tree of its own: it is changed
    changed = _Without(texts).visit(tree)
    whole = compile(changed, file, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)
    return next(
        code for code in whole.co_consts if isinstance(code, CodeType) and code.co_name == name.rsplit(".", 1)[-1]
    ).replace(co_qualname=name)


@contextmanager
def lifted(sites: Collection[Site]) -> Iterator[None]:
    """Take *sites* out of the running program."""
    with ExitStack() as stack:
        for module, name in sorted({(site.module, site.function) for site in sites}):
            texts = frozenset(site.text for site in sites if (site.module, site.function) == (module, name))
            function = _function(module, name)
            stack.callback(setattr, function, "__code__", function.__code__)
            function.__code__ = _code_without(module, name, texts)
        yield


_COLUMN = re.compile(r"\b(?:crm|pos|web|shop)\.\w+\.\w+|\b(?:crm|pos|web|shop)\.\w+")
_QUOTED = re.compile(r"'[^']*'")


def construct_of(refusal: str) -> str:
    """Return what a refusal names, without the column that it names it for."""
    return fold(_QUOTED.sub("…", _COLUMN.sub("…", refusal)))


def sites_in(module: ModuleType) -> list[Site]:
    """Return every refusal of a module."""
    names = [name for name, each in vars(module).items() if isinstance(each, FunctionType)]
    for name, each in vars(module).items():
        if isinstance(each, type) and each.__module__ == module.__name__:
            names += [f"{name}.{inner}" for inner, method in vars(each).items() if isinstance(method, FunctionType)]
    return [
        Site(module.__name__, name, text)
        for name in names
        if _function(module.__name__, name).__code__.co_filename == module.__file__
        for text in sorted(set(_raised(module.__name__, name).values()))
    ]
