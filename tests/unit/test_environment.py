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


def test_an_autoscaled_deployment_says_no_replicas(project: Project) -> None:
    spec = project.load("services: {a: {kind: java, replicas: 2, autoscale: {min: 2, max: 6, memory: 80}}}\n")
    found = objects(spec)
    assert "replicas" not in found["Deployment", "a"]["spec"]
    autoscaler = found["HorizontalPodAutoscaler", "a"]["spec"]
    assert (autoscaler["minReplicas"], autoscaler["maxReplicas"]) == (2, 6)
    assert autoscaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    targets = {
        m["resource"]["name"]: m["resource"]["target"]["averageUtilization"] for m in autoscaler["metrics"]
    }
    assert targets == {"cpu": 70, "memory": 80}


def test_only_several_pods_have_a_budget_and_none_blocks_a_drain_for_ever(project: Project) -> None:
    spec = project.load(
        "services: {a: java, b: {kind: java, replicas: 2}, c: {kind: java, autoscale: {min: 1, max: 2}}, "
        "d: {kind: java, replicas: 2, disruption_budget: false}}\n"
    )
    budgets = {name: m["spec"] for (kind, name), m in objects(spec).items() if kind == "PodDisruptionBudget"}
    assert sorted(budgets) == ["b", "c"]
    for budget in budgets.values():
        assert budget["maxUnavailable"] == 1
        assert "minAvailable" not in budget
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


CLASSES = """\
storage_classes:
  ceph-db: {ceph_rbd: {cluster_id: b9127830, pool: kube, node_secret: ceph-user}, reclaim: Retain}
priority_classes: {high: {value: 1000}}
priority: high
backing: {redis: {storage: {storage_class: ceph-db}, priority: cluster-wide}, mongo: {storage: {storage_class: fast}}}
services: {a: java}
"""


def test_classes_carry_the_environments_name_and_are_chosen_by_their_own(project: Project) -> None:
    spec = project.load(CLASSES)
    found = objects(spec)
    storage = found["StorageClass", "env.ceph-db"]
    assert storage["provisioner"] == "rbd.csi.ceph.com"
    assert storage["parameters"] == {
        "clusterID": "b9127830",
        "pool": "kube",
        "imageFeatures": "layering",
        "csi.storage.k8s.io/fstype": "ext4",
        "csi.storage.k8s.io/provisioner-secret-name": "ceph-secret",
        "csi.storage.k8s.io/provisioner-secret-namespace": "kube-system",
        "csi.storage.k8s.io/controller-expand-secret-name": "ceph-secret",
        "csi.storage.k8s.io/controller-expand-secret-namespace": "kube-system",
        "csi.storage.k8s.io/node-stage-secret-name": "ceph-user",
        "csi.storage.k8s.io/node-stage-secret-namespace": "kube-system",
    }
    assert found["PriorityClass", "env.high"]["value"] == 1000
    claims = {
        n: found["StatefulSet", n]["spec"]["volumeClaimTemplates"][0]["spec"] for n in ("redis", "mongo")
    }
    assert {n: c["storageClassName"] for n, c in claims.items()} == {"redis": "env.ceph-db", "mongo": "fast"}
    assert pod(spec, "Deployment", "a")["priorityClassName"] == "env.high"
    assert pod(spec, "StatefulSet", "redis")["priorityClassName"] == "cluster-wide"


def test_two_environments_of_one_cluster_make_different_objects(project: Project) -> None:
    def wide(environment: str, name: str) -> set[tuple[str, str]]:
        spec = project.load(f"priority_classes: {{{name}: {{value: 1}}}}\n", environment)
        return {key for key, m in objects(spec).items() if "namespace" not in m["metadata"]}

    assert not wide("a", "b-c") & wide("a-b", "c")
