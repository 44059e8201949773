from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poscloud.provider.values import SECRET, SIGNATURE, decode, encode, has_unknowns, secret_mask

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**52), 2**52) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=4))
def test_plain_values_survive_the_wire(value: dict[str, Any]) -> None:
    assert decode(encode(value)) == (value, {})


def test_integers_come_back_as_integers() -> None:
    value, _ = decode(encode({"replicas": 3, "weight": 0.5}))
    assert value == {"replicas": 3, "weight": 0.5}
    assert isinstance(value["replicas"], int)


def test_secrets_are_unwrapped_and_remembered_by_place() -> None:
    wire = encode({"a": {"b": "x"}, "c": 1}, {"a": {"b": True}})
    assert wire["a"]["b"][SIGNATURE] == SECRET
    assert decode(wire) == ({"a": {"b": "x"}, "c": 1}, {"a": {"b": True}})


def test_a_list_with_one_secret_is_secret_as_a_whole() -> None:
    wire = encode({"env": []})
    item = wire.fields["env"].list_value.values.add()
    item.struct_value.CopyFrom(encode({"value": "x"}, {"value": True}))
    value, mask = decode(wire)
    assert (value, mask) == ({"env": [{"value": "x"}]}, {"env": True})
    assert encode(value, mask)["env"][SIGNATURE] == SECRET


def test_crd_extension_keys_are_renamed_both_ways() -> None:
    wire = encode({"x-kubernetes-preserve-unknown-fields": True})
    assert list(wire.fields) == ["x_kubernetes_preserve_unknown_fields"]
    assert decode(wire)[0] == {"x-kubernetes-preserve-unknown-fields": True}


def test_the_contents_of_a_secret_are_always_secret() -> None:
    assert secret_mask({"kind": "Secret"}, {}) == {"data": True, "stringData": True}
    assert secret_mask({"kind": "ConfigMap"}, {}) == {}


@pytest.mark.parametrize("value", [UNKNOWN, {"a": [{"b": UNKNOWN}]}])
def test_unknowns_are_found(value: Any) -> None:
    assert has_unknowns(value)
    assert not has_unknowns({"a": ["b"]})
