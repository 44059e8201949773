"""How services are, in a word or two and some numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from poscloud.cluster.watching import words
from poscloud.cluster.watching.addresses import addresses_of, ports_of
from poscloud.cluster.watching.events import events_of
from poscloud.cluster.watching.services import services_of, tag_of, version_of
from poscloud.cluster.watching.status import Row, Seen, status_of
from poscloud.cluster.watching.top import loads_of
from poscloud.cluster.watching.usage import Usage, read
from tests.unit.cluster.watching.objects import CRASHING, MADE, Object, pod, workload

NOW = datetime.fromisoformat(MADE.replace("Z", "+00:00")) + timedelta(minutes=90)


def row(workloads: list[Object], pods: list[Object], name: str, usage: Usage | None = None) -> Row:
    seen = Seen(services_of(workloads, pods), usage or Usage({}, "nobody measures"))
    (found,) = status_of("dev", seen, [name], {}, NOW).rows
    return found


def test_a_service_that_is_ready() -> None:
    found = row([workload("web", ready=2, wanted=2)], [pod("web"), pod("web", 2)], "web")
    assert (found.state, found.ready, found.wanted, found.kind, found.version) == (
        "ready",
        2,
        2,
        "java",
        "v1",
    )
    assert (found.age, found.cpu, found.memory, found.measured) == (5400, 0.1, 256 * 2**20, False)


@pytest.mark.parametrize(
    ("live", "pods", "state"),
    [
        (workload("web", ready=0), [pod("web", ready=False)], "starting"),
        (workload("web", ready=0), [], "pods missing"),
        (workload("web", ready=0, wanted=0), [], "no pods wanted"),
        (workload("web", ready=0), [pod("web", ready=False, **CRASHING)], "CrashLoopBackOff"),
        (workload("web", ready=0, after="redis"), [pod("web", ready=False)], "waits"),
    ],
)
def test_in_a_word(live: Object, pods: list[Object], state: str) -> None:
    others = [workload("redis", ready=0)]
    assert row([live, *others], pods, "web").state == state


def test_an_old_pod_beside_the_new_one_is_updating() -> None:
    live = workload("web")
    live["status"]["updatedReplicas"] = 0
    assert row([live], [pod("web")], "web").state == "updating"


def test_a_service_without_pods_because_it_sleeps() -> None:
    live = workload("web", wanted=0, ready=0)
    live["metadata"]["annotations"]["poscloud.io/replicas"] = "2"
    assert row([live], [], "web").state == "asleep"


def test_an_unschedulable_pod_is_told_by_its_condition() -> None:
    waiting = pod("web", ready=False)
    waiting["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
    }
    assert row([workload("web", ready=0)], [waiting], "web").state == "Unschedulable"


def test_who_waits_for_whom_with_those_that_are_not_made() -> None:
    live = [workload("redis", ready=0), workload("web", ready=0, after="kafka,redis"), workload("kafka")]
    seen = Seen(services_of(live, [pod("kafka"), pod("web", ready=False)]), Usage({}))
    status = status_of("dev", seen, ["kafka", "late", "web"], {"late": ("java", ("web", "kafka"))}, NOW)
    waits = {each.name: each.waits_for for each in status.rows}
    assert waits == {"kafka": (), "late": ("web",), "web": ("redis",)}
    assert (status.rows[1].state, status.all_ready) == ("not made", False)


def test_pods_of_jobs_and_those_that_were_evicted_do_not_count() -> None:
    job, evicted = pod("web", 2), pod("web", 3)
    job["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "seed"}]
    evicted["status"]["phase"] = "Failed"
    assert len(services_of([workload("web")], [pod("web"), job, evicted])["web"].pods) == 1


def test_what_a_metrics_server_says() -> None:
    usage = Usage(read([{"metadata": {"name": "web-1"}, "containers": [
        {"name": "web", "usage": {"cpu": "250000000n", "memory": "131072Ki"}},
        {"name": "filebeat", "usage": {"cpu": "1m", "memory": "odd"}},
    ]}]))  # fmt: skip
    found = row([workload("web")], [pod("web")], "web", usage)
    assert (found.cpu, found.memory, found.measured) == (0.251, 128 * 2**20, True)
    (load,) = loads_of(services_of([workload("web")], [pod("web")]).values(), usage, by_pod=True)
    assert (load.name, load.memory.share, load.cpu.limits, load.cpu.share) == ("web-1", 0.5, None, 5.02)


def test_the_jars_version_counts_before_that_of_the_image() -> None:
    live = workload("web")
    live["spec"]["template"]["spec"]["initContainers"] = [
        {"name": "fetch-jar", "env": [{"name": "JAR_VERSION", "value": "20170927-1731"}]}
    ]
    assert version_of(live) == "20170927-1731"


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("harbor.example.com:5000/a/web:v1", "v1"),
        ("harbor.example.com:5000/a/web", "latest"),
        ("a/web@sha256:0123456789abcdef", "sha256:0123456789ab"),
        ("a/web:v1@sha256:0123456789abcdef", "v1"),
    ],
)
def test_the_tag_of_an_image(image: str, tag: str) -> None:
    assert tag_of(image) == tag


def event(kind: str, name: str, seen: str, **more: Any) -> Object:
    return {
        "involvedObject": {"kind": kind, "name": name},
        "lastTimestamp": seen,
        "reason": "R",
        "message": "m",
        **more,
    }


def test_events_belong_to_services_also_those_of_pods_that_are_gone() -> None:
    services = services_of([workload("web"), workload("web-api")], [pod("web")]).values()
    found = [
        event("Pod", "web-1", "2026-11-22T09:00:03Z", type="Warning", count=3),
        event("Pod", "web-api-6c4-x2", "2026-11-22T09:00:02Z"),
        event("ReplicaSet", "web-77f", "2026-11-22T09:00:01Z"),
        event("Node", "node1", "2026-11-22T09:00:00Z"),
    ]
    assert [each.service for each in events_of(found, services, ())] == ["", "web", "web-api", "web"]
    (_, last) = events_of(found, services, {"web"})
    assert (last.about, last.count, last.warning) == ("Pod web-1", 3, True)


def test_addresses_by_ingress_and_node_port() -> None:
    services = [
        {
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30080}]},
        },
        {"metadata": {"name": "pay"}, "spec": {"selector": {"app": "pay"}, "ports": [{"port": 8080}]}},
    ]
    path = {"path": "/shop", "backend": {"service": {"name": "web"}}}
    rule = {"host": "shop.example.com", "http": {"paths": [path]}}
    ingresses = [{"spec": {"rules": [rule], "tls": [{"hosts": ["shop.example.com"]}]}}]
    assert addresses_of("web", services, ingresses, ["10.0.0.7"]) == [
        "https://shop.example.com/shop", "http://10.0.0.7:30080"
    ]  # fmt: skip
    assert addresses_of("pay", services, ingresses, ["10.0.0.7"]) == []
    assert ports_of("pay", services) == [8080]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0, "0s"), (59, "59s"), (61, "1m1s"), (754, "12m"), (12_000, "3h20m"), (2e6, "23d")],
)  # fmt: skip
def test_durations(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


def test_amounts() -> None:
    assert [words.cores(each) for each in (0, 0.05, 0.9996, 1, 1.25)] == ["0m", "50m", "1000m", "1", "1.2"]
    assert [words.memory(each * 2**20) for each in (128, 1024, 1536)] == ["128Mi", "1Gi", "1.5Gi"]


def test_times_of_today_have_no_day() -> None:
    now = datetime.now(UTC)
    assert words.clock(now) == f"{now.astimezone():%H:%M:%S}"
    assert words.clock(now - timedelta(days=3)).count("-") == 1
