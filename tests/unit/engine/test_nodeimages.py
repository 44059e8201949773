"""Images that real nodes do not have are told before anything starts, with their places."""

from __future__ import annotations

import pytest

from poscloud.engine.description import describe
from poscloud.engine.nodeimages import image_findings, prepare_images
from poscloud.engine.preflight.report import offline_findings
from poscloud.errors import InputError
from poscloud.local.paths import ProjectPaths, private_directory
from poscloud.local.progress import SilentReporter
from poscloud.local.record import ClusterRecord
from tests.unit.conftest import Project

STACK = """\
registry: harbor.example.com/wbyh
backing: {redis: {}}
services:
  web: {kind: java, image: "harbor.example.com/pay/core:v9"}
  task:
    kind: java
    version: v3
"""


def cluster(project: Project, nodes: str) -> None:
    folder = private_directory(private_directory(ProjectPaths(project.root).owned) / "cluster")
    ClusterRecord(nodes=nodes).save(folder / "cluster.json")


def test_each_unknown_image_is_told_at_its_place(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSCLOUD_NODE_IMAGES", raising=False)
    project.write("env.yaml", STACK)
    cluster(project, "real=1")
    with pytest.raises(InputError) as caught:
        prepare_images(project.root, describe(project.root, "env"), SilentReporter())
    problems = caught.value.problems
    assert [(p.line, p.column, p.code) for p in problems] == [
        (4, 28, "image-not-local"),
        (7, 14, "image-not-local"),
    ]
    assert "'harbor.example.com/pay/core:v9'" in problems[0].message
    assert "cluster-images.toml" in caught.value.hint and "--nodes kwok" in caught.value.hint


DIGEST = "sha256:" + "0" * 64


def test_an_image_by_digest_is_told_with_what_to_write(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSCLOUD_NODE_IMAGES", raising=False)
    project.write(
        "env.yaml", f"backing: {{redis: {{image: 'harbor.example.com/wbyh/redis:3.2@{DIGEST}'}}}}\n"
    )
    cluster(project, "real=1")
    described = describe(project.root, "env")
    with pytest.raises(InputError) as caught:
        prepare_images(project.root, described, SilentReporter())
    (problem,) = caught.value.problems
    assert (problem.line, problem.code) == (1, "image-not-local")
    assert "has a digest of its own" in problem.message
    assert problem.hint.endswith("name it by its tag: harbor.example.com/wbyh/redis:3.2")
    assert offline_findings(project.root, "env", described, (1, 36))[0] == image_findings(
        project.root, described
    )


def test_check_asks_no_table_for_another_cluster(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSCLOUD_NODE_IMAGES", raising=False)
    project.write("env.yaml", STACK)
    cluster(project, "real=1")
    described = describe(project.root, "env")

    def codes() -> set[str]:
        return {finding.code for finding in offline_findings(project.root, "env", described, (1, 36))[0]}

    assert "image-not-local" in codes()
    (project.root / "Pulumi.env.yaml").write_text("config: {'poscloud:context': prod}\n")
    assert "image-not-local" not in codes()


@pytest.mark.parametrize("nodes", ["", "kwok"])
def test_simulated_nodes_run_any_image(project: Project, nodes: str) -> None:
    project.write("env.yaml", STACK)
    cluster(project, nodes)
    prepare_images(project.root, describe(project.root, "env"), SilentReporter())
    assert not (ProjectPaths(project.root).owned / "images").exists()
