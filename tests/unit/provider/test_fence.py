"""The fence: nothing is written where the namespace is another's, and it costs one request a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from poscloud.provider import cluster as provider_cluster
from poscloud.provider.awaiter import WaitTimeoutError
from poscloud.provider.fence import Fence
from poscloud.provider.values import encode

from .conftest import (
    COLLECTION,
    OBJECT,
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

HOME = "/api/v1/namespaces/default"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
EXISTS = refusal(409, "AlreadyExists", "it already exists")
MINE, HERE = "shop/dev", "uid-here"


def namespace(stack: str = MINE, cluster: str = HERE, name: str = "default", **more: str) -> Object:
    given = {"poscloud.io/stack": stack, "poscloud.io/cluster": cluster, **more}
    annotations = {key: text for key, text in given.items() if text}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}}


def there(cluster: Cluster, obj: Object, *answers: Answer) -> None:
    """Let the namespace default be there, and after the first question what else is given."""
    cluster.on("GET", HOME, Answer(body=stored(obj, "kubectl-create")), *answers)


def volume() -> Object:
    metadata = {"name": "dev.disk", "annotations": {"poscloud.io/stack": "shop/default"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata}


async def ready(stub: Any, cluster: Cluster) -> None:
    cluster.on("GET", KUBE_SYSTEM, Answer(body={"metadata": {"uid": HERE}}))
    await configure(stub, cluster.server, clusterIdentifier=f"uid:{HERE}")


async def update(stub: Any, old: Object, new: Object, **more: Any) -> Any:
    request = provider_pb2.UpdateRequest(
        urn=URN, olds=encode(stored(old)), old_inputs=encode(old), news=encode(new), **more
    )
    return await stub.Update(request)


async def delete(stub: Any, obj: Object, **meta: Any) -> Any:
    return await stub.Delete(
        provider_pb2.DeleteRequest(id="x", urn=URN, properties=encode(stored(obj, **meta)))
    )


CALLS: dict[str, Callable[[Any], Any]] = {
    "create": lambda stub: create(stub, config_map(a="1")),
    "create, previewed": lambda stub: create(stub, config_map(a="1"), preview=True),
    "update": lambda stub: update(stub, config_map(), config_map(a="1")),
    "update, previewed": lambda stub: update(stub, config_map(), config_map(a="1"), preview=True),
    "diff": lambda stub: diff(stub, config_map(), config_map(a="1")),
    "delete": lambda stub: delete(stub, config_map()),
    "create the namespace": lambda stub: create(stub, namespace()),
    "preview the namespace": lambda stub: create(stub, namespace(), preview=True),
    "delete the namespace": lambda stub: delete(stub, namespace()),
}
REMAKE = f"kubectl --context=ctx annotate --overwrite namespace default poscloud.io/cluster={HERE}"
OTHERS: dict[str, tuple[Object, list[str]]] = {
    "another stack": (namespace("shop/other"), ["belongs to stack shop/other", "this stack is shop/dev"]),
    "another project": (namespace("billing/dev"), ["belongs to stack billing/dev", "in project billing"]),
    "nobody": (namespace("", ""), ["created by kubectl-create", "adopt: true in stacks/default.yaml"]),
    "another cluster": (
        namespace(cluster="uid-there"),
        ["was made in cluster uid-there", f"cluster {HERE}", REMAKE],
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("owner", OTHERS)
async def test_nothing_is_written_where_the_namespace_is_of(
    stub: Any, cluster: Cluster, owner: str, call: str
) -> None:
    await ready(stub, cluster)
    found, phrases = OTHERS[owner]
    there(cluster, found)
    error = await refused(CALLS[call](stub))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    text = str(error.details())
    assert [phrase for phrase in (*phrases, "nothing was written") if phrase not in text] == []
    assert cluster.writes() == []
    assert OBJECT not in {request.path for request in cluster.server.requests}


@pytest.mark.parametrize("call", ["create", "delete"])
async def test_what_no_namespace_holds_is_judged_by_the_stack_s_namespace(
    stub: Any, cluster: Cluster, call: str
) -> None:
    await ready(stub, cluster)
    there(cluster, namespace("billing/default"))
    calls = {"create": lambda: create(stub, volume()), "delete": lambda: delete(stub, volume())}
    assert "belongs to stack billing/default" in str((await refused(calls[call]())).details())
    assert cluster.writes() == []


async def test_it_costs_one_request_a_run(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    there(cluster, namespace())
    cluster.on("POST", COLLECTION, Answer(201, stored(config_map(a="1"))))
    await asyncio.gather(*(create(stub, config_map(a="1")) for _ in range(20)))
    assert len(cluster.writes()) == 20
    assert [r.path for r in cluster.server.asked("GET")].count(HOME) == 1


async def test_a_namespace_that_is_not_there_costs_one_request_a_preview(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    await asyncio.gather(*(create(stub, config_map(a="1"), preview=True) for _ in range(20)))
    assert [r.path for r in cluster.server.asked("GET")].count(HOME) == 1


async def test_objects_of_other_programs_cost_nothing(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    there(cluster, namespace("billing/default"))
    obj = config_map(a="1")
    del obj["metadata"]["annotations"]
    cluster.on("POST", COLLECTION, Answer(201, stored(obj)))
    await create(stub, obj)
    await create(stub, obj, preview=True)
    await delete(stub, obj)
    assert HOME not in [r.path for r in cluster.server.asked("GET")]


@pytest.mark.parametrize("owner", ["another project", "another cluster"])
async def test_of_two_at_once_the_one_that_makes_the_namespace_has_it(
    stub: Any, cluster: Cluster, owner: str
) -> None:
    await ready(stub, cluster)
    found, phrases = OTHERS[owner]
    cluster.on("GET", HOME, refusal(404, "NotFound", "not found"), Answer(body=stored(found)))
    cluster.on("POST", "/api/v1/namespaces", EXISTS)
    text = str((await refused(create(stub, namespace()))).details())
    assert [phrase for phrase in phrases if phrase not in text] == []
    assert [r.method for r in cluster.writes()] == ["POST"]


async def test_a_namespace_that_comes_back_as_nobody_s_is_noticed(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    there(cluster, namespace(), Answer(body=stored(namespace(""))))
    cluster.on("POST", COLLECTION, refusal(404, "NotFound", 'namespaces "default" not found'))
    assert "does not say that it belongs to stack shop/dev" in str(
        (await refused(create(stub, config_map(a="1")))).details()
    )
    assert [r.method for r in cluster.writes()] == ["POST"]


async def test_a_renamed_project_keeps_what_it_made(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    there(cluster, namespace("before/dev"))
    old, new = config_map(), config_map(a="1")
    old["metadata"] = {**old["metadata"], "annotations": {"poscloud.io/stack": "before/dev"}}
    cluster.on("GET", OBJECT, Answer(body=stored(old)))
    cluster.on("PATCH", OBJECT, Answer(body=stored(new)))
    await update(stub, old, new)
    assert cluster.writes()


async def test_another_namespace_of_the_same_name_is_left_alone_by_destroy(
    stub: Any, cluster: Cluster
) -> None:
    await ready(stub, cluster)
    there(cluster, namespace("billing/dev"))
    await delete(stub, namespace(), uid="ours")
    await delete(stub, config_map())
    assert cluster.writes() == []
    cluster.on("DELETE", "/api/v1/persistentvolumes/dev.disk", refusal(404, "NotFound", "gone"))
    await delete(stub, volume())
    [deleted] = cluster.writes()
    assert deleted.body["preconditions"] == {"uid": "u-1"}


async def read(stub: Any, obj: Object) -> Any:
    request = provider_pb2.ReadRequest(
        id="default/settings", urn=URN, properties=encode(stored(obj)), inputs=encode(obj)
    )
    return await stub.Read(request)


@pytest.mark.parametrize("owner", ["billing/dev", ""])
async def test_a_refresh_does_not_take_what_has_the_name_of_ours_now(
    stub: Any, cluster: Cluster, owner: str
) -> None:
    await ready(stub, cluster)
    theirs = config_map(a="theirs")
    theirs["metadata"]["annotations"] = {"poscloud.io/stack": owner}
    cluster.on("GET", OBJECT, Answer(body=stored(theirs, uid="u-2")))
    assert (await read(stub, config_map(a="1"))).id == ""


async def test_a_refresh_waits_for_the_end_of_a_namespace_and_finds_nothing_of_it(
    stub: Any, cluster: Cluster
) -> None:
    going = namespace()
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    there(cluster, going, Answer(body=stored(going)), refusal(404, "NotFound", "gone"))
    await ready(stub, cluster)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map())))
    request = provider_pb2.ReadRequest(
        urn=URN, id="default/settings", properties=encode(stored(config_map())), inputs=encode(config_map())
    )
    answers = await asyncio.gather(stub.Read(request), stub.Read(request))
    assert [answer.id for answer in answers] == ["", ""]


async def test_a_namespace_that_does_not_go_is_waited_for_once() -> None:
    waits = []

    class Place:
        async def get(self, _: Object) -> Object:
            return {**namespace(), "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}

    async def gone(live: Object) -> None:
        waits.append(live)
        raise WaitTimeoutError("it is still there")

    fence = Fence(cast(provider_cluster.Cluster, Place()))
    objects = [stored(config_map()), *[stored(config_map())] * 4]
    ends = await asyncio.gather(*(fence.ends(live, gone) for live in objects), return_exceptions=True)
    assert [str(error) for error in ends] == ["it is still there"] * 5
    assert len(waits) == 1


async def test_an_object_of_a_namespace_that_is_gone_tells_what_to_do(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    ended = "unable to create new content in namespace default because it is being terminated"
    cluster.on("POST", COLLECTION, refusal(403, "Forbidden", ended))
    told = str((await refused(create(stub, config_map()))).details())
    assert "namespace default is being deleted" in told
    assert "--refresh" in told


@pytest.mark.parametrize("call", [read, lambda stub, obj: update(stub, obj, config_map(a="2"))])
async def test_an_object_that_says_now_that_it_is_another_s_is_told(
    stub: Any, cluster: Cluster, call: Any
) -> None:
    await ready(stub, cluster)
    there(cluster, namespace())
    theirs = config_map(a="1")
    theirs["metadata"]["annotations"] = {"poscloud.io/stack": "billing/dev"}
    cluster.on("GET", OBJECT, Answer(body=stored(theirs)))
    text = str((await refused(call(stub, config_map(a="1")))).details())
    assert "ConfigMap default/settings was this stack's" in text
    assert "stack billing/dev" in text
    command = "kubectl --context=ctx get -o yaml --show-managed-fields -n default configmap settings"
    assert command in text
    assert cluster.writes() == []
