"""Merge requests on the spot: two descriptions of one environment, and what changes between them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

from poscloud.engine.mergerequest.acknowledge import Acknowledged
from poscloud.engine.mergerequest.baseline import Baseline, Component, take
from poscloud.engine.mergerequest.changes import Comparison
from poscloud.engine.mergerequest.comment import write_comment
from poscloud.engine.mergerequest.compare import compare
from poscloud.engine.mergerequest.sanitize import Key, sanitized
from poscloud.load import load_environment
from poscloud.render import Manifest, render_environment

KEY = Key("not-a-real-key-of-a-baseline")
PUBLISHED = "2026-11-22T03:00:00+00:00"

SHOP = """\
backing:
  mysql: {storage: {size: 20Gi}}
  kafka: {replicas: 3}
  zookeeper: {replicas: 3}
services:
  web: {kind: java, replicas: 2, version: v7}
  worker: {kind: java, version: v1, env: {LEVEL: info}}
"""

COMMENTS: dict[str, tuple[str | None, str, Acknowledged]] = {
    "nothing": (SHOP, SHOP, {}),
    "first": (None, SHOP, {}),
    "restart": (
        SHOP,
        SHOP.replace("v7", "v8").replace("replicas: 2", "replicas: 4").replace("info", "debug")
        + "  search: {kind: java, resources: {requests: {cpu: 500m, memory: 2Gi}}}\n",
        {},
    ),
    "data-loss": (
        SHOP,
        SHOP.replace("20Gi", "5Gi")
        .replace("  zookeeper: {replicas: 3}\n", "")
        .replace("  kafka: {replicas: 3}\n", ""),
        {"StatefulSet/zookeeper": ("alice", "bob"), "StatefulSet/mysq": ("mallory",)},
    ),
}
"""Name of a golden comment → what runs, what the branch describes, what is acknowledged."""


def environment(text: str, stored: Mapping[str, str] | None = None, stack: str = "shop") -> Baseline:
    """Return a sanitised environment from its description."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "stacks").mkdir()
        (Path(folder) / "stacks" / f"{stack}.yaml").write_text(dedent(text), encoding="utf-8")
        spec = load_environment(Path(folder), stack)
    return take(stack, render_environment(spec), stored or {}, KEY)


def compared(
    old: str | None, new: str, before: Mapping[str, str] | None = None, after: Mapping[str, str] | None = None
) -> Comparison:
    """Return what ``new`` changes of ``old``, with the configuration stored at either time."""
    was = replace(environment(old, before), published=PUBLISHED) if old is not None else None
    return compare(was, environment(new, after))


def golden_comment(name: str) -> str:
    """Return one of the golden comments."""
    old, new, known = COMMENTS[name]
    return write_comment(compared(old, new), known)


CLAIM: Manifest = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "shop", "labels": {"app": "x"}},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "10Gi"}},
    },
}
VOLUME: Manifest = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "disk"},
    "spec": {"capacity": {"storage": "10Gi"}, "nfs": {"server": "a", "path": "/x"}},
}
NAMESPACE: Manifest = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"a": "b"}},
}


def changed(item: Manifest, **fields: Any) -> Comparison:
    """Return what changes when the fields of an object, with ``__`` for a dot, become these."""
    new = deepcopy(item)
    for path, value in fields.items():
        *steps, last = path.split("__")
        target = new
        for step in steps:
            target = target[step]
        target[last] = value
    return between([item], [new])


def between(old: list[Manifest], new: list[Manifest]) -> Comparison:
    before, after = (
        Baseline(
            "shop",
            [Component("x", "java", [sanitized(i, KEY, "shop") for i in items])],
            "2026-11-22T03:00:00",
        )
        for items in (old, new)
    )
    return compare(before, after)
