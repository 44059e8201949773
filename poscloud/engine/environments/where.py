"""In which cluster an environment is, and how to ask it without starting anything."""

from __future__ import annotations

from pathlib import Path

from poscloud.engine.deploy import checked_target
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import read_stack_config


def kubectl_of(root: Path, stack: str) -> Kubectl:
    """Return questions to the cluster of a stack.

    Raises:
        DeployError: There is none yet, it cannot be found, or it is another one than the stack was deployed to.
    """
    config = read_stack_config(root, stack)
    environment = Pulumi(root, config.context).environment
    return Kubectl(checked_target(root, stack, config, environment), environment)
