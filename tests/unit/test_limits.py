"""The limits that CONTRIBUTING.md sets: no file of more than 400 lines, no function of more than 50."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE, MAX_FUNCTION = 400, 50


def _files(*endings: str) -> list[Path]:
    files = [f for folder in ("poscloud", "tests") for f in (ROOT / folder).rglob("*") if f.suffix in endings]
    return [f for f in files if "golden" not in f.parts]


def test_no_file_is_too_long() -> None:
    lengths = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in _files(".py", ".yaml")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE} == {}


@pytest.mark.parametrize("folder", ["poscloud", "tests"])
def test_no_function_is_too_long(folder: str) -> None:
    too_long = {
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}": lines
        for file in _files(".py")
        if file.is_relative_to(ROOT / folder)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION
    }
    assert too_long == {}
