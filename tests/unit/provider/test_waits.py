"""What happened to objects, replayed with a clock that tests move."""

from __future__ import annotations

from typing import Any

import pytest

from poscloud.provider.trouble import Related
from poscloud.provider.waits import Judge, is_awaited, readiness

Object = dict[str, Any]


def obj(kind: str, spec: Object | None = None, status: Object | None = None, **meta: Any) -> Object:
    versions = {"Job": "batch/v1", "Ingress": "networking.k8s.io/v1"}
    version = versions.get(kind, "apps/v1" if kind in ("Deployment", "StatefulSet", "DaemonSet") else "v1")
    metadata = {"name": "x", "generation": 2, **meta}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata,
        "spec": spec or {},
        "status": status or {},
    }


def pod(state: Object | None = None, **status: Any) -> Object:
    container = {"name": "main", "image": "shop:1", "state": state or {}, **status.pop("container", {})}
    return obj("Pod", status={"containerStatuses": [container], **status})


def waits_for(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


FULL = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
SET = {
    "observedGeneration": 2,
    "replicas": 3,
    "readyReplicas": 3,
    "currentRevision": "a",
    "updateRevision": "a",
}
DAEMON = {
    "observedGeneration": 2,
    "desiredNumberScheduled": 2,
    "updatedNumberScheduled": 2,
    "numberAvailable": 2,
}
DEADLINE = {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")]}
OLD_DEADLINE = {"conditions": [{**DEADLINE["conditions"][0], "lastUpdateTime": "2026-01-01T00:00:05Z"}]}
BACKOFF = {"conditions": [condition("Failed", "True", "BackoffLimitExceeded", "too often")]}
SLICE = {"endpoints": [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}]}
NOT_READY = {"endpoints": [{"conditions": {"ready": False}}]}
SERVICE = {"type": "ClusterIP", "selector": {"a": "b"}, "clusterIP": "10.0.0.1"}


@pytest.mark.parametrize(
    ("found", "related", "state"),
    [
        (obj("Deployment", {"replicas": 2}, FULL), Related(), "ready"),
        (obj("Deployment", {"replicas": 2}, {**FULL, "observedGeneration": 1}), Related(), "waiting"),
        (obj("Deployment", {"replicas": 3}, FULL), Related(), "waiting"),
        (obj("Deployment", {"replicas": 2}, {**FULL, "replicas": 3}), Related(), "waiting"),
        (obj("Deployment", {"replicas": 2}, {**FULL, "availableReplicas": 1}), Related(), "waiting"),
        (obj("Deployment", {"replicas": 0}, {"observedGeneration": 2}), Related(), "ready"),
        (obj("Deployment", {"replicas": 2, "paused": True}), Related(), "ready"),
        (obj("Deployment", {"replicas": 2}, {**FULL, **DEADLINE}), Related(), "failed"),
        (
            obj("Deployment", {"replicas": 2}, {**FULL, "updatedReplicas": 1, **OLD_DEADLINE}),
            Related(facts={"written": "2026-01-01T00:00:10"}),
            "waiting",
        ),
        (obj("StatefulSet", {"replicas": 3}, SET), Related(), "ready"),
        (obj("StatefulSet", {"replicas": 3}, {**SET, "updateRevision": "b"}), Related(), "waiting"),
        (obj("StatefulSet", {"replicas": 3}, {**SET, "readyReplicas": 2}), Related(), "waiting"),
        (obj("DaemonSet", {}, DAEMON), Related(), "ready"),
        (obj("DaemonSet", {}, {**DAEMON, "numberAvailable": 1}), Related(), "waiting"),
        (obj("Job", {}, {"conditions": [condition("Complete", "True")]}), Related(), "ready"),
        (obj("Job", {}, BACKOFF), Related(), "failed"),
        (obj("Job", {"suspend": True}), Related(), "ready"),
        (obj("Job"), Related(), "waiting"),
        (obj("Pod", status={"conditions": [condition("Ready", "True")]}), Related(), "ready"),
        (obj("Pod", status={"phase": "Succeeded"}), Related(), "ready"),
        (obj("Pod", status={"phase": "Failed"}), Related(), "failed"),
        (obj("Service", SERVICE), Related(slices=[SLICE]), "ready"),
        (obj("Service", SERVICE), Related(slices=[{"endpoints": None}]), "ready"),
        (obj("Service", SERVICE), Related(slices=[NOT_READY]), "waiting"),
        (obj("Service", SERVICE), Related(slices=[]), "waiting"),
        (obj("Service", {**SERVICE, "clusterIP": "None"}), Related(), "ready"),
        (obj("Service", {**SERVICE, "type": "LoadBalancer"}), Related(slices=[SLICE]), "waiting"),
        (obj("Ingress"), Related(facts={"ingress-classes": "0"}), "ready"),
        (obj("Ingress"), Related(facts={"ingress-classes": "1"}), "waiting"),
        (obj("PersistentVolumeClaim", status={"phase": "Bound"}), Related(), "ready"),
        (obj("PersistentVolumeClaim", status={"phase": "Pending"}), Related(), "waiting"),
        (
            obj("PersistentVolumeClaim", status={"phase": "Pending"}),
            Related(facts={"binding-mode": "WaitForFirstConsumer"}),
            "ready",
        ),
        (obj("PersistentVolumeClaim", status={"phase": "Lost"}), Related(), "failed"),
        (obj("ConfigMap"), Related(), "ready"),
    ],
)
def test_readiness(found: Object, related: Related, state: str) -> None:
    assert readiness(found, related).state == state


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ("jsonpath={.status.phase}=Active", "ready"),
        ("jsonpath={.status.phase}=Gone", "waiting"),
        ("jsonpath={.status.list[0]['a.b']}", "ready"),
        ("condition=Done", "ready"),
        ("condition=Done=False", "waiting"),
        ('["condition=Done", "jsonpath={.status.phase}=Gone"]', "waiting"),
        ("nonsense", "failed"),
    ],
)
def test_wait_for(rule: str, state: str) -> None:
    status = {"phase": "Active", "list": [{"a.b": 1}], "conditions": [condition("Done", "True")]}
    found = obj("Thing", status=status, annotations={"pulumi.com/waitFor": rule})
    found["apiVersion"] = "example.com/v1"
    assert readiness(found).state == state


def test_skip_await() -> None:
    assert not is_awaited(obj("Deployment", annotations={"pulumi.com/skipAwait": "true"}))
    assert is_awaited(obj("Deployment"))


WAITING = obj("Deployment", {"replicas": 1}, {"observedGeneration": 2, "updatedReplicas": 1, "replicas": 1})
UNSCHEDULABLE = condition(
    "PodScheduled", "False", "Unschedulable", "0/3 nodes are available: 3 Insufficient memory"
)
EXITED = {"restartCount": 4, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}


@pytest.mark.parametrize(
    ("bad", "phrases"),
    [
        (
            pod(waits_for("ImagePullBackOff", "not found")),
            ["pod x, container main", "ImagePullBackOff", "shop:1"],
        ),
        (pod(waits_for("CreateContainerConfigError", 'secret "a" not found')), ['secret "a" not found']),
        (
            pod(waits_for("CrashLoopBackOff"), container=EXITED),
            ["last exit code 137 (OOMKilled)", "4 restarts"],
        ),
        (pod({"running": {}}, container=EXITED), ["CrashLoopBackOff", "137"]),
        (pod(conditions=[UNSCHEDULABLE]), ["cannot be scheduled", "Insufficient memory"]),
    ],
)
def test_pod_trouble_fails_after_the_grace(bad: Object, phrases: list[str]) -> None:
    judge = Judge(0, timeout=600, grace=60)
    assert judge.step(5, WAITING, Related([bad])).state == "waiting"
    assert judge.step(64, WAITING, Related([bad])).state == "waiting"
    verdict = judge.step(65, WAITING, Related([bad]))
    assert verdict.state == "failed"
    assert all(phrase in verdict.message for phrase in phrases), verdict.message


@pytest.mark.parametrize(("probes", "state"), [({}, "failed"), ({"readinessProbe": {}}, "waiting")])
def test_what_nobody_asks_is_not_settled_because_it_runs(probes: Object, state: str) -> None:
    restarted = pod({"running": {}}, container={**EXITED, "ready": True})
    restarted["spec"] = {"containers": [{"name": "main", **probes}]}
    judge = Judge(0, timeout=600, grace=60)
    judge.step(0, WAITING, Related([restarted]))
    assert judge.step(60, WAITING, Related([restarted])).state == state


@pytest.mark.parametrize(
    ("ended", "state"), [("2026-01-01T00:00:04Z", "waiting"), ("2026-01-01T00:00:06Z", "failed")]
)
def test_an_old_pod_that_has_settled_fails_no_rollout(ended: str, state: str) -> None:
    last = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ended}
    old = pod(
        {"running": {}}, container={"restartCount": 4, "lastState": {"terminated": last}, "ready": True}
    )
    old["spec"] = {"containers": [{"name": "main"}]}
    related = Related([old], facts={"written": "2026-01-01T00:00:05"})
    judge = Judge(0, timeout=600, grace=60)
    judge.step(0, WAITING, related)
    assert judge.step(60, WAITING, related).state == state


@pytest.mark.parametrize(
    ("reason", "probes", "told"),
    [("OOMKilled", {}, True), ("Error", {}, False), ("OOMKilled", {"readinessProbe": {}}, False)],
)
def test_too_little_memory_of_what_nobody_asks_is_told_at_the_first_restart(
    reason: str, probes: Object, told: bool
) -> None:
    ended = {"restartCount": 1, "lastState": {"terminated": {"exitCode": 137, "reason": reason}}}
    restarted = pod({"running": {}}, container={**ended, "ready": not probes})
    restarted["spec"] = {"containers": [{"name": "main", **probes}]}
    verdict = Judge(0, timeout=600).step(5, WAITING, Related([restarted]))
    assert (verdict.state, reason in verdict.message) == ("waiting", told)


def test_alternating_image_reasons_are_one_trouble() -> None:
    judge = Judge(0, timeout=600, grace=60)
    for second in range(0, 60, 5):
        reason = "ErrImagePull" if second % 10 else "ImagePullBackOff"
        assert judge.step(second, WAITING, Related([pod(waits_for(reason))])).state == "waiting"
    assert judge.step(60, WAITING, Related([pod(waits_for("ErrImagePull"))])).state == "failed"


def test_a_trouble_that_passes_starts_anew() -> None:
    judge = Judge(0, timeout=600, grace=60)
    bad = Related([pod(waits_for("ErrImagePull"))])
    judge.step(0, WAITING, bad)
    judge.step(30, WAITING)
    assert judge.step(70, WAITING, bad).state == "waiting"
    assert judge.step(130, WAITING, bad).state == "failed"


QUOTA = 'pods "x" is forbidden: exceeded quota: rq, requested: cpu=1, used: cpu=2, limited: cpu=2'
REFUSED = {
    "observedGeneration": 2,
    "conditions": [condition("ReplicaFailure", "True", "FailedCreate", QUOTA)],
}


@pytest.mark.parametrize(
    ("found", "related"),
    [
        (obj("Deployment", {"replicas": 1}, REFUSED), Related()),
        (obj("StatefulSet"), Related(events=[{"reason": "FailedCreate", "message": QUOTA}])),
        (obj("Job"), Related(events=[{"reason": "FailedCreate", "message": QUOTA}])),
    ],
)
def test_an_exceeded_quota_fails_within_15_seconds(found: Object, related: Related) -> None:
    judge = Judge(0, timeout=600, grace=60)
    assert judge.step(1, found, related).state == "waiting"
    verdict = judge.step(11, found, related)
    assert verdict.state == "failed"
    assert "exceeded quota: rq" in verdict.message


def test_the_timeout_says_what_was_missing() -> None:
    judge = Judge(100, timeout=30)
    assert judge.step(129, WAITING).state == "waiting"
    verdict = judge.step(130, WAITING)
    assert (verdict.state, verdict.message) == ("failed", "not ready after 30 s: 0 of 1 pods available")


def test_pods_that_are_going_away_are_no_trouble() -> None:
    old = pod(waits_for("ImagePullBackOff"))
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    judge = Judge(0, timeout=600, grace=0)
    assert judge.step(5, WAITING, Related([old])).state == "waiting"


def event(message: str, reason: str, **about: str) -> Object:
    return {"reason": reason, "message": message, "involvedObject": {"kind": "Pod", "name": "x", **about}}


def test_a_failing_probe_has_five_times_the_grace() -> None:
    told = event("Readiness probe failed: HTTP 503", "Unhealthy", fieldPath="spec.containers{main}")
    related = Related([pod({"running": {}})], around=[told])
    judge = Judge(0, timeout=600, grace=60)
    assert judge.step(0, WAITING, related).state == "waiting"
    assert judge.step(299, WAITING, related).state == "waiting"
    verdict = judge.step(300, WAITING, related)
    assert verdict.state == "failed"
    assert "container main runs, but Readiness probe failed: HTTP 503" in verdict.message


def test_a_pod_that_no_node_takes_is_told_with_its_claim() -> None:
    waiting = pod(conditions=[condition("PodScheduled", "False", "Unschedulable", "unbound claims")])
    waiting["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": "data"}}]
    told = event(
        'storageclass "fast" not found', "ProvisioningFailed", kind="PersistentVolumeClaim", name="data"
    )
    verdict = Judge(0, timeout=600, grace=0).step(0, WAITING, Related([waiting], around=[told]))
    assert 'PersistentVolumeClaim data: ProvisioningFailed: storageclass "fast" not found' in verdict.message
