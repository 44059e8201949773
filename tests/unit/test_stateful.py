"""What all backing services have in common."""

from __future__ import annotations

import pytest

from poscloud.render import Manifest, render_environment
from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import BACKING_KINDS
from tests.unit.conftest import Project


def stateful_set(spec: EnvironmentSpec, name: str) -> Manifest:
    found = [m for part in render_environment(spec) for m in part.manifests]
    return next(m["spec"] for m in found if (m["kind"], m["metadata"]["name"]) == ("StatefulSet", name))


@pytest.mark.parametrize("kind", sorted(BACKING_KINDS))
def test_on_nfs_each_member_has_a_directory_of_its_own_and_no_claim(project: Project, kind: str) -> None:
    lines = f"b: {{kind: {kind}, storage: {{nfs: {{server: 10.10.1.30, path: /data}}}}}}"
    spec = project.load(f"backing: {{{lines}, zookeeper: {{}}}}\n")
    rendered = stateful_set(spec, "b")
    pod = rendered["template"]["spec"]
    assert "volumeClaimTemplates" not in rendered
    assert {"name": "data", "nfs": {"server": "10.10.1.30", "path": "/data"}} in pod["volumes"]
    (container, *_) = pod["containers"]
    (data,) = [m for m in container["volumeMounts"] if m["name"] == "data"]
    assert data["subPathExpr"] == "$(POD_NAMESPACE)/$(POD_NAME)"
    fields = {
        e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"]
        for e in container["env"]
        if "fieldRef" in e.get("valueFrom", {})
    }
    assert fields.items() >= {"POD_NAMESPACE": "metadata.namespace", "POD_NAME": "metadata.name"}.items()


def test_kafka_4_is_known_by_its_image_or_by_half_a_version(project: Project) -> None:
    for field in ("image: apache/kafka:4.1.0", "version: '4'"):
        spec = project.load(f"backing: {{b: {{kind: kafka, {field}}}}}\n")
        files = next(m["data"] for part in render_environment(spec) for m in part.manifests if "data" in m)
        assert (
            "log4j2.properties" in files and "process.roles=broker,controller" in files["server.properties"]
        )


@pytest.mark.parametrize(("version", "tried"), [("2.4.1", False), ("2.5.0", True), ("3.9.1", True)])
def test_kafka_is_not_tried_with_tools_that_know_no_brokers(
    project: Project, version: str, tried: bool
) -> None:
    spec = project.load(f"backing: {{kafka: {{version: {version}}}, zookeeper: {{}}}}\n")
    (job,) = [m for part in render_environment(spec) for m in part.manifests if m["kind"] == "Job"]
    script = job["spec"]["template"]["spec"]["containers"][0]["command"][-1]
    assert ("kafka-console-producer.sh" in script) is tried
    assert ("not tried whether it can be used: the tools of" in script) is not tried


def test_mongo_is_not_told_to_keep_its_journal_which_6_1_does_not_know(project: Project) -> None:
    spec = project.load("backing: {mongo: {version: '7.0'}}\n")
    files = next(m["data"] for part in render_environment(spec) for m in part.manifests if "data" in m)
    assert "journal" not in files["mongod.conf"]


def test_the_next_member_stops_when_the_last_one_had_time_to_catch_up(project: Project) -> None:
    for kind, seconds in (("kafka", 30), ("consul", 10), ("zookeeper", None)):
        for replicas in (1, 3):
            spec = project.load(f"backing: {{b: {{kind: {kind}, replicas: {replicas}}}, zookeeper: {{}}}}\n")
            expected = seconds if replicas == 3 else None
            assert stateful_set(spec, "b").get("minReadySeconds") == expected


@pytest.mark.parametrize(
    "kind", sorted(kind for kind, spec in BACKING_KINDS.items() if "replicas" in spec.model_fields)
)
def test_a_quorum_loses_one_member_at_a_time_and_one_member_does_not_hold_its_node(
    project: Project, kind: str
) -> None:
    for replicas in (1, 3):
        if kind == "mqtt" and replicas > 1:
            continue
        spec = project.load(f"backing: {{b: {{kind: {kind}, replicas: {replicas}}}, zookeeper: {{}}}}\n")
        (part,) = [p for p in render_environment(spec) if p.name == "b"]
        budgets = [m["spec"] for m in part.manifests if m["kind"] == "PodDisruptionBudget"]
        expected = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "b"}}}
        assert budgets == ([expected] if replicas == 3 else [])
