"""The provider as the engine sees it, through a real gRPC channel: configuration, check and diff."""

from __future__ import annotations

import base64
from typing import Any

import grpc
import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2

from poscloud.provider.values import SECRET, SIGNATURE, decode, encode

from .conftest import (
    OBJECT,
    PASSWORD,
    URN,
    Answer,
    Cluster,
    FakeServer,
    Object,
    config_map,
    configure,
    diff,
    refusal,
    refused,
    stored,
)


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
    assert "was deployed to cluster 1" in str(error.details())


async def test_check_keeps_secrets_secret_and_asks_nobody(stub: Any, server: FakeServer) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": PASSWORD}}
    answer = await stub.Check(provider_pb2.CheckRequest(urn=URN, news=encode(secret)))
    assert answer.inputs["data"][SIGNATURE] == SECRET
    assert decode(answer.inputs)[0]["data"] == {"p": base64.b64encode(PASSWORD.encode()).decode()}
    assert not server.requests


async def test_what_was_checked_is_not_checked_again(stub: Any) -> None:
    before = encode({**config_map(a="1"), "metadata": {"name": "settings", "uid": "u"}})
    urn = URN.replace("default", "x")
    first = await stub.Check(provider_pb2.CheckRequest(urn=urn, news=before))
    assert "uid" not in first.inputs["metadata"]
    assert (await stub.Check(provider_pb2.CheckRequest(urn=urn, news=before, olds=before))).inputs == before
    clear = encode({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "eA=="}})
    secret = urn.replace("ConfigMap", "Secret")
    again = await stub.Check(provider_pb2.CheckRequest(urn=secret, news=clear, olds=clear))
    assert decode(again.inputs)[1]["data"] is True, "what was stored in clear is marked"


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
