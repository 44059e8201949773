"""What the description gives to an archive."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from poscloud.engine.archive import material_of
from poscloud.spec import ArchiveSpec


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    return tmp_path


def test_the_description_merged_and_what_it_renders_to(root: Path) -> None:
    (root / "stacks" / "base.yaml").write_text("secrets: {words: [word]}\n")
    text = "extends: base.yaml\narchive: {folder: kept}\nservices: {a: java}\n"
    (root / "stacks" / "dev.yaml").write_text(text)
    material = material_of(root, "dev")
    assert material.where == ArchiveSpec(folder="kept")
    assert material.notes == []
    spec = yaml.safe_load(material.documents["spec.yaml"])
    assert (spec["secrets"], spec["services"]["a"]["kind"]) == ({"words": ["word"]}, "java")
    kinds = {m["kind"] for m in yaml.safe_load_all(material.documents["manifests.yaml"])}
    assert {"Namespace", "Deployment"} <= kinds
    assert "Secret" not in kinds


@pytest.mark.parametrize("text", [None, "services: {a: jawa}\n"], ids=["gone", "broken"])
def test_without_a_description_the_archive_goes_to_the_project(root: Path, text: str | None) -> None:
    if text:
        (root / "stacks" / "dev.yaml").write_text(text)
    material = material_of(root, "dev")
    assert (material.where, material.documents) == (None, {})
    (note,) = material.notes
    assert note.startswith("dev has no description that can be read (")
    assert note.endswith("the archive goes to .poscloud/archive")


def test_a_copy_without_its_description_is_archived_where_the_other_one_is(root: Path) -> None:
    (root / "stacks" / "stage.yaml").write_text("archive: {folder: kept}\n")
    material = material_of(root, "mine", "stage")
    assert material.where == ArchiveSpec(folder="kept")
    assert material.notes[0].endswith("the archive goes where stage says")
    assert material_of(root, "mine", "gone").where is None
