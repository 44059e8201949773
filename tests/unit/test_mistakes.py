"""Seeded mistakes: each is found at its place, and nowhere else; what is right is not complained about."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from poscloud.engine.preflight.report import check
from poscloud.errors import InputError, Problem
from poscloud.load import known_stacks
from poscloud.load.codes import known_codes
from poscloud.load.excerpt import excerpt
from tests.unit.conftest import Project

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parents[1] / "cases" / "mistakes"
MISTAKES = [case for file in sorted(CASES.glob("*.yaml")) for case in yaml.safe_load(file.read_text())]

EXAMPLES = [f for f in sorted((ROOT / "examples").glob("*.[yp]*")) if f.name != "images.yaml"]


def problems_of(root: Path, stack: str) -> list[Problem]:
    try:
        return check(root, stack).problems
    except InputError as error:
        return error.problems


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case["name"])
def test_a_mistake_is_reported_at_its_place(project: Project, case: dict[str, Any]) -> None:
    project.write("env.yaml", case["text"])
    for name, text in case.get("others", {}).items():
        project.write(name, text)
    problems = problems_of(project.root, "env")
    assert [(f"{p.line}:{p.column}", p.code) for p in problems] == [(case["at"], case["code"])]
    assert problems[0].file == Path("stacks/env.yaml")
    assert case["says"] in str(problems[0])
    assert not re.search(
        r"\[_|function-|Value error|Input should|should (have|match)|Spec\b", str(problems[0])
    )
    assert problems[0].code in set(known_codes())
    shown = excerpt(problems[0], project.root)
    assert shown is not None and shown.number == min(problems[0].line, case["text"].rstrip().count("\n") + 1)


def test_there_are_enough_of_them() -> None:
    texts = [(case["text"], str(case.get("others"))) for case in MISTAKES]
    assert len(set(texts)) == len(MISTAKES) >= 200


def test_no_secret_of_a_case_is_shown(project: Project) -> None:
    for case in MISTAKES:
        if case["code"] == "secret-in-clear":
            project.write("env.yaml", case["text"])
            for problem in problems_of(project.root, "env"):
                lines = excerpt(problem, project.root).lines()  # type: ignore[union-attr]
                said = "\n".join([str(problem), *lines])
                assert not re.search(r"hunter2|geheim|abcdef|AKIA|LTAI|glpat|eyJ|q7Zx|bWU6|MIIE", said), said


@pytest.mark.parametrize("stack", known_stacks(ROOT))
def test_nothing_is_found_in_a_stack(stack: str) -> None:
    assert problems_of(ROOT, stack) == []


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.name)
def test_nothing_is_found_in_an_example(project: Project, file: Path) -> None:
    shutil.copytree(ROOT / "examples", project.root / "stacks", dirs_exist_ok=True)
    shutil.copytree(ROOT / "stacks" / "base", project.root / "stacks" / "base", dirs_exist_ok=True)
    if file.suffix == ".py":
        text = (project.root / "stacks" / file.name).read_text()
        name = re.search(r'name="([a-z-]+)"', text)[1]  # type: ignore[index]
        (project.root / "stacks" / file.name).rename(project.root / "stacks" / f"{name}.py")
        assert problems_of(project.root, name) == []
    else:
        assert problems_of(project.root, file.stem) == []
