"""What a node guard restarts and tells, of what is used; nothing is asked here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from poscloud.cluster.nodeguard.command import settings_of
from poscloud.cluster.nodeguard.history import History, Restarted
from poscloud.cluster.nodeguard.plan import Plan, plan, protected
from poscloud.cluster.nodeguard.usage import Node, Pod, _pod
from poscloud.cluster.nodeguard.webhook import Hook, WebhookError, _signed, cut, hooks, send
from poscloud.errors import InputError, PosCloudError
from poscloud.render.nodeguard import settings_text
from poscloud.spec import NodeGuardSpec
from poscloud.spec.nodeguard import GuardSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MIB = 2**20
FULL = Node("node4", 104, 10)


def pod(name: str, mebibytes: int, **more: object) -> Pod:
    owner = f"ReplicaSet/{name.rpartition('-')[0]}-7d9f"
    found = Pod("shop", name, f"uid-{name}", "node4", owner, memory=mebibytes * MIB, cpu=0.1)
    return replace(found, **more)  # type: ignore[arg-type]


PODS = [pod("api-1", 900), pod("web-1", 800), pod("web-2", 850), pod("task-1", 300), pod("geo-1", 200)]


def planned(
    *pods: Pod, nodes: tuple[Node, ...] = (FULL,), history: History | None = None, **settings: object
) -> Plan:
    given = GuardSettings.model_validate(settings)
    return plan(nodes, pods, given, history or History(), NOW)


def names(found: Plan) -> list[str]:
    return [pod.name for pod in found.restarts]


def test_the_document_s_thresholds_are_the_defaults() -> None:
    given = GuardSettings()
    found = (given.node_memory, given.node_cpu, given.pod_memory, given.top, given.top_cpu, given.not_ready)
    assert found == (100, 80, "4096Mi", 5, 10, 120)
    assert given.restart is False


def test_the_pods_with_most_memory_are_restarted_one_of_each_workload() -> None:
    assert names(planned(*PODS, top=2)) == ["api-1", "web-2"]
    assert names(planned(*PODS)) == ["api-1", "web-2", "task-1", "geo-1"]


@pytest.mark.parametrize(("memory", "count"), [(100, 0), (100.4, 4)])
def test_a_node_is_overloaded_above_the_threshold(memory: float, count: int) -> None:
    assert len(planned(*PODS, nodes=(Node("node4", memory, 0),)).restarts) == count


@pytest.mark.parametrize(
    "name",
    [
        "redis-0",
        "my-redis-7d-1",
        "kafka-2",
        "mongo-0",
        "zookeeper-1",
        "mysql-0",
        "MySQL-x",
        "consul-0",
        "mqtt-0",
    ],
)
def test_what_has_data_is_never_restarted_whatever_made_it(name: str) -> None:
    assert names(planned(pod(name, 9000), *PODS, top=1)) == ["api-1"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"owner": "StatefulSet/eureka"}, "made by a StatefulSet"),
        ({"owner": "DaemonSet/agent"}, "made by a DaemonSet"),
        ({"owner": "Job/import"}, "made by a Job"),
        ({"owner": "Node/node4"}, "made by a Node"),
        ({"owner": ""}, "made by nobody"),
        ({"component": "redis"}, "has data"),
        ({"claims": True}, "has a volume of its own"),
        ({"never": True}, "is never to be restarted"),
    ],
)
def test_what_would_not_come_back_as_it_was_is_never_restarted(more: dict[str, object], why: str) -> None:
    kept = pod("big-1", 9000, **more)
    assert why in protected(kept, GuardSettings())
    assert names(planned(kept, *PODS, top=1)) == ["api-1"]


def test_who_says_so_is_left_alone() -> None:
    assert names(planned(*PODS, never=["ap?", "we*"], top=1)) == ["task-1"]
    assert names(planned(*PODS, skip_nodes=["node[4-6]"])) == []
    assert names(planned(*PODS, skip_nodes=["node"])) == ["api-1", "web-2", "task-1", "geo-1"]
    assert names(planned(*PODS, skip_namespaces=["sh*"])) == []


@pytest.mark.parametrize(
    "more", [{"ending": True}, {"waiting_since": NOW}, {"memory": None}, {"node": "node5"}]
)
def test_a_pod_that_is_not_running_there_frees_nothing(more: dict[str, object]) -> None:
    assert names(planned(pod("big-1", 9000, **more), *PODS, top=1)) == ["api-1"]


def ago(seconds: int, node: str = "other", workload: str = "shop/other") -> Restarted:
    return Restarted(NOW - timedelta(seconds=seconds), node, workload)


def test_no_more_than_so_many_are_restarted_within_an_hour() -> None:
    history = History(tuple(ago(second, f"n{second}", f"a/b{second}") for second in (10, 20, 3599, 3600)))
    assert names(planned(*PODS, history=history, per_hour=5)) == ["api-1", "web-2"]
    [alert] = planned(*PODS, history=history, per_hour=3).alerts
    assert (alert.count, "3 pods were restarted within the last hour" in alert.text) == (0, True)


def test_several_nodes_share_the_bound_the_fullest_first() -> None:
    nodes = (FULL, Node("node5", 120, 0))
    other = pod("late-1", 10, node="node5")
    assert names(planned(*PODS, other, nodes=nodes, per_hour=2)) == ["late-1", "api-1"]


def test_of_a_workload_on_several_nodes_one_pod_is_restarted_at_a_look() -> None:
    nodes = (FULL, Node("node5", 120, 0))
    spread = (pod("web-1", 900), pod("web-2", 800, node="node5"), pod("geo-1", 100))
    assert names(planned(*spread, nodes=nodes)) == ["web-2", "geo-1"]


def test_a_node_and_a_workload_rest_after_a_restart() -> None:
    assert names(planned(*PODS, history=History((ago(1799, node="node4"),)))) == []
    assert names(planned(*PODS, history=History((ago(1800, node="node4"),)), top=1)) == ["api-1"]
    assert names(planned(*PODS, history=History((ago(60, workload="shop/api"),)), top=1)) == ["web-2"]


def test_the_same_is_not_told_again_for_a_while_but_what_is_to_be_restarted_always_is() -> None:
    large = pod("api-1", 5000)
    keys = [alert.key for alert in planned(large).alerts]
    assert keys == ["node-memory/node4", "pod-memory/shop/api-1"]
    told = History(told=dict.fromkeys(keys, NOW - timedelta(seconds=60)))
    assert [alert.key for alert in planned(large, history=told, restart=True).alerts] == ["node-memory/node4"]
    assert planned(large, history=told, restart=True, never=["api"]).alerts == []
    assert planned(large, history=told).alerts == [], "a dry run restarts nothing"


def test_a_busy_node_is_told_with_the_pods_that_take_most() -> None:
    pods = [replace(each, cpu=number / 10) for number, each in enumerate(PODS, 1)]
    [alert] = planned(*pods, nodes=(Node("node4", 5, 81),), top_cpu=2).alerts
    assert (alert.text, alert.lines) == (
        "node node4: CPU 81 %, above 80 %",
        ("shop/geo-1: 500m", "shop/task-1: 400m"),
    )


def test_a_pod_that_does_not_become_ready_is_told() -> None:
    since = NOW - timedelta(seconds=121)
    [alert] = planned(pod("api-1", 1, waiting_since=since, reason="CrashLoopBackOff"), nodes=()).alerts
    assert alert.text == "pod shop/api-1 on node4: not ready for 121 s (CrashLoopBackOff)"
    assert not planned(pod("api-1", 1, waiting_since=since), nodes=(), not_ready=121).alerts


def test_a_pod_is_read_as_the_api_server_has_it() -> None:
    found = _pod(
        {
            "metadata": {
                "namespace": "shop", "name": "web-1", "uid": "u", "creationTimestamp": "2026-11-22T11:00:00Z",
                "labels": {"app.kubernetes.io/component": "java"},
                "annotations": {"poscloud.io/guarded": "never"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d", "controller": True}],
            },
            "spec": {"nodeName": "n", "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-22T11:58:00Z"}],
                "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
        },
        {("shop", "web-1"): (5, 0.5)},
    )  # fmt: skip
    assert (found.workload, found.claims, found.never, found.memory) == ("shop/web", True, True, 5)
    assert (found.waiting_since, found.reason) == (NOW - timedelta(minutes=2), "ImagePullBackOff")


def test_dingtalk_gets_a_signature_as_its_documentation_has_it() -> None:
    hook = Hook("dingtalk", "https://oapi.example.com/robot/send?access_token=t", sign="SECx")
    query = parse_qs(urlsplit(_signed(hook, 1700000000.123)).query)
    expected = hmac.new(b"SECx", b"1700000000123\nSECx", hashlib.sha256).digest()
    assert query["timestamp"] == ["1700000000123"]
    assert base64.b64decode(query["sign"][0]) == expected
    assert query["access_token"] == ["t"]


def test_a_long_text_is_cut_at_a_line() -> None:
    text = "\n".join(f"第{n}行" * 20 for n in range(1000))
    shown = cut(text)
    assert len(shown.encode()) < 20_000
    assert shown.removesuffix("\n…").rpartition("\n")[2] in text.splitlines()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "oapi.example.com/robot",
        "https:///x",
        "http://[",
        "https://h:many/x",
        "https://h/x y",
        "https://h/x\ny",
        "https://h/x\x7fy",
    ],
)
def test_a_webhook_without_an_address_is_told_and_its_address_is_not(url: str) -> None:
    with pytest.raises(WebhookError, match="NODE_GUARD_URL_1 has no address of webhook 1") as caught:
        hooks([{"kind": "json"}], {"NODE_GUARD_URL_1": url})
    assert not url or url not in str(caught.value)
    assert "token" not in repr(Hook("json", "https://h/token", "token"))


@pytest.mark.parametrize("error", [http.client.InvalidURL, http.client.BadStatusLine, ValueError])
def test_what_goes_wrong_is_told_without_the_address(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    hook = Hook("dingtalk", "https://h/robot?access_token=t0ken")

    def fail(*_: object, **__: object) -> None:
        raise error(hook.url)

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(WebhookError, match=f"cannot be reached: {error.__name__}") as caught:
        send(hook, "text", {})
    assert "t0ken" not in f"{caught.value} {caught.value.hint}"


def test_the_command_reads_what_is_rendered(tmp_path: Path) -> None:
    spec = NodeGuardSpec.model_validate(
        {
            "image": "ci/poscloud:1", "restart": True, "top": 3, "skip_nodes": ["master*"],
            "webhooks": [{"url": {"secret": "r", "key": "u"}, "keyword": "报警"}],
        }
    )  # fmt: skip
    file = tmp_path / "node-guard.json"
    file.write_text(settings_text(spec))
    settings, given = settings_of(file)
    assert (settings.restart, settings.top, settings.skip_nodes) == (True, 3, ("master*",))
    assert given == [{"kind": "dingtalk", "keyword": "报警"}]
    assert "secret" not in file.read_text()


def test_settings_that_are_wrong_are_told(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    with pytest.raises(PosCloudError, match="cannot read"):
        settings_of(file)
    for text, message in (
        ("{", "expected JSON"),
        ("[]", "a map"),
        (json.dumps({"top": 0}), "top: "),
        (json.dumps({"webhooks": [{}]}), "webhooks: number 1: expected a map with kind"),
        (json.dumps({"webhooks": [{"kind": "json"}, "x"]}), "webhooks: number 2: expected a map"),
        (json.dumps({"webhooks": [{"kind": ["json"]}]}), "webhooks: number 1: expected a map"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=message):
            settings_of(file)
