"""poscloud check --cluster on a real API server, and what it says of room beside what the real scheduler says."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK, BESIDE = "preflight", "beside"

WRONG = """\
pull_secret: null
limits: null
backing:
  redis: {storage: {size: 1Gi, storage_class: ceph-dbb}}
services:
  web: {kind: java, node_port: 30123}
  large: {kind: java, resources: {requests: {memory: 900Ti}, limits: {memory: 900Ti}}, uses: []}
  urgent: {kind: java, priority: hihg}
ingress:
  - {host: shop.example.com, paths: {/: web}, ingress_class: ngix}
"""

THERE = """\
apiVersion: v1
kind: Namespace
metadata: {name: beside}
---
apiVersion: v1
kind: Namespace
metadata: {name: preflight}
---
apiVersion: v1
kind: Service
metadata: {name: old, namespace: beside}
spec: {type: NodePort, selector: {app: old}, ports: [{port: 80, nodePort: 30123}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: old, namespace: beside}
spec:
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: old, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: example.com/nginx}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: team, namespace: preflight}
spec: {hard: {count/pods: "100", pods: "2"}}
"""


@pytest.fixture(scope="module")
def beside(workspace: Workspace) -> Iterator[Workspace]:
    """What others have in the cluster."""
    done = workspace.run("kubectl", "apply", "-f", "-", given=THERE)
    assert done.returncode == 0, done.stderr
    yield workspace
    workspace.run("kubectl", "delete", "--wait=false", "-f", "-", given=THERE)
    (workspace.root / "stacks" / f"{STACK}.yaml").unlink(missing_ok=True)


def checked(workspace: Workspace, text: str) -> tuple[int, dict[str, Any], float]:
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(text)
    started = time.perf_counter()
    done = workspace.run("poscloud", "check", "-s", STACK, "--cluster", "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout), time.perf_counter() - started


def test_what_the_cluster_has_already_is_found_at_its_place(beside: Workspace) -> None:
    mark = beside.audit_mark()
    code, answer, _ = checked(beside, WRONG)
    places = [(f"{p['line']}:{p['column']}", p["code"]) for p in answer["problems"]]
    assert places == [
        ("1:1", "quota-exceeded"),
        ("4:47", "not-in-cluster"),
        ("6:32", "node-port-taken"),
        ("7:54", "no-room"),
        ("8:34", "not-in-cluster"),
        ("10:12", "ingress-taken"),
        ("10:62", "not-in-cluster"),
    ], json.dumps(answer, indent=1)
    assert code == 1
    said = {p["code"]: p["message"] for p in answer["problems"]}
    assert "Service 'old' in namespace 'beside'" in said["node-port-taken"]
    assert "Insufficient memory." in said["no-room"]
    assert "ResourceQuota 'team'" in said["quota-exceeded"]
    assert answer["notes"] == []
    assert beside.writes_since(mark) == []


def test_what_fits_is_not_complained_about(beside: Workspace) -> None:
    code, answer, seconds = checked(beside, "pull_secret: null\nservices: {web: java}\n")
    assert (code, answer["problems"]) == (0, [])
    assert seconds < 10


# Each service is refused by all nodes, for another reason.
UNPLACED = """\
pull_secret: null
limits: null
defaults: {java: {resources: {requests: {cpu: 10m, memory: 1Mi}, limits: {cpu: 10m, memory: 1Gi}}}}
node_pools: {tainted: {labels: {pool: tainted}}, cordoned: {labels: {pool: cordoned}}}
services:
  large: {kind: java, resources: {requests: {memory: 900Ti}, limits: {memory: 900Ti}}}
  busy: {kind: java, resources: {requests: {cpu: 9000, memory: 900Ti}, limits: {cpu: 9000, memory: 900Ti}}}
  nowhere: {kind: java, node_selector: {node: nowhere}}
  tainted: {kind: java, pool: tainted}
  cordoned: {kind: java, pool: cordoned}
  apart: {kind: java, replicas: 2, node_selector: {pool: single}}
"""


@pytest.mark.long
def test_the_scheduler_says_the_same(beside: Workspace) -> None:
    nodes = [n["metadata"]["name"] for n in beside.get("nodes")["items"]]
    assert len(nodes) >= 3
    try:
        for node, pool in zip(nodes, ("tainted", "cordoned", "single"), strict=False):
            beside.ok("kubectl", "label", "node", node, f"pool={pool}")
        beside.ok("kubectl", "taint", "node", nodes[0], "dedicated=db:NoSchedule")
        beside.ok("kubectl", "cordon", nodes[1])
        beside.ok("kubectl", "delete", "quota", "team", "-n", STACK)
        _, answer, _ = checked(beside, UNPLACED)
        ours = {p["message"].split("Deployment ")[1].split(" ")[0]: p["message"] for p in answer["problems"]}
        assert {p["code"] for p in answer["problems"]} == {"no-room"}
        rendered = yaml.safe_load_all(beside.ok("poscloud", "render", "-s", STACK))
        deployments = [d for d in rendered if d["kind"] == "Deployment"]
        assert (
            beside.run("kubectl", "apply", "-f", "-", given=yaml.safe_dump_all(deployments)).returncode == 0
        )
        for name in ("large", "busy", "nowhere", "tainted", "cordoned", "apart"):
            said = unscheduled(beside, name)
            mine = re.sub(r"taint \{[^}]*\}", "taint(s)", ours[name].split("nowhere: ")[1])
            assert mine == said.split(". ")[0] + ".", (ours[name], said)
    finally:
        beside.run("kubectl", "uncordon", nodes[1])
        beside.run("kubectl", "taint", "node", nodes[0], "dedicated-")
        beside.run("kubectl", "label", "nodes", "--all", "pool-")


def unscheduled(workspace: Workspace, app: str) -> str:
    """Return what the scheduler says of a pod, once it does."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for pod in workspace.get("pods", "-n", STACK, "-l", f"app={app}")["items"]:
            for condition in pod.get("status", {}).get("conditions", []):
                if condition["type"] == "PodScheduled" and condition["status"] == "False":
                    return str(condition["message"])
        time.sleep(0.2)
    raise AssertionError(f"the scheduler says nothing of {app}")
