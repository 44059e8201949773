"""The provider as the Pulumi engine calls it: wire values in, wire values out, errors for people."""

from __future__ import annotations

import asyncio
import functools
import sys
import traceback
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from poscloud.errors import AuthError, PosCloudError, WaitTimeoutError
from poscloud.provider import config
from poscloud.provider.checks import Naming, check
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import UID
from poscloud.provider.crud import Objects, PartialError
from poscloud.provider.fence import Fence
from poscloud.provider.hiding import Secrets
from poscloud.provider.install import sdk_version
from poscloud.provider.preview import Preview
from poscloud.provider.rest import ApiError, Clock, MayWrite, StoppedError, UnreachableError, progress
from poscloud.provider.settings import moved, settings_of
from poscloud.provider.shape import shaped
from poscloud.provider.state import Result, planned
from poscloud.provider.urn import token, unsupported
from poscloud.provider.values import SIGNATURE, Mask, decode, encode, secret_mask

VERSION_SUFFIX = "+poscloud.1"
DECODE = "kubernetes:yaml:decode"

Object = dict[str, Any]
Handler = Callable[..., Awaitable[Any]]

# What is secret in the inputs of the current call.
_mask: ContextVar[Mask] = ContextVar("mask", default=False)
_CHANGES = provider_pb2.DiffResponse.DiffChanges
_KINDS = {"add": 0, "delete": 2, "update": 4}  # one more when it replaces


def _rpc(method: Handler) -> Handler:
    """Let no exception escape: grpc would turn it into "state unknown"."""

    @functools.wraps(method)
    async def call(self: Provider, request: Any, context: Any) -> Any:
        progress.set(functools.partial(self.tell, getattr(request, "urn", "")))
        changes_something = method.__name__ in ("Create", "Update", "Delete")
        self.under_way += changes_something
        try:
            return await method(self, request)
        except PartialError as error:
            text = self.secrets.hide(error.message)
            detail = provider_pb2.ErrorResourceInitFailed(
                id=error.result.id,
                properties=self._outputs(error.result, _mask.get()),
                inputs=encode(error.result.inputs, _mask.get()),
                reasons=[text],
            )
            packed = any_pb2.Any()
            packed.Pack(detail)
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text, details=[packed])
            trailer = (("grpc-status-details-bin", status.SerializeToString()),)
            await context.abort(grpc.StatusCode.UNKNOWN, text, trailer)
        except PosCloudError as error:
            text = f"{error.message}\n{error.hint}" if error.hint else error.message
            await context.abort(_code(error), self.secrets.hide(text))
        except Exception as error:
            sys.stderr.write(self.secrets.hide(traceback.format_exc()))
            text = f"defect in the Kubernetes provider: {type(error).__name__}: {error}"
            await context.abort(grpc.StatusCode.INTERNAL, self.secrets.hide(text))
        finally:
            self.under_way -= changes_something

    return call


def _code(error: PosCloudError) -> grpc.StatusCode:
    """Anything but UNKNOWN, INTERNAL and DATA_LOSS tells the engine that nothing was changed."""
    if isinstance(error, ApiError):
        return grpc.StatusCode.INVALID_ARGUMENT if error.status < 500 else grpc.StatusCode.UNAVAILABLE
    codes = {
        UnreachableError: grpc.StatusCode.UNAVAILABLE,
        AuthError: grpc.StatusCode.UNAUTHENTICATED,
        StoppedError: grpc.StatusCode.CANCELLED,
        WaitTimeoutError: grpc.StatusCode.DEADLINE_EXCEEDED,
    }
    return codes.get(type(error), grpc.StatusCode.FAILED_PRECONDITION)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The Kubernetes resource provider.

    Args:
        engine: Address of the engine's own service; empty when there is none.
        clock: Time.
        may_write: Called with method and path before each change of the cluster; raises when there must be no more.
    """

    def __init__(
        self, engine: str = "", clock: Clock | None = None, may_write: MayWrite = lambda _: None
    ) -> None:
        self.engine, self.clock, self.may_write = engine, clock or Clock(), may_write
        self.secrets = Secrets()
        self._stub: Any = None
        self._logs: set[asyncio.Task[None]] = set()
        self._told: dict[str, str] = {}
        self.under_way = 0
        self._use(config.Access("", "the provider's configuration"), Settings())
        unknown = "the provider's configuration is only known after the deployment"
        self.cluster.client.given_up = UnreachableError(unknown)

    def _use(self, access: config.Access, settings: Settings) -> None:
        self.cluster = Cluster(access, settings, self.clock, self.may_write)
        self.cluster.client.notice = self.note
        self.cluster.client.credentials.learn = self.secrets.learn
        fence = Fence(self.cluster)
        self.objects = Objects(self.cluster, fence)
        self.preview = Preview(self.cluster, fence, self.warn)

    # --- what a person sees -----------------------------------------------------------------------------

    def tell(self, urn: str, text: str) -> None:
        """Show one line of progress next to the resource."""
        if urn and self._told.get(urn) != text:
            self._told[urn] = text
            self._log(engine_pb2.INFO, urn, text, True)

    def warn(self, key: str, text: str) -> None:
        """Show a warning, once for each key."""
        if f"warning {key}" not in self._told:
            self._told[f"warning {key}"] = text
            self._log(engine_pb2.WARNING, "", text, False)

    def note(self, text: str) -> None:
        """Show one line that stays."""
        self._log(engine_pb2.INFO, "", text, False)

    def _log(self, severity: Any, urn: str, text: str, ephemeral: bool) -> None:
        if self.engine:
            request = engine_pb2.LogRequest(
                severity=severity, urn=urn, message=self.secrets.hide(text), ephemeral=ephemeral
            )
            task = asyncio.get_running_loop().create_task(self._send(request))
            self._logs.add(task)
            task.add_done_callback(self._logs.discard)

    async def _send(self, request: engine_pb2.LogRequest) -> None:
        if self._stub is None:
            self._stub = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(self.engine))
        try:
            await self._stub.Log(request, timeout=5)
        except grpc.aio.AioRpcError:
            return  # progress that nobody hears is no reason to stop

    # --- values -----------------------------------------------------------------------------------------

    def _decode(self, struct: Any) -> tuple[Object, Mask]:
        value, mask = decode(struct)
        value = shaped(value, "what the program says is no object of Kubernetes") if value else value
        if "__inputs" in value:
            value["__inputs"] = shaped(
                value["__inputs"] or {}, "the inputs in the state are no object of Kubernetes"
            )
        mask = secret_mask(value, mask)
        self.secrets.learn(value, mask)
        return value, mask

    @staticmethod
    def _outputs(result: Result, mask: Mask) -> Any:
        """The outputs of a resource, secret where its inputs are."""
        return encode(result.outputs, {**mask, "__inputs": mask} if isinstance(mask, dict) else mask)

    # --- configuration ----------------------------------------------------------------------------------

    @_rpc
    async def GetPluginInfo(self, request: Any) -> Any:
        """The version the SDK asks for, marked as ours."""
        return plugin_pb2.PluginInfo(version=sdk_version() + VERSION_SUFFIX)

    @_rpc
    async def Attach(self, request: Any) -> Any:
        """Use another engine address."""
        self.engine, self._stub = request.address, None
        return empty_pb2.Empty()

    @_rpc
    async def CheckConfig(self, request: Any) -> Any:
        """Accept the configuration as it is."""
        return provider_pb2.CheckResponse(inputs=request.news)

    @_rpc
    async def DiffConfig(self, request: Any) -> Any:
        """Whether the configuration now means another cluster."""
        olds = settings_of(request.old_inputs if request.old_inputs.fields else request.olds)
        news = settings_of(request.news)
        before, after = olds.get("clusterIdentifier", ""), news.get("clusterIdentifier", "")
        if before.startswith(UID) and after.startswith(UID) and before != after:
            raise PosCloudError(
                f"this stack was deployed to cluster {before.removeprefix(UID)} (uid of its namespace kube-system); "
                f"the configuration now names cluster {after.removeprefix(UID)}, and nothing was written",
                hint="choose the context the stack was deployed with; for the other cluster, make another stack",
            )
        replaces: list[str] = []
        if before and after:
            replaces = ["clusterIdentifier"] if before != after else []
        elif not before.startswith(UID) and not after.startswith(UID):
            replaces = moved(olds, news)
        changed = _CHANGES.DIFF_SOME if olds != news else _CHANGES.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changed, replaces=replaces)

    @_rpc
    async def Configure(self, request: Any) -> Any:
        """Note which cluster to use; it is not contacted before something needs it."""
        variables = {key.removeprefix("kubernetes:config:"): text for key, text in request.variables.items()}
        for key, value in settings_of(request.args).items():
            variables.setdefault(key, value)
        settings = Settings.of(variables)
        try:
            self._use(config.load(variables), settings)
        except (PosCloudError, OSError) as error:
            self._use(config.Access("", "no cluster"), settings)
            self.cluster.client.given_up = UnreachableError(f"no usable cluster configuration: {error}")
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    # --- resources --------------------------------------------------------------------------------------

    @_rpc
    async def Check(self, request: Any) -> Any:
        """Complete and verify the inputs; those of the last run, which hold no secret, were verified then."""
        if request.olds.fields and request.news == request.olds and not _secret(request):
            return provider_pb2.CheckResponse(inputs=request.news)
        news, mask = self._decode(request.news)
        olds, _ = self._decode(request.olds)
        naming = Naming(request.urn.rpartition("::")[2], request.randomSeed)
        if request.HasField("autonaming"):
            modes = provider_pb2.CheckRequest.AutonamingOptions
            mode = {modes.DISABLE: "disable", modes.ENFORCE: "enforce"}.get(
                request.autonaming.mode, "propose"
            )
            naming = Naming(naming.resource, naming.seed, mode, request.autonaming.proposed_name)  # type: ignore[arg-type]
        checked = check(olds, news, mask, naming, self.cluster.access.namespace)
        if problem := unsupported(request.urn):
            checked.failures = [("kind", problem)]
        failures = [
            provider_pb2.CheckFailure(property=where, reason=self.secrets.hide(why))
            for where, why in checked.failures
        ]
        inputs = encode(checked.inputs, secret_mask(checked.inputs, checked.mask))
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    @_rpc
    async def Diff(self, request: Any) -> Any:
        """What would change."""
        if request.old_inputs == request.news and ":Job::" not in request.urn:  # a Job may have failed
            return provider_pb2.DiffResponse(changes=_CHANGES.DIFF_NONE, hasDetailedDiff=True)
        state, _ = self._decode(request.olds)
        old_inputs, _ = self._decode(request.old_inputs)
        news, _ = self._decode(request.news)
        diff = await self.preview.diff(
            old_inputs or state.get("__inputs", {}), news, state, request.ignoreChanges
        )
        replaced = {change.text for change in diff.replaces}
        return provider_pb2.DiffResponse(
            changes=_CHANGES.DIFF_SOME if diff.changes else _CHANGES.DIFF_NONE,
            diffs=sorted({str(change.path[0]) for change in diff.changes}),
            replaces=sorted(replaced),
            deleteBeforeReplace=diff.delete_first,
            detailedDiff={
                change.text: provider_pb2.PropertyDiff(
                    kind=_KINDS[change.kind] + (change.text in replaced),  # type: ignore[arg-type]
                    inputDiff=True,
                )
                for change in diff.changes
            },
            hasDetailedDiff=True,
        )

    @_rpc
    async def Create(self, request: Any) -> Any:
        """Create an object, or say what that would give."""
        inputs, mask = self._decode(request.properties)
        if request.preview:
            outputs = planned(await self.preview.create(inputs), inputs)
            return provider_pb2.CreateResponse(properties=encode(outputs, mask))
        _mask.set(mask)
        result = await self.objects.create(inputs, request.timeout)
        return provider_pb2.CreateResponse(id=result.id, properties=self._outputs(result, mask))

    @_rpc
    async def Update(self, request: Any) -> Any:
        """Change an object, or say what that would give."""
        inputs, mask = self._decode(request.news)
        state, _ = self._decode(request.olds)
        before = self._decode(request.old_inputs)[0] or state.get("__inputs", {})
        if request.preview:
            outputs = planned(await self.preview.update(inputs, state, request.ignoreChanges, before), inputs)
            return provider_pb2.UpdateResponse(properties=encode(outputs, mask))
        _mask.set(mask)
        result = await self.objects.update(inputs, state, request.timeout, request.ignoreChanges, before)
        return provider_pb2.UpdateResponse(properties=self._outputs(result, mask))

    @_rpc
    async def Read(self, request: Any) -> Any:
        """An object as it is now, for refresh, import and ``get``."""
        state, _ = self._decode(request.properties)
        inputs, mask = self._decode(request.inputs)
        namespace, _, name = request.id.rpartition("/")
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        api_version, kind = token(request.urn)
        wanted = {
            "apiVersion": inputs.get("apiVersion") or state.get("apiVersion") or api_version,
            "kind": inputs.get("kind") or state.get("kind") or kind,
            "metadata": metadata,
        }
        _mask.set(secret_mask(inputs, mask))
        try:
            result = await self.objects.read(wanted, inputs or state.get("__inputs", {}), state)
        except UnreachableError:
            if not self.cluster.settings.delete_unreachable:
                raise
            result = None
        if result is None:
            return provider_pb2.ReadResponse()
        mask = secret_mask(result.inputs, mask)
        self.secrets.learn(result.inputs, mask)
        return provider_pb2.ReadResponse(
            id=result.id, properties=self._outputs(result, mask), inputs=encode(result.inputs, mask)
        )

    @_rpc
    async def Delete(self, request: Any) -> Any:
        """Delete an object and wait until it is gone."""
        state, _ = self._decode(request.properties)
        try:
            await self.objects.delete(state, request.timeout)
        except UnreachableError:
            if not self.cluster.settings.delete_unreachable:
                raise
        return empty_pb2.Empty()

    @_rpc
    async def Invoke(self, request: Any) -> Any:
        """Read YAML for the SDK's ``ConfigFile`` and ``ConfigGroup``."""
        if request.tok != DECODE:
            raise PosCloudError(
                f"{request.tok} is not supported by the built-in provider",
                hint="use the official pulumi-resource-kubernetes plugin for it",
            )
        from poscloud.provider.yamltext import objects_of

        args = settings_of(request.args)
        objects = objects_of(args.get("text", ""), args.get("defaultNamespace", ""))
        # "return" is a Python keyword, so it cannot be an argument.
        return provider_pb2.InvokeResponse(**{"return": encode({"result": objects})})  # type: ignore[arg-type]

    @_rpc
    async def Cancel(self, request: Any) -> Any:
        """End all waiting at once."""
        if self.under_way and not self.clock.stopped.is_set():
            self.note(f"Stopping: letting {self.under_way} requests finish (Ctrl-C again to kill)")
        self.clock.stopped.set()
        return empty_pb2.Empty()


def _secret(request: Any) -> bool:
    """Whether the inputs hold a secret, or should."""
    return ":Secret::" in request.urn or SIGNATURE.encode() in request.news.SerializeToString()
