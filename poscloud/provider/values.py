"""Values on the wire: numbers, secrets and unknowns in ``google.protobuf.Struct``."""

from __future__ import annotations

from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from poscloud.errors import PosCloudError
from poscloud.provider.unknowns import UNKNOWN_TEXT as UNKNOWN_TEXT
from poscloud.provider.unknowns import UNKNOWNS as UNKNOWNS

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_NO_VALUES = {
    "c44067f5952c0a294b673a41bacd8c17": "asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "archive",
    "5cf8f73096256a8f31e491e813e4eb8e": "object of Pulumi's (give its outputs)",
}
# A double holds every integer up to here exactly.
EXACT = 2**53

Object = dict[str, Any]
# Where an object holds secrets: True = this value; a dict = below these keys; falsy = nowhere.
Mask = Any


def decode(struct: Struct) -> tuple[Object, Mask]:
    """Turn a wire object into plain values and the mask of what was secret in it."""
    value, mask = _decode_fields(struct.fields)
    return (value or {}), mask


def _decode(value: Value) -> tuple[Any, Mask]:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value, False
        case "struct_value":
            return _decode_fields(value.struct_value.fields)
        case "list_value":
            items = [_decode(item) for item in value.list_value.values]
            # A list that holds one secret is secret as a whole: its items have no lasting address.
            return [item for item, _ in items], any(mask for _, mask in items)
        case "number_value":
            number = value.number_value
            # All wire numbers are doubles, and the API server rejects 3.0 where it wants an integer.
            return (int(number) if number.is_integer() and abs(number) < EXACT else number), False
        case "bool_value":
            return value.bool_value, False
    return None, False


def _decode_fields(fields: Any) -> tuple[Any, Mask]:
    if SIGNATURE in fields:
        return _decode_special(fields)
    result: Object = {}
    masks: dict[str, Mask] = {}
    for key, wire in fields.items():
        name = key.replace("_", "-") if key.startswith("x_kubernetes_") else key
        result[name], mask = _decode(wire)
        if mask:
            masks[name] = mask
    return result, masks


def _decode_special(fields: Any) -> tuple[Any, Mask]:
    """The value in a secret or an output; what has no values in JSON is refused."""
    signature = fields[SIGNATURE].string_value
    if signature not in (SECRET, OUTPUT):
        what = _NO_VALUES.get(signature, "value of an unknown sort")
        raise PosCloudError(f"an object of Kubernetes cannot hold an {what}")
    if "value" not in fields:
        return UNKNOWN_TEXT, False
    value, mask = _decode(fields["value"])
    return value, mask or signature == SECRET or ("secret" in fields and fields["secret"].bool_value)


def encode(value: Object, mask: Mask = False) -> Struct:
    """Turn plain values into a wire object, marking as secret what the mask says."""
    struct = Struct()
    for key, item in value.items():
        _encode(struct.fields[_wire_key(key)], item, mask.get(key) if isinstance(mask, dict) else mask)
    return struct


def _wire_key(key: str) -> str:
    return key.replace("-", "_") if key.startswith("x-kubernetes-") else key


def _encode(target: Value, value: Any, mask: Mask) -> None:
    if mask is True or (mask and not isinstance(value, dict)):
        fields = target.struct_value.fields
        fields[SIGNATURE].string_value = SECRET
        _encode(fields["value"], value, False)
    elif isinstance(value, dict):
        target.struct_value.CopyFrom(encode(value, mask))
    elif isinstance(value, list):
        target.list_value.SetInParent()
        for item in value:
            _encode(target.list_value.values.add(), item, False)
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif value is None:
        target.null_value = 0  # type: ignore[assignment]
    else:
        target.string_value = str(value)


def has_unknowns(value: Any) -> bool:
    """Whether a value, or anything in it, is only known after the deployment."""
    if isinstance(value, dict):
        return any(has_unknowns(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknowns(item) for item in value)
    return isinstance(value, str) and value in UNKNOWNS


def secret_mask(obj: Object, mask: Mask) -> Mask:
    """The mask of an object: what its inputs marked, and always the contents of a Secret."""
    if obj.get("kind") == "Secret" and mask is not True:
        return {**(mask or {}), "data": True, "stringData": True}
    return mask
