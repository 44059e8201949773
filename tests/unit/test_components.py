"""Components: what reaches the engine, recorded by Pulumi's mocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

from poscloud import Environment, EnvironmentSpec, JavaService, JavaServiceSpec, Redis, RedisSpec
from poscloud.components import Monitoring, TeamAccess
from poscloud.load import load_environment
from poscloud.render import render_environment
from poscloud.spec import MonitoringSpec, PriorityClassSpec, TeamAccessSpec

ROOT = Path(__file__).parents[2]
SECRET = "4dabf18193072939515e22adb298388d"


@dataclass
class Recorder(Mocks):
    """Answers every registration with its own inputs and remembers it."""

    resources: list[MockResourceArgs] = field(default_factory=list)

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.resources.append(args)
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"no function is called, but {args.token} was")

    @property
    def objects(self) -> dict[tuple[str, str], MockResourceArgs]:
        found = [r for r in self.resources if r.typ.startswith("kubernetes:")]
        return {(r.typ.rsplit(":", 1)[1], r.name): r for r in found}

    requests: dict[tuple[str, str], Any] = field(default_factory=dict)

    def depends_on(self, kind: str, name: str) -> set[tuple[str, str]]:
        request = self.requests[kind, name]
        return {(urn.split("::")[2].rsplit(":", 1)[1], urn.split("::")[3]) for urn in request.dependencies}


class Monitor(MockMonitor):
    """Keeps the requests too, which hold what mocks are not told: dependencies and options."""

    def RegisterResource(self, request: Any) -> Any:
        self.mocks.requests[request.type.rsplit(":", 1)[1], request.name] = request
        return super().RegisterResource(request)


@pytest.fixture
def record() -> Iterator[Callable[[Callable[[], None]], Recorder]]:
    """Run a program against mocks and return what it registered."""

    def run(program: Callable[[], None]) -> Recorder:
        asyncio.set_event_loop(asyncio.new_event_loop())
        recorder = Recorder()
        pulumi.runtime.set_mocks(recorder, project="poscloud", stack="test", monitor=Monitor(recorder))
        pulumi.runtime.test(program)()
        return recorder

    yield run
    asyncio.set_event_loop(None)


Record = Callable[[Callable[[], None]], Recorder]


def without_floats(value: Any) -> Any:
    """Undo the wire's one change: whole numbers arrive as floats."""
    if isinstance(value, dict):
        return {k: without_floats(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_floats(v) for v in value]
    return int(value) if isinstance(value, float) else value


def test_the_engine_receives_exactly_the_rendered_manifests(record: Record) -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    objects = record(lambda: Environment(spec) and None).objects
    rendered = {(m["kind"], m["metadata"]["name"]): m for p in render_environment(spec) for m in p.manifests}
    received = {key: without_floats(r.inputs) for key, r in objects.items()}
    secret = received["Secret", "myregistrykey"]
    assert secret["stringData"].pop(SECRET)
    secret["stringData"] = secret["stringData"]["value"]
    assert received == rendered


def test_a_teams_access_is_a_component_that_goes_with_the_namespace(record: Record) -> None:
    def program() -> None:
        environment = Environment(EnvironmentSpec.model_validate({"name": "a", "access": {"qa": {}}}))
        TeamAccess("dev", TeamAccessSpec(may=("shell",)), environment=environment)

    recorder = record(program)
    for team in ("qa", "dev"):
        for kind in ("ServiceAccount", "Role", "RoleBinding"):
            request = recorder.requests[kind, f"team-{team}"]
            assert request.parent.endswith(f"poscloud:index:TeamAccess::{team}")
            assert request.deletedWith.endswith("::a")


def test_monitoring_is_a_component(record: Record) -> None:
    def program() -> None:
        Environment(EnvironmentSpec.model_validate({"name": "a", "monitoring": True}))
        Monitoring(MonitoringSpec(), environment=Environment(EnvironmentSpec(name="b")))

    requests = record(program).requests
    assert requests["ConfigMap", "monitoring-rules"].parent.endswith("poscloud:index:Monitoring::monitoring")
    assert requests["ConfigMap", "monitoring-dashboard"].deletedWith


def test_a_service_waits_for_the_workloads_it_uses(record: Record) -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    recorder = record(lambda: Environment(spec) and None)
    waits_for = recorder.depends_on("Deployment", "dac-task")
    assert {("StatefulSet", n) for n in ("redis", "mongo", "kafka")} <= waits_for
    assert ("StatefulSet", "dac-eureka-server") in waits_for
    assert ("Deployment", "dac-web") not in waits_for
    assert ("StatefulSet", "zookeeper") in recorder.depends_on("StatefulSet", "kafka")


def test_everything_goes_with_the_namespace(record: Record) -> None:
    spec = load_environment(ROOT, "dev")
    recorder = record(lambda: Environment(spec) and None)
    for kind, name in recorder.objects:
        owner = recorder.requests[kind, name].deletedWith
        assert owner.endswith("::dev") == (kind != "Namespace"), (kind, name)


def test_the_fence_is_on_the_namespace(record: Record) -> None:
    spec = EnvironmentSpec(name="a")
    namespace = record(lambda: Environment(spec, cluster_uid="u-1") and None).objects["Namespace", "a"]
    assert namespace.inputs["metadata"]["annotations"] == {
        "poscloud.io/stack": "poscloud/a",
        "poscloud.io/cluster": "u-1",
    }


def test_the_pull_secret_comes_from_the_configuration_as_a_secret(record: Record) -> None:
    spec = EnvironmentSpec(name="a")
    program = lambda: Environment(spec, secrets={"registryAuth": '{"auths":{"h":{}}}'}) and None  # noqa: E731
    data = record(program).objects["Secret", "myregistrykey"].inputs["stringData"]
    assert data == {
        SECRET: "1b47061264138c4ac30d75fd1eb44270",
        "value": {".dockerconfigjson": '{"auths":{"h":{}}}'},
    }


def test_parts_composed_by_hand_are_what_the_spec_gives(record: Record) -> None:
    whole = EnvironmentSpec(
        name="a", backing={"redis": RedisSpec()}, services={"web": JavaServiceSpec(uses=("redis",))}
    )

    def by_hand() -> None:
        environment = Environment(EnvironmentSpec(name="a"))
        redis = Redis("redis", RedisSpec(), environment=environment)
        web = JavaService("web", JavaServiceSpec(uses=("redis",)), environment=environment)
        assert redis.url == "redis://redis.a.svc.cluster.local:6379"
        assert (web.host, web.port) == ("web.a.svc.cluster.local", 9090)

    def inputs(recorder: Recorder) -> dict[tuple[str, str], Any]:
        return {key: r.inputs for key, r in recorder.objects.items()}

    assert inputs(record(by_hand)) == inputs(record(lambda: Environment(whole) and None))


def test_the_engine_sees_the_same_resource_as_from_the_typed_class(record: Record) -> None:
    from pulumi_kubernetes.core.v1 import Secret

    from poscloud.components.resources import create

    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "a"},
        "type": "Opaque",
        "stringData": {"a": "b"},
    }

    def plain() -> None:
        create(manifest, pulumi.ResourceOptions())

    def typed() -> None:
        Secret("s", metadata=manifest["metadata"], type="Opaque", string_data=manifest["stringData"])

    one, other = (record(program).requests["Secret", "s"] for program in (plain, typed))
    for field_name in ("type", "name", "object", "version", "additionalSecretOutputs", "custom"):
        assert getattr(one, field_name) == getattr(other, field_name), field_name


def test_what_no_namespace_holds_is_deleted_by_itself_and_after_the_namespace(record: Record) -> None:
    classes = {"high": PriorityClassSpec(value=1000)}
    spec = EnvironmentSpec(name="a", priority_classes=classes, services={"web": JavaServiceSpec()})
    recorder = record(lambda: Environment(spec) and None)
    assert recorder.requests["PriorityClass", "a.high"].deletedWith == ""
    assert ("PriorityClass", "a.high") in recorder.depends_on("Namespace", "a")
    assert recorder.requests["Deployment", "web"].deletedWith.endswith("::a")
