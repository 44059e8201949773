"""Whether there is a stack of some name, before anything is made for it."""

from __future__ import annotations

from pathlib import Path

from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError
from poscloud.load import known_stacks, load_environment


def refuse_unknown(root: Path, stack: str) -> None:
    """Make sure that a stack has a description or, where that is gone, a state.

    Raises:
        StackNotFoundError: It has neither; says which there are.
        DeployError: The backend does not answer, or there is no engine to ask it with.
    """
    if stack in known_stacks(root):
        return
    pulumi = Pulumi(root)
    if pulumi.in_embedded_state(stack):
        return
    if pulumi.environment.get("PULUMI_BACKEND_URL") != pulumi.paths.state_url:
        done = pulumi.quietly("stack", "select", "--stack", stack, "--non-interactive")
        if done.returncode == 0:
            return
        if "no stack named" not in done.stderr:
            raise DeployError(
                f"cannot open stack {stack}: {done.stderr.strip()}", hint="run: poscloud doctor"
            )
    load_environment(root, stack)  # says which stacks there are
