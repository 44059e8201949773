"""In which cluster an environment is, and how to ask it without starting anything."""

from __future__ import annotations

from pathlib import Path

from poscloud.cluster.target import Target
from poscloud.engine.deploy import checked_target
from poscloud.engine.environments.naming import known_name
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.locks import refuse_in_use
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.local.paths import ProjectPaths


def kubectl_of(root: Path, stack: str) -> Kubectl:
    """Return questions to the cluster of a stack.

    Raises:
        DeployError: There is none yet, it cannot be found, or it is another one than the stack was deployed to.
    """
    config = read_stack_config(root, stack)
    environment = Pulumi(root, config.context).environment
    return Kubectl(checked_target(root, stack, config, environment), environment)


def marked(root: Path, wanted: str) -> tuple[Target, str, str]:
    """Return the cluster of an environment, its name, and the ``project/stack`` that its objects carry.

    Args:
        root: The project's folder.
        wanted: Its name, or any text that ``env create`` made it of.

    Raises:
        DeployError: As in ``kubectl_of``, or a run of the engine is under way.
    """
    name = known_name(root, wanted)
    refuse_in_use(ProjectPaths(root), name)
    return kubectl_of(root, name).target, name, f"{project_name(root)}/{name}"
