"""Where things are: folders of a node on this machine, and the addresses of the sandboxes' networks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from poscloud.local.certificates import node_address, node_name
from poscloud.local.paths import ProjectPaths

POD_NETWORK = "10.243.0.0/16"
"""Of all pods on real nodes; simulated ones have 10.244.0.0/16."""

REGISTRY = f"{node_address(1)}:5000"
"""Where the nodes get their images from."""

DNS_SERVICE = "10.96.0.10"
DNS_SERVER = node_address(1)
DOMAIN = "cluster.local"

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


@dataclass(frozen=True)
class NodePlace:
    """One node: its number, from 1, and what follows from it.

    Attributes:
        paths: The project.
        number: Which of the nodes.
    """

    paths: ProjectPaths
    number: int

    @property
    def name(self) -> str:
        """The node's name."""
        return node_name(self.number)

    @property
    def address(self) -> str:
        """The node's address."""
        return node_address(self.number)

    @property
    def pods(self) -> str:
        """The range of its pods' addresses."""
        return f"10.243.{self.number}.0/24"

    @property
    def data(self) -> Path:
        """What the node keeps between down and up: images, containers, volumes of pods."""
        return self.paths.cluster / "nodes" / self.name

    @property
    def config(self) -> Path:
        """The configuration files of its programs."""
        return self.paths.cluster / "config" / self.name

    def log(self, program: str) -> Path:
        """The log of one of its programs; those of the first node have the plain name."""
        middle = "" if self.number == 1 else f".{self.name}"
        return self.paths.cluster / "logs" / f"{program}{middle}.log"


def nodes(paths: ProjectPaths, count: int) -> list[NodePlace]:
    """The nodes of a cluster with so many."""
    return [NodePlace(paths, number) for number in range(1, count + 1)]


def config_file(paths: ProjectPaths) -> Path:
    """What the program ``sandbox`` is given to run."""
    return paths.cluster / "config" / "sandbox.json"


def run_folder(paths: ProjectPaths) -> Path:
    """Where the program ``sandbox`` has its socket, its lock and its list of cgroups."""
    return paths.cluster / "run"


def gate(paths: ProjectPaths) -> Path:
    """The file that the simulator and the name server wait for.

    Before it is there, nodes that an earlier simulator held are freed, and the name server has its role.
    """
    return run_folder(paths) / "prepared"


def images_folder(paths: ProjectPaths) -> Path:
    """The images as the registry sees them: a link to their layout, and the table of names."""
    return paths.cluster / "images"


def cluster_id(paths: ProjectPaths) -> str:
    """Tells this cluster's cgroups from those of other checkouts."""
    return hashlib.sha256(str(paths.cluster).encode()).hexdigest()[:10]
