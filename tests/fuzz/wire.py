"""Values as no program would send them over the wire: structs of any shape, near to objects of Kubernetes."""

from __future__ import annotations

from typing import Any

from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import strategies as st

from poscloud.provider.values import SECRET, SIGNATURE, UNKNOWNS

KEYS = (
    "apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "uid", "resourceVersion",
    "managedFields", "fieldsV1", "manager", "finalizers", "deletionTimestamp", "generateName", "spec", "status",
    "conditions", "type", "data", "stringData", "replicas", "items", "__inputs", "__fieldManager", "x_kubernetes_a",
    "pulumi.com/waitFor", "pulumi.com/skipAwait", "pulumi.com/timeoutSeconds", "poscloud.io/stack", "immutable",
    "kubeconfig", "context", "clusterIdentifier", "text", "defaultNamespace", "value", "secret", "", "a.b",
    "a\0b", "😀", SIGNATURE,
)  # fmt: skip
SIGNATURES = (
    SECRET, "c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7",
    "5cf8f73096256a8f31e491e813e4eb8e", "d0e6a833031e9bbcd3f4e8bde6ca49a4", "00000000000000000000000000000000",
)  # fmt: skip
TEXTS = (
    *KEYS, *UNKNOWNS, *SIGNATURES, "v1", "apps/v1", "batch/v1", "example.com/v1", "../v1", "a/b/c", "ConfigMap",
    "Secret", "Deployment", "Job", "Namespace", "StatefulSet", "CustomResourceDefinition", "List", "True",
    "settings", "default",
    "..", "a/b", "%2e", "condition=Ready",
    "[", "jsonpath={.a}", "x" * 300, "Zm9v", "\n", "uid:1", "{", "{}",
    "null", "- a",
)  # fmt: skip
NUMBERS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    1.5,
    2.0**53,
    2.0**63,
    1e300,
    1e-300,
    float("nan"),
    float("inf"),
    float("-inf"),
)

plain: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from((None, True, False, *NUMBERS, *TEXTS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def objects(draw: Any) -> Any:
    """An object of Kubernetes, with something else in one to four places."""
    name = draw(st.sampled_from(("settings", "a")))
    obj: dict[str, Any] = {
        "apiVersion": draw(st.sampled_from(("v1", "apps/v1", "batch/v1"))),
        "kind": draw(st.sampled_from(("ConfigMap", "Secret", "Deployment", "Job", "Namespace", "Service"))),
        "metadata": {"name": name, "namespace": "default", "annotations": {"poscloud.io/stack": "shop/dev"}},
        "data": {"a": "Zm9v"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}},
        "status": {"conditions": [{"type": "Failed", "status": "True"}]},
    }
    for _ in range(draw(st.integers(0, 4))):
        holder: Any = obj
        while True:
            step = draw(st.sampled_from([*holder, *KEYS[:8]] if isinstance(holder, dict) else [0]))
            inner = holder.get(step) if isinstance(holder, dict) else (holder[0] if holder else None)
            if isinstance(inner, dict | list) and inner and draw(st.booleans()):
                holder = inner
                continue
            if isinstance(holder, dict):
                holder[step] = draw(plain)
            else:
                holder[:1] = [draw(plain)]
            break
    return obj


def struct_of(value: Any) -> Struct:
    """Write a value as it is, signatures and all."""
    struct = Struct()
    for key, item in (value if isinstance(value, dict) else {"value": value}).items():
        _fill(struct.fields[key], item)
    return struct


def _fill(target: Value, value: Any) -> None:
    if isinstance(value, dict):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _fill(target.struct_value.fields[key], item)
    elif isinstance(value, list):
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item)
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    # None: a Value of no kind, as a broken sender leaves it


structs = st.one_of(objects(), objects(), plain.filter(lambda value: isinstance(value, dict))).map(struct_of)
_URN = "urn:pulumi:dev::shop::"
urns = st.sampled_from(
    (
        f"{_URN}kubernetes:core/v1:ConfigMap::settings",
        f"{_URN}kubernetes:apps/v1:Deployment::a",
        f"{_URN}kubernetes:batch/v1:Job::a",
        f"{_URN}kubernetes:helm.sh/v3:Release::a",
        f"{_URN}x$y:z::é",
        "urn:pulumi:dev::a::b",
        "::::",
        "",
    )
)
