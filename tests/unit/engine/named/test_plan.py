"""Which objects a run for some services is about."""

from __future__ import annotations

from typing import Any

import pytest

from poscloud.components.choice import EVERYTHING, Choice, key
from poscloud.engine.description import describe
from poscloud.engine.named.plan import Planner
from poscloud.engine.named.stated import stated
from poscloud.errors import DeployError
from poscloud.render import RenderedPart
from tests.unit.conftest import Project

SHOP = """\
pull_secret: null
secrets: {keys: [word], other: [word]}
ingress:
  - {host: shop.example.com, paths: {/: web}}
backing: {redis: {password: true}}
services:
  api: {kind: java, uses: [redis], env: {KEY: {secret: keys, key: word}}}
  web: {kind: java, uses: [api]}
  geo: java
"""
CLASSES = {"java": "JavaService", "redis": "Redis"}
ENVIRONMENT = "urn:pulumi:env::poscloud::poscloud:index:Environment"


def parts_of(project: Project, text: str) -> tuple[Any, list[RenderedPart]]:
    project.write("env.yaml", text)
    described = describe(project.root, "env")
    return described.spec, described.parts


def state(project: Project, text: str, *without: str) -> dict[str, Any]:
    """Return what the engine has after an up of a description, but for some services."""
    _, parts = parts_of(project, text)
    found: list[dict[str, Any]] = [
        {"urn": f"{ENVIRONMENT}::env", "type": "poscloud:index:Environment", "parent": ""}
    ]
    workloads: dict[str, list[str]] = {}
    for part in parts:
        if part.name in without:
            continue
        chain, parent = ENVIRONMENT, f"{ENVIRONMENT}::env"
        if part.kind != "environment":
            kind = f"poscloud:index:{CLASSES[part.kind]}"
            chain, parent = f"{ENVIRONMENT}${kind}", f"{ENVIRONMENT}${kind}::{part.name}"
            found.append({"urn": parent, "type": kind, "parent": f"{ENVIRONMENT}::env"})
        for m in part.manifests:
            version = m["apiVersion"] if "/" in m["apiVersion"] else f"core/{m['apiVersion']}"
            token = f"kubernetes:{version}:{m['kind']}"
            urn = f"{chain}${token}::{m['metadata']['name']}"
            after: list[str] = []
            if m["kind"] in ("Deployment", "StatefulSet"):
                workloads[part.name] = [urn]
                after = [w for other in part.after for w in workloads.get(other, [])]
            found.append(
                {
                    "urn": urn,
                    "type": token,
                    "parent": parent,
                    "dependencies": after,
                    "inputs": m,
                    "outputs": {"metadata": {"uid": f"u-{key(m)}"}},
                }
            )
    return {"resources": found}


def planner(project: Project, before: dict[str, Any], now: str = SHOP) -> Planner:
    spec, parts = parts_of(project, now)
    return Planner(spec, parts, stated(before), "poscloud", CLASSES)


def named(targets: tuple[str, ...]) -> set[str]:
    return {f"{urn.split('::')[2].rpartition(':')[2]}/{urn.rpartition('::')[2]}" for urn in targets}


def test_apply_is_about_the_service_what_its_pods_read_and_what_leads_to_it(project: Project) -> None:
    plan = planner(project, state(project, SHOP)).apply(["api"])
    assert named(plan.targets) == {
        "JavaService/api",
        "Service/api",
        "Deployment/api",
        "Secret/keys",
        "Secret/redis",
    }
    assert (plan.choice, plan.needed, plan.gone) == (EVERYTHING, (), ())
    assert "Namespace/env" not in named(plan.targets)


def test_the_ingress_that_leads_to_a_service_is_applied_with_it(project: Project) -> None:
    kinds = {
        t.partition("/")[0] for t in named(planner(project, state(project, SHOP)).apply(["web"]).targets)
    }
    assert "Ingress" in kinds


def test_every_target_is_one_that_the_engine_knows(project: Project) -> None:
    before = state(project, SHOP)
    known = {r["urn"] for r in before["resources"]}
    assert set(planner(project, before).apply(["api", "geo", "web"]).targets) <= known


def test_what_is_needed_and_not_there_comes_too_and_the_rest_is_left_out(project: Project) -> None:
    plan = planner(project, state(project, SHOP, "redis", "api", "web", "geo")).apply(["web"])
    assert (plan.services, plan.needed) == (("web", "api", "redis"), ("api", "redis"))
    assert plan.choice.left_out == {"geo"}
    assert "Deployment/geo" in plan.choice.skipped
    empty = planner(project, {}).apply(["api"])
    assert (empty.targets, empty.choice) == ((), Choice(left_out=frozenset({"web", "geo"})))


def test_new_objects_of_the_environment_come_only_if_the_service_names_them(project: Project) -> None:
    before = state(project, SHOP.replace("secrets: {keys: [word], other: [word]}\n", "").replace(
        "env: {KEY: {secret: keys, key: word}}", "env: {}"
    ))  # fmt: skip
    plan = planner(project, before).apply(["api"])
    assert "Secret/keys" in named(plan.targets)
    assert plan.choice.skipped == {"Secret/other"}


def test_delete_takes_the_service_alone_and_freezes_what_waited_for_it(project: Project) -> None:
    plan = planner(project, state(project, SHOP)).delete(["api"])
    assert {each.key for each in plan.gone} == {"Deployment/api", "Service/api"}
    assert [each.key for each in plan.waiting] == ["Deployment/web"]
    assert named(plan.targets) == {"JavaService/api", "Service/api", "Deployment/api", "Deployment/web"}
    assert plan.choice == Choice(frozenset({"api"}), frozenset(), frozenset({"Deployment/web"}))


def test_delete_of_all_services_leaves_nothing_to_freeze(project: Project) -> None:
    plan = planner(project, state(project, SHOP)).delete(["api", "geo", "web"])
    assert plan.waiting == ()
    assert not any("redis" in urn for urn in plan.targets)


def test_delete_makes_nothing_that_is_new(project: Project) -> None:
    now = SHOP + "  late: java\n"
    plan = planner(project, state(project, SHOP), now.replace("[word]}\n", "[word], new: [a]}\n")).delete(
        ["geo"]
    )
    assert plan.choice.left_out == {"geo", "late"}
    assert plan.choice.skipped == {"Secret/new", "Deployment/late", "Service/late"}


def test_what_waited_and_is_described_no_longer_is_refused(project: Project) -> None:
    now = SHOP.replace("  web: {kind: java, uses: [api]}\n", "").replace("/: web", "/: geo")
    with pytest.raises(DeployError, match="Deployment/web waited for Deployment/api") as caught:
        planner(project, state(project, SHOP), now).delete(["api"])
    assert caught.value.hint.endswith("poscloud up -s env")


def test_what_others_were_made_after_and_is_described_no_longer_is_refused(project: Project) -> None:
    before = state(project, SHOP)
    now = SHOP.replace("other: [word]", "more: [word]")
    lost = f"{ENVIRONMENT}$kubernetes:core/v1:Secret::other"
    assert planner(project, before, now).apply(["geo"]).targets  # nobody was made after it
    for each in before["resources"]:
        if each["urn"].endswith("Deployment::web"):
            each["dependencies"] = [*each["dependencies"], lost]
    for plan in (planner(project, before, now).apply, planner(project, before, now).delete):
        with pytest.raises(DeployError, match="Secret/other is described no longer"):
            plan(["geo"])


def test_another_order_of_what_is_not_meant_is_refused(project: Project) -> None:
    before = state(project, SHOP)
    now = SHOP.replace("web: {kind: java, uses: [api]}", "web: java")
    with pytest.raises(DeployError, match="Deployment/web after api"):
        planner(project, before, now).apply(["geo"])
    assert planner(project, before, now).apply(["web"]).targets
    assert planner(project, before, now).delete(["api"]).waiting


def test_what_a_service_no_longer_has_goes_with_an_apply(project: Project) -> None:
    before = state(project, SHOP.replace("geo: java", "geo: {kind: java, replicas: 2}"))
    plan = planner(project, before).apply(["geo"])
    assert [each.key for each in plan.gone] == ["PodDisruptionBudget/geo"]
    assert "PodDisruptionBudget/geo" in named(plan.targets)


def test_a_choice_survives_its_way_to_the_program() -> None:
    choice = Choice(frozenset({"a", "b"}), frozenset({"Secret/c"}), frozenset({"Deployment/d"}))
    assert Choice.read(choice.text) == choice
    assert Choice.read("") == EVERYTHING
