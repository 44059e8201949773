"""The SDK without what only its general case needs: most of the processor time of a program that declares much.

The SDK makes an ``Output`` of every property of every resource, decodes what the engine answers into them, walks the
inputs in search of other resources' outputs, and notes the stack of each constructor's call. An object of an
environment needs none of that: its inputs are plain, nobody reads its outputs, and its place is a line of YAML. Of the
SDK's functions, those four are replaced by ones that do nothing for a ``PlainResource`` and are the SDK's own for
everything else (docs/decisions/0020, measured in docs/performance.md).
"""

from __future__ import annotations

from typing import Any

import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import resource as sdk_resource
from pulumi.runtime import rpc
from pulumi.runtime.proto import source_pb2

_SCALARS = (str, int, float, bool)

_own_transfer: Any = rpc.transfer_properties
_own_resolve: Any = rpc.resolve_outputs
_own_serialize: Any = rpc.serialize_properties


class PlainResource(pulumi.CustomResource):
    """A custom resource that has ``urn`` and ``id``, and no further outputs."""


def speed_up() -> None:
    """Use the functions below instead of the SDK's; for the rest of this process."""
    rpc.transfer_properties = _transfer
    rpc.resolve_outputs = _resolve
    rpc.serialize_properties = _serialize
    sdk_resource._get_stack_trace = source_pb2.StackTrace


def is_plain(value: Any) -> bool:
    """Whether ``value`` is data alone, with nothing in it that the SDK would wait for, translate or leave out."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return type(value) in _SCALARS


def _transfer(res: pulumi.Resource, props: Any, custom: bool) -> dict[str, Any]:
    return {} if isinstance(res, PlainResource) else dict(_own_transfer(res, props, custom))


def _resolve(res: pulumi.Resource, *arguments: Any, **named: Any) -> None:
    if not isinstance(res, PlainResource):
        _own_resolve(res, *arguments, **named)


async def _serialize(inputs: Any, property_deps: Any, resource_obj: Any = None, *rest: Any, **named: Any) -> Struct:
    if isinstance(resource_obj, PlainResource) and is_plain(inputs):
        struct = Struct()
        struct.update(inputs)
        return struct
    found: Struct = await _own_serialize(inputs, property_deps, resource_obj, *rest, **named)
    return found
