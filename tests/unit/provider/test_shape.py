"""Objects that are none: what would have been done with them before anybody looked."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from poscloud.provider.shape import answered, misshapen
from poscloud.provider.values import SIGNATURE, decode, encode
from poscloud.provider.yamltext import objects_of

from .conftest import OBJECT, URN, Answer, Cluster, FakeServer, config_map, configure, create, refused, stored


async def test_deleting_an_object_without_a_name_deletes_nothing(
    stub: Any, server: FakeServer, cluster: Cluster
) -> None:
    await configure(stub, server)
    state = encode({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default"}})
    error = await refused(stub.Delete(provider_pb2.DeleteRequest(urn=URN, properties=state)))
    assert "has no metadata.name" in str(error.details())
    assert not server.asked("DELETE")  # the path would have been that of all ConfigMaps


async def test_inputs_without_metadata_are_read(stub: Any, server: FakeServer, cluster: Cluster) -> None:
    await configure(stub, server)
    cluster.on("GET", OBJECT, Answer(body=stored(config_map(a="2"))))
    inputs = encode({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}})
    answer = await stub.Read(provider_pb2.ReadRequest(urn=URN, id="default/settings", inputs=inputs))
    assert decode(answer.inputs)[0]["data"] == {"a": "2"}


async def test_a_name_is_no_path(stub: Any, server: FakeServer, cluster: Cluster) -> None:
    await configure(stub, server)
    state = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": "default", "name": "../pods/a"},
    }
    error = await refused(stub.Delete(provider_pb2.DeleteRequest(urn=URN, properties=encode(state))))
    assert "is no name of an object" in str(error.details()) and not server.asked("DELETE")


async def test_a_redirect_is_no_success(stub: Any, server: FakeServer, cluster: Cluster) -> None:
    await configure(stub, server)
    cluster.on("POST", OBJECT.rpartition("/")[0], Answer(302, {}, {"Location": "https://login.example.com"}))
    error = await refused(create(stub, config_map(a="1")))
    assert "HTTP 302, which leads elsewhere" in str(error.details())


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"metadata": ["a"]}, "metadata"),
        ({"kind": 3}, "kind"),
        ({"metadata": {"annotations": "a"}}, "metadata.annotations"),
        ({"apiVersion": "../v1"}, "apiVersion"),
        ({"metadata": {"managedFields": [{"fieldsV1": {"f:a": 3}}]}}, "metadata.managedFields"),
    ],
)
def test_what_is_no_object_is_told_with_its_field(change: dict[str, Any], where: str) -> None:
    assert [path for path, _ in misshapen({"apiVersion": "v1", "kind": "ConfigMap", **change})] == [where]


def test_what_is_unknown_may_be_anything() -> None:
    assert not misshapen({"apiVersion": "v1", "metadata": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"})


def test_an_empty_answer_is_no_object() -> None:
    with pytest.raises(Exception, match=r"it has no metadata.name"):
        answered({}, "GET /x")


def test_a_secret_output_stays_secret() -> None:
    struct = Struct()
    fields = struct.fields["data"].struct_value.fields
    fields[SIGNATURE].string_value = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
    fields["value"].string_value, fields["secret"].bool_value = "x", True
    assert decode(struct) == ({"data": "x"}, {"data": True})


def test_manifests_of_aliases_of_aliases_are_refused() -> None:
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
    )
    with pytest.raises(Exception, match="more than 1000000 values"):
        objects_of(text, "")
    with pytest.raises(Exception, match="nested too deep"):
        objects_of("[" * 100_000, "")


def test_merge_keys_of_merge_keys_are_refused_at_once() -> None:
    text = "a0: &a0 {x: 1, y: 2}\n" + "".join(
        f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 9)
    )
    with pytest.raises(Exception, match="of more than 1000000 values"):
        objects_of(text, "")
    assert objects_of("{x: &x {kind: A, b: 1}, <<: *x, b: 2}", "")[0]["b"] == 2
