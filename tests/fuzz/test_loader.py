"""The loader takes any file: what is wrong is told with its place, and nothing hangs, grows or ends in a traceback."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from poscloud.engine.description import describe
from poscloud.errors import InputError, Problem
from tests.fuzz.mutations import mutated_texts, mutated_trees
from tests.fuzz.profile import inputs, tried

LONGEST = 10.0
"""Seconds of this process' own time for one file; it takes some hundredths of one."""
WITHOUT_PLACE = frozenset({"unreadable"})
"""What is wrong with a file as a whole."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "stacks").mkdir()
    return root


def told(root: Path, content: bytes) -> list[Problem]:
    """Return what is wrong with a file; nothing if it is rendered."""
    (root / "stacks" / "env.yaml").write_bytes(content)
    began = time.process_time()
    try:
        describe(root, "env")
        problems = []
    except InputError as error:
        problems = list(error.problems)
        assert problems
    assert time.process_time() - began < LONGEST
    for problem in problems:
        assert problem.file == Path("stacks/env.yaml")
        assert problem.code in WITHOUT_PLACE or (problem.line > 0 and problem.column > 0), problem
        assert problem.message and len(str(problem)) < 20_000, problem
    return problems


@inputs(few=40, many=4000)
@given(tree=mutated_trees(), flow=st.booleans())
def test_a_value_that_is_wrong(folder: Path, tree: Any, flow: bool) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, default_flow_style=flow)
    problems = told(folder, text.encode())
    tried("files with wrong values, " + ("refused" if problems else "valid"))


@inputs(few=40, many=4000)
@given(content=mutated_texts())
def test_a_file_that_is_damaged(folder: Path, content: bytes) -> None:
    problems = told(folder, content)
    tried("damaged files, " + ("refused" if problems else "valid"))


@inputs(few=40, many=3000)
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))
    )
)
def test_a_file_of_anything(folder: Path, content: bytes) -> None:
    problems = told(folder, content)
    tried("files of random text and bytes, " + ("refused" if problems else "valid"))
