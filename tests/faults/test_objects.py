"""Faults of the objects themselves: each is told by name, quickly, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.faults.arena import DESCRIPTION, STACK, Arena, shows
from tests.faults.plain import Plain, named

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")


@pytest.fixture
def plain(arena: Arena) -> Iterator[Plain]:
    found = Plain(arena)
    yield found
    found.remove()


@pytest.mark.long
@pytest.mark.fault(9)
def test_a_quota_that_no_pod_fits_is_told_soon(present: Arena) -> None:
    present.kubectl("create", "quota", "tight", "--hard=pods=4")
    try:
        present.describe(DESCRIPTION + "  c: java\n  d: java\n")
        done = present.run(*UP)
    finally:
        present.kubectl("delete", "quota", "tight")
    used = "exceeded quota: tight, requested: pods=1, used: pods=4, limited: pods=4"
    # Ten minutes would be Kubernetes' own time.
    shows(
        done,
        "Deployment faults/c",
        "Deployment faults/d",
        used,
        "ask for less, or raise the quota",
        within=15,
    )


@pytest.mark.long
@pytest.mark.fault(9)
def test_a_quota_that_refuses_the_object_itself_is_told_at_once(plain: Plain) -> None:
    volume = named(
        "v1", "PersistentVolumeClaim", "data",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    )  # fmt: skip
    pod = named("v1", "Pod", "one", spec={"containers": [{"name": "one", "image": "none"}]})
    other = named("v1", "ConfigMap", "goes-on", data={"a": "b"})
    kubectl = plain.arena.workspace.ok
    hard = "--hard=pods=0,persistentvolumeclaims=0"
    kubectl("kubectl", "-n", Plain.NAMESPACE, "create", "quota", "none", hard)
    done = plain.up(volume, pod, other)
    refused = "exceeded quota: none, requested: {0}=1, used: {0}=0, limited: {0}=0"
    shows(done, refused.format("pods"), refused.format("persistentvolumeclaims"), within=10)
    assert plain.arena.workspace.get("configmap", "goes-on", "-n", Plain.NAMESPACE)
    kubectl("kubectl", "-n", Plain.NAMESPACE, "delete", "quota", "none")
    plain.converges(pod, other)


def edit(arena: Arena) -> None:
    editor = "sed -i 's/replicas: 1/replicas: 2/'"
    arena.workspace.run("kubectl", "-n", STACK, "edit", "deployment", "c", KUBE_EDITOR=editor)


def scale(arena: Arena) -> None:
    """What the autoscaler's controller does."""
    arena.kubectl("patch", "deployment", "c", "--subresource=scale", "--type=merge",
                  "--field-manager=kube-controller-manager", "-p", '{"spec": {"replicas": 2}}')  # fmt: skip


@pytest.mark.long
@pytest.mark.fault(13)
@pytest.mark.parametrize(("act", "manager"), [(edit, "kubectl-edit"), (scale, "kube-controller-manager")])
def test_a_field_that_somebody_else_owns_is_left_alone(present: Arena, act: object, manager: str) -> None:
    present.describe(DESCRIPTION + "  c: java\n")
    assert present.run(*UP).code == 0
    act(present)  # type: ignore[operator]
    present.describe(DESCRIPTION + "  c: {kind: java, replicas: 3}\n  d: java\n")
    done = present.run(*UP)
    ways = ("three ways out", "ignore_changes", "remove it from the program", 'pulumi.com/patchForce: "true"')
    shows(done, "Deployment faults/c", ".spec.replicas", manager, "the object is unchanged", *ways)
    assert present.workspace.get("deployment", "c", "-n", STACK)["spec"]["replicas"] == 2
    assert present.workspace.get("deployment", "d", "-n", STACK)["status"]["readyReplicas"] == 1, (
        "the rest goes on"
    )


@pytest.mark.long
@pytest.mark.fault(14)
def test_an_object_of_somebody_else_is_not_taken(present: Arena) -> None:
    present.kubectl("create", "service", "clusterip", "c", "--tcp=80:80")
    present.describe(DESCRIPTION + "  c: java\n")
    try:
        before = present.workspace.get("service", "c", "-n", STACK)
        done = present.run(*UP)
        shows(done, "Service faults/c exists already, created by kubectl", "nothing was changed",
             "choose another name", "import_='faults/c'")  # fmt: skip
        assert present.workspace.get("service", "c", "-n", STACK) == before
        assert "Service/c" not in present.objects()
    finally:
        present.kubectl("delete", "service", "c")


@pytest.mark.fault(15)
def test_a_change_that_loses_data_is_refused_by_the_preview(present: Arena) -> None:
    present.describe(DESCRIPTION.replace("redis: {}", "redis: {storage: {size: 20Gi}}"))
    done = present.run("poscloud", "preview")
    shows(done, "StatefulSet faults/redis would have to be deleted and created anew", "volumeClaimTemplates",
         "That loses all its pods at once, and the data", "POSCLOUD_ALLOW_REPLACE=StatefulSet/redis")  # fmt: skip


@pytest.mark.long
@pytest.mark.fault(15)
def test_what_an_immutable_field_costs_is_told_by_the_preview(plain: Plain) -> None:
    def deployment(label: str) -> dict[str, object]:
        labels = {"app": label}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "none"}]}}
        return named(
            "apps/v1", "Deployment", "web", spec={"selector": {"matchLabels": labels}, "template": pod}
        )

    def claim(storage_class: str) -> dict[str, object]:
        marks = {"poscloud.io/stack": "plain/plain", "pulumi.com/skipAwait": "true"}
        asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        spec = {**asked, "storageClassName": storage_class}
        return named("v1", "PersistentVolumeClaim", "data", metadata={"annotations": marks}, spec=spec)

    plain.converges(deployment("one"), claim("slow"))
    done = plain.preview(deployment("two"), claim("slow"))
    shows(done, "Deployment plain/web will be deleted and created anew", "spec.selector.matchLabels.app: one → two",
         "its pods are deleted and start anew", "1 to replace", code=0)  # fmt: skip
    lost = plain.preview(deployment("one"), claim("fast"))
    shows(lost, "PersistentVolumeClaim plain/data would have to be deleted", "spec.storageClassName: slow → fast",
         "That loses the data on the volume", "POSCLOUD_ALLOW_REPLACE=PersistentVolumeClaim/data")  # fmt: skip
    plain.converges(deployment("one"), claim("slow"))


@pytest.mark.long
@pytest.mark.fault(16)
def test_a_finalizer_that_nobody_clears_is_named_and_destroy_is_resumed(present: Arena) -> None:
    present.kubectl("patch", "configmap", "redis-config", "--type=merge", "-p",
                    '{"metadata": {"finalizers": ["example.com/never"]}}')  # fmt: skip
    try:
        done = present.run("poscloud", "destroy", "--yes", POSCLOUD_DELETE_TIMEOUT_SECONDS="15", limit=90)
        shows(done, "Namespace faults is still being deleted after 15 s",
             "ConfigMap faults/redis-config (finalizers example.com/never, set by kubectl-patch)",
             "then run it again", within=30)  # fmt: skip
        assert "Namespace/faults" in present.objects(), "what is still there stays in the state"
    finally:
        present.kubectl("patch", "configmap", "redis-config", "--type=merge", "-p",
                        '{"metadata": {"finalizers": null}}')  # fmt: skip
    again = present.run("poscloud", "destroy", "--yes")
    shows(again, "nothing is left of faults", code=0)


@pytest.mark.long
@pytest.mark.fault(16)
def test_an_object_that_hangs_in_deletion_stays_in_the_state(present: Arena) -> None:
    present.describe(DESCRIPTION + "  c: java\n")
    assert present.run(*UP).code == 0
    present.kubectl(
        "patch", "service", "c", "--type=merge", "-p", '{"metadata": {"finalizers": ["example.com/never"]}}'
    )
    present.describe(DESCRIPTION)
    done = present.run(*UP, POSCLOUD_DELETE_TIMEOUT_SECONDS="5")
    shows(
        done, "Service faults/c is still being deleted after 5 s", "finalizers example.com/never", within=20
    )
    assert "Service/c" in present.objects()
    live = json.loads(present.kubectl("get", "service", "c", "-o", "json"))
    assert live["metadata"]["deletionTimestamp"]
    present.kubectl("patch", "service", "c", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
