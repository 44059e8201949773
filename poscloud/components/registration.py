"""Registering what is plain: the shortest way to the engine for inputs that are data and outputs that nobody reads.

The SDK's own way serves everything: it makes an output of every property, looks for other resources' outputs in the
inputs, notes the stack of each constructor's call, and keeps a thread waiting for each answer. With hundreds of
objects that is most of a preview's time. What is plain is registered by the same request without all that; what is
not, and every run against mocks, goes the SDK's way (docs/decisions/0018).
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.resource import resource_output

_SCALARS = (str, int, float, bool)
_UNDERSTOOD = frozenset(
    {"parent", "depends_on", "provider", "providers", "version", "deleted_with", "protect", "hooks"}
)
_OPTIONS = tuple(sorted(set(vars(pulumi.ResourceOptions())) - _UNDERSTOOD))

_NO_DEPENDENCIES = resource_pb2.RegisterResourceRequest.PropertyDependencies()

_sdk: Any = importlib.import_module("pulumi.resource")
_sdk_register = _sdk.register_resource
_sdk_outputs = _sdk.register_resource_outputs


_SENT = "_poscloud_sent"


class PlainResource(pulumi.CustomResource):
    """A custom resource that has ``urn`` and ``id``, and no further outputs."""


class PlainComponent(pulumi.ComponentResource):
    """A component without inputs, whose children all have their provider from the SDK."""


class PlainProvider(pulumi.ProviderResource):
    """A provider that has ``urn`` and ``id``, and no further outputs."""


def register_directly() -> None:
    """Register what is plain without the SDK's general way, for the rest of this process."""
    _sdk.register_resource = _register
    _sdk.register_resource_outputs = _register_outputs


def is_plain(value: Any) -> bool:
    """Whether ``value`` is data alone, with nothing in it that the SDK would wait for, translate or leave out."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return type(value) in _SCALARS


def _register(
    res: pulumi.Resource,
    ty: str,
    name: str,
    custom: bool,
    remote: bool,
    new_dependency: Any,
    props: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *rest: Any,
) -> None:
    """What ``pulumi.Resource`` calls in its constructor; the arguments are the SDK's."""
    monitor: Any = settings.get_monitor()
    plain = isinstance(res, PlainResource | PlainProvider | PlainComponent) and not remote
    if not (plain and _is_usual(opts) and is_plain(props) and hasattr(monitor.RegisterResource, "future")):
        _sdk_register(res, ty, name, custom, remote, new_dependency, props, opts, *rest)
        return
    request = _request(ty, name, custom, props, opts)
    resolve_urn, res.__dict__["urn"] = resource_output(res)
    resolve_id: Callable[..., None] = lambda *_: None  # noqa: E731
    if custom:
        resolve_id, res.__dict__["id"] = resource_output(res)
    asked = res.__dict__[_SENT] = asyncio.Event()

    async def register() -> None:
        try:
            await _complete(request, opts)
            call = monitor.RegisterResource.future(request)
            asked.set()
            answer = await _answer(call)
        except Exception as error:
            asked.set()
            resolve_urn(None, True, False, error)
            resolve_id(None, True, False, error)
            raise
        resolve_urn(answer.urn, True, False, None)
        resolve_id(answer.id, bool(answer.id), False, None)

    _start(register())


def _request(
    ty: str, name: str, custom: bool, props: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> resource_pb2.RegisterResourceRequest:
    """What is known at once of a registration; ``_complete`` adds the rest."""
    return resource_pb2.RegisterResourceRequest(
        type=ty,
        name=name,
        custom=custom,
        object=_struct(props),
        # Said to be none; unsaid, the engine would note every dependency once for each property.
        propertyDependencies={key: _NO_DEPENDENCIES for key in props},
        protect=opts.protect,
        version=opts.version or "",
        acceptSecrets=True,
        acceptResources=True,
        supportsPartialValues=True,
        supportsResultReporting=True,
    )


async def sent(resource: pulumi.Resource) -> None:
    """Return when the engine has been asked for ``resource``; at once where that is not known."""
    if event := resource.__dict__.get(_SENT):
        await event.wait()


def _register_outputs(res: pulumi.Resource, outputs: Any) -> None:
    monitor: Any = settings.get_monitor()
    if not (
        isinstance(outputs, dict) and is_plain(outputs) and hasattr(monitor.RegisterResourceOutputs, "future")
    ):
        _sdk_outputs(res, outputs)
        return

    async def register() -> None:
        request = resource_pb2.RegisterResourceOutputsRequest(urn=await _urn(res), outputs=_struct(outputs))
        await _answer(monitor.RegisterResourceOutputs.future(request))

    _start(register())


def _is_usual(opts: pulumi.ResourceOptions) -> bool:
    """Whether the options ask for nothing but what this module sends."""
    waited = opts.depends_on or []
    return (
        not any(getattr(opts, name) for name in _OPTIONS)
        and not (opts.hooks and any(vars(opts.hooks).values()))
        and isinstance(waited, Sequence)
        and all(isinstance(resource, pulumi.CustomResource) for resource in waited)
    )


def _struct(value: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(value)
    return struct


async def _complete(request: resource_pb2.RegisterResourceRequest, opts: Any) -> None:
    """Fill in what is known only when other resources are registered."""
    parent = opts.parent or settings.get_root_resource()
    request.parent = await _urn(parent) if parent else ""
    for resource in opts.depends_on or ():
        request.dependencies.append(await _urn(resource))
    if opts.deleted_with is not None:
        request.deletedWith = await _urn(opts.deleted_with)
    # A component needs no provider: the SDK has given its children theirs. So it need not wait for it either.
    if request.custom and opts.provider is not None:
        request.provider = await _reference(opts.provider)


async def _urn(resource: pulumi.Resource) -> str:
    """The resource's URN, once it is registered."""
    data = await resource.urn._data
    return str(data.value)


async def _reference(provider: pulumi.ProviderResource) -> str:
    """How a request names a provider: its URN and id; in a preview, a new one has none."""
    found = await provider.id._data
    known = found.is_known and found.value
    return f"{await _urn(provider)}::{found.value if known else pulumi.runtime.rpc.UNKNOWN}"


def _start(registering: Any) -> None:
    """Begin a registration; the SDK ends the program only after all of them."""
    settings.SETTINGS.rpc_manager.rpcs.append(asyncio.ensure_future(registering))


async def _answer(call: Any) -> Any:
    """Wait for a call without keeping a thread; fails as the SDK's calls fail."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    call.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set_result, None))
    await done
    try:
        return call.result()
    except grpc.RpcError as error:
        settings.handle_grpc_error(error)
