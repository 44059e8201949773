"""Registering directly: the engine is asked for the same as by the SDK's own way."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

from poscloud import Environment
from poscloud.components.registration import PlainResource, is_plain, register_directly
from poscloud.load import load_environment

ROOT = Path(__file__).parents[2]


class Answers(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        raise AssertionError(args.token)


class Method:
    """A call of the monitor's as the SDK makes it, and as gRPC offers it without a thread."""

    def __init__(self, answer: Callable[[Any], Any], seen: list[Any]) -> None:
        self.answer, self.seen, self.direct = answer, seen, 0

    def __call__(self, request: Any) -> Any:
        self.seen.append(request)
        return self.answer(request)

    def future(self, request: Any) -> Future[Any]:
        done: Future[Any] = Future()
        self.direct += 1
        done.set_result(self(request))
        return done


@pytest.fixture
def requests() -> Iterator[Callable[..., list[Any]]]:
    """Run a program and return what it asked the engine for, and how often directly."""

    def run(program: Callable[[], object], *, directly: bool) -> list[Any]:
        asyncio.set_event_loop(asyncio.new_event_loop())
        seen: list[Any] = []
        answers = Answers()
        monitor = MockMonitor(answers)
        monitor.RegisterResource = Method(monitor.RegisterResource, seen)  # type: ignore[method-assign,assignment]
        pulumi.runtime.set_mocks(answers, project="poscloud", stack="test", monitor=monitor)
        if directly:
            register_directly()
        pulumi.runtime.test(lambda: program() and None)()
        found: Method = monitor.RegisterResource  # type: ignore[assignment]
        assert (found.direct > len(seen) / 2) is directly
        return seen

    sdk = importlib.import_module("pulumi.resource")
    before = (sdk.register_resource, sdk.register_resource_outputs)
    yield run
    sdk.register_resource, sdk.register_resource_outputs = before
    asyncio.set_event_loop(None)


def told(request: Any) -> dict[str, Any]:
    """What the engine makes something of, in an order of its own."""
    fields = {field.name: value for field, value in request.ListFields()}
    for unused in ("sourcePosition", "stackTrace", "packageRef", "hooks"):
        fields.pop(unused, None)
    fields["dependencies"] = sorted(fields.get("dependencies", ()))
    if not request.custom:
        fields.pop("providers", None)  # of no use to a component whose children have theirs
    return {**fields, "propertyDependencies": sorted(request.propertyDependencies)}


@pytest.mark.parametrize("stack", ["wbyh-stage", "prod", "dev"])
def test_the_engine_is_asked_for_the_same(requests: Callable[..., list[Any]], stack: str) -> None:
    spec = load_environment(ROOT, stack)
    slow, fast = (
        {(r.type, r.name): told(r) for r in asked if r.type != "pulumi:pulumi:Stack"}
        for asked in (requests(lambda: Environment(spec), directly=way) for way in (False, True))
    )
    assert fast == slow


def test_an_option_that_is_not_understood_goes_the_sdk_s_way(requests: Callable[..., list[Any]]) -> None:
    def program() -> object:
        options = pulumi.ResourceOptions(ignore_changes=["data"], retain_on_delete=True)
        plain = [PlainResource("kubernetes:core/v1:ConfigMap", f"c{i}", {"data": {}}) for i in range(5)]
        return plain, PlainResource("kubernetes:core/v1:ConfigMap", "kept", {"data": {"a": "b"}}, options)

    (kept,) = [r for r in requests(program, directly=True) if r.name == "kept"]
    assert (list(kept.ignoreChanges), kept.retainOnDelete) == (["data"], True)


class Refusal(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "the engine refuses"


def test_what_the_engine_refuses_ends_the_program(requests: Callable[..., list[Any]]) -> None:
    def refuse(self: Method, request: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_exception(Refusal())
        return done

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Exception, match="the engine refuses"):
        patch.setattr(Method, "future", refuse)
        requests(lambda: PlainResource("kubernetes:core/v1:ConfigMap", "a", {"data": {}}), directly=True)


@pytest.mark.parametrize("value", [{"a": [1, True, "x", {"b": 1.5}]}, [], "x"])
def test_data_is_plain(value: object) -> None:
    assert is_plain(value)


@pytest.mark.parametrize("value", [{"a": None}, {1: "a"}, [b"x"], {"a": [object()]}])
def test_what_the_sdk_would_translate_is_not_plain(value: object) -> None:
    assert not is_plain(value)
