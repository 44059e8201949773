"""The provider as the engine sees it, through a real gRPC channel: create, update, read and delete."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import grpc
import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, status_pb2

from poscloud.provider import crud
from poscloud.provider.values import decode, encode

from .conftest import (
    COLLECTION,
    OBJECT,
    PASSWORD,
    URN,
    Answer,
    Cluster,
    Object,
    config_map,
    configure,
    create,
    diff,
    refusal,
    refused,
    stored,
)


async def test_create_keeps_inputs_and_no_managed_fields(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    anybodys = config_map(a="1")
    del anybodys["metadata"]["annotations"]
    cluster.on("POST", COLLECTION, Answer(201, stored(anybodys)))
    answer = await create(stub, anybodys)
    outputs, _ = decode(answer.properties)
    assert answer.id == "default/settings"
    assert outputs["__inputs"] == anybodys
    assert outputs["data"] == {"a": "1"}
    assert outputs["__fieldManager"].startswith("pulumi-kubernetes-")
    assert "managedFields" not in outputs["metadata"]


async def test_of_our_own_object_its_identity_is_kept(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    mine = config_map(a="1")
    mine["metadata"]["labels"] = {"app": "a"}
    cluster.on("POST", COLLECTION, Answer(201, stored(mine)))
    outputs, _ = decode((await create(stub, mine)).properties)
    assert outputs.pop("__fieldManager").startswith("pulumi-kubernetes-")
    assert outputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "settings",
            "namespace": "default",
            "uid": "u-1",
            "annotations": {"poscloud.io/stack": "shop/dev"},
        },
        "__initialApiVersion": "v1",
    }


EXISTS = refusal(409, "AlreadyExists", 'configmaps "settings" already exists')


async def test_a_foreign_object_is_left_alone(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    foreign = stored(config_map(a="theirs"), "kubectl-create")
    foreign["metadata"]["annotations"] = {"poscloud.io/stack": "shop/other"}
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=foreign))
    error = await refused(create(stub, config_map(a="1")))
    text = str(error.details())
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    for phrase in (
        "default/settings exists already",
        "created by kubectl-create on 2026-01-01",
        "stack shop/other",
        "choose another name",
    ):
        assert phrase in text
    assert [r.method for r in cluster.writes()] == ["POST"]


async def test_our_own_stack_s_object_is_adopted(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="old"))))
    cluster.on("PATCH", OBJECT, Answer(), Answer(body=stored(config_map(a="1"))))
    await create(stub, config_map(a="1"))
    takeover, apply = cluster.server.asked("PATCH")
    assert apply.body["data"] == {"a": "1"}
    assert takeover.body[0]["value"][0]["operation"] == "Apply"
    assert apply.body["metadata"]["uid"] == "u-1"


async def test_an_empty_annotation_is_nobody_s(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    mine = config_map(a="1")
    mine["metadata"]["annotations"] = {"poscloud.io/stack": ""}
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=stored(mine, "someone")))
    assert "exists already" in str((await refused(create(stub, mine))).details())


async def test_after_a_lost_answer_the_object_decides(
    stub: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await configure(stub, cluster.server)
    monkeypatch.setattr(crud, "new_manager", lambda *_: "this-create")
    cluster.on("POST", COLLECTION, Answer(None), EXISTS)
    obj = config_map(a="1")
    del obj["metadata"]["annotations"]
    cluster.on("GET", OBJECT, Answer(body=stored(obj, "this-create")))
    assert (await create(stub, obj)).id == "default/settings"
    assert not cluster.server.asked("PATCH")


TOO_SLOW = refusal(504, "Timeout", "request did not complete within requested timeout")


async def test_after_a_create_that_took_too_long_the_object_decides(
    stub: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await configure(stub, cluster.server)
    monkeypatch.setattr(crud, "new_manager", lambda *_: "this-create")
    cluster.on("POST", COLLECTION, TOO_SLOW)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="1"), "this-create")))
    assert (await create(stub, config_map(a="1"))).id == "default/settings"
    assert len(cluster.server.asked("POST")) == 1


async def test_a_create_that_took_too_long_in_vain_is_asked_for_again(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, TOO_SLOW, TOO_SLOW, Answer(201, stored(config_map(a="1"), "this-create")))
    assert (await create(stub, config_map(a="1"))).id == "default/settings"
    assert len(cluster.server.asked("POST")) == 3


async def test_a_manager_s_name_that_others_may_have_proves_nothing(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, EXISTS)
    obj = config_map(a="theirs")
    obj["metadata"]["annotations"] = {"pulumi.com/patchFieldManager": "team"}
    cluster.on("GET", OBJECT, Answer(body=stored(obj, "team")))
    text = str((await refused(create(stub, obj))).details())
    assert "default/settings exists already, created by team" in text


@pytest.mark.parametrize(
    "tolerated",
    [
        refusal(404, "NotFound", 'namespaces "default" not found'),
        refusal(403, "Forbidden", 'configmaps is forbidden: User "u" cannot create resource'),
        refusal(400, "BadRequest", "admission webhook w does not support dry run"),
    ],
)
async def test_previews_go_on_where_the_server_cannot_tell(
    stub: Any, cluster: Cluster, tolerated: Answer
) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, tolerated)
    answer = await create(stub, config_map(a="1"), preview=True)
    assert (answer.id, decode(answer.properties)[0]["metadata"]) == ("", config_map()["metadata"])
    assert not cluster.writes()


async def test_previews_fail_on_what_the_server_refuses(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, refusal(403, "Forbidden", "exceeded quota: rq"))
    assert "exceeded quota" in str((await refused(create(stub, config_map(), preview=True))).details())


async def test_conflicts_name_the_other_manager_and_the_ways_out(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="1"), "kubectl-edit")))
    cause = {"field": ".data.a", "message": 'conflict with "kubectl-edit" using v1'}
    cluster.on("PATCH", OBJECT, refusal(409, "Conflict", "Apply failed", causes=[cause]))
    old, new = config_map(a="1"), config_map(a="2")
    request = provider_pb2.UpdateRequest(
        urn=URN, olds=encode(stored(old)), old_inputs=encode(old), news=encode(new)
    )
    text = str((await refused(stub.Update(request))).details())
    for phrase in (".data.a", "kubectl-edit", "ignore_changes", "pulumi.com/patchForce"):
        assert phrase in text


async def test_an_object_deleted_outside_is_not_recreated(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    old, new = config_map(a="1"), config_map(a="2")
    request = provider_pb2.UpdateRequest(
        urn=URN, olds=encode(stored(old)), old_inputs=encode(old), news=encode(new)
    )
    assert "--refresh" in str((await refused(stub.Update(request))).details())
    assert not cluster.writes()


async def delete(stub: Any) -> Any:
    state = encode(stored(config_map(a="1")))
    return await stub.Delete(provider_pb2.DeleteRequest(id="default/settings", urn=URN, properties=state))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body={"kind": "Status", "status": "Success"}),
        refusal(404, "NotFound", "not found"),
        refusal(409, "Conflict", "Precondition failed: UID in precondition: u-1, UID in object meta: u-2"),
    ],
)
async def test_delete_is_done_when_our_object_is_gone(stub: Any, cluster: Cluster, answer: Answer) -> None:
    await configure(stub, cluster.server)
    cluster.on("DELETE", OBJECT, answer)
    await delete(stub)
    [request] = cluster.server.asked("DELETE")
    assert request.body["preconditions"] == {"uid": "u-1"}


NAMESPACE = "/api/v1/namespaces/shop"
SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "u-1"}}


async def delete_namespace(stub: Any) -> None:
    state = encode(SHOP)
    urn = "urn:pulumi:dev::shop::kubernetes:core/v1:Namespace::shop"
    await stub.Delete(provider_pb2.DeleteRequest(id="shop", urn=urn, properties=state))


async def test_a_namespace_that_is_being_deleted_is_emptied(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("DELETE", NAMESPACE, Answer(body=SHOP))
    await delete_namespace(stub)
    asked = [request.path for request in cluster.server.asked("DELETE")]
    assert asked[0] == NAMESPACE, "nothing may be deleted before the namespace takes no new pods"
    assert asked.index("/apis/apps/v1/namespaces/shop/deployments") < asked.index(f"{NAMESPACE}/pods")
    assert f"{NAMESPACE}/persistentvolumeclaims" in asked


async def test_a_namespace_that_is_not_ours_any_more_is_not_emptied(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on(
        "DELETE", NAMESPACE, refusal(409, "Conflict", "UID in precondition: u-1, UID in object meta: u-2")
    )
    await delete_namespace(stub)
    assert [request.path for request in cluster.server.asked("DELETE")] == [NAMESPACE]


@pytest.mark.parametrize("deleted", [True, False])
async def test_a_namespace_whose_deletion_is_refused_is_emptied_only_if_it_goes_already(
    stub: Any, cluster: Cluster, deleted: bool
) -> None:
    await configure(stub, cluster.server)
    cluster.on("DELETE", NAMESPACE, refusal(409, "Conflict", "admission webhook says no"))
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}
    live = Answer(body={**SHOP, "metadata": {**SHOP["metadata"], **gone}})
    cluster.on("GET", NAMESPACE, live, refusal(404, "NotFound", "gone"))
    if deleted:
        await delete_namespace(stub)
    else:
        assert "webhook says no" in str((await refused(delete_namespace(stub))).details())
    asked = [request.path for request in cluster.server.asked("DELETE")]
    assert (f"{NAMESPACE}/persistentvolumeclaims" in asked) is deleted


async def test_read_without_inputs_imports(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="1"))))
    answer = await stub.Read(provider_pb2.ReadRequest(id="default/settings", urn=URN))
    assert decode(answer.inputs)[0] == config_map(a="1")


async def test_read_of_a_missing_object_is_empty(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    assert (await stub.Read(provider_pb2.ReadRequest(id="default/settings", urn=URN))).id == ""


async def test_a_secret_that_is_read_leaves_no_copy_in_the_clear(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    copy = json.dumps({"stringData": {"password": PASSWORD}})
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": copy, "team": "pay"}
    metadata = {"name": "db", "namespace": "default", "annotations": annotations}
    data = {"password": base64.b64encode(PASSWORD.encode()).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    cluster.on("GET", "/api/v1/namespaces/default/secrets/db", Answer(body=stored(secret)))
    urn = "urn:pulumi:dev::shop::kubernetes:core/v1:Secret::db"
    answer = await stub.Read(provider_pb2.ReadRequest(id="default/db", urn=urn))
    for struct in (answer.properties, answer.inputs):
        found, mask = decode(struct)
        assert found["metadata"]["annotations"] == {"team": "pay"}
        assert (found["data"], mask["data"]) == (data, True)


async def test_nothing_is_asked_of_another_cluster(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server, clusterIdentifier="uid:expected")
    cluster.on("GET", "/api/v1/namespaces/kube-system", Answer(body={"metadata": {"uid": "other"}}))
    calls = [create(stub, config_map()), create(stub, config_map(), preview=True), delete(stub)]
    calls += [diff(stub, config_map(), config_map(a="1"))]
    calls += [stub.Read(provider_pb2.ReadRequest(id="default/settings", urn=URN))]
    for call in calls:
        error = await refused(call)
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        text = str(error.details())
        assert "this stack was deployed to cluster expected" in text
        assert f"now points to cluster other ({cluster.server.url})" in text
    assert {request.path for request in cluster.server.requests} == {"/api/v1/namespaces/kube-system"}


async def test_secrets_never_reach_an_error(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    obj = {**config_map(), "kind": "Secret", "data": {"p": base64.b64encode(PASSWORD.encode()).decode()}}
    message = f"Secret is invalid: data[p]: {PASSWORD!r} ({obj['data']['p']})"
    cluster.on("POST", COLLECTION.replace("configmaps", "secrets"), refusal(422, "Invalid", message))
    text = str((await refused(create(stub, obj))).details())
    assert text == "Secret is invalid: data[p]: '[secret]' ([secret])"


def pod(**annotations: str) -> Object:
    obj = config_map()
    del obj["data"]
    return {**obj, "kind": "Pod", "metadata": {**obj["metadata"], "annotations": annotations}}


async def test_what_is_there_and_not_ready_is_kept(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    failed = {**stored(pod()), "status": {"phase": "Failed", "reason": "Evicted"}}
    cluster.on("POST", COLLECTION.replace("configmaps", "pods"), Answer(201, failed))
    error = await refused(create(stub, pod()))
    assert error.code() == grpc.StatusCode.UNKNOWN
    trailer = {key: value for key, value in error.trailing_metadata() or ()}
    status = status_pb2.Status.FromString(trailer["grpc-status-details-bin"])
    partial = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(partial)
    assert partial.id == "default/settings"
    assert "Evicted" in partial.reasons[0]
    assert decode(partial.properties)[0]["__inputs"] == pod()


async def test_cancel_ends_waiting_at_once(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    pods = COLLECTION.replace("configmaps", "pods")
    cluster.on("POST", pods, Answer(201, stored(pod())))
    cluster.on("GET", f"{pods}/settings", Answer(body=stored(pod())))
    call = asyncio.ensure_future(create(stub, pod()))
    while not cluster.server.asked("POST"):
        await asyncio.sleep(0)
    await stub.Cancel(provider_pb2.ConfigureRequest())
    error = await asyncio.wait_for(refused(call), 2)
    assert "stopped: the deployment was cancelled" in str(error.details())


async def test_yaml_decode(stub: Any) -> None:
    text = "kind: A\n---\n---\nkind: List\nitems: [{kind: B, metadata: {namespace: own}}]"
    args = encode({"text": text, "defaultNamespace": "ns"})
    answer = await stub.Invoke(provider_pb2.InvokeRequest(tok="kubernetes:yaml:decode", args=args))
    result, _ = decode(getattr(answer, "return"))
    assert result["result"] == [
        {"kind": "A", "metadata": {"namespace": "ns"}},
        {"kind": "B", "metadata": {"namespace": "own"}},
    ]
    error = await refused(stub.Invoke(provider_pb2.InvokeRequest(tok="kubernetes:helm:template")))
    assert "official" in str(error.details())


async def test_updates_leave_ignored_fields_and_keep_to_the_timeout(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    old, new = config_map(a="1", b="1"), config_map(a="1", b="2")
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="theirs", b="1"), "someone")))
    cluster.on("PATCH", OBJECT, Answer(body=stored(new)))
    request = provider_pb2.UpdateRequest(
        urn=URN, olds=encode(stored(old)), news=encode(new), ignoreChanges=["data.a"], timeout=5
    )
    await stub.Update(request)
    [apply] = cluster.server.asked("PATCH")
    assert apply.body["data"] == {"a": "theirs", "b": "2"}
