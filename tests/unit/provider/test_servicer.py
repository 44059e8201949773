"""The provider as the engine sees it: through a real gRPC channel, against a small API server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from poscloud.provider.servicer import Provider
from poscloud.provider.values import SECRET, SIGNATURE, decode, encode

from .conftest import Answer, FakeServer, Object, Request, refusal

URN = "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::settings"
PASSWORD = "hunter2-very-secret"
KINDS = {
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "namespaces": "Namespace",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "pods": "Pod",
}
DISCOVERY = {
    "items": [
        {
            "metadata": {"name": ""},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": plural,
                            "responseKind": {"kind": kind},
                            "scope": "Cluster" if kind == "Namespace" else "Namespaced",
                        }
                        for plural, kind in KINDS.items()
                    ],
                }
            ],
        }
    ]
}
COLLECTION = "/api/v1/namespaces/default/configmaps"
OBJECT = f"{COLLECTION}/settings"


class Cluster:
    """Answers by method and path; discovery is always there."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        server.answer = self._answer

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def _answer(self, request: Request) -> Answer:
        if request.path in ("/api", "/apis"):
            return Answer(body=DISCOVERY if request.path == "/api" else {"items": []})
        known = self.answers.get((request.method, request.path))
        if not known:
            return refusal(404, "NotFound", f"{request.method} {request.path} not found")
        return known.pop(0) if len(known) > 1 else known[0]

    def writes(self) -> list[Request]:
        return [r for r in self.server.requests if r.method != "GET" and "dryRun" not in r.query]


@pytest.fixture
def cluster(server: FakeServer) -> Cluster:
    return Cluster(server)


@pytest.fixture
async def stub(server: FakeServer) -> AsyncIterator[provider_pb2_grpc.ResourceProviderStub]:
    grpc_server = grpc.aio.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), grpc_server)
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    await grpc_server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    await grpc_server.stop(0)


async def configure(stub: Any, server: FakeServer, **variables: str) -> None:
    kubeconfig = {
        "current-context": "ctx",
        "contexts": [{"name": "ctx", "context": {"cluster": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
    }
    given = {"kubeconfig": json.dumps(kubeconfig), **variables}
    answer = await stub.Configure(
        provider_pb2.ConfigureRequest(
            variables={f"kubernetes:config:{key}": text for key, text in given.items()}
        )
    )
    assert answer.acceptSecrets and answer.supportsPreview


def config_map(**data: str) -> Object:
    metadata = {"name": "settings", "namespace": "default", "annotations": {"poscloud.io/stack": "shop/dev"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def stored(obj: Object, manager: str = "pulumi-kubernetes-1", **meta: Any) -> Object:
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z"}
    fields = {"fieldsV1": {"f:data": {f"f:{key}": {} for key in obj.get("data", {})}}}
    added = {"uid": "u-1", "resourceVersion": "7", "managedFields": [{**entry, **fields}], **meta}
    return {**obj, "metadata": {**obj["metadata"], "creationTimestamp": "2026-01-01T00:00:00Z", **added}}


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    assert isinstance(error, grpc.aio.AioRpcError)
    return error


async def test_version_and_config(stub: Any) -> None:
    assert (await stub.GetPluginInfo(provider_pb2.ConfigureRequest())).version.endswith("+poscloud.1")
    news = encode({"kubeconfig": "k", "version": "4.34.2"})
    assert (await stub.CheckConfig(provider_pb2.CheckRequest(news=news))).inputs == news


@pytest.mark.parametrize(
    ("before", "after", "replaces"),
    [
        ({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}, ["clusterIdentifier"]),
        ({"clusterIdentifier": "a", "kubeconfig": "x"}, {"clusterIdentifier": "a", "kubeconfig": "y"}, []),
        ({}, {"clusterIdentifier": "uid:1"}, []),
        ({"clusterIdentifier": "uid:1"}, {}, []),
        ({"kubeconfig": "/gone/1"}, {"kubeconfig": "/gone/2"}, []),
    ],
)
async def test_which_configuration_replaces(
    stub: Any, before: Object, after: Object, replaces: list[str]
) -> None:
    request = provider_pb2.DiffRequest(old_inputs=encode(before), news=encode(after))
    assert list((await stub.DiffConfig(request)).replaces) == replaces


async def test_another_cluster_is_an_error_and_no_replacement(stub: Any) -> None:
    olds, news = encode({"clusterIdentifier": "uid:1"}), encode({"clusterIdentifier": "uid:2"})
    error = await refused(stub.DiffConfig(provider_pb2.DiffRequest(old_inputs=olds, news=news)))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "belongs to cluster 1" in str(error.details())


async def test_check_keeps_secrets_secret_and_asks_nobody(stub: Any, server: FakeServer) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": PASSWORD}}
    answer = await stub.Check(provider_pb2.CheckRequest(urn=URN, news=encode(secret)))
    assert answer.inputs["data"][SIGNATURE] == SECRET
    assert decode(answer.inputs)[0]["data"] == {"p": base64.b64encode(PASSWORD.encode()).decode()}
    assert not server.requests


@pytest.mark.parametrize("token", ["helm.sh/v3:Release", "core/v1:ConfigMapList", "apps/v1:DeploymentPatch"])
async def test_what_is_not_supported_is_said_in_check(stub: Any, token: str) -> None:
    urn = f"urn:pulumi:dev::shop::kubernetes:{token}::x"
    [failure] = (await stub.Check(provider_pb2.CheckRequest(urn=urn, news=encode({})))).failures
    assert failure.property == "kind"


async def test_unchanged_inputs_ask_nobody(stub: Any, server: FakeServer) -> None:
    await configure(stub, server)
    inputs = encode(config_map(a="1"))
    answer = await stub.Diff(provider_pb2.DiffRequest(urn=URN, old_inputs=inputs, news=inputs))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not server.requests


async def diff(stub: Any, old: Object, new: Object, **more: Any) -> Any:
    state = encode(stored(old))
    request = provider_pb2.DiffRequest(urn=URN, olds=state, old_inputs=encode(old), news=encode(new), **more)
    return await stub.Diff(request)


async def test_changed_inputs_are_tried_at_the_server(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="1", b="2"))))
    cluster.on("PATCH", OBJECT, Answer(body=stored(config_map(a="9"))))
    answer = await diff(stub, config_map(a="1", b="2"), config_map(a="9"))
    assert {path: entry.kind for path, entry in answer.detailedDiff.items()} == {"data.a": 5, "data.b": 3}
    assert answer.deleteBeforeReplace
    [request] = cluster.server.asked("PATCH")
    assert request.body == {"data": {"a": "9", "b": None}}
    assert "dryRun=All" in request.query and "fieldValidation=Strict" in request.query


async def test_a_change_the_server_does_not_see_is_none(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    live = stored(config_map(a="same"))
    cluster.on("GET", OBJECT, Answer(body=live))
    cluster.on("PATCH", OBJECT, Answer(body=live))
    answer = await diff(stub, config_map(a="1000m"), config_map(a="1"))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


async def test_ignored_changes_are_no_changes(stub: Any, server: FakeServer) -> None:
    await configure(stub, server)
    answer = await diff(stub, config_map(a="1"), config_map(a="2"), ignoreChanges=["data.a"])
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


async def test_typing_errors_get_the_server_s_message(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map())))
    cluster.on("PATCH", OBJECT, refusal(400, "BadRequest", 'strict decoding error: unknown field "dat"'))
    error = await refused(diff(stub, config_map(), config_map(a="1")))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert 'unknown field "dat"' in str(error.details())


def claim(storage_class: str) -> Object:
    obj = config_map()
    del obj["data"]
    return {**obj, "kind": "PersistentVolumeClaim", "spec": {"storageClassName": storage_class}}


async def test_guarded_kinds_are_not_replaced_unless_named(
    stub: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await configure(stub, cluster.server)
    path = OBJECT.replace("configmaps", "persistentvolumeclaims")
    cluster.on("GET", path, Answer(body=stored(claim("fast"))))
    cluster.on("PATCH", path, refusal(422, "Invalid", "spec is immutable after creation"))
    text = str((await refused(diff(stub, claim("fast"), claim("slow")))).details())
    for phrase in (
        "PersistentVolumeClaim default/settings",
        "spec.storageClassName: fast → slow",
        "the data on the volume",
    ):
        assert phrase in text
    assert "POSCLOUD_ALLOW_REPLACE=PersistentVolumeClaim/settings" in text
    monkeypatch.setenv("POSCLOUD_ALLOW_REPLACE", "PersistentVolumeClaim/settings, StatefulSet/x")
    assert list((await diff(stub, claim("fast"), claim("slow"))).replaces) == ["spec.storageClassName"]


async def create(stub: Any, obj: Object, **more: Any) -> Any:
    return await stub.Create(provider_pb2.CreateRequest(urn=URN, properties=encode(obj), **more))


async def test_create_keeps_inputs_and_no_managed_fields(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, Answer(201, stored(config_map(a="1"))))
    answer = await create(stub, config_map(a="1"))
    outputs, _ = decode(answer.properties)
    assert answer.id == "default/settings"
    assert outputs["__inputs"] == config_map(a="1")
    assert outputs["__fieldManager"].startswith("pulumi-kubernetes-")
    assert "managedFields" not in outputs["metadata"]


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
        "import",
    ):
        assert phrase in text
    assert [r.method for r in cluster.writes()] == ["POST"]


async def test_our_own_stack_s_object_is_adopted(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="old"))))
    cluster.on("PATCH", OBJECT, Answer(), Answer(body=stored(config_map(a="1"))))
    assert decode((await create(stub, config_map(a="1"))).properties)[0]["data"] == {"a": "1"}
    takeover, apply = cluster.server.asked("PATCH")
    assert takeover.body[0]["value"][0]["operation"] == "Apply"
    assert apply.body["metadata"]["uid"] == "u-1"


async def test_an_empty_annotation_is_nobody_s(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    mine = config_map(a="1")
    mine["metadata"]["annotations"] = {"poscloud.io/stack": ""}
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=stored(mine, "someone")))
    assert "exists already" in str((await refused(create(stub, mine))).details())


async def test_after_a_lost_answer_the_object_decides(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("POST", COLLECTION, Answer(None), EXISTS)
    obj = config_map(a="1")
    obj["metadata"]["annotations"] = {"pulumi.com/patchFieldManager": "this-run"}
    cluster.on("GET", OBJECT, Answer(body=stored(obj, "this-run")))
    assert (await create(stub, obj)).id == "default/settings"
    assert not cluster.server.asked("PATCH")


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
    assert (answer.id, decode(answer.properties)[0]) == ("", config_map(a="1"))
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


async def test_read_without_inputs_imports(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="1"))))
    answer = await stub.Read(provider_pb2.ReadRequest(id="default/settings", urn=URN))
    assert decode(answer.inputs)[0] == config_map(a="1")


async def test_read_of_a_missing_object_is_empty(stub: Any, cluster: Cluster) -> None:
    await configure(stub, cluster.server)
    assert (await stub.Read(provider_pb2.ReadRequest(id="default/settings", urn=URN))).id == ""


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
        assert "this stack belongs to cluster expected" in text
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
