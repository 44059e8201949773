"""What an environment gives its parts: hosts, volumes, classes, autoscalers, policies, Ingress rules."""

from __future__ import annotations

import importlib.util
import struct
import zoneinfo
from pathlib import Path
from typing import Any

import pytest

from poscloud.errors import InputError
from poscloud.load import load_file
from poscloud.render import Manifest, render_environment
from poscloud.render.check import check_rendering
from poscloud.render.check_names import check_names
from poscloud.spec import EnvironmentSpec
from tests.unit.conftest import Project
from tests.write_golden import GOLDEN, ROOT, render_example

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


def test_the_example_is_right() -> None:
    assert check_rendering(load_file(ROOT / "examples" / "environment.yaml", ROOT)) == []
    golden = (GOLDEN / "examples" / "environment.yaml").read_text()
    assert render_example("environment") == golden, "run `make golden` and read the difference"


def test_adopt_says_so_on_the_namespace_and_what_comes_before_it(project: Project) -> None:
    text = "priority_classes: {high: {value: 1}}\nbacking: {redis: {}}\nservices: {a: java}\n"
    before, after = objects(project.load(text)), objects(project.load(f"adopt: true\n{text}"))
    changed = [kind for kind, name in before if before[kind, name] != after[kind, name]]
    assert changed == ["Namespace", "PriorityClass"], "nothing may roll when it is taken out again"
    for kind in changed:
        [item] = [m for (k, _), m in after.items() if k == kind]
        assert item["metadata"]["annotations"]["poscloud.io/adopt"] == "true"


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


def policies(spec: EnvironmentSpec) -> dict[str, Any]:
    return {name: m["spec"] for (kind, name), m in objects(spec).items() if kind == "NetworkPolicy"}


def test_isolation_lets_in_the_own_pods_and_who_is_named(project: Project) -> None:
    spec = project.load(
        "isolation: {from_namespaces: [monitoring], from_networks: [192.168.0.0/16]}\nservices: {a: java}\n"
    )
    assert policies(spec) == {
        "isolation": {
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [
                        {"podSelector": {}},
                        namespaces("monitoring", "ingress-nginx"),
                        {"ipBlock": {"cidr": "192.168.0.0/16"}},
                    ]
                }
            ],
        }
    }


def namespaces(*values: str) -> dict[str, Any]:
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(values)}
    return {"namespaceSelector": {"matchExpressions": [expression]}}


def test_isolation_of_what_goes_out_leaves_the_own_pods_and_dns(project: Project) -> None:
    policy = policies(project.load("isolation: {to_networks: []}\n"))["isolation"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    inside, dns = policy["egress"]
    assert inside == {"to": [{"podSelector": {}}]}
    assert namespaces("kube-system") in dns["to"]
    assert {(p["protocol"], p["port"]) for p in dns["ports"]} == {("UDP", 53), ("TCP", 53)}


def test_a_server_outside_that_is_named_by_its_address_may_be_reached(project: Project) -> None:
    external = "{kind: mysql, external: {host: 10.31.222.100, port: 3307}}"
    spec = project.load(f"isolation: {{to_networks: []}}\nbacking: {{ledger: {external}}}\n")
    *_, last = policies(spec)["isolation"]["egress"]
    assert last == {
        "to": [{"ipBlock": {"cidr": "10.31.222.100/32"}}],
        "ports": [{"protocol": "TCP", "port": 3307}],
    }


def test_a_node_port_stays_open_in_an_isolated_environment(project: Project) -> None:
    spec = project.load("isolation: true\nservices: {a: {kind: java, node_port: 30090}, b: java}\n")
    found = policies(spec)
    assert sorted(found) == ["a-node-port", "isolation"]
    assert found["a-node-port"]["podSelector"] == {"matchLabels": {"app": "a"}}
    assert found["a-node-port"]["ingress"] == [{"ports": [{"protocol": "TCP", "port": 9090}]}]


def test_without_isolation_there_is_no_policy(project: Project) -> None:
    assert policies(project.load("services: {a: {kind: java, node_port: 30090}}\n")) == {}
    assert policies(project.load("isolation: false\n")) == {}


def test_an_ingress_rule_may_have_several_hosts(project: Project) -> None:
    spec = project.load(
        """\
        services: {web: java, api: java}
        ingress:
          - host: shop.example.com
            paths: {/: web, /api: api}
            tls: shop-tls
            also: [www.shop.example.com, {host: api.example.com, paths: {/v1: api}, path_type: Exact, tls: api-tls}]
        """
    )
    ingress = objects(spec)["Ingress", "shop.example.com"]["spec"]
    found = {
        rule["host"]: [(p["path"], p["pathType"]) for p in rule["http"]["paths"]] for rule in ingress["rules"]
    }
    own = [("/", "Prefix"), ("/api", "Prefix")]
    assert found == {
        "shop.example.com": own,
        "www.shop.example.com": own,
        "api.example.com": [("/v1", "Exact")],
    }
    assert ingress["tls"] == [
        {"hosts": ["shop.example.com", "www.shop.example.com"], "secretName": "shop-tls"},
        {"hosts": ["api.example.com"], "secretName": "api-tls"},
    ]


def test_ingress_rules_lead_to_the_services_ports(project: Project) -> None:
    spec = project.load(
        """\
        services: {web: java, old: {kind: webapp}}
        ingress:
          - host: shop.example.com
            paths: {/: web, /old: {service: old, port: 8080}}
            tls: shop-tls
            annotations: {nginx.ingress.kubernetes.io/proxy-read-timeout: "300"}
          - {host: "*.example.com", paths: {/: old}, ingress_class: internal, path_type: Exact}
        """
    )
    shop, wild = (objects(spec)["Ingress", name] for name in ("shop.example.com", "any.example.com"))
    assert shop["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "300"
    assert shop["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert shop["spec"]["tls"] == [{"hosts": ["shop.example.com"], "secretName": "shop-tls"}]
    assert shop["spec"]["ingressClassName"] == "nginx"
    (rule,) = shop["spec"]["rules"]
    backends = {p["path"]: p["backend"]["service"] for p in rule["http"]["paths"]}
    assert backends == {
        "/": {"name": "web", "port": {"number": 9090}},
        "/old": {"name": "old", "port": {"number": 8080}},
    }
    (rule,) = wild["spec"]["rules"]
    assert (wild["spec"]["ingressClassName"], rule["host"]) == ("internal", "*.example.com")
    assert [p["pathType"] for p in rule["http"]["paths"]] == ["Exact"]


@pytest.mark.parametrize(
    ("name", "fields", "production"),
    [
        ("prod", "", True),
        ("wbyh-prod", "", True),
        ("wbyh-stage", "", False),
        ("product", "", False),
        ("prod", "production: false\n", False),
        ("stage", "production: true\n", True),
    ],
)
def test_production_is_told_by_the_name_unless_it_is_said(
    project: Project, name: str, fields: str, production: bool
) -> None:
    assert project.load(fields + "services: {}\n", name).is_production() is production


@pytest.mark.parametrize(
    ("image", "production_takes_it"),
    [("h:5000/a/b:1.2", True), ("a@sha256:" + "0" * 64, True), ("h:5000/a", False), ("a:latest", False)],
)
def test_a_production_image_says_which_one_it_is(
    project: Project, image: str, production_takes_it: bool
) -> None:
    spec = project.load(f"production: true\nservices: {{a: {{kind: java, image: '{image}'}}}}\n")
    assert check_rendering(spec) is not production_takes_it


@pytest.mark.parametrize(
    ("kind", "length", "fits"),
    [("Service", 63, True), ("Service", 64, False), ("StatefulSet", 53, False), ("ConfigMap", 253, True)],
)
def test_a_name_that_its_suffix_makes_too_long_is_found(kind: str, length: int, fits: bool) -> None:
    item: Manifest = {"kind": kind, "metadata": {"name": "a" * length, "labels": {}}, "spec": {}}
    found = check_names([item], ("services", "a"))
    assert found is not fits
    assert all(f.path == ("services", "a") and "at most" in f.message for f in found)


@pytest.mark.parametrize("database", [True, False])
def test_a_time_zone_is_looked_up_where_there_is_a_database(
    project: Project, tmp_path: Path, database: bool
) -> None:
    if database:
        (tmp_path / "Asia").mkdir()
        # No transitions, and one type, of the abbreviation UTC (RFC 8536).
        counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
        (tmp_path / "Asia" / "Shanghai").write_bytes(b"TZif" + bytes(16) + counts + bytes(6) + b"UTC\0")
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        assert project.load("time_zone: Asia/Shanghai\n")
        if database:
            with pytest.raises(InputError, match=r"1:12.*'Mars/Phobos' is no time zone"):
                project.load("time_zone: Mars/Phobos\n")
        elif importlib.util.find_spec("tzdata") is None:
            assert project.load("time_zone: Mars/Phobos\n")
    finally:
        zoneinfo.reset_tzpath()
