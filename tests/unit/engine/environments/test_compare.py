"""Two environments side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine.environments.compare import compare

BASE = "filebeat: {kafka: {topic: applog}}\nbacking: {zookeeper: {}, kafka: {}}\nservices: {web: java, pay: java}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "stage.yaml").write_text(BASE)
    return tmp_path


def test_an_environment_s_own_name_is_no_difference(project: Path) -> None:
    (project / "stacks" / "dev.yaml").write_text(
        BASE + "images: {service: '{registry}/stage-{service}:{version}'}\n"
    )
    assert compare(project, "stage", "dev") == []


def test_what_differs_is_told_with_both_values(project: Path) -> None:
    (project / "stacks" / "mine.yaml").write_text(
        "copy_of: stage\nservices: {web: {version: v2, env: {A: b}}, pay: null, new: java}\n"
    )
    found = {
        difference.name: (difference.what, difference.lines)
        for difference in compare(project, "stage", "mine")
    }
    assert found["pay"] == ("only in stage", [])
    assert found["new"] == ("only in mine", [])
    assert found["web"] == (
        "differs",
        [
            "Deployment/web spec.template.spec.containers[web].image: harbor.example.com/wbyh/stage-web:v1 → "
            "harbor.example.com/wbyh/stage-web:v2",
            'Deployment/web spec.template.spec.containers[web].env[A]: none → {"name": "A", "value": "b"}',
        ],
    )
