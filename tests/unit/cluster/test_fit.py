"""Whether pods find room: each reason in the scheduler's words, and where the description is to be changed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from poscloud.cluster.preflight.fit import check_fit
from poscloud.cluster.preflight.nodes import nodes_of
from poscloud.cluster.preflight.wanted import wanted_pods
from poscloud.render.check import render_checked
from poscloud.spec import EnvironmentSpec

Object = dict[str, Any]


def node(name: str, memory: str = "8Gi", **more: Any) -> Object:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", **more.get("labels", {})}
    allocatable = {"cpu": "4", "memory": memory, "pods": str(more.get("pods", 110))}
    spec = {"taints": more.get("taints", []), "unschedulable": more.get("cordoned", False)}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"allocatable": {**allocatable, "ephemeral-storage": "100Gi"}},
    }


def pod(on: str, memory: str, namespace: str = "elsewhere", **container: Any) -> Object:
    wanted = {"name": "c", "resources": {"requests": {"memory": memory}}, **container}
    return {"metadata": {"namespace": namespace}, "spec": {"nodeName": on, "containers": [wanted]}}


def found(text: str, nodes: list[Object], pods: list[Object] | None = None) -> list[tuple[str, str, str]]:
    spec = EnvironmentSpec.model_validate({"name": "env", **yaml.safe_load(text)})
    parts, wrong = render_checked(spec)
    assert not wrong
    findings = check_fit(spec, wanted_pods(spec, parts), nodes_of(nodes, pods or [], "env"))
    return [(f.code, ".".join(map(str, f.path)), f.message) for f in findings]


def web(replicas: int = 1, more: str = "anti_affinity: none") -> str:
    return f"services: {{web: {{kind: java, replicas: {replicas}, {more}}}}}"


CASES = {
    "it fits": (web(), [node("a")], []),
    "memory of others": (
        web(),
        [node("a", "2Gi"), node("b", "2Gi")],
        [
            ("no-room", "services.web.resources.requests.memory", "the pod of Deployment web would fit nowhere: "
             "0/2 nodes are available: 2 Insufficient memory.")
        ],
    ),
    "three of five": (
        web(5),
        [node("a", "3Gi")],
        [
            ("no-room", "services.web.resources.requests.memory", "2 of 5 pods of Deployment web would fit nowhere: "
             "0/1 nodes are available: 1 Insufficient memory.")
        ],
    ),
    "two may not share a host": (
        web(2, "anti_affinity: required"),
        [node("a")],
        [
            ("no-room", "services.web.replicas", "1 of 2 pods of Deployment web would fit nowhere: "
             "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.")
        ],
    ),
    "cordoned and tainted": (
        web(),
        [node("a", cordoned=True), node("b", taints=[{"key": "dedicated", "value": "db", "effect": "NoSchedule"}])],
        [
            ("no-room", "services.web", "the pod of Deployment web would fit nowhere: 0/2 nodes are available: "
             "1 node(s) had untolerated taint {dedicated: db}, 1 node(s) were unschedulable.")
        ],
    ),
    "a taint that prefers is none": (
        web(), [node("a", taints=[{"key": "x", "effect": "PreferNoSchedule"}])], []
    ),
    "a pool's taint is tolerated": (
        "node_pools: {db: {labels: {node: db}, taints: [{key: dedicated, value: db}]}}\n" + web(1, "pool: db"),
        [node("a", labels={"node": "db"}, taints=[{"key": "dedicated", "value": "db", "effect": "NoSchedule"}])],
        [],
    ),
    "no node has the label": (
        "node_selector: {node: public}\n" + web(),
        [node("a"), node("b", labels={"node": "db"})],
        [
            ("no-room", "services.web.node_selector", "the pod of Deployment web would fit nowhere: 0/2 nodes are "
             "available: 2 node(s) didn't match Pod's node affinity/selector.")
        ],
    ),
    "the host's port is taken everywhere": (
        "services: {dns: {kind: dns-proxy}}",
        [node("a", labels={"node": "dns"})],
        [
            ("host-port-taken", "services.dns.port", "the pod of Deployment dns would fit nowhere: 0/1 nodes are "
             "available: 1 node(s) didn't have free ports for the requested pod ports.")
        ],
    ),
    "no pods left": (
        web(2),
        [node("a", pods=2)],
        [
            ("no-room", "services.web.replicas", "1 of 2 pods of Deployment web would fit nowhere: 0/1 nodes are "
             "available: 1 Too many pods.")
        ],
    ),
    "no nodes": (
        web(),
        [],
        [("no-room", "services.web", "the pod of Deployment web would fit nowhere: the cluster has no nodes.")],
    ),
    "as few as the autoscaler begins with": (web(1, "autoscale: {min: 1, max: 9}"), [node("a")], []),
    "a spread over zones": (
        web(2, "anti_affinity: none, overrides: {Deployment: {spec: {template: {spec: {topologySpreadConstraints: [{"
            "maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}"
            "]}}}}}"),
        [node("a", labels={"zone": "1"}), node("b", "1Mi", labels={"zone": "2"})],
        [
            ("no-room", "services.web.resources.requests.memory", "1 of 2 pods of Deployment web would fit nowhere: "
             "0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match pod topology spread constraints.")
        ],
    ),
}  # fmt: skip

LIVE = {
    "memory of others": [pod("a", "1500Mi"), pod("b", "1500Mi")],
    "it fits": [pod("a", "100Gi", "env")],  # its own, placed anew
    "the host's port is taken everywhere": [pod("a", "1Mi", ports=[{"hostPort": 53, "protocol": "UDP"}])],
    "no pods left": [pod("a", "1Mi")],
}


@pytest.mark.parametrize("name", CASES)
def test_pods_fit_or_the_message_says_why_not(name: str) -> None:
    text, nodes, expected = CASES[name]
    assert found(text, nodes, LIVE.get(name)) == expected
