"""Blue-green and canary: which Deployments stand behind a Service, in which order, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from poscloud.render import Manifest, render_environment
from poscloud.render.release import check_shared
from poscloud.spec import EnvironmentSpec, JavaServiceSpec, Release
from poscloud.spec.release import canary_pods, summary

Load = Callable[[str], EnvironmentSpec]


def manifests(spec: EnvironmentSpec, name: str = "a") -> list[Manifest]:
    (part,) = [p for p in render_environment(spec) if p.name == name]
    return [m for m in part.manifests if m["kind"] != "PodDisruptionBudget"]  # one for both versions


def order(found: list[Manifest]) -> list[str]:
    return [f"{m['kind']}/{m['metadata']['name']}" for m in found]


def image(deployment: Manifest) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"]).rsplit(":", 1)[1]


def test_a_canary_shares_the_pods_and_leaves_the_live_version_as_it_is(services: Load) -> None:
    (_, plain) = manifests(services("  a: {kind: java, replicas: 5}\n"))
    found = manifests(
        services("  a: {kind: java, replicas: 5, release: {strategy: canary, next: v2, weight: 30}}\n")
    )
    assert order(found) == ["Service/a", "Deployment/a-canary", "Deployment/a"]
    service, canary, live = found
    assert [image(canary), image(live)] == ["v2", "v1"]
    assert [canary["spec"]["replicas"], live["spec"]["replicas"]] == [2, 3]
    assert live["spec"]["template"] == plain["spec"]["template"], "the live pods would restart"
    assert service["spec"]["selector"].items() <= canary["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("replicas", "weight", "pods"), [(2, 1, 1), (2, 99, 1), (5, 20, 1), (5, 30, 2), (10, 25, 3), (100, 1, 1)]
)
def test_the_weight_is_rounded_to_whole_pods(replicas: int, weight: int, pods: int) -> None:
    assert canary_pods(replicas, weight) == pods


def test_blue_green_points_the_service_at_ready_pods_before_the_idle_colour_starts(services: Load) -> None:
    lines = "  a: {{kind: java, version: {}, release: {{strategy: blue-green, live: {}, next: {}}}}}\n"
    before = manifests(services(lines.format("v1", "blue", "v2")))
    after = manifests(services(lines.format("v2", "green", "v1")))
    assert order(before) == ["Deployment/a-blue", "Service/a", "Deployment/a-green"]
    assert order(after) == ["Deployment/a-green", "Service/a", "Deployment/a-blue"]
    changed = [n for n, m in zip(order(after), after, strict=True) if m not in before]
    assert changed == ["Service/a"], "promoting changes nothing but the selector"
    assert after[1]["spec"]["selector"] == {"app": "a", "poscloud.io/track": "green"}
    assert image(after[0]) == "v2"


def test_two_colours_may_share_a_host(services: Load) -> None:
    blue, *_ = manifests(services("  a: {kind: java, release: {strategy: blue-green, next: v2}}\n"))
    rules = blue["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    (term,) = rules["requiredDuringSchedulingIgnoredDuringExecution"]
    expressions = term["labelSelector"]["matchExpressions"]
    assert {"key": "poscloud.io/track", "operator": "In", "values": ["blue"]} in expressions


def test_next_may_be_fields(services: Load) -> None:
    release = "{strategy: canary, next: {java_opts: -Xmx2g, env: {REDIS: '${redis.host}'}}}"
    spec = services(f"  a: {{kind: java, replicas: 2, env: {{X: y}}, release: {release}}}\n")
    _, canary, live = manifests(spec)
    env = {e["name"]: e.get("value") for e in canary["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert (env["JAVA_OPTS"], env["X"], env["REDIS"]) == ("-Xmx2g", "y", "redis.env.svc.cluster.local")
    assert "REDIS" not in str(live)
    assert "redis" in spec.start_after("a")


def test_what_only_a_container_of_the_next_version_refers_to_starts_first(services: Load) -> None:
    following = "{containers: {x: {env: {REDIS: '${redis.host}'}}}}"
    spec = services(
        "  a: {kind: subsystem, replicas: 2, containers: {x: {ports: {http: 80}}}, "
        f"release: {{strategy: canary, next: {following}}}}}\n"
    )
    assert "redis" in spec.start_after("a")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("replicas: 5, release: {strategy: canary, next: v2, weight: 20}", "canary v2, 1 of 5 pods (20 %), live v1"),
        (
            "replicas: 3, release: {strategy: canary, next: v2, weight: 20}",
            "canary v2, 1 of 3 pods (33.3 %; 20 % asked for), live v1",
        ),
        ("replicas: 2, release: {strategy: canary}", "canary, none beside live v1"),
        ("release: {strategy: blue-green, next: v2}", "blue-green, live v1 (blue), idle v2 (green)"),
        ("release: {strategy: blue-green, live: green}", "blue-green, live v1 (green), nothing idle (blue)"),
        ("release: {strategy: rolling}", ""),
    ],
)  # fmt: skip
def test_what_runs_is_said_in_one_line(services: Load, fields: str, says: str) -> None:
    assert summary(services(f"  a: {{kind: java, {fields}}}\n").services["a"]) == says


def test_what_may_not_run_twice_or_is_shared_is_found_in_any_kind() -> None:
    part = JavaServiceSpec(replicas=2, release=Release(strategy="canary", next="v2"))

    def found(*objects: Manifest) -> str:
        def render(spec: JavaServiceSpec) -> list[Manifest]:
            deployment = {"strategy": objects[0], "replicas": 2}
            shared = {
                "kind": "ConfigMap",
                "metadata": {"name": "c"},
                "data": {"v": spec.version if objects[1] else ""},
            }
            return [{"kind": "Deployment", "metadata": {"name": "a"}, "spec": deployment}, shared]

        return "; ".join(f.message for f in check_shared(part, render, ()))

    assert found({"type": "RollingUpdate"}, {}) == ""
    assert "two pods may never run at once" in found({"type": "Recreate"}, {})
    assert found({}, {"by": "version"}) == "both versions share ConfigMap 'c', which `next` would change"
