"""The environments that every tool brings up: the same objects, in a namespace of each tool's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from poscloud.load import load_environment
from poscloud.render import render_environment

FIRST = "v1"
CHANGED = "v2"
BACKING: dict[str, dict[str, object]] = {"zookeeper": {}, "kafka": {}, "redis": {}, "mongo": {}}

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """An environment of one size.

    Attributes:
        services: How many; each is a ConfigMap, a Service and a Deployment of two containers.
        backing: Whether ZooKeeper, Kafka, Redis and Mongo are in it as well.
    """

    services: int
    backing: bool = False

    @property
    def name(self) -> str:
        """How it is called in tables: ``17``, or ``17+4`` with four backing services."""
        return f"{self.services}+4" if self.backing else str(self.services)

    def namespace(self, tool: str) -> str:
        """The namespace it goes to when ``tool`` brings it up."""
        return f"bench-{tool}-{self.name.replace('+', '-')}"

    def describe(self, root: Path, tool: str, *, changed: bool, short_lived: bool = False) -> str:
        """Write the environment's description into a project and return the stack's name.

        Args:
            root: The project.
            tool: Whose namespace it is.
            changed: Whether the first service has the other image.
            short_lived: Whether the engine writes its state at the end only.
        """
        stack = self.namespace(tool)
        services: dict[str, Any] = {f"service-{i:03}": {"kind": "java"} for i in range(self.services)}
        services["service-000"]["version"] = CHANGED if changed else FIRST
        document: dict[str, Any] = {
            "pull_secret": None,
            "limits": None,
            "filebeat": {"kafka": {"hosts": ["logs.example.com:9092"], "topic": "applog"}},
            "backing": BACKING if self.backing else {},
            "services": services,
        }
        if short_lived:
            document["short_lived"] = True
        (root / "stacks" / f"{stack}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        return stack

    def manifests(self, root: Path, tool: str, *, changed: bool, short_lived: bool = False) -> list[Manifest]:
        """The objects, as poscloud renders them, the namespace first; the arguments are those of ``describe``."""
        stack = self.describe(root, tool, changed=changed, short_lived=short_lived)
        parts = render_environment(load_environment(root, stack))
        return [manifest for part in parts for manifest in part.manifests]


def write_list(file: Path, manifests: Sequence[Manifest]) -> None:
    """Write objects as one list that every tool reads."""
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}))


def write_chart(folder: Path, manifests: Sequence[Manifest]) -> None:
    """Write objects as a Helm chart, a file each; the namespace is made by ``--create-namespace``."""
    templates = folder / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: bench\nversion: 0.1.0\n")
    for number, manifest in enumerate(manifests):
        if manifest["kind"] == "Namespace":
            continue
        # Helm's templates would read what is meant for Filebeat or the shell.
        text = yaml.safe_dump(manifest).replace("{{", '{{ "{{" }}')
        (templates / f"{number:04}.yaml").write_text(text)


def write_kustomization(folder: Path, manifests: Sequence[Manifest]) -> None:
    """Write objects as a kustomization, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, manifest in enumerate(manifests):
        names.append(f"{number:04}.yaml")
        (folder / names[-1]).write_text(yaml.safe_dump(manifest))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": names}))
