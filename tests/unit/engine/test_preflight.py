"""What a check says of a cluster that it may not look into as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.cluster.preflight.live import LISTS, Live
from poscloud.engine.description import describe
from poscloud.engine.preflight.cluster import cluster_findings
from poscloud.engine.preflight.others import other_claims
from poscloud.engine.preflight.report import check
from tests.unit.conftest import Project


def found(project: Project, live: Live) -> tuple[list[str], list[str]]:
    project.write("env.yaml", "services: {a: {kind: java, node_port: 30080, priority: high}}\n")
    findings, notes = cluster_findings(describe(Path(project.root), "env"), live)
    return [f.code for f in findings], notes


def test_what_may_not_be_listed_is_named_and_no_finding(project: Project) -> None:
    codes, notes = found(project, Live("v1.30.0", set(), {}, unseen=list(LISTS)))
    assert codes == []
    assert notes == [
        "not looked at, as this user may not list them: nodes, pods, services, ingresses, storage classes, priority "
        "classes, ingress classes (ClusterRole poscloud-preflight: poscloud access)"
    ]


def test_an_empty_cluster_has_neither_room_nor_classes(project: Project) -> None:
    codes, notes = found(project, Live("v1.30.0", set(), {what: [] for what in LISTS}))
    assert (codes, notes) == (["not-in-cluster", "no-room"], [])


def test_a_kind_that_is_not_served_is_found_once_for_each_part(project: Project) -> None:
    codes, _ = found(project, Live("v1.30.0", {("apps/v1", "Deployment")}, {}))
    assert codes == ["api-not-served"]


def test_its_own_objects_are_not_in_its_way(project: Project) -> None:
    service = {"metadata": {"name": "a", "namespace": "env"}, "spec": {"ports": [{"nodePort": 30080}]}}
    theirs = {"metadata": {"name": "b", "namespace": "x"}, "spec": {"ports": [{"nodePort": 30080}]}}
    assert found(project, Live("", set(), {"services": [service]}))[0] == []
    assert found(project, Live("", set(), {"services": [theirs]}))[0] == ["node-port-taken"]


def test_what_cannot_be_read_of_another_environment_is_a_note(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("env", "broken", "closed", "fine"):
        project.write(f"{name}.yaml", "services: {a: {kind: java, node_port: 30080}}\n")
    root, stacks = Path(project.root), Path(project.root) / "stacks"
    (root / "Pulumi.broken.yaml").write_text("config: [\n")
    (stacks / "gone.yaml").symlink_to("nowhere.yaml")
    (stacks / "folder.yaml").mkdir()
    read = Path.read_text

    def read_text(file: Path, *args: str, **more: str) -> str:
        if file.name in ("closed.yaml", "Pulumi.closed.yaml"):
            raise PermissionError(13, "Permission denied")
        return read(file, *args, **more)

    (root / "Pulumi.closed.yaml").write_text("")
    monkeypatch.setattr(Path, "read_text", read_text)
    claims, notes = other_claims(root, "env")
    assert list(claims) == ["fine"]
    assert notes == [
        "environment 'broken' could not be compared: 1 problem found (poscloud check -s broken)",
        "environment 'closed' could not be compared: Permission denied (poscloud check -s closed)",
    ]


INGRESS = "ingress: [{host: shop.example.com, paths: {/: web}, ingress_class: %s}]\n"
DNS = "defaults: {dns-proxy: {node_selector: %s}}\n"


@pytest.mark.parametrize(
    ("own", "other", "codes"),
    [
        (INGRESS % "nginx", INGRESS % "nginx", {"ingress-taken"}),
        (INGRESS % "nginx", INGRESS % "internal", set()),
        (DNS % "{node: dns}", DNS % "{node: dns}", {"host-port-taken"}),
        (DNS % "{node: dns}", DNS % "{node: dns2}", set()),
        (DNS % "{kubernetes.io/hostname: a}", DNS % "{kubernetes.io/hostname: a}", {"host-port-taken"}),
        (DNS % "{disk: ssd}", DNS % "{disk: ssd}", set()),
        (DNS % "{node: dns}", DNS % "{}", set()),
    ],
)
def test_only_what_must_collide_is_taken(project: Project, own: str, other: str, codes: set[str]) -> None:
    services = "services: {web: java}\n" if "ingress" in own else "services: {dns: dns-proxy}\n"
    project.write("env.yaml", own + services)
    project.write("other.yaml", other + services)
    assert {p.code for p in check(Path(project.root), "env").problems} == codes


@pytest.mark.parametrize(
    ("spec", "annotations", "codes"),
    [
        ({"ingressClassName": "nginx"}, {}, ["ingress-taken"]),
        ({"ingressClassName": "internal"}, {}, []),
        ({}, {"kubernetes.io/ingress.class": "internal"}, []),
        ({}, {}, ["ingress-taken"]),
    ],
)
def test_a_host_of_another_class_is_free(
    project: Project, spec: dict[str, str], annotations: dict[str, str], codes: list[str]
) -> None:
    project.write("env.yaml", "services: {web: java}\n" + INGRESS % "nginx")
    rule = {"host": "shop.example.com", "http": {"paths": [{"path": "/"}]}}
    about = {"name": "b", "namespace": "x", "annotations": annotations}
    live = Live("", set(), {"ingresses": [{"metadata": about, "spec": {**spec, "rules": [rule]}}]})
    findings, _ = cluster_findings(describe(Path(project.root), "env"), live)
    assert [f.code for f in findings] == codes
