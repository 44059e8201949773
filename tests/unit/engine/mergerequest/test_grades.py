"""Each change of an object has the grade that it deserves."""

from __future__ import annotations

from typing import Any

import pytest

from poscloud.engine.mergerequest.changes import Grade
from poscloud.render import Manifest
from tests.mergerequests import CLAIM, NAMESPACE, SHOP, VOLUME, between, changed, compared


def graded(new: str, old: str = SHOP) -> dict[str, Grade]:
    return {item.id: item.grade for item in compared(old, new).objects}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("20Gi}", "5Gi}", "`spec.volumeClaimTemplates` cannot change in place"),
        ("20Gi}", "30Gi}", "`spec.volumeClaimTemplates` cannot change in place"),
        ("size: 20Gi", "nfs: {server: a, path: /x}", "`spec.volumeClaimTemplates` cannot change in place"),
        ("mysql: {storage: {size: 20Gi}}", "redis: {}", "loses all its pods at once"),
        ("kafka: {replicas: 3}", "kafka: {replicas: 1}", "`spec.podManagementPolicy` cannot change in place"),
    ],
)
def test_a_stateful_set_that_would_go_or_be_made_anew_is_data_loss(old: str, new: str, expected: str) -> None:
    [lost] = compared(SHOP, SHOP.replace(old, new)).lossy
    assert lost.kind == "StatefulSet"
    assert expected in "; ".join(lost.reasons)


def test_data_that_is_looked_for_elsewhere_is_data_loss() -> None:
    shop = SHOP.replace("size: 20Gi", "nfs: {server: a, path: /x}")
    [lost] = compared(shop, shop.replace("/x", "/y")).lossy
    assert lost.id == "StatefulSet/mysql"
    assert "storage moved: volume `data` is elsewhere or gone" in lost.reasons


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (CLAIM, {"spec__storageClassName": "slow"}),
        (CLAIM, {"spec__accessModes": ["ReadWriteMany"]}),
        (CLAIM, {"spec__resources__requests__storage": "9Gi"}),
        (CLAIM, {"metadata__namespace": "other"}),
        (CLAIM, {"metadata__name": "other"}),
        (VOLUME, {"spec__nfs__path": "/y"}),
        (NAMESPACE, {"metadata__name": "other"}),
    ],
)
def test_claims_volumes_and_namespaces_that_are_made_anew_are_data_loss(
    item: Manifest, fields: dict[str, Any]
) -> None:
    assert [c.id for c in changed(item, **fields).objects if c.grade is Grade.DATA_LOSS] == [
        f"{item['kind']}/{item['metadata']['name']}"
    ]


@pytest.mark.parametrize("item", [CLAIM, VOLUME, NAMESPACE])
def test_what_holds_data_and_is_removed_is_data_loss(item: Manifest) -> None:
    [gone] = between([item], []).objects
    assert (gone.action, gone.grade) == ("removed", Grade.DATA_LOSS)


def test_a_claim_that_grows_loses_nothing() -> None:
    [grown] = changed(CLAIM, spec__resources__requests__storage="11Gi").objects
    assert (grown.action, grown.grade) == ("changed", Grade.CONFIG)
    assert grown.fields[0].old == "10Gi" and grown.fields[0].new == "11Gi"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_replicas_alone_are_configuration_and_say_how_many_pods_come_or_go(kind: str) -> None:
    workload: Manifest = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"replicas": 3, "template": {"spec": {"containers": []}}},
    }
    [fewer] = changed(workload, spec__replicas=1).objects
    assert (fewer.grade, fewer.reasons) == (Grade.CONFIG, ("replicas 3 → 1, 2 pods removed",))
    assert (fewer.restarts, fewer.stops, fewer.starts) == (0, 2, 0)
    [more] = changed(workload, spec__replicas=5).objects
    assert (more.grade, more.reasons) == (Grade.CONFIG, ("replicas 3 → 5, 2 pods added",))


def test_a_changed_template_restarts_the_pods_that_stay() -> None:
    found = compared(SHOP, SHOP.replace("v7", "v8").replace("replicas: 2", "replicas: 5"))
    [web] = [c for c in found.objects if c.kind == "Deployment"]
    assert (web.grade, web.restarts, web.starts) == (Grade.RESTART, 2, 3)
    assert found.restarts == 2


def test_mounted_configuration_restarts_the_pods_that_read_it() -> None:
    found = graded(
        SHOP.replace("{storage: {size: 20Gi}}", "{storage: {size: 20Gi}, config: {max_connections: 9}}")
    )
    assert found == {"StatefulSet/mysql": Grade.RESTART, "ConfigMap/mysql-config": Grade.CONFIG}


def test_a_service_that_goes_stops_its_pods() -> None:
    found = graded(SHOP[: SHOP.index("  worker")])
    assert found == {"Deployment/worker": Grade.RESTART, "Service/worker": Grade.CONFIG}


def test_what_is_new_is_configuration() -> None:
    found = compared(SHOP, f"{SHOP}  more: java\n")
    assert {item.grade for item in found.objects} == {Grade.CONFIG}
    assert found.components[0].action == "added"


@pytest.mark.parametrize(
    ("fields", "grade"),
    [
        ({"metadata__labels": {"a": "c"}}, Grade.NONE),
        ({"metadata__annotations": {"a": "c"}}, Grade.NONE),
        ({"metadata__labels": {"a": "c"}, "spec": {"finalizers": ["x"]}}, Grade.CONFIG),
    ],
)
def test_labels_alone_are_no_risk(fields: dict[str, Any], grade: Grade) -> None:
    assert [item.grade for item in changed(NAMESPACE, **fields).objects] == [grade]


def test_a_deployment_with_another_selector_is_replaced_without_loss() -> None:
    deployment: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"spec": {"containers": []}},
        },
    }
    [found] = changed(deployment, spec__selector={"matchLabels": {"app": "y"}}).objects
    assert (found.action, found.grade, found.restarts) == ("replaced", Grade.RESTART, 2)
    assert "`spec.selector` cannot change in place: its pods are deleted and start anew" in found.reasons[0]


def test_variables_are_compared_by_name_and_their_order_counts() -> None:
    base = "services: {a: {kind: java, filebeat: false, env: {A: x, B: y}}}\n"
    more = compared(base, base.replace("{A: x", "{C: z, A: x")).objects[0]
    [path] = [f.path for f in more.fields if "env" in f.path]
    assert path == "spec.template.spec.containers[a].env[C].value"
    turned = compared(base, base.replace("A: x, B: y", "B: y, A: x")).objects[0]
    assert [f.path for f in turned.fields] == ["spec.template.spec.containers[a].env (order)"]
    assert turned.grade is Grade.RESTART


def test_totals_count_replicas_autoscalers_and_the_defaults_of_the_environment() -> None:
    old = (
        "limits: {default_request: {cpu: 100m, memory: 200Mi}}\nservices: {a: {kind: webapp, replicas: 2}}\n"
    )
    scaled = old.replace("replicas: 2", "autoscale: {min: 5, max: 9, cpu: 80}")
    before, after = compared(old, scaled).before, compared(old, scaled).after
    assert (before.pods, after.pods) == (2, 5)
    assert after.cpu_requests / 5 == before.cpu_requests / 2 > 0
    assert compared(SHOP, SHOP).after.storage / 2**30 == 80


def test_an_object_that_no_api_server_would_take_counts_for_nothing() -> None:
    overrides = "overrides: {Deployment: {spec: {replicas: '@a', template: {spec: {containers: 7}}}}}"
    found = compared("services: {a: java}", f"services: {{a: {{kind: java, {overrides}}}}}")
    assert found.objects[0].grade is Grade.RESTART
    assert found.after.cpu_requests == 0
