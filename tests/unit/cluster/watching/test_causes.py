"""The likely cause, case by case: what is seen, and the line that is shown."""

from __future__ import annotations

import pytest

from poscloud.cluster.watching.why.causes import Evidence, likely_cause

IMAGE = (
    "pod web-1, container web: ImagePullBackOff (image harbor.example.com/a/web:v9): Back-off pulling image: "
)
PROBE = "pod web-1, container web runs, but Readiness probe failed: "

CASES = [
    (
        Evidence(state="its pods are refused: pods \"web-1\" is forbidden: exceeded quota: all, requested: "
                 "limits.memory=4Gi, used: limits.memory=14Gi, limited: limits.memory=16Gi; let it ask for less"),
        "the quota is used up: it asks for limits.memory=4Gi, limits.memory=14Gi of limits.memory=16Gi is taken",
    ),
    (
        Evidence(state='its pods are refused: pods "web-1" is forbidden: maximum memory usage per Container is 4Gi, '
                 "but limit is 8Gi"),
        "it asks for more memory than the LimitRange allows a Container: 4Gi",
    ),
    (
        Evidence(state="pod web-1 cannot be scheduled: 0/6 nodes are available: 6 Insufficient memory. It requests: "
                 "web memory=900Gi."),
        "no node has enough memory left for what it requests",
    ),
    (
        Evidence(state="pod web-1 cannot be scheduled: 0/6 nodes are available: 6 node(s) didn't match Pod's node "
                 "affinity/selector. Its nodeSelector: node=gpu."),
        "no node has the labels that it asks for (node=gpu)",
    ),
    (
        Evidence(state="pod web-1 cannot be scheduled: 0/1 nodes are available: 1 node(s) didn't match pod "
                 "anti-affinity rules."),
        "its pods may not share a node, and no other node is free",
    ),
    (
        Evidence(state="pod db-0 cannot be scheduled: 0/6 nodes are available: pod has unbound immediate "
                 "PersistentVolumeClaims."),
        "its volume claim has no volume",
    ),
    (
        Evidence(state=IMAGE + 'failed to resolve reference "harbor.example.com/a/web:v9": not found'),
        "there is no image harbor.example.com/a/web:v9 in the registry",
    ),
    (
        Evidence(state=IMAGE + "pull access denied, repository does not exist or may require authorization"),
        "there is no image harbor.example.com/a/web:v9 in the registry",
    ),
    (
        Evidence(state=IMAGE + "401 Unauthorized"),
        "the registry refuses image harbor.example.com/a/web:v9: the pull secret is missing or wrong",
    ),
    (
        Evidence(state=IMAGE + "dial tcp: lookup harbor.example.com: no such host"),
        "the node cannot reach the registry of image harbor.example.com/a/web:v9",
    ),
    (
        Evidence(state='pod web-1, container web: CreateContainerConfigError: secret "nexus" not found'),
        "secret nexus is missing",
    ),
    (
        Evidence(state="pod web-1, container web: CreateContainerConfigError: couldn't find key username in Secret "
                 "shop/nexus"),
        "Secret shop/nexus has no key username",
    ),
    (
        Evidence(state="0 of 1 pods available",
                 events=('FailedMount: MountVolume.SetUp failed for volume "c" : configmap "web-config" not found',)),
        "configmap web-config is missing",
    ),
    (
        Evidence(events=("FailedMount: mount failed: exit status 32 mount.nfs: access denied by server",)),
        "its NFS volume cannot be mounted: access denied",
    ),
    (
        Evidence(state="pod web-1, container web: CrashLoopBackOff", ended="exit code 137 (OOMKilled)"),
        "it needed more memory than its limit and was killed (OOMKilled)",
    ),
    (
        Evidence(ended="exit code 1 (Error)", log=("INFO start", "java.lang.OutOfMemoryError: Java heap space", "bye")),
        "Java ran out of memory: Java heap space",
    ),
    (
        Evidence(ended="exit code 1 (Error)", log=(
            "fetch-jar: there is no http://n/a.jar (HTTP 404): version 'v9' does not exist there",)),
        "its jar was not fetched: there is no http://n/a.jar (HTTP 404): version 'v9' does not exist there",
    ),
    (
        Evidence(ended="exit code 1 (Error)", log=("Caused by: java.net.UnknownHostException: kafka-9.kafka",),
                 waits_for=("kafka",)),
        "it does not find kafka-9.kafka; kafka not ready",
    ),
    (
        Evidence(ended="exit code 1 (Error)", log=("connect to mysql:3306 failed: Connection refused",)),
        "nothing answers at mysql:3306",
    ),
    (
        Evidence(ended="exit code 1 (Error)", log=("Access denied for user 'dac'@'10.244.1.3' (using password: YES)",)),
        "the database refuses user dac",
    ),
    (
        Evidence(ended="exit code 1 (Error)", log=("Could not resolve placeholder 'pay.url' in value",)),
        "configuration pay.url is not set",
    ),
    (
        Evidence(ended="exit code 143 (Error)",
                 events=("Unhealthy: Liveness probe failed: dial tcp 10.244.1.3:8080: i/o timeout",)),
        "it was restarted because its liveness probe failed: dial tcp 10.244.1.3:8080: i/o timeout",
    ),
    (
        Evidence(state=PROBE + "dial tcp 10.244.1.3:8080: connect: connection refused"),
        "it runs, but nothing listens on port 8080 yet",
    ),
    (
        Evidence(state=PROBE + "HTTP probe failed with statuscode: 503", waits_for=("mysql", "redis")),
        "it runs, but its health page says 503; mysql, redis not ready",
    ),
    (
        Evidence(ended="exit code 3 (Error)", log=("bye",)),
        "its program ends with exit code 3; its last lines say more",
    ),
    (Evidence(state="0 of 1 pods available", waits_for=("kafka",)), "it waits for kafka"),
    (Evidence(state="0 of 1 pods available"), "0 of 1 pods available"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "cause"), CASES, ids=[cause[:40] for _, cause in CASES])
def test_likely_cause(seen: Evidence, cause: str) -> None:
    assert likely_cause(seen).sentence == cause
