"""A plain Pulumi program beside the environment: for objects that no environment has, and for its stack's name."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from tests.faults.arena import Arena, Outcome

PROGRAM = '''\
"""Declares the objects of objects.json."""

import json
import pathlib

import pulumi
from pulumi_kubernetes import Provider

here = pathlib.Path(__file__).parent
settings = json.loads((here / "objects.json").read_text())
provider = Provider("cluster", kubeconfig=settings["kubeconfig"])
for item in settings["objects"]:
    api = item["apiVersion"] if "/" in item["apiVersion"] else "core/" + item["apiVersion"]
    pulumi.CustomResource(
        f"kubernetes:{api}:{item['kind']}", f"{item['kind']}-{item['metadata']['name']}".lower(), item,
        pulumi.ResourceOptions(provider=provider),
    )
'''


class Plain:
    """A project of its own, with the workspace's engine, state and cluster, and a namespace of its own.

    Args:
        arena: Has all of these.
        stack: The stack's name.
    """

    NAMESPACE = "plain"

    def __init__(self, arena: Arena, stack: str = "plain") -> None:
        self.arena, self.stack = arena, stack
        self.folder = arena.workspace.root / "plain"
        self.folder.mkdir(exist_ok=True)
        (self.folder / "__main__.py").write_text(PROGRAM)
        (self.folder / "Pulumi.yaml").write_text("name: plain\nruntime: python\n")
        self.declare([])
        arena.workspace.run("kubectl", "create", "namespace", self.NAMESPACE)
        mark = f"poscloud.io/stack=plain/{stack}"  # or the fence keeps marked objects out
        arena.workspace.run("kubectl", "annotate", "namespace", self.NAMESPACE, mark)
        made = self.run("pulumi", "stack", "init")
        assert made.code == 0, made.text

    def declare(self, objects: Sequence[dict[str, Any]]) -> None:
        """Write what the program wants."""
        # As the administrator: it makes kinds that no environment has.
        settings = {"kubeconfig": str(self.arena.workspace.paths.admin_kubeconfig), "objects": list(objects)}
        (self.folder / "objects.json").write_text(json.dumps(settings))

    def run(self, *command: str, limit: float = 180, **variables: str) -> Outcome:
        """Run a command on the stack."""
        began = time.monotonic()
        environment = self.arena.workspace.environment() | variables
        done = subprocess.run(
            [*command, "-s", self.stack],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=limit,
        )
        return Outcome(done.returncode, done.stdout, time.monotonic() - began)

    def up(self, *objects: dict[str, Any], **variables: str) -> Outcome:
        """Declare these objects and bring them up, without a preview."""
        self.declare(objects)
        return self.run("pulumi", "up", "--yes", "--skip-preview", **variables)

    def preview(self, *objects: dict[str, Any]) -> Outcome:
        """Declare these objects and preview them."""
        self.declare(objects)
        return self.run("pulumi", "preview", "--diff")

    def converges(self, *objects: dict[str, Any]) -> None:
        """Bring these objects up without a fault, and make sure that nothing is left to do."""
        self.arena.passes()
        again = self.up(*objects)
        assert again.code == 0, again.text
        quiet = self.run("pulumi", "preview", "--expect-no-changes")
        assert quiet.code == 0, quiet.text

    def remove(self) -> None:
        """Remove everything, and forget the stack."""
        self.arena.passes()
        self.run("pulumi", "destroy", "--yes", "--skip-preview")
        self.run("pulumi", "stack", "rm", "--force", "--yes")
        self.arena.workspace.run("kubectl", "delete", "namespace", self.NAMESPACE, "--ignore-not-found")


def named(api_version: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """Return an object in the plain program's namespace."""
    metadata = {"name": name, "namespace": Plain.NAMESPACE, **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
