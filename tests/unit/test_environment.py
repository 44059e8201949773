"""What an environment gives its parts: hosts, volumes, node ports."""

from __future__ import annotations

from typing import Any

from poscloud.render import Manifest, render_environment
from poscloud.spec import EnvironmentSpec
from tests.unit.conftest import Project

POOLS = """\
node_pools:
  public: {labels: {node: public}, hosts: 3}
  db: {labels: {node: db, disk: ssd}, taints: [{key: dedicated, value: db}, {key: old, effect: NoExecute}]}
node_selector: {zone: a}
"""


def objects(spec: EnvironmentSpec) -> dict[tuple[str, str], Manifest]:
    return {(m["kind"], m["metadata"]["name"]): m for p in render_environment(spec) for m in p.manifests}


def pod(spec: EnvironmentSpec, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = objects(spec)[kind, name]["spec"]["template"]["spec"]
    return found


def test_a_part_runs_in_its_own_pool_or_the_environments(project: Project) -> None:
    spec = project.load(
        POOLS + "pool: public\nbacking: {redis: {pool: db}}\nservices: {a: java, "
        "b: {kind: java, node_selector: {fast: 'true'}}, c: {kind: java, pool: db, node_selector: {zone: b}}}\n"
    )
    assert pod(spec, "Deployment", "a")["nodeSelector"] == {"node": "public", "zone": "a"}
    assert pod(spec, "Deployment", "b")["nodeSelector"] == {"node": "public", "fast": "true"}
    assert pod(spec, "Deployment", "c")["nodeSelector"] == {"node": "db", "disk": "ssd", "zone": "b"}
    assert pod(spec, "StatefulSet", "redis")["nodeSelector"] == {"node": "db", "disk": "ssd"}


def test_a_pools_pods_tolerate_its_taints(project: Project) -> None:
    spec = project.load(POOLS + "backing: {redis: {pool: db}}\nservices: {a: java}\n")
    assert pod(spec, "StatefulSet", "redis")["tolerations"] == [
        {"key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule"},
        {"key": "old", "operator": "Exists", "effect": "NoExecute"},
    ]
    assert "tolerations" not in pod(spec, "Deployment", "a")


def test_replicas_that_may_share_a_host_are_not_counted(project: Project) -> None:
    services = "{kind: java, pool: public, replicas: 9, anti_affinity: preferred}"
    assert project.load(POOLS + f"services: {{a: {services}}}\n").services["a"].replicas == 9


def test_a_shared_volume_is_mounted_where_the_service_says(project: Project) -> None:
    spec = project.load(
        "volumes:\n  img: {nfs: {server: 192.168.8.30, path: /home/img}}\n"
        "  fonts: {nfs: {server: h, path: /fonts}, read_only: true}\n"
        "services: {a: {kind: webapp, mounts: {img: /img, fonts: /fonts}}, b: java}\n"
    )
    volumes = {v["name"]: v.get("nfs") for v in pod(spec, "Deployment", "a")["volumes"]}
    assert volumes["img"] == {"server": "192.168.8.30", "path": "/home/img"}
    assert volumes["fonts"] == {"server": "h", "path": "/fonts", "readOnly": True}
    mounts = pod(spec, "Deployment", "a")["containers"][0]["volumeMounts"]
    assert {"name": "img", "mountPath": "/img"} in mounts
    assert {"name": "fonts", "mountPath": "/fonts", "readOnly": True} in mounts
    assert "img" not in str(pod(spec, "Deployment", "b"))


def test_a_node_port_leads_to_the_services_port(project: Project) -> None:
    spec = project.load("services: {a: {kind: java, node_port: 30090}, b: java}\n")
    service = objects(spec)["Service", "a"]["spec"]
    assert service["type"] == "NodePort"
    assert service["ports"] == [{"name": "http", "port": 9090, "targetPort": "http", "nodePort": 30090}]
    assert "type" not in objects(spec)["Service", "b"]["spec"]
