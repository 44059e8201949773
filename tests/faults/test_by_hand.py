"""What people do beside poscloud: delete by hand, use a stack's name twice; and what is as large as can be."""

from __future__ import annotations

import threading

import pytest

from tests.faults.arena import DESCRIPTION, STACK, Arena, shows
from tests.faults.plain import Plain
from tests.faults.proxy import PASS, Fault, Request

pytestmark = [pytest.mark.faults, pytest.mark.long]

UP = ("poscloud", "up", "--yes")


def test_a_namespace_that_is_deleted_in_the_middle_comes_back(absent: Arena) -> None:
    begun = threading.Event()

    def decide(request: Request) -> Fault:
        if request.write and "deployments" in request.path and not begun.is_set():
            begun.set()
            absent.kubectl("delete", "namespace", STACK, "--wait=false")
        return PASS

    absent.inject(decide)
    done = absent.run(*UP)
    shows(done, f"namespace {STACK} is ", "--refresh", within=120)
    again = absent.run(*UP, "--refresh")
    shows(again, code=0)


def test_an_object_that_is_deleted_by_hand_is_told_and_made_anew(present: Arena) -> None:
    present.kubectl("delete", "deployment", "a")
    present.describe(DESCRIPTION.replace("a: {kind: java,", "a: {kind: java, replicas: 2,"))
    told = present.run(*UP)
    shows(told, "Deployment faults/a was deleted outside of Pulumi", "--refresh")
    mended = present.run(*UP, "--refresh")
    shows(mended, code=0)
    assert present.workspace.get("deployment", "a", "-n", STACK)["spec"]["replicas"] == 2


def test_a_stack_of_that_name_in_another_project_touches_nothing(present: Arena) -> None:
    namesake = Plain(present, STACK)
    try:
        before = present.workspace.get("configmap", "redis-config", "-n", STACK)
        mine = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "redis-config", "namespace": STACK},
        }
        done = namesake.up({**mine, "data": {"a": "b"}})
        shows(done, "ConfigMap faults/redis-config exists already", "it belongs to stack poscloud/faults")
    finally:
        namesake.remove()
    assert present.workspace.get("configmap", "redis-config", "-n", STACK) == before


def test_a_config_map_of_900_kilobytes_is_taken(arena: Arena) -> None:
    plain = Plain(arena)
    try:
        large = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "large", "namespace": Plain.NAMESPACE},
        }
        plain.converges({**large, "data": {"text": "x" * 900_000}})
    finally:
        plain.remove()
