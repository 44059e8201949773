"""One description for each feature of the language: rendered, imported, rendered again; 0 differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from poscloud.imports.importing import Choices, Imported, imported
from poscloud.imports.reading import source_of
from poscloud.load import load_file
from poscloud.render import render_environment
from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS
from tests.unit.imports.test_round_trip import unlabelled
from tests.unit.test_docs import descriptions, in_a_project

FEATURES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "features.yaml").read_text(encoding="utf-8")
)

NOT_IMPORTED = {
    "adopt", "archive", "baseline", "copies", "copy_of", "lifetime", "name", "office_hours", "production",
    "short_lived",
}  # fmt: skip
"""What no manifest says, or none but an annotation of poscloud's own on the namespace."""


def there_and_back(spec: EnvironmentSpec, root: Path) -> Imported:
    items = [unlabelled(m) for part in render_environment(spec) for m in part.manifests]
    return imported(source_of(items, None), root, "a test", Choices())


def described(name: str, root: Path) -> EnvironmentSpec:
    file = root / "stacks" / "env.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(FEATURES[name]), encoding="utf-8")
    return load_file(file, root, "env")


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_comes_back_without_a_difference(name: str, tmp_path: Path) -> None:
    result = there_and_back(described(name, tmp_path), tmp_path / "other")
    assert result.proof.fields == []
    assert (result.proof.only_source, result.proof.only_rendered, result.notes) == ([], [], [])


def test_every_field_of_an_environment_and_every_kind_is_among_the_features() -> None:
    named = {field for data in FEATURES.values() for field in data}
    assert set(EnvironmentSpec.model_fields) - named == NOT_IMPORTED
    services = [s for data in FEATURES.values() for s in data.get("services", {}).values()]
    assert {s if isinstance(s, str) else s["kind"] for s in services} == set(SERVICE_KINDS)
    backing = {
        (part or {}).get("kind", name)
        for data in FEATURES.values()
        for name, part in data.get("backing", {}).items()
    }
    assert backing == set(BACKING_KINDS)


@pytest.mark.parametrize("text", [d for d in descriptions() if "overrides:" not in str(d.values[0])])
def test_a_description_in_a_page_comes_back_without_a_difference(text: str, tmp_path: Path) -> None:
    result = there_and_back(in_a_project(text, tmp_path), tmp_path / "other")
    assert (result.proof.equal, result.notes) == (True, [])


SHORT = {
    "release canary of ten percent": "  web: {kind: java, replicas: 10, release: {strategy: canary, next: v2}}",
    "release blue-green with other fields": "      next: {version: v2, env: {OLD: null, MODE: b, NEW: y}, "
    "java_opts: -Xmx2g}",
    "release blue-green with nothing beside": "  web: {kind: java, release: {strategy: blue-green}}",
    "monitoring": "monitoring: true",
    "isolation": "isolation: true",
    "teams": "  payments: {may: [shell, change]}",
}


@pytest.mark.parametrize("name", SHORT)
def test_it_is_said_as_a_person_would(name: str, tmp_path: Path) -> None:
    text = there_and_back(described(name, tmp_path), tmp_path / "other").text
    assert f"\n{SHORT[name]}\n" in text
