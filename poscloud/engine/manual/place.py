"""The environment of a stack in its cluster, once it is sure that it is this stack's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.target import Target
from poscloud.engine.deploy import install
from poscloud.engine.environments.where import kubectl_of
from poscloud.engine.known import refuse_unknown
from poscloud.engine.kubectl import stamp_of
from poscloud.engine.manual.requests import cluster_of
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.errors import DeployError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError
from poscloud.render.names import STACK_ANNOTATION


@dataclass(frozen=True)
class Place:
    """Where an environment is.

    Attributes:
        root: The project's folder.
        stack: The stack.
        pulumi: The engine.
        target: Its cluster.
    """

    root: Path
    stack: str
    pulumi: Pulumi
    target: Target

    @property
    def mark(self) -> str:
        """``project/stack``, which its namespace says."""
        return f"{project_name(self.root)}/{self.stack}"

    def cluster(self) -> Cluster:
        """Return requests to its cluster, for one event loop."""
        return cluster_of(self.target)


def place_of(root: Path, stack: str, reporter: Reporter) -> Place:
    """Return where the environment of a stack is; nothing is started, and nothing of the cluster is asked.

    Raises:
        StackNotFoundError: There is neither a description nor a state of that name.
        PosCloudError: There is no cluster, or it is another one than the stack was deployed to.
    """
    refuse_unknown(root, stack)
    install(root, reporter)
    pulumi = Pulumi(root, read_stack_config(root, stack).context)
    return Place(root, stack, pulumi, kubectl_of(root, stack).target)


async def refuse_others(place: Place, cluster: Cluster) -> None:
    """Make sure that the namespace is there, and this stack's.

    Raises:
        DeployError: It is not there, is being deleted, or says that it belongs to somebody else.
        ApiError: It may not be read.
    """
    await cluster.guard()
    try:
        live = await cluster.client.request("GET", f"/api/v1/namespaces/{place.stack}")
    except ApiError as error:
        if error.status != 404:
            raise
        raise DeployError(
            f"there is no namespace {place.stack} in {place.target}",
            hint=f"to bring it up: poscloud up -s {place.stack} --refresh",
        ) from None
    if (owner := stamp_of(live)) != place.mark:
        raise DeployError(
            f"namespace {place.stack} belongs to {f'stack {owner}' if owner else 'no stack'} (annotation "
            f"{STACK_ANNOTATION}); this stack is {place.mark}, and nothing was done",
            hint="run this in the project whose environment it is",
        )
    if "deletionTimestamp" in live["metadata"]:
        raise DeployError(
            f"namespace {place.stack} is being deleted",
            hint=f"poscloud destroy -s {place.stack} says what holds it",
        )
