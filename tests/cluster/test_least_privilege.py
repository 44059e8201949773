"""poscloud's own rights are those it uses, each verb of them, as the API server's audit log tells."""

from __future__ import annotations

import stat
from collections.abc import Iterator

import pytest

from poscloud.local import access
from poscloud.render.teams import RULES
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "rights"
# One part of every kind of object that any environment has; all of it changes, then most of it goes.
FULL = """\
pull_secret: registry
secrets: {words: [word]}
quota: {limits.memory: MEMORYGi}
limits: {max: {memory: MEMORYGi}}
isolation: {to_networks: [10.31.NUMBER.0/24]}
storage_classes: {ceph: {ceph_rbd: {cluster_id: CEPHNUMBER}}}
priority_classes: {high: {value: 1000, description: PriorityNUMBER}}
ingress: [{host: shop.example.com, paths: {/NUMBER: a}}]
backing:
  zookeeper: {}
  kafka: {replicas: 3, topics: {applog: {partitions: NUMBER}}}
  redis: {config: {maxclients: NUMBER00}}
access: {qa: {}}
services:
  a: {kind: java, version: vNUMBER, autoscale: {min: 2, max: NUMBER}, anti_affinity: none}
  b: {kind: java, node_port: 3009NUMBER, filebeat: {}}
  janitor:
    {kind: janitor, image: "c:1", git: {repository: "http://g/e.git", revision: vNUMBER}, context: c, backend: "s3://b",
    passphrase: {secret: words, key: word}, archive: {claim: a}, overrides: {ServiceAccount: {metadata: {annotations:
    {example.com/n: "NUMBER"}}}, ClusterRoleBinding: {metadata: {annotations: {example.com/n: "NUMBER"}}}}}
"""
LITTLE = "pull_secret: registry\nservices: {b: {kind: java}}\n"

Right = tuple[str, str]
SWEEP = "poscloud sweep --data removes claims that nothing uses"
KEPT = (
    "configmaps secrets services limitranges resourcequotas deployments statefulsets jobs ingresses networkpolicies "
    "poddisruptionbudgets horizontalpodautoscalers endpointslices cronjobs"
)
LATER = "a later version of poscloud, which labels its objects otherwise"
OUTSIDE = "a MySQL outside the cluster that is given by its address"
UNUSED: dict[Right, str] = {
    ("delete", "limitranges"): "an environment that no longer has any limits",
    ("get", "pods"): "kubectl describe pod, which messages and documents name",
    **{("patch", kind): LATER for kind in ("namespaces", "jobs", "poddisruptionbudgets")},
    **{("watch", kind): "a delete that is not done at once" for kind in KEPT.split()},
    **{(verb, "persistentvolumeclaims"): SWEEP for verb in ("get", "delete")},
    **{(verb, "endpointslices"): OUTSIDE for verb in ("get", "create", "patch", "delete")},
    **{("list", kind): "poscloud history" for kind in ("replicasets", "controllerrevisions")},
    **{(verb, "pods/exec"): "poscloud exec and shell" for verb in ("create", "get")},
    ("delete", "pods"): "what somebody changed in a pod is over",
    **{
        (verb, resource): "held by who gives it to a team: the API server asks for it when a Role is written"
        for rule in RULES
        for resource in rule.resources
        for verb in rule.verbs
    },
    **{("patch", kind): "a team whose rights or labels change" for kind in ("roles", "rolebindings")},
    **{right: "a node guard looks" for right in (("list", "nodes"), ("create", "pods/eviction"))},
    ("bind", "clusterroles"): "asked by the API server itself, when a janitor's binding is written",
}
"""Rights that this short life does not always use, and what does."""


def given() -> set[Right]:
    """Return every verb and resource of the roles."""
    return {
        (verb, resource)
        for role in access.roles()
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(workspace: Workspace, mark: int) -> set[Right]:
    """Return every verb and resource that poscloud asked for, allowed or not."""
    return {
        (event["verb"], "/".join(filter(None, (ref["resource"], ref.get("subresource", "")))))
        for event in workspace.requests_since(mark)
        if (ref := event.get("objectRef"))
    }


def describe(workspace: Workspace, text: str) -> None:
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(text)


@pytest.fixture(scope="module")
def lived(workspace: Workspace) -> Iterator[set[Right]]:
    """The whole life of an environment, and what poscloud asked the API server meanwhile."""
    mark = workspace.audit_mark()
    try:
        workspace.ok("pulumi", "stack", "select", "--create", STACK)
        workspace.ok(
            "pulumi", "config", "set", "--secret", "poscloud:words.word", "not-a-real-one", "-s", STACK
        )
        for number, memory in ((3, 90), (4, 91)):
            describe(workspace, FULL.replace("NUMBER", str(number)).replace("MEMORY", str(memory)))
            workspace.ok("poscloud", "preview", "-s", STACK)
            workspace.ok("poscloud", "up", "-s", STACK)
            workspace.ok(
                "pulumi", "config", "set", "--secret", "poscloud:words.word", "nor-this-one", "-s", STACK
            )
        for team in ("qa", "guest"):
            workspace.ok("poscloud", "access", "create", team, "-s", STACK)
        assert "access    team guest: by hand by " in workspace.run("poscloud", "drift", "-s", STACK).stdout
        workspace.ok("poscloud", "access", "delete", "guest", "-s", STACK)
        workspace.ok("pulumi", "refresh", "--yes", "-s", STACK)
        describe(workspace, LITTLE)
        workspace.ok("poscloud", "up", "-s", STACK)
        workspace.ok("poscloud", "sweep", "-s", STACK)
        workspace.ok("poscloud", "env", "list")
        workspace.ok("poscloud", "check", "-s", STACK, "--cluster")
        workspace.ok("poscloud", "access", "create", "guest", "-s", STACK)
    finally:
        down = workspace.run("poscloud", "destroy", "-s", STACK)
    assert down.returncode == 0, down.stdout[-4000:] + down.stderr[-2000:]
    assert "0 PersistentVolumes, " in down.stderr
    assert "access ends with it: team guest: by hand by " in down.stderr
    yield used(workspace, mark)


def test_everything_asked_for_is_given(lived: set[Right]) -> None:
    assert not (more := lived - given()), words(more)


def test_nothing_is_given_that_is_not_asked_for(lived: set[Right]) -> None:
    assert not (idle := given() - lived - set(UNUSED)), words(idle)
    assert not (stale := set(UNUSED) - given()), words(stale)


def words(rights: set[Right]) -> str:
    return "; ".join(" ".join(right) for right in sorted(rights))


def test_only_their_owner_reads_what_is_secret(workspace: Workspace, lived: set[Right]) -> None:
    """Keys by themselves, not only by way of the folder above them all; what the engine and etcd write, by theirs."""
    paths = workspace.paths
    folders = [paths.cluster / name for name in ("pki", "config")]
    entries = [paths.owned, paths.state, paths.pulumi_home, paths.cluster, paths.cluster / "etcd", *folders]
    entries += [paths.passphrase, paths.kubeconfig, paths.activate, paths.cluster / "cluster.json"]
    entries += [file for folder in folders for file in folder.iterdir()]
    entries += list((paths.cluster / "logs").glob("audit*"))
    open_to_others = {
        str(entry.relative_to(paths.root)): oct(mode)
        for entry in entries
        if (mode := stat.S_IMODE(entry.stat().st_mode)) & 0o077
    }
    assert not open_to_others, open_to_others
