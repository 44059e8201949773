"""Which pod and container a command goes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.manual.container import _chosen, _container, _workload
from poscloud.engine.manual.place import Place
from poscloud.errors import DeployError, PosCloudError
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import Access
from poscloud.provider.rest import Clock

PLACE = Place(Path(), "shop", None, Target(Path(), "c", "https://h", "", local=True))  # type: ignore[arg-type]


def pod(name: str, phase: str = "Running", *, ready: bool = True, going: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    metadata = {"name": name} | ({"deletionTimestamp": "now"} if going else {})
    containers = [{"name": "web"}, {"name": "filebeat"}]
    return {
        "metadata": metadata,
        "spec": {"containers": containers},
        "status": {"phase": phase, "conditions": conditions},
    }


def chosen(*pods: dict[str, Any]) -> str:
    cluster = Cluster(Access("https://h", "test.yaml"), Settings(), Clock())
    return str(_chosen(pods, "web", PLACE, cluster)["metadata"]["name"])


def workload(name: str, app: str) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": name, "labels": {"app": app}}}


def test_the_first_ready_pod_is_taken() -> None:
    assert chosen(pod("c"), pod("b"), pod("a", ready=False)) == "b"


def test_where_none_is_ready_one_that_runs_is_taken() -> None:
    assert chosen(pod("a", "Pending", ready=False), pod("b", ready=False), pod("c", going=True)) == "b"


@pytest.mark.parametrize(
    ("pods", "message"),
    [
        ([pod("a", going=True)], "web of shop has no pods"),
        ([pod("a", "Pending"), pod("b", "Failed")], "no pod of web runs: a is Pending, b is Failed"),
    ],
)
def test_where_none_runs_it_says_what_they_are(pods: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(DeployError, match=message):
        chosen(*pods)


@pytest.mark.parametrize(
    ("service", "app", "wanted", "name"),
    [
        ("web", "web", "", "web"),
        ("web-blue", "web", "", "web"),
        ("web", "web", "filebeat", "filebeat"),
        ("other", "other", "", "web"),
    ],
)
def test_the_services_own_container_is_the_default(service: str, app: str, wanted: str, name: str) -> None:
    assert _container(pod("a"), service, app, wanted) == name


def test_a_container_that_is_not_there_has_a_nearest_name() -> None:
    with pytest.raises(PosCloudError, match="have no container 'filebaet'") as caught:
        _container(pod("a"), "web", "web", "filebaet")
    assert caught.value.hint == "did you mean 'filebeat'?"


def test_a_workload_is_meant_by_its_name_or_its_service() -> None:
    found = [workload("web-blue", "web"), workload("web-green", "web"), workload("pay", "pay")]
    assert _workload(found, "web-blue", "shop") is found[0]
    assert _workload(found, "pay", "shop") is found[2]
    with pytest.raises(PosCloudError, match="'web' of shop has 2 workloads") as caught:
        _workload(found, "web", "shop")
    assert caught.value.hint == "name one: web-blue, web-green"
