"""The tools that are compared: what each of them runs to bring an environment up, change it and remove it."""

from __future__ import annotations

import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from bench.peers import workload as files
from bench.peers.workload import Workload
from poscloud.local.access import USER
from tests.workspace import Workspace

Command = Sequence[str]
TIMEOUT = "900s"


class Tool(ABC):
    """One tool and one environment.

    Args:
        workspace: A project with toolchain and running cluster.
        folder: For the tool's own files.
        workload: What it brings up.
    """

    name: str
    """How it is called in tables and in the namespace."""
    steps: tuple[str, ...] = ("up", "preview", "unchanged", "change", "destroy")
    """What it can do."""

    def __init__(self, workspace: Workspace, folder: Path, workload: Workload) -> None:
        self.workspace, self.workload = workspace, workload
        self.folder = folder / self.name / workload.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.namespace = workload.namespace(self.name)

    @property
    def cwd(self) -> Path:
        """Where its commands run."""
        return self.folder

    @property
    def user(self) -> str:
        """Whose requests it makes: the administrator's, because Helm and its like need more than poscloud's roles."""
        return "poscloud-admin"

    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        return self.workspace.admin_environment()

    def prepare(self) -> None:
        """Write its files for the environment as it is at first; not measured."""
        self.give(changed=False)

    def give(self, *, changed: bool) -> None:
        """Write its files; ``changed``: the first service has another image."""
        self._changed = changed
        self.write(changed=changed)

    def wanted(self) -> list[files.Manifest]:
        """The objects that were given to it last."""
        return self.manifests(changed=self._changed)

    @abstractmethod
    def write(self, *, changed: bool) -> None:
        """Write the files."""

    @abstractmethod
    def commands(self, step: str) -> list[Command]:
        """What it runs for a step, one after the other."""

    def state(self) -> int:
        """Bytes of what it remembers of the environment; 0 when it remembers nothing."""
        return 0

    def clean_up(self) -> None:  # noqa: B027 - most remember nothing
        """Forget the environment after its destroy; not measured."""

    def manifests(self, *, changed: bool) -> list[files.Manifest]:
        """The environment's objects."""
        return self.workload.manifests(self.workspace.root, self.name, changed=changed)


class Poscloud(Tool):
    """poscloud's own command."""

    name = "poscloud"
    short_lived = False

    @property
    def user(self) -> str:
        return USER

    def environment(self) -> dict[str, str]:
        return self.workspace.environment()

    @property
    def cwd(self) -> Path:
        return self.workspace.root

    def write(self, *, changed: bool) -> None:
        self.workload.describe(self.cwd, self.name, changed=changed, short_lived=self.short_lived)

    def manifests(self, *, changed: bool) -> list[files.Manifest]:
        root = self.workspace.root
        return self.workload.manifests(root, self.name, changed=changed, short_lived=self.short_lived)

    def commands(self, step: str) -> list[Command]:
        verb = {"unchanged": "up", "change": "up"}.get(step, step)
        return [["poscloud", verb, "-s", self.namespace]]

    def state(self) -> int:
        file = self.workspace.paths.state / ".pulumi" / "stacks" / "poscloud" / f"{self.namespace}.json"
        return file.stat().st_size

    def clean_up(self) -> None:
        self.workspace.run("pulumi", "stack", "rm", "--force", "--yes", self.namespace)
        (self.cwd / "stacks" / f"{self.namespace}.yaml").unlink()


class ShortLived(Poscloud):
    """The same for a short-lived environment: the engine writes its state at the end."""

    name = "short-lived"
    short_lived = True


class Pulumi(Poscloud):
    """Plain ``pulumi`` on poscloud's program."""

    name = "pulumi"

    def prepare(self) -> None:
        super().prepare()
        self.workspace.ok("pulumi", "stack", "init", self.namespace)

    def commands(self, step: str) -> list[Command]:
        options = ["--stack", self.namespace, "--non-interactive"]
        if step == "preview":
            return [["pulumi", "preview", *options]]
        verb = "destroy" if step == "destroy" else "up"
        return [["pulumi", verb, "--yes", "--skip-preview", *options]]


class PlainProgram(Pulumi):
    """Plain ``pulumi`` on a program as people write it: classes of pulumi_kubernetes, everything waited for."""

    name = "plain"

    @property
    def cwd(self) -> Path:
        return self.folder

    def environment(self) -> dict[str, str]:
        environment = super().environment()
        environment.pop("PULUMI_PARALLEL", None)
        environment.pop("PULUMI_PARALLEL_DIFF", None)
        environment.pop("PULUMI_PYTHON_CMD", None)
        return environment

    def prepare(self) -> None:
        for file in (Path(__file__).parent / "plain").iterdir():
            if file.is_file():
                shutil.copy(file, self.folder / file.name)
        self.give(changed=False)
        settings = f"config:\n  bench:list: {self.folder / 'list.json'}\n"
        (self.folder / f"Pulumi.{self.namespace}.yaml").write_text(settings)
        self._pulumi("stack", "init", self.namespace)

    def write(self, *, changed: bool) -> None:
        files.write_list(self.folder / "list.json", self.manifests(changed=changed))

    def state(self) -> int:
        file = self.workspace.paths.state / ".pulumi" / "stacks" / "bench-plain" / f"{self.namespace}.json"
        return file.stat().st_size

    def clean_up(self) -> None:
        self._pulumi("stack", "rm", "--force", "--yes", self.namespace)

    def _pulumi(self, *arguments: str) -> None:
        self.workspace.ok("pulumi", "-C", str(self.folder), *arguments)


class Helm(Tool):
    """Helm with a chart of the same objects."""

    name = "helm"
    steps = ("up", "unchanged", "change", "destroy")
    program = Path("helm")

    def write(self, *, changed: bool) -> None:
        files.write_chart(self.folder / "chart", self.manifests(changed=changed))

    def commands(self, step: str) -> list[Command]:
        chart, options = str(self.folder / "chart"), ["-n", self.namespace, "--timeout", TIMEOUT]
        helm = str(self.program)
        if step == "up":
            return [[helm, "install", "bench", chart, "--wait", "--create-namespace", *options]]
        if step == "destroy":
            return [
                [helm, "uninstall", "bench", "--wait", *options],
                ["kubectl", "delete", "namespace", self.namespace],
            ]
        return [[helm, "upgrade", "bench", chart, "--wait", *options]]


class Apply(Tool):
    """``kubectl apply --server-side`` and ``kubectl wait``."""

    name = "apply"

    def write(self, *, changed: bool) -> None:
        files.write_list(self.folder / "list.json", self.manifests(changed=changed))

    @property
    def source(self) -> Command:
        """What is applied."""
        return ["-f", str(self.folder / "list.json")]

    def commands(self, step: str) -> list[Command]:
        apply = ["kubectl", "apply", "--server-side", *self.source]
        if step == "preview":
            return [
                ["sh", "-c", '"$@" || [ $? = 1 ]', "sh", "kubectl", "diff", "--server-side", *self.source]
            ]
        if step == "destroy":
            return [["kubectl", "delete", "namespace", self.namespace]]
        if step != "up":
            return [apply, ["kubectl", "rollout", "status", "-n", self.namespace, "deployment/service-000"]]
        rollout = ["kubectl", "wait", "-n", self.namespace, f"--timeout={TIMEOUT}", "deployment", "--all"]
        waits = [[*rollout, "--for=condition=Available"]]
        if self.workload.backing:
            members = ["kubectl", "wait", "-n", self.namespace, f"--timeout={TIMEOUT}", "pod", "--all"]
            waits.append([*members, "--for=condition=Ready"])
        return [apply, *waits]


class Kustomize(Apply):
    """``kubectl apply -k`` and ``kubectl wait``."""

    name = "kustomize"

    def write(self, *, changed: bool) -> None:
        files.write_kustomization(self.folder / "base", self.manifests(changed=changed))

    @property
    def source(self) -> Command:
        return ["-k", str(self.folder / "base")]


class Floor(Apply):
    """An asyncio client that sends everything at once and waits; to destroy, it deletes the namespace."""

    name = "floor"
    steps = ("up", "destroy")

    def commands(self, step: str) -> list[Command]:
        if step == "destroy":
            return super().commands(step)
        return [[sys.executable, "-m", "bench.peers.floor", str(self.folder / "list.json")]]

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": str(Path(__file__).parents[2])}


TOOLS: tuple[type[Tool], ...] = (Floor, Pulumi, Poscloud, ShortLived, PlainProgram, Helm, Apply, Kustomize)
