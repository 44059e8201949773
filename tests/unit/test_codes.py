"""Codes: each that the source can produce is explained, and each example is what it says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.engine.preflight.report import check
from poscloud.errors import InputError, PosCloudError, Problem
from poscloud.load.codes import GROUPS, Meaning, as_markdown, explained, known_codes, meaning
from poscloud.load.images import load_images
from poscloud.render.preflight.claims import TAKEN
from tests.unit.conftest import Project
from tests.write_errors import PAGE

SOURCE = Path(__file__).parents[2] / "poscloud"
CODES = list(known_codes())
EXAMPLES = [m for code in CODES if (m := meaning(code)).given in ("env", "images", "python")]

ARGUMENT = {"Finding": 1, "Problem": 3, "_note": 1, "_stop": 1, "_problem": 1}
"""Calls that make a problem → which argument is its code."""


def produced() -> set[str]:
    """Return every code that the source has: as an argument, as a constant, or as what a function answers first."""
    found = set(TAKEN.values())
    for file in SOURCE.rglob("*.py"):
        if file.parent.name != "provider":
            tree = ast.parse(file.read_text())
            found |= {code for call in ast.walk(tree) for code in _codes(call, _constants(tree))}
    answers = ast.walk(ast.parse((SOURCE / "load" / "problems.py").read_text()))
    tuples = [
        node.value for node in answers if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
    ]
    return found | {str(t.elts[0].value) for t in tuples if isinstance(t.elts[0], ast.Constant)}


def _codes(call: ast.AST, constants: dict[str, str]) -> Iterator[str]:
    """Yield the code that a call is given; ``constants`` are those of its module."""
    if not isinstance(call, ast.Call):
        return
    place = ARGUMENT.get(getattr(call.func, "attr", getattr(call.func, "id", "")))
    given = list(call.args[: place + 1]) if place else []
    for argument in (b for a in given for b in ((a.body, a.orelse) if isinstance(a, ast.IfExp) else (a,))):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value
            return  # where the place is one starred argument, the code comes earlier
        if isinstance(argument, ast.Name) and argument.id in constants:
            yield constants[argument.id]


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the words that a module gives names to, alone or several in one line."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]  # type: ignore[attr-defined]
            for name, word in pairs:
                if (
                    isinstance(name, ast.Name)
                    and isinstance(word, ast.Constant)
                    and isinstance(word.value, str)
                ):
                    found[name.id] = word.value
    return found


def test_every_code_of_the_source_is_explained_and_no_other() -> None:
    found = produced()
    assert len(found) > 80
    assert found - set(CODES) == set()
    assert set(CODES) - found == set()


def test_no_code_is_explained_twice() -> None:
    assert len(CODES) == len(set(CODES))


def test_the_page_is_what_the_texts_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == as_markdown(), "run: make errors"


def found_in(project: Project, given: str, text: str) -> list[Problem]:
    try:
        if given == "images":
            (project.root / "images.yaml").write_text(text)
            load_images(project.root / "images.yaml", project.root)
            return []
        project.write("env.py" if given == "python" else "env.yaml", text)
        return check(project.root, "env").problems
    except InputError as error:
        return error.problems


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda m: m.code)
def test_an_example_is_wrong_in_just_its_way_and_right_when_mended(
    project: Project, example: Meaning
) -> None:
    assert {p.code for p in found_in(project, example.given, example.example)} == {example.code}
    if example.mended:
        assert found_in(project, example.given, example.mended) == []


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(PosCloudError) as caught:
        explained("unknown-feild")
    assert caught.value.hint == "did you mean 'unknown-field'?"


def test_every_group_has_codes() -> None:
    page = as_markdown()
    assert all(f"## {heading}\n" in page for heading in GROUPS.values())
