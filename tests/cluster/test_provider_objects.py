"""The provider against a real API server: every kind an environment uses, from create to delete."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from poscloud.provider import cluster as cluster_of_a_stack
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import load
from poscloud.provider.rest import MERGE, Clock
from poscloud.provider.servicer import Provider
from poscloud.provider.values import decode, encode
from tests.cluster.manifests import KINDS, PASSWORD, SKIP, Object, pod_spec, template, workload

pytestmark = pytest.mark.cluster


class Driver:
    """Calls the provider as the engine does."""

    def __init__(self, stub: Any, cluster: Cluster, namespace: str) -> None:
        self.stub, self.cluster, self.namespace = stub, cluster, namespace

    def object(self, kind: str, fields: Object, api_version: str = "v1", name: str = "app") -> Object:
        annotations = {"poscloud.io/stack": "test/dev", **fields.get("metadata", {}).get("annotations", {})}
        metadata = {"name": name, "namespace": self.namespace, "annotations": annotations}
        return {**fields, "apiVersion": api_version, "kind": kind.split()[0], "metadata": metadata}

    async def check(self, obj: Object) -> Object:
        answer = await self.stub.Check(provider_pb2.CheckRequest(urn=self.urn(obj), news=encode(obj)))
        assert not answer.failures
        return decode(answer.inputs)[0]

    @staticmethod
    def urn(obj: Object) -> str:
        version = obj["apiVersion"] if "/" in obj["apiVersion"] else f"core/{obj['apiVersion']}"
        return f"urn:pulumi:dev::test::kubernetes:{version}:{obj['kind']}::x"

    async def create(self, obj: Object, **more: Any) -> Any:
        request = provider_pb2.CreateRequest(
            urn=self.urn(obj), properties=encode(await self.check(obj)), **more
        )
        return await self.stub.Create(request)

    async def diff(self, state: Any, old: Object, new: Object, **more: Any) -> Any:
        request = provider_pb2.DiffRequest(
            urn=self.urn(new), olds=state, old_inputs=encode(old), news=encode(await self.check(new)), **more
        )
        return await self.stub.Diff(request)

    async def update(self, state: Any, old: Object, new: Object, **more: Any) -> Any:
        request = provider_pb2.UpdateRequest(
            urn=self.urn(new), olds=state, old_inputs=encode(old), news=encode(await self.check(new)), **more
        )
        return await self.stub.Update(request)

    async def read(self, obj: Object, state: Any = None, inputs: Any = None) -> Any:
        meta = obj["metadata"]
        where = f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else meta["name"]
        return await self.stub.Read(
            provider_pb2.ReadRequest(urn=self.urn(obj), id=where, properties=state, inputs=inputs)
        )

    async def live(self, obj: Object) -> Object:
        found = await self.cluster.get(obj)
        assert found is not None
        return found

    async def delete(self, obj: Object, state: Any) -> None:
        await self.stub.Delete(provider_pb2.DeleteRequest(urn=self.urn(obj), id="x", properties=state))


@pytest.fixture
async def driver(kubeconfig: Path) -> AsyncIterator[Driver]:
    server = grpc.aio.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    cluster = Cluster(load({"kubeconfig": str(kubeconfig)}), Settings(), Clock())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        variables = {"kubernetes:config:kubeconfig": str(kubeconfig)}
        await stub.Configure(provider_pb2.ConfigureRequest(variables=variables))
        driver = Driver(stub, cluster, f"provider-{uuid.uuid4().hex[:8]}")
        metadata = {"name": driver.namespace, "annotations": {**SKIP, "poscloud.io/stack": "test/dev"}}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        created = await driver.create(namespace)
        yield driver
        await driver.delete(namespace, created.properties)
    await server.stop(0)


NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_created_shows_no_difference(driver: Driver, kind: str) -> None:
    obj = driver.object(kind, KINDS[kind][1], KINDS[kind][0])
    inputs = await driver.check(obj)
    created = await driver.create(obj)
    assert created.properties.ByteSize() < 8192
    assert (await driver.diff(created.properties, inputs, obj)).changes == NONE

    refreshed = await driver.read(obj, created.properties, encode(inputs))
    assert decode(refreshed.inputs)[0] == inputs, "a refresh must not invent changes"
    if kind != "Pod":  # nothing in a pod's lists may be left out afterwards, so an import needs all of it
        imported = await driver.read(obj)
        found = await driver.diff(imported.properties, decode(imported.inputs)[0], obj)
        assert found.changes == NONE, f"an import shows {dict(found.detailedDiff)}"

    changed = {**obj, "metadata": {**obj["metadata"], "labels": {"new": "label"}}}
    [path] = (await driver.diff(refreshed.properties, inputs, changed)).detailedDiff
    assert path.startswith("metadata.labels")
    updated = await driver.update(refreshed.properties, inputs, changed)
    before = (await driver.live(obj))["metadata"]
    await driver.update(updated.properties, await driver.check(changed), changed)
    # Where controllers write the status meanwhile, the generation tells whether we changed anything.
    version = "generation" if "generation" in before else "resourceVersion"
    assert (await driver.live(obj))["metadata"][version] == before[version]

    # A field the program no longer has goes away, though it was first written by a plain create.
    back = await driver.diff(updated.properties, await driver.check(changed), obj)
    assert {found: entry.kind for found, entry in back.detailedDiff.items()} == {path: 2}
    final = await driver.update(updated.properties, await driver.check(changed), obj)
    assert "new" not in (await driver.live(obj))["metadata"].get("labels", {})
    await driver.delete(obj, final.properties)
    while SKIP.items() <= obj["metadata"]["annotations"].items() and await driver.cluster.get(obj):
        await asyncio.sleep(0.1)  # deleting does not wait then, either
    assert (await driver.read(obj, final.properties, encode(inputs))).id == ""


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return str(caught.value.details())  # type: ignore[attr-defined]


async def test_previews_check_strictly_and_write_nothing(driver: Driver) -> None:
    typo = driver.object("Deployment", {"spec": {**workload("app"), "replica": 2}}, "apps/v1")
    assert 'unknown field "spec.replica"' in await refused(driver.create(typo, preview=True))
    good = driver.object("Deployment", {"spec": workload("app")}, "apps/v1")
    del good["metadata"]["annotations"]  # of its own stack's, only the identity is kept
    preview = await driver.create(good, preview=True)
    assert preview.properties["spec"]["progressDeadlineSeconds"] == 600
    assert await driver.cluster.get(good) is None
    elsewhere = {**good, "metadata": {**good["metadata"], "namespace": "not-there-yet"}}
    assert (await driver.create(elsewhere, preview=True)).properties["spec"]["replicas"] == 2


async def test_a_removed_field_and_a_changed_image(driver: Driver) -> None:
    one = driver.object("Deployment", {"spec": workload("app")}, "apps/v1")
    inputs, created = await driver.check(one), await driver.create(one)
    two = driver.object(
        "Deployment", {"spec": workload("app", template=template("app", image="shop:2"))}, "apps/v1"
    )
    del two["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    found = await driver.diff(created.properties, inputs, two)
    path = "spec.template.spec.containers[0]"
    assert {p: e.kind for p, e in found.detailedDiff.items()} == {
        f"{path}.image": 4,
        f"{path}.readinessProbe": 2,
    }
    previewed = await driver.update(created.properties, inputs, two, preview=True)
    assert previewed.properties["metadata"]["uid"] == created.properties["metadata"]["uid"]
    assert (await driver.live(two))["spec"]["template"]["spec"]["containers"][0]["image"] == "shop:1"
    await driver.update(created.properties, inputs, two)
    live = await driver.live(two)
    [container] = live["spec"]["template"]["spec"]["containers"]
    assert (container["image"], "readinessProbe" in container) == ("shop:2", False)
    assert live["status"]["availableReplicas"] == 2


async def test_replacing_fields(driver: Driver) -> None:
    one = driver.object("Deployment", {"spec": workload("app")}, "apps/v1")
    inputs, created = await driver.check(one), await driver.create(one)
    two = driver.object("Deployment", {"spec": workload("other")}, "apps/v1")
    found = await driver.diff(created.properties, inputs, two)
    assert "spec.selector.matchLabels.app" in found.replaces
    assert found.deleteBeforeReplace


async def test_stateful_sets_are_not_replaced_silently(driver: Driver) -> None:
    one = driver.object("StatefulSet", {"spec": workload("set", serviceName="a")}, "apps/v1")
    inputs, created = await driver.check(one), await driver.create(one)
    two = driver.object("StatefulSet", {"spec": workload("set", serviceName="b")}, "apps/v1")
    text = await refused(driver.diff(created.properties, inputs, two))
    assert "spec.serviceName: a → b" in text
    assert "POSCLOUD_ALLOW_REPLACE=StatefulSet/app" in text
    # The official table replaces for this one; the server changes it in place, so nothing is lost.
    three = driver.object(
        "StatefulSet", {"spec": workload("set", serviceName="a", revisionHistoryLimit=3)}, "apps/v1"
    )
    found = await driver.diff(created.properties, inputs, three)
    assert (found.changes, list(found.replaces)) == (SOME, [])


async def test_foreign_objects_stay_and_our_own_come_back(driver: Driver) -> None:
    obj = driver.object("ConfigMap", {"data": {"a": "1"}})
    await driver.create(obj)
    await driver.create({**obj, "data": {"b": "2"}})
    assert (await driver.live(obj))["data"] == {"b": "2"}
    theirs = driver.object("ConfigMap", {"data": {"c": "3"}}, name="theirs")
    annotations = {"poscloud.io/stack": "test/other"}
    await driver.cluster.create(
        {**theirs, "metadata": {**theirs["metadata"], "annotations": annotations}}, "someone"
    )
    assert "exists already, created by someone" in await refused(driver.create(theirs))
    assert (await driver.cluster.get(theirs) or {})["metadata"]["annotations"] == annotations


async def test_fields_of_another_manager(driver: Driver) -> None:
    obj = driver.object("Deployment", {"spec": workload("app")}, "apps/v1")
    inputs, created = await driver.check(obj), await driver.create(obj)
    path = await driver.cluster.path(obj)
    patch = {"spec": {"replicas": 1}}
    await driver.cluster.client.request("PATCH", path, {"fieldManager": "someone"}, patch, MERGE)
    wanted = driver.object("Deployment", {"spec": workload("app", replicas=3)}, "apps/v1")
    for preview in (True, False):
        text = await refused(driver.update(created.properties, inputs, wanted, preview=preview))
        assert ".spec.replicas" in text and '"someone"' in text
    await driver.update(created.properties, inputs, wanted, ignoreChanges=["spec.replicas"])
    assert (await driver.live(obj))["spec"]["replicas"] == 1


async def test_another_cluster_is_refused(driver: Driver, kubeconfig: Path) -> None:
    variables = {
        "kubernetes:config:kubeconfig": str(kubeconfig),
        "kubernetes:config:clusterIdentifier": "uid:other",
    }
    obj = driver.object("ConfigMap", {"data": {"a": "1"}})
    created = await driver.create(obj)
    await driver.stub.Configure(provider_pb2.ConfigureRequest(variables=variables))
    assert "was deployed to cluster other" in await refused(driver.delete(obj, created.properties))
    right = await driver.cluster.client.request("GET", "/api/v1/namespaces/kube-system")
    variables["kubernetes:config:clusterIdentifier"] = f"uid:{right['metadata']['uid']}"
    await driver.stub.Configure(provider_pb2.ConfigureRequest(variables=variables))
    await driver.delete(obj, created.properties)


async def test_custom_resources_with_their_definition(driver: Driver) -> None:
    group = f"{driver.namespace}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "scope": "Cluster", "names": names, "versions": [version]},
    }
    # In the foreground, the garbage collector would first have to learn of the new kind.
    metadata = {"name": "a", "annotations": {"pulumi.com/deletionPropagationPolicy": "background"}}
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": metadata, "spec": {"size": 3}}
    assert decode((await driver.create(thing, preview=True)).properties)[0] == thing
    created = await driver.create(definition)
    made = await driver.create(thing)
    assert made.id == "a"
    assert made.properties["spec"]["size"] == 3
    await driver.delete(thing, made.properties)
    await driver.delete(definition, created.properties)


async def test_a_namespace_is_gone_with_all_that_is_in_it(driver: Driver) -> None:
    metadata = {"name": f"{driver.namespace}-2", "annotations": {"poscloud.io/stack": "test/dev"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    created = await driver.create(namespace)
    inside = driver.object("ConfigMap", {"data": {}})
    inside["metadata"]["namespace"] = metadata["name"]
    await driver.create(inside)
    await driver.delete(namespace, created.properties)
    assert await driver.cluster.get(namespace) is None
    assert await driver.cluster.get(inside) is None


async def test_a_namespace_is_emptied_a_page_at_a_time(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_of_a_stack, "DELETED_AT_ONCE", 2)
    client, path = driver.cluster.client, f"/apis/apps/v1/namespaces/{driver.namespace}/deployments"
    for number in range(5):
        obj = driver.object("Deployment", {"spec": workload("app", replicas=0)}, "apps/v1", f"app-{number}")
        await client.request("POST", path, body=obj)
    await driver.cluster.empty(driver.namespace)
    assert (await client.request("GET", path))["items"] == []


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSCLOUD_FAILURE_GRACE_SECONDS", "1")


@pytest.mark.usefixtures("short_grace")
async def test_unschedulable_pods_fail_early(driver: Driver) -> None:
    stuck = template("app", nodeSelector={"no": "such-node"})
    text = await refused(
        driver.create(driver.object("Deployment", {"spec": workload("app", template=stuck)}, "apps/v1"))
    )
    assert "cannot be scheduled" in text
    assert "node affinity/selector" in text


@pytest.mark.usefixtures("short_grace")
async def test_images_that_cannot_be_pulled_fail_early(driver: Driver) -> None:
    obj = driver.object("Pod", {"spec": pod_spec(schedulerName="nobody")})
    call = asyncio.ensure_future(refused(driver.create(obj)))
    while await driver.cluster.get(obj) is None:
        await asyncio.sleep(0.05)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    container = {
        "name": "main",
        "image": "shop:1",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": waiting,
    }
    scheduled = {"type": "PodScheduled", "status": "True"}
    status = {"status": {"containerStatuses": [container], "conditions": [scheduled]}}
    path = f"{await driver.cluster.path(obj)}/status"
    await driver.cluster.client.request("PATCH", path, None, status, MERGE)
    assert "pod app, container main: ImagePullBackOff (image shop:1): not found" in await call


@pytest.mark.usefixtures("short_grace")
async def test_a_job_that_failed_is_run_again(driver: Driver) -> None:
    pod = pod_spec(nodeSelector={"no": "such-node"}) | {"restartPolicy": "Never"}
    spec = {"activeDeadlineSeconds": 1, "template": {"metadata": {"labels": {"app": "app"}}, "spec": pod}}
    job = driver.object("Job", {"spec": spec}, "batch/v1")
    job["metadata"]["annotations"] = {"poscloud.io/stack": "test/dev"}
    assert "DeadlineExceeded" in await refused(driver.create(job))
    failed = await driver.cluster.get(job)
    assert failed is not None
    answer = await driver.diff(encode(failed), job, job)
    assert answer.deleteBeforeReplace and list(answer.replaces) == ["status"]

    # With its state lost, too: what is there is our own, and has failed for good.
    again = {**job, "spec": {"template": {**spec["template"], "spec": {**pod, "nodeSelector": None}}}}
    made = decode((await driver.create(again)).properties)[0]
    assert made["metadata"]["uid"] != failed["metadata"]["uid"]


async def test_an_exceeded_quota_fails_within_15_seconds(driver: Driver) -> None:
    await driver.create(driver.object("ResourceQuota", {"spec": {"hard": {"pods": "0"}}}))
    for kind in ("Deployment", "StatefulSet"):
        fields = {"spec": workload("app", **({"serviceName": "x"} if kind == "StatefulSet" else {}))}
        began = time.monotonic()
        text = await refused(driver.create(driver.object(kind, fields, "apps/v1")))
        assert time.monotonic() - began < 18
        assert "exceeded quota" in text


async def test_a_finalizer_that_nobody_clears_is_named(driver: Driver) -> None:
    obj = driver.object(
        "ConfigMap", {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "1"}}, "data": {}}
    )
    created = await driver.create(obj)
    path = await driver.cluster.path(obj)
    held: Object = {"metadata": {"finalizers": ["example.com/held"]}}
    await driver.cluster.client.request("PATCH", path, None, held, MERGE)
    assert "finalizers example.com/held" in await refused(driver.delete(obj, created.properties))
    held["metadata"]["finalizers"] = None
    await driver.cluster.client.request("PATCH", path, None, held, MERGE)
    await driver.delete(obj, created.properties)


async def test_secrets_are_never_in_clear_text(driver: Driver) -> None:
    own = driver.object("Secret", {"stringData": {"password": PASSWORD}})
    assert "data" not in (await driver.create(own)).properties
    anybodys = driver.object("Secret", {"stringData": {"password": PASSWORD}}, name="anybodys")
    del anybodys["metadata"]["annotations"]
    plain, mask = decode((await driver.create(anybodys)).properties)
    assert mask["data"] is True and mask["__inputs"]["data"] is True
    assert PASSWORD not in str(plain)
    bad = driver.object(
        "Secret", {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": PASSWORD}}
    )
    assert PASSWORD not in await refused(driver.create(bad, preview=True))


async def test_fifty_objects_a_second(driver: Driver) -> None:
    objects = [driver.object("ConfigMap", {"data": {"a": "x" * 1000}}, name=f"c{n}") for n in range(300)]
    began = time.monotonic()
    await asyncio.gather(*(driver.create(obj) for obj in objects))
    assert len(objects) / (time.monotonic() - began) > 50
