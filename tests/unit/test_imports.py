"""Modules of poscloud import each other in one direction, so that each can be the first to be imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import poscloud

ROOT = Path(poscloud.__file__).parent


def modules() -> dict[str, Path]:
    """Return module → file; a package's is its ``__init__.py``."""
    return {
        ".".join(file.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): file
        for file in ROOT.rglob("*.py")
    }


def imported_at_once(body: list[ast.stmt], known: dict[str, Path]) -> Iterator[str]:
    """Yield what is imported with the module itself: not in functions, not for the type checker alone."""
    for statement in body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            names = [f"{statement.module}.{alias.name}" for alias in statement.names]
            yield from (name if name in known else statement.module for name in names)
        elif isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.Try):
            yield from imported_at_once(statement.body, known)
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" not in ast.unparse(statement.test):
            yield from imported_at_once(statement.body + statement.orelse, known)


def test_no_module_imports_itself_by_way_of_others() -> None:
    known = modules()
    graph = {
        module: {name for name in imported_at_once(ast.parse(file.read_text()).body, known) if name in known}
        for module, file in known.items()
    }
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()  # CycleError names the circle
