"""Every kind of the language is complete: spec, renderer, component class, example, page."""

from __future__ import annotations

from pathlib import Path

import pytest

import poscloud.components
from poscloud.components import registry
from poscloud.components.registry import component
from poscloud.load import load_file
from poscloud.render import render_environment
from poscloud.render.kinds import KINDS
from poscloud.spec import ServiceSpec, StatefulSpec
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS

ROOT = Path(__file__).parents[2]
SPECS = {**BACKING_KINDS, **SERVICE_KINDS}
PARTS = {kind: component(kind) for kind in SPECS}


def test_every_kind_has_a_renderer_and_a_component_class() -> None:
    assert sorted(KINDS) == sorted(registry.PARTS) == sorted(SPECS)
    for kind, part in PARTS.items():
        assert part is getattr(poscloud.components, part.__name__), f"{kind} is not exported"


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_kind_has_an_example_that_renders(kind: str) -> None:
    spec = load_file(ROOT / "examples" / f"{kind}.yaml", ROOT)
    assert kind in {part.kind for part in render_environment(spec)}


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_kind_has_a_page_that_names_its_own_fields(kind: str) -> None:
    page = (ROOT / "docs" / "components" / f"{kind}.md").read_text()
    common = {*ServiceSpec.model_fields, *StatefulSpec.model_fields, "kind"}
    missing = [field for field in SPECS[kind].model_fields if field not in common and f"`{field}" not in page]
    assert PARTS[kind].__name__ in page.splitlines()[0]
    assert not missing
    assert f"components/{kind}.md" in (ROOT / "docs" / "language.md").read_text()
