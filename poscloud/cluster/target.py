"""Which cluster a stack goes to, so that nothing is ever written to another one.

A stack without ``poscloud:context`` goes to the local control plane. With it, it goes to that context of the
user's kubeconfig, and ``poscloud:cluster`` holds the uid of the cluster it was first deployed to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local import kubeconfig
from poscloud.local.paths import ProjectPaths
from poscloud.local.record import ClusterRecord


@dataclass(frozen=True)
class Target:
    """One cluster.

    Attributes:
        kubeconfig: The file that names it.
        context: The context in that file.
        server: Address of its API server.
        uid: uid of its namespace kube-system; empty when it is not pinned yet.
        local: Whether it is the local control plane.
        runs_commands: Whether commands run in its containers; in simulated ones only where that is switched on.
    """

    kubeconfig: Path
    context: str
    server: str
    uid: str
    local: bool
    runs_commands: bool = True

    @property
    def identifier(self) -> str | None:
        """What the provider checks before the first write; ``None`` while the cluster is not pinned."""
        return f"uid:{self.uid}" if self.uid else None

    def __str__(self) -> str:
        kind = "the local cluster" if self.local else f"context '{self.context}' of {self.kubeconfig}"
        return f"{kind} ({self.server}{f', uid {self.uid}' if self.uid else ''})"


def local_target(root: Path) -> Target:
    """Return the local control plane of the project at ``root``.

    Raises:
        DeployError: There is none yet.
    """
    paths = ProjectPaths(root)
    record = ClusterRecord.load(paths.cluster / "cluster.json")
    if not record.uid or not paths.kubeconfig.is_file():
        raise DeployError("there is no local cluster yet", hint="run: poscloud cluster up")
    runs = bool(record.exec_folder)
    return Target(
        paths.kubeconfig, kubeconfig.CONTEXT, record.server, record.uid, local=True, runs_commands=runs
    )


def context_target(root: Path, context: str, uid: str) -> Target:
    """Return the cluster of a context of the user's kubeconfig.

    Args:
        root: The project; its own local kubeconfig is not searched.
        context: The context's name.
        uid: The cluster's pinned uid; empty when it is not pinned.

    Raises:
        DeployError: No kubeconfig has that context.
    """
    files = kubeconfig.search_path(ProjectPaths(root).kubeconfig)
    try:
        found = kubeconfig.target(files, context)
    except DeployError as error:
        raise DeployError(
            f"the stack goes to context '{context}' (poscloud:context), which cannot be found: {error.message}",
            hint="export KUBECONFIG=FILE with the file that has it, or take poscloud:context out of Pulumi.NAME.yaml "
            "to use the local cluster",
        ) from error
    return Target(found.file, context, found.server, uid, local=False)


def resolve(root: Path, context: str, uid: str) -> Target:
    """Return the cluster of a stack with these values of ``poscloud:context`` and ``poscloud:cluster``."""
    return context_target(root, context, uid) if context else local_target(root)
