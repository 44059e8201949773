"""The provider takes any message: each call is answered or refused with a reason, and no answer is a defect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from poscloud.provider.rest import Clock
from poscloud.provider.servicer import Provider
from tests.fuzz.profile import inputs, tried
from tests.fuzz.wire import TEXTS, struct_of, structs, urns

SECONDS = 60.0
"""Longest answer; it takes milliseconds."""


class Plugin:
    """The real service on a real port, in an event loop that examples share."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._start())

    async def _start(self) -> None:
        self.server = grpc.aio.server()
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(clock=self.clock), self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        await self.server.start()
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self.channel)

    async def _stop(self) -> None:
        await self.channel.close()
        await self.server.stop(0)

    def stop(self) -> None:
        self.loop.run_until_complete(self._stop())
        self.loop.close()

    def ask(self, method: str, request: Any) -> str:
        """Return what the call was refused with; empty when it was answered."""

        async def call() -> None:
            # Inside the loop: grpc takes the one that runs, and the thread's own may be gone after other tests.
            await getattr(self.stub, method)(request, timeout=SECONDS)

        try:
            self.loop.run_until_complete(call())
            return ""
        except grpc.aio.AioRpcError as error:
            told = f"{method}: {error.code().name}: {error.details()}"
            # Written and not ready: the engine has a code without a name for that, and reads the details.
            partial = error.code() is grpc.StatusCode.UNKNOWN and "grpc-status-details-bin" in dict(
                error.trailing_metadata() or ()
            )
            assert partial or error.code() not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN), told
            assert error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED and error.details(), told
            return told


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    made = Plugin()
    yield made
    made.stop()


_ignored = st.lists(
    st.sampled_from(("", "a", "metadata.labels", "spec[0].x", "[", "..", "data['a']")), max_size=2
)
_ids, _olds = st.sampled_from(TEXTS), {"urn": urns, "olds": structs}


def _call(method: str, message: Any, **fields: Any) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(method), st.builds(message, **fields))


_requests = st.one_of(
    _call("Check", provider_pb2.CheckRequest, news=structs, randomSeed=st.binary(max_size=4), **_olds),
    _call(
        "Diff", provider_pb2.DiffRequest, old_inputs=structs, news=structs, ignoreChanges=_ignored, **_olds
    ),
    _call(
        "Create",
        provider_pb2.CreateRequest,
        urn=urns,
        properties=structs,
        preview=st.booleans(),
        timeout=st.sampled_from((0, -1, 1e300)),
    ),
    _call(
        "Update",
        provider_pb2.UpdateRequest,
        id=_ids,
        news=structs,
        preview=st.booleans(),
        ignoreChanges=_ignored,
        **_olds,
    ),
    _call("Read", provider_pb2.ReadRequest, urn=urns, id=_ids, properties=structs, inputs=structs),
    _call("Delete", provider_pb2.DeleteRequest, urn=urns, id=_ids, properties=structs),
    _call(
        "Invoke",
        provider_pb2.InvokeRequest,
        tok=st.sampled_from(("kubernetes:yaml:decode", "kubernetes:yaml:decode", "x")),
        args=structs | st.text(max_size=40).map(lambda text: struct_of({"text": text})),
    ),
    _call("CheckConfig", provider_pb2.CheckRequest, news=structs, **_olds),
    _call("DiffConfig", provider_pb2.DiffRequest, old_inputs=structs, news=structs, **_olds),
)


@inputs(few=80, many=6000)
@given(call=_requests)
def test_a_message_of_any_shape(plugin: Plugin, call: tuple[str, Any]) -> None:
    method, request = call
    refused = plugin.ask(method, request)
    tried(f"messages to the provider, {'refused' if refused else 'answered'}")
