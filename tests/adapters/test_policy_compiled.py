"""The compiled policies: made of the files beside them, of the same answers, and used for no other files."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from sekisho.adapters.rego import EmbeddedRego, policy_digest, policy_files, shipped_policies
from sekisho.adapters.rego.compiled import (
    MODULE_FILE,
    CompiledModule,
    ModulePolicies,
    compiled_module,
    name_sources,
    sources_of,
)
from sekisho.adapters.rego.interpreter import CompiledPolicies
from sekisho.errors import PolicyUnavailable
from tests.policies.catalogue import questions
from tests.policies.compiling import compiled_policies

FILES = policy_files(shipped_policies())
DIGEST = policy_digest(FILES)
MODULE = (shipped_policies() / MODULE_FILE).read_bytes()
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    "",
    "x",
    "consent",
    "contract",
    "internal",
    [],
    ["x"],
    {},
    {"x": 1},
    [None],
    "ß'\"\\\u2028",
)


@pytest.fixture(scope="module")
def compiled() -> ModulePolicies:
    """The module's policies."""
    return ModulePolicies(CompiledModule(MODULE))


@pytest.fixture(scope="module")
def interpreted() -> CompiledPolicies:
    """The same policies in the interpreter."""
    return CompiledPolicies(FILES)


def test_the_module_names_the_policies_beside_it():
    """Whoever changes a policy makes the module anew (``make compiled``)."""
    assert sources_of(MODULE) == DIGEST


@pytest.mark.opa
def test_the_module_is_what_the_compiler_makes_of_them():
    """Nothing else is in it: OPA's compiler makes the same bytes of the same files."""
    assert compiled_policies(shipped_policies()) == MODULE


def test_every_question_has_the_interpreters_answer(compiled, interpreted):
    """The catalogue of questions is answered to the letter as the interpreter answers it."""
    asked = [each.to_json() for each in questions()]
    assert len(asked) >= 300
    for each in asked:
        assert compiled.answer(each) == interpreted.answer(each)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from _places(each, (*path, key))


def _bent(question: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return *question* with a value of another type, or without one."""
    bent = copy.deepcopy(question)
    path = chance.choice(list(_places(bent)))
    at: Any = bent
    for key in path[:-1]:
        at = at[key]
    if chance.random() < 0.3:
        del at[path[-1]]
    else:
        at[path[-1]] = copy.deepcopy(chance.choice(ODD))
    return bent


def _answer(policies: Any, question: dict[str, Any]) -> Any:
    try:
        return policies.answer(question)
    except PolicyUnavailable:
        return None


def test_what_the_gateway_cannot_ask_is_never_allowed_more(compiled):
    """A question with missing or odd values gets a yes from the module only where it gets it from the interpreter."""
    chance, asked = random.Random(20_261), [each.to_json() for each in questions()]
    interpreted, yes, no = CompiledPolicies(FILES), 0, 0
    for _ in range(1_500):
        bent = _bent(chance.choice(asked), chance)
        ours = _answer(compiled, bent)
        if ours is None or not ours["allow"]:
            no += 1
            continue
        theirs = _answer(interpreted, bent)
        assert ours == theirs, bent
        yes += 1
    assert min(yes, no) > 100


async def test_the_module_decides_where_its_policies_are_loaded(tmp_path, monkeypatch):
    """The module decides for the shipped files and a copy of them; with one more file it does not."""
    made: list[str] = []
    for kind in (ModulePolicies, CompiledPolicies):
        monkeypatch.setattr(kind, "answer", _noting(kind.answer, kind.__name__, made))
    shutil.copytree(shipped_policies(), tmp_path / "own")
    for folder, change, by in (
        (None, False, "ModulePolicies"),
        (tmp_path / "own", False, "ModulePolicies"),
        (tmp_path / "own", True, "CompiledPolicies"),
    ):
        if change:
            (tmp_path / "own" / "sekisho" / "more.rego").write_text("package sekisho.more\n\nmore := 1\n")
        pdp = EmbeddedRego(folder, threads=1)
        made.clear()
        await pdp.decide(next(iter(questions())))
        await pdp.close()
        assert made == [by]


def _noting(answer: Any, name: str, made: list[str]) -> Any:
    def noted(self: Any, question: dict[str, object]) -> object:
        made.append(name)
        return answer(self, question)

    return noted


def test_a_module_of_other_files_is_not_taken(tmp_path):
    """The digest of the files decides, not the name of the module's file; a module may also be missing."""
    (tmp_path / MODULE_FILE).write_bytes(MODULE)
    assert compiled_module(tmp_path, DIGEST) is not None
    assert compiled_module(tmp_path, DIGEST[::-1]) is None
    assert compiled_module(tmp_path / "nowhere", DIGEST) is None


@pytest.mark.parametrize(
    "module",
    [
        b"",
        b"\0asm",
        MODULE[: len(MODULE) // 2],
        MODULE + b"x",
        MODULE.replace(DIGEST.encode(), DIGEST[:-1].encode() + b"\n"),
    ],
    ids=["nothing", "magic", "half", "more", "line"],
)
def test_a_module_that_is_not_whole_names_no_sources(module):
    """Only the last section of a module names its sources, to the last byte."""
    assert sources_of(module) != DIGEST


@pytest.mark.parametrize("module", [b"no module", b"\0asm\1\0\0\0"], ids=["text", "empty"])
def test_what_is_no_module_of_policies_is_refused(module, tmp_path):
    """Something else under the module's name and digest is not asked; the policies are then unavailable."""
    (tmp_path / MODULE_FILE).write_bytes(name_sources(module, DIGEST))
    with pytest.raises(PolicyUnavailable):
        ModulePolicies(CompiledModule((tmp_path / MODULE_FILE).read_bytes()))


def test_a_question_that_does_not_fit_is_no_answer(compiled):
    """A question larger than the module's memory is refused, and the ones after it are answered by a new module."""
    with pytest.raises(PolicyUnavailable):
        ModulePolicies(CompiledModule(MODULE)).answer({"x": "y" * 80_000_000})
    assert compiled.answer({})["allow"] is False
