"""``adopt``: a namespace that is nobody's is taken in, with the objects of the wanted names that are nobody's."""

from __future__ import annotations

from typing import Any

import pytest

from poscloud.provider.values import decode

from .conftest import (
    COLLECTION,
    OBJECT,
    Answer,
    Cluster,
    Object,
    config_map,
    create,
    refusal,
    refused,
    stored,
)
from .test_fence import EXISTS, HOME, namespace, ready, there

ADOPT = {"poscloud.io/adopt": "true"}


def nobodys(**data: str) -> Object:
    obj = config_map(**data)
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "annotations"}}


async def test_namespace_and_objects_are_taken_in(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    there(cluster, namespace("", ""))
    wanted = namespace(**ADOPT)
    cluster.on("POST", "/api/v1/namespaces", EXISTS)
    cluster.on("PATCH", HOME, Answer(body=stored(wanted, "pulumi-kubernetes-1")))
    await create(stub, wanted)
    assert cluster.writes()[-1].body["metadata"]["annotations"]["poscloud.io/stack"] == "shop/dev"

    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=stored(nobodys(a="old"), "kubectl-client-side-apply")))
    cluster.on("PATCH", OBJECT, Answer(body=stored(config_map(a="1"))))
    await create(stub, config_map(a="1"))
    tried, takeover, applied = [r for r in cluster.server.asked("PATCH") if r.path == OBJECT]
    assert "dryRun=All" in tried.query
    assert takeover.body[0]["path"] == "/metadata/managedFields"
    assert "force=false" in applied.query
    assert applied.body["data"] == {"a": "1"}
    assert applied.body["metadata"]["uid"] == "u-1"
    assert [r.path for r in cluster.server.asked("GET")].count(HOME) == 2, "asked once, and claimed"


async def test_a_preview_takes_in_without_writing(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    there(cluster, namespace("", ""))
    cluster.on("POST", "/api/v1/namespaces", EXISTS)
    cluster.on("PATCH", HOME, Answer(body=stored(namespace(**ADOPT))))
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=stored(nobodys(a="old"), "kubectl-create")))
    cluster.on("PATCH", OBJECT, Answer(body=stored(config_map(a="1"))))
    await create(stub, namespace(**ADOPT), preview=True)
    previewed = await create(stub, config_map(a="1"), preview=True)
    assert decode(previewed.properties)[0]["metadata"] == {**config_map()["metadata"], "uid": "u-1"}
    assert cluster.server.asked("PATCH")[-1].body["data"] == {"a": "1"}
    assert cluster.writes() == []


FORBIDDEN = refusal(403, "Forbidden", 'namespaces is forbidden: User "u" cannot create resource "namespaces"')


@pytest.mark.parametrize("preview", [False, True])
async def test_who_may_not_create_namespaces_can_take_one_in(
    stub: Any, cluster: Cluster, preview: bool
) -> None:
    await ready(stub, cluster)
    there(cluster, namespace("", ""))
    cluster.on("POST", "/api/v1/namespaces", FORBIDDEN)
    cluster.on("PATCH", HOME, Answer(body=stored(namespace(**ADOPT), "pulumi-kubernetes-1", uid="theirs")))
    taken = decode((await create(stub, namespace(**ADOPT), preview=preview)).properties)[0]
    assert taken["metadata"]["uid"] == "theirs"
    assert bool([r for r in cluster.writes() if r.method == "PATCH"]) is not preview


@pytest.mark.parametrize("wanted", [namespace(), namespace(**ADOPT)])
async def test_a_namespace_that_is_not_there_stays_forbidden(
    stub: Any, cluster: Cluster, wanted: Object
) -> None:
    await ready(stub, cluster)
    cluster.on("POST", "/api/v1/namespaces", FORBIDDEN)
    assert 'cannot create resource "namespaces"' in str((await refused(create(stub, wanted))).details())


async def taking(stub: Any, cluster: Cluster, live: Object, *answers: Answer, adopt: bool = True) -> str:
    """Create the object in a namespace of ours, and return why not."""
    await ready(stub, cluster)
    there(cluster, namespace(**(ADOPT if adopt else {})))
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=live))
    cluster.on("PATCH", OBJECT, *answers, Answer())
    text = str((await refused(create(stub, config_map(a="1")))).details())
    assert [r.method for r in cluster.writes()] == ["POST"]
    return text


async def test_without_adopt_nothing_is_taken(stub: Any, cluster: Cluster) -> None:
    text = await taking(stub, cluster, stored(nobodys(a="old"), "kubectl-create"), adopt=False)
    assert "ConfigMap default/settings exists already, created by kubectl-create" in text


async def test_another_stack_s_object_is_never_taken(stub: Any, cluster: Cluster) -> None:
    theirs = config_map(a="old")
    theirs["metadata"]["annotations"] = {"poscloud.io/stack": "billing/dev"}
    assert "it belongs to stack billing/dev" in await taking(stub, cluster, stored(theirs))


async def test_fields_of_others_are_told_and_not_forced(stub: Any, cluster: Cluster) -> None:
    cause = {"field": ".data.a", "message": 'conflict with "kubectl-edit" using v1'}
    conflict = refusal(409, "Conflict", "Apply failed", causes=[cause])
    forced = Answer(body=stored(config_map(a="1")))
    text = await taking(stub, cluster, stored(nobodys(a="old"), "kubectl-edit"), conflict, forced)
    assert '.data.a: conflict with "kubectl-edit"' in text
    assert 'pulumi.com/patchForce: "true"' in text


async def test_a_conflict_about_what_stays_as_it_is_is_none(stub: Any, cluster: Cluster) -> None:
    await ready(stub, cluster)
    there(cluster, namespace(**ADOPT))
    causes = [
        {"field": f".data.{key}", "message": 'conflict with "kubectl" using v1'} for key in ("a.b", "c")
    ]
    conflict = refusal(409, "Conflict", "Apply failed", causes=causes)
    dropped = config_map(d="1")  # what the server makes of a.b and c
    cluster.on("POST", COLLECTION, EXISTS)
    cluster.on("GET", OBJECT, Answer(body=stored(nobodys(d="0"), "kubectl")))
    tried = [conflict, Answer(body=stored(dropped)), Answer(body=stored(dropped))]
    cluster.on("PATCH", OBJECT, *tried, *tried)
    await create(stub, config_map(**{"a.b": "", "c": "", "d": "1"}))
    applied = cluster.writes()[-1]
    assert applied.body["data"] == {"d": "1"}
    assert "force=false" in applied.query
    forced = [r for r in cluster.server.asked("PATCH") if "force=true" in r.query]
    assert forced and all("dryRun=All" in r.query for r in forced)


async def test_what_cannot_become_what_is_described_is_told(stub: Any, cluster: Cluster) -> None:
    immutable = refusal(422, "Invalid", "data: Forbidden: field is immutable when `immutable` is set")
    text = await taking(stub, cluster, stored(nobodys(a="old"), "kubectl-create"), immutable)
    assert "cannot become what is described: data: Forbidden: field is immutable" in text
    assert "it is unchanged" in text
