"""Row 23: everything that is wrong with a description is told at once, with its place, before anything is asked."""

from __future__ import annotations

import pytest

from tests.faults.arena import STACK, Arena, shows

pytestmark = [pytest.mark.faults, pytest.mark.fault(23)]

WRONG = """\
pull_secret: null
backing:
  redis: {}
  mongo: {}
services:
  a: {kind: java, uses: [rediss], port: 70000}
  b: {kind: java, repliicas: 2}
  c: {kind: java, replicas: many}
  Upper: java
  this-name-is-so-long-that-no-service-of-kubernetes-could-ever-have-it: java
  d: {kind: java, uses: [e]}
  e: {kind: java, uses: [d]}
  f: {kind: java, node_port: 30001}
  g: {kind: java, node_port: 30001}
  h: {kind: java, env: {X: "${NOT_THERE}"}}
  a: java
"""
PLACES = ["6:26", "6:41", "7:19", "8:29", "9:3", "10:3", "11:6", "14:19", "15:28", "16:3"]
PHRASES = ["did you mean 'redis'?", "65535", "did you mean 'replicas'?", "first at line 6", "d → e → d",
           "node_port 30001", "10 problems found"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "places", "phrases", "command"),
    [
        pytest.param("services: {a: java\n", ["2:1"], ["not valid YAML"], "validate", id="malformed"),
        pytest.param("services:\n\ta: java\n", ["2:1"], ["YAML does not allow tabs"], "validate", id="tab"),
        pytest.param(
            "services:\n<<<<<<< HEAD\n  a: java\n", ["3:4"], ["merge conflict"], "validate", id="merge"
        ),
        pytest.param(WRONG, PLACES, PHRASES, "validate", id="everything in one file, validate"),
        pytest.param(WRONG, PLACES, PHRASES, "up", id="everything in one file, up"),
    ],
)
def test_a_wrong_description_is_told_before_anything_is_asked(
    arena: Arena, text: str, places: list[str], phrases: list[str], command: str
) -> None:
    asked = len(arena.proxy.seen)
    arena.describe(text)
    done = arena.run("poscloud", command)
    arena.restore()
    shows(done, *(f"stacks/{STACK}.yaml:{place}" for place in places), *phrases, code=2, within=1.5)
    assert len(arena.proxy.seen) == asked
