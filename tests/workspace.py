"""A project folder of its own, with the real toolchain and a real local cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from poscloud.local import access
from poscloud.local.controlplane import ControlPlane
from poscloud.local.environment import full_environment
from poscloud.local.paths import ProjectPaths

ROOT = Path(__file__).parents[1]
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Workspace:
    """A copy of the project in a temporary folder, with its own cluster and state.

    Args:
        root: An empty folder.
    """

    def __init__(self, root: Path) -> None:
        for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "__main__.py"):
            shutil.copy(ROOT / name, root / name)
        shutil.copytree(ROOT / "stacks", root / "stacks")
        (root / ".venv").symlink_to(sys.prefix)
        self.at(root)

    def at(self, root: Path) -> None:
        """Use the project that is at ``root``."""
        self.root = root
        self.paths = ProjectPaths(root)
        self.control_plane = ControlPlane(self.paths)

    def run(
        self, *command: str, given: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as in a shell that has sourced .poscloud/activate, with ``given`` as its input.

        kubectl is the administrator. What poscloud and the engine do, they do with the rights of the local cluster's
        user; a test that looks at the cluster or injects a fault is somebody else.
        """
        user = self.admin_environment() if command[0] == "kubectl" else self.environment()
        environment = user | variables
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False, input=given
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of a shell that has sourced .poscloud/activate."""
        passphrase = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(self.paths.passphrase)}
        return full_environment(self.paths) | passphrase

    def admin_environment(self) -> dict[str, str]:
        """Return the environment in which kubectl is the cluster's administrator."""
        return self.environment() | {"KUBECONFIG": str(self.paths.admin_kubeconfig)}

    def ok(self, *command: str) -> str:
        """Run a command that has to succeed and return what it printed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(command)} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return what kubectl get prints."""
        answer: dict[str, Any] = json.loads(self.ok("kubectl", "get", *arguments, "-o", "json"))
        return answer

    def audit_mark(self) -> int:
        """Return a point in the API server's audit log to read from later."""
        return self.control_plane.audit_log.stat().st_size

    def requests_since(self, mark: int, user: str = access.USER) -> list[dict[str, Any]]:
        """Return the requests since ``mark`` of a user, by default those of poscloud, its provider or its kubectl."""
        assert mark <= self.audit_mark(), "the audit log was rotated meanwhile"
        with self.control_plane.audit_log.open("rb") as file:
            file.seek(mark)
            events = [json.loads(line) for line in file]
        # Somebody whose client went away before the server knew who it was has no name.
        return [e for e in events if e["user"].get("username") == user]

    def denied(self) -> set[str]:
        """Return what the local cluster's user was not allowed, of all that it asked for so far."""
        return {
            f"{event['verb']} {event.get('objectRef', {}).get('resource', event['requestURI'])}"
            for event in self.requests_since(0)
            if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
        }

    def writes_since(self, mark: int) -> list[str]:
        """Return the requests since ``mark`` that changed something, as ``verb resource/name``."""
        return [
            f"{e['verb']} {e['objectRef']['resource']}/{e['objectRef'].get('name', '')}"
            for e in self.requests_since(mark)
            if e["verb"] in WRITES and "dryRun=All" not in e["requestURI"]
        ]


def without_settings() -> dict[str, str]:
    """Remove what an activated shell sets from this process's variables, and return it."""
    names = (
        "PULUMI_PARALLEL",
        "PULUMI_PARALLEL_DIFF",
        "PULUMI_PYTHON_CMD",
        "POSCLOUD_USER_KUBECONFIG",
        "PULUMI_BACKEND_URL",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "POSCLOUD_STACK",
        "POSCLOUD_BASELINE",
        "POSCLOUD_BASELINE_KEY",
        "KUBECONFIG",
        "PULUMI_SKIP_CHECKPOINTS",
    )
    return {name: os.environ.pop(name) for name in names if name in os.environ}
