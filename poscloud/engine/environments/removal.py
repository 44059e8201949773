"""Removing copies: the environment, its stack and its description, in this order."""

from __future__ import annotations

from pathlib import Path

from poscloud.cluster.target import Target
from poscloud.engine.environments import released
from poscloud.engine.environments.copying import remembered
from poscloud.engine.environments.listing import annotation
from poscloud.engine.environments.naming import known_name
from poscloud.engine.environments.unmade import remove_unmade
from poscloud.engine.environments.where import kubectl_of
from poscloud.engine.fence import NAMESPACE_TYPE
from poscloud.engine.inventory import deployment
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.errors import DeployError, PosCloudError
from poscloud.load import known_stacks, load_environment
from poscloud.load.stacks import STACKS
from poscloud.local.progress import Reporter
from poscloud.render.names import COPY_ANNOTATION


def destroy(
    root: Path,
    name: str,
    reporter: Reporter,
    *,
    yes: bool,
    discard_logs: bool = False,
    target: Target | None = None,
) -> int:
    """Archive a copy, remove it with all its data, then its stack and its description; return the engine's exit code.

    Of one that waits for room, only its place in the queue has to go.

    Args:
        root: The project's folder.
        name: The copy; any text, as for ``env create``.
        reporter: Shows progress.
        yes: Do not ask.
        discard_logs: Archive nothing.
        target: The cluster it is in, where that is known; by default what its configuration says.

    Raises:
        PosCloudError: It is one of the project's own environments, or something is left of it.
    """
    from poscloud.engine import deploy

    name = known_name(root, name)
    refuse_own(root, name)
    deploy.install(root, reporter)
    pulumi = Pulumi(root)
    if remembered(pulumi, root, name) and name not in known_stacks(root):
        refuse_unmarked(pulumi, name)
    if was := _remove_unmade(root, name, target):
        forget(root, name)
        reporter.note(f"{name} is removed: {was}")
        return 0
    released.begin(pulumi, name)
    code = deploy.destroy(root, name, reporter, yes=yes, discard_logs=discard_logs)
    if code == 0:
        forget(root, name)
        reporter.note(f"stack {name} and stacks/{name}.yaml are removed")
    return code


def _remove_unmade(root: Path, name: str, target: Target | None) -> str:
    """Remove a copy of which there is only the namespace, made while it waited for room; what it was, in words."""
    pulumi = Pulumi(root)
    try:
        kubectl = Kubectl(target, pulumi.environment) if target else kubectl_of(root, name)
    except DeployError:
        return ""  # there is no such cluster, or it does not answer: destroy says so, or starts it
    return remove_unmade(kubectl, pulumi, name, f"{project_name(root)}/{name}")


def refuse_own(root: Path, name: str) -> None:
    """Make sure that an environment is a copy, as far as its description is here.

    Raises:
        PosCloudError: It is described here, and not as a copy.
    """
    if name not in known_stacks(root):
        return
    try:
        is_copy = load_environment(root, name).copy_of is not None
    except PosCloudError:
        is_copy = _says_copy(root, name)
    if not is_copy:
        raise PosCloudError(
            f"{name} is one of the project's own environments, no copy", hint=f"poscloud destroy -s {name}"
        )


def refuse_unmarked(pulumi: Pulumi, name: str) -> None:
    """Make sure that a stack without a description here was deployed as a copy, as its state says.

    Raises:
        PosCloudError: Its namespace was not; or the state cannot be read.
    """
    resources = deployment(pulumi, name).get("resources") or []
    spaces = [r for r in resources if r.get("type") == NAMESPACE_TYPE and r.get("id") == name]
    if spaces and not any(annotation(r.get("inputs") or {}, COPY_ANNOTATION) for r in spaces):
        raise PosCloudError(
            f"{name} has no description here, and was not deployed as a copy; nothing was removed",
            hint=f"if it is to go all the same: poscloud destroy -s {name}",
        )


def _says_copy(root: Path, name: str) -> bool:
    """Whether a description that is wrong says that it is one of a copy."""
    file = root / STACKS / f"{name}.yaml"
    return file.is_file() and any(line.startswith("copy_of:") for line in file.read_text().splitlines())


def forget(root: Path, name: str) -> None:
    """Remove a stack of which nothing is left, its configuration and its description.

    Raises:
        DeployError: The engine cannot remove the stack.
    """
    if error := _remove(root, name):
        raise DeployError(
            f"cannot remove stack {name}: {error}", hint=f"run again: poscloud env destroy {name}"
        )


def undo(root: Path, name: str, *, stack: bool, configuration: bool) -> None:
    """Remove what was written for a copy that is not made after all: its description, and what else is said.

    Args:
        root: The project's folder.
        name: The copy.
        stack: The stack as well, which stays if it has resources.
        configuration: Its configuration as well.
    """
    if stack:
        _remove(root, name)
    (root / STACKS / f"{name}.yaml").unlink(missing_ok=True)
    if configuration:
        (root / f"Pulumi.{name}.yaml").unlink(missing_ok=True)


def _remove(root: Path, name: str) -> str:
    """Remove a stack, and its files once it is gone; why it could not be removed, empty when it was."""
    pulumi = Pulumi(root, read_stack_config(root, name).context)
    done = pulumi.quietly("stack", "rm", "--yes", "--stack", name, "--non-interactive")
    if done.returncode != 0 and "no stack named" not in done.stderr:
        return done.stderr.strip()
    _unlink(root, name)
    return ""


def _unlink(root: Path, name: str) -> None:
    for file in (root / f"Pulumi.{name}.yaml", root / STACKS / f"{name}.yaml"):
        file.unlink(missing_ok=True)
