"""Every stack and example of this repository: rendered, imported, loaded, rendered again; 0 differences."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from poscloud.imports.importing import Imported, imported
from poscloud.imports.reading import source_of
from poscloud.imports.source import Source
from poscloud.load import known_stacks, load_environment, load_file
from poscloud.render import render_environment
from tests.write_golden import ROOT

EXAMPLES = sorted(f.stem for f in (ROOT / "examples").glob("*.yaml") if f.stem != "images")
OURS = re.compile(r"(app\.kubernetes\.io|pulumi\.com|poscloud\.io)/(?!secret-source)")


def unlabelled(value: Any) -> Any:
    """Return manifests as somebody else would have them: without any label or annotation that says what they are."""
    if isinstance(value, dict):
        return {k: unlabelled(v) for k, v in value.items() if not OURS.match(str(k))}
    return [unlabelled(v) for v in value] if isinstance(value, list) else value


@cache
def source(name: str) -> Source:
    stack = name in known_stacks(ROOT)
    spec = load_environment(ROOT, name) if stack else load_file(ROOT / "examples" / f"{name}.yaml", ROOT)
    return source_of([unlabelled(m) for part in render_environment(spec) for m in part.manifests], None)


def brought(name: str, root: Path) -> Imported:
    return imported(source(name), root, "a test")


@pytest.mark.parametrize("name", [*known_stacks(ROOT), *EXAMPLES])
def test_a_stack_comes_back_without_a_difference(name: str, tmp_path: Path) -> None:
    result = brought(name, tmp_path)
    assert result.proof.fields == []
    assert (result.proof.only_source, result.proof.only_rendered, result.notes) == ([], [], [])
    assert result.proof.compared == len(source(name).items)
    assert list(tmp_path.iterdir()) == []  # nothing is written before somebody says so
