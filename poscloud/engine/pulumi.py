"""Running the Pulumi engine: always the same ``pulumi`` command that a person would type.

The engine is run as a command rather than through the Automation API: its own display, prompts and exit
codes are what people know, and starting it costs half a second less (docs/decisions/0002).
"""

from __future__ import annotations

import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

from poscloud.engine import container
from poscloud.engine.following import Following
from poscloud.engine.interrupt import INTERRUPTED, Interruptible
from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError
from poscloud.local.environment import full_environment
from poscloud.local.paths import ProjectPaths
from poscloud.provider.blackbox import forget_dead, of_dead


class Pulumi:
    """The engine, bound to one project.

    Args:
        root: The project's folder.
        context: kubeconfig context of the stack's cluster; empty for the local one.

    Attributes:
        environment: Variables of each run.
        output: File descriptor that ``run`` shows its output on; ``None``: this process's own.
    """

    def __init__(self, root: Path, context: str = "") -> None:
        self.root = root
        self.paths = ProjectPaths(root)
        self.environment = full_environment(self.paths, context=context or None)
        self.output: int | None = None

    def run(self, *arguments: str, following: Following | None = None) -> int:
        """Run ``pulumi`` with this terminal and return its exit code; 130 when it was interrupted.

        Args:
            arguments: The command.
            following: What lets its progress be followed.

        Raises:
            AuthError: It failed, and the passphrase is not the stack's (``--stack``).
            DeployError: There is no ``pulumi``, or its provider died under way.
        """
        forget_dead(self.paths.pulumi_home)
        began = time.time() - 1  # a file's time comes from a coarse clock
        given = following or Following()
        engine = Interruptible(partial(container.note, self.paths), given.stopping)
        try:
            code = engine.run(
                ["pulumi", *arguments, *given.flags],
                cwd=self.root,
                environment=self.environment | given.environment,
                output=given.output or self.output,
            )
        except FileNotFoundError as error:
            raise self._missing() from error
        if 0 <= code != INTERRUPTED:
            container.forget(self.paths, engine.pid)
        dead = list(of_dead(self.paths.pulumi_home, engine.pid, began))
        if code != 0 and dead and not engine.asked:
            raise DeployError(
                f"Kubernetes provider process died; log at {dead[-1]}", hint=f"run {arguments[0]} again"
            )
        if code > 0 and not engine.asked and "--stack" in arguments:
            self._check_passphrase(arguments[arguments.index("--stack") + 1])
        return code

    def _check_passphrase(self, stack: str) -> None:
        from poscloud.engine.passphrase import check_passphrase

        check_passphrase(self.root, stack, self.environment)

    def ensure_stack(self, stack: str) -> None:
        """Create the stack in the backend unless it is there.

        Raises:
            DeployError: The backend refuses it, for example because the passphrase is wrong.
        """
        if self.in_embedded_state(stack):
            return
        done = self.quietly("stack", "select", "--create", "--stack", stack, "--non-interactive")
        if done.returncode != 0:
            self._check_passphrase(stack)
            raise DeployError(
                f"cannot open stack {stack}: {done.stderr.strip()}", hint="run: poscloud doctor"
            )

    def set_config(self, stack: str, key: str, value: str) -> None:
        """Store a value in Pulumi.<stack>.yaml."""
        done = self.quietly("config", "set", key, value, "--stack", stack)
        if done.returncode != 0:
            self._check_passphrase(stack)
            raise DeployError(f"cannot set {key} of stack {stack}: {done.stderr.strip()}")

    def set_secret(self, stack: str, key: str, value: str) -> None:
        """Store a value in Pulumi.<stack>.yaml, encrypted; it goes there by standard input."""
        done = self.quietly("config", "set", "--secret", key, "--stack", stack, given=value)
        if done.returncode != 0:
            self._check_passphrase(stack)
            raise DeployError(f"cannot set {key} of stack {stack}: {done.stderr.strip()}")

    def quietly(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``pulumi`` without a terminal, with ``given`` as its input, and return what it printed."""
        if shutil.which("pulumi", path=self.environment.get("PATH")) is None:
            raise self._missing()
        return subprocess.run(
            ["pulumi", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            input=given,
        )

    @property
    def embedded(self) -> bool:
        """Whether states are in the project's own folder."""
        return self.environment.get("PULUMI_BACKEND_URL") == self.paths.state_url

    def in_embedded_state(self, stack: str) -> bool:
        """Whether the embedded backend holds the stack; saves starting the engine to ask."""
        return (
            self.embedded
            and (
                self.paths.state / ".pulumi" / "stacks" / project_name(self.root) / f"{stack}.json"
            ).is_file()
        )

    def _missing(self) -> DeployError:
        return DeployError("pulumi is not installed", hint="run: poscloud toolchain install")
