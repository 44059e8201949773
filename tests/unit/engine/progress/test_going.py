"""What is shown while an environment is removed, from what a cluster tells step by step."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from poscloud.cluster.watching.services import services_of
from poscloud.engine.progress.events import Event
from poscloud.engine.progress.going import Going, Seen
from poscloud.engine.progress.show import Lines, tree
from tests.pages.blocks import one

Object = dict[str, Any]


def _pod(app: str, number: int = 0, *, grace: int | None = None, finalizers: tuple[str, ...] = ()) -> Object:
    meta: Object = {"name": f"{app}-{number}", "labels": {"app": app}}
    if grace is not None:
        meta |= {"deletionTimestamp": "2026-11-22T12:00:00Z", "deletionGracePeriodSeconds": grace}
    if finalizers:
        meta["finalizers"] = list(finalizers)
    return {"kind": "Pod", "metadata": meta}


def _space(*, going: bool = True) -> Object:
    meta = {"name": "shop"} | ({"deletionTimestamp": "2026-11-22T12:00:00Z"} if going else {})
    return {"kind": "Namespace", "metadata": meta}


@pytest.fixture
def going() -> Going:
    workloads = [{"kind": "Deployment", "metadata": {"name": n}} for n in ("web", "mysql", "asleep")]
    pods = [_pod("web", 0), _pod("web", 1), _pod("mysql")]
    return Going("shop", services_of(workloads, pods).values())


def drawn(going: Going, now: float, *, width: int = 100) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(tree(going, now, 20, width))
    return [line.rstrip() for line in str(console.file.getvalue()).splitlines()]  # type: ignore[attr-defined]


def test_who_ends_how_long_it_may_take_and_who_is_gone(going: Going) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    steps = [
        (1.0, Seen(_space(going=False), [_pod("web", 0), _pod("web", 1), _pod("mysql")])),
        (2.0, Seen(_space(), [_pod("web", 0, grace=30), _pod("web", 1, grace=30), _pod("mysql", grace=120)])),
        (4.0, Seen(_space(), [_pod("web", 1, grace=30), _pod("mysql", grace=120)])),
        (9.0, Seen(_space(), [_pod("mysql", grace=120)])),
        (20.0, Seen(None)),
    ]
    for now, seen in steps:
        lines.changed(going, going.see(seen, now), now)
        if now == 4.0:
            assert drawn(going, now) == [
                "shop  1 of 3 gone, 4.0 s",
                "├── ✓ asleep                   gone",
                "├── ▸ mysql             2.0 s  1 pod to end, grace period 120 s",
                "├── ▸ web               2.0 s  1 of 2 pods to end, grace period 30 s",
                "└── ▸ namespace shop    2.0 s  waits for mysql, web",
            ]
    assert stream.getvalue().splitlines() == [
        "[    2.0 s] asleep: gone",
        "[    2.0 s] mysql: 1 pod to end, grace period 120 s",
        "[    2.0 s] web: 2 pods to end, grace period 30 s",
        "[    2.0 s] namespace shop: waits for mysql, web",
        "[    4.0 s] web: 1 of 2 pods to end, grace period 30 s",
        "[    9.0 s] web: gone, 7.0 s",
        "[    9.0 s] namespace shop: waits for mysql",
        "[     20 s] mysql: gone, 18 s",
        "[     20 s] namespace shop: gone, 18 s",
    ]
    going.take(Event("end", counts=(("delete", 33),)), 20.0)
    assert list(going.summary(20.4)) == [
        "shop: 3 of 3 components gone, the namespace is gone after 20 s; resources: 33 deleted",
        "  slowest: mysql 18 s (grace period 120 s), web 7.0 s (grace period 30 s)",
    ]


def test_what_a_finalizer_holds_is_told(going: Going) -> None:
    held = _pod("web", 0, grace=30, finalizers=("example.com/hold", "foregroundDeletion"))
    going.see(Seen(_space(), [held]), 2.0)
    assert "web: 1 of 2 pods to end, held by finalizer example.com/hold of pod web-0" in (
        f"web: {going.line('web')}"
    )
    going.see(Seen(_space(), [], holds="ConfigMap shop/x (finalizers example.com/keep, set by kubectl)"), 8.0)
    last = drawn(going, 9.0)[-1]
    assert last.endswith(
        "namespace shop    7.0 s  ConfigMap shop/x (finalizers example.com/keep, set by kubectl)"
    )
    going.see(Seen(_space(), []), 9.0)
    assert drawn(going, 9.0)[-1] == last, "what was not asked again is as it was"
    going.take(Event("failed", object="Namespace shop"), 600.0)
    assert going.line("namespace shop").startswith("not gone: ConfigMap shop/x")
    going.over = True
    assert next(going.summary(600.0)).startswith(
        "shop: 3 of 3 components gone, the namespace is there after 10 min"
    )


def test_a_destroy_is_drawn_like_this() -> None:
    pods = [_pod("pay", grace=30), _pod("web", grace=30), _pod("mysql", grace=120)]
    pods.append(_pod("redis", grace=30, finalizers=("example.com/backup",)))
    going = Going("shop", services_of([], pods).values())
    going.see(Seen(_space(), pods), 2.0)
    going.see(Seen(_space(), [pods[0], *pods[2:]]), 5.5)
    held = "ConfigMap shop/x (finalizers example.com/keep, set by kubectl)"
    going.see(Seen(_space(), pods[2:], holds=held), 6.0)
    assert drawn(going, 9.0) == one("docs/watching.md", "shop  2 of 4 gone").text.splitlines()


def test_a_job_of_which_nothing_was_known_and_pods_that_may_not_be_listed(going: Going) -> None:
    going.see(Seen(_space(), [_pod("after", grace=5)]), 2.0)
    assert going.line("after") == "1 pod to end, grace period 5 s"
    assert going.see(Seen(_space(), None), 3.0) == []
    assert going.line("after") == "1 pod to end, grace period 5 s"


def test_a_run_that_was_declined_or_failed_before_has_nothing_to_say() -> None:
    assert list(Going("shop", []).summary(1.0)) == []


def test_the_engine_may_know_first_that_it_is_gone(going: Going) -> None:
    going.see(Seen(_space(), [_pod("mysql", grace=10)]), 1.0)
    changed = going.take(Event("done", object="Namespace shop", changes=True), 5.0)
    assert changed == ["mysql", "namespace shop"]
    assert going.line("mysql") == "gone, 4.0 s"
