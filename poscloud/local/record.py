"""``cluster.json``: what is known about the local cluster between two commands."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from poscloud.local.paths import write_private
from poscloud.local.processes import Process


@dataclass
class Started:
    """A component's process and what it was started as."""

    pid: int
    started: str
    digest: str

    @property
    def process(self) -> Process:
        """The process, to be compared with what runs now."""
        return Process(self.pid, self.started)


@dataclass
class ClusterRecord:
    """The content of ``cluster.json``.

    Attributes:
        server: The API server's address.
        uid: The uid of the namespace kube-system: which cluster this is, whatever its address.
        port: The API server's port, kept over down and up.
        etcd_port: etcd's port; chosen anew when it is taken.
        kubelet_port: Where the simulated nodes answer; chosen anew when it is taken.
        nodes: The kind of nodes.
        exec_folder: Where commands in simulated containers run; empty: they do not.
        components: What was started, by name.
    """

    server: str = ""
    uid: str = ""
    port: int = 0
    etcd_port: int = 0
    kubelet_port: int = 0
    nodes: str = ""
    exec_folder: str = ""
    components: dict[str, Started] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> ClusterRecord:
        """Read the file; a missing or unreadable one gives an empty record, since all can be found again."""
        try:
            data = json.loads(path.read_text())
            components = {name: Started(**entry) for name, entry in data.pop("components", {}).items()}
            return cls(**data, components=components)
        except (OSError, ValueError, TypeError, AttributeError):
            return cls()

    def save(self, path: Path) -> None:
        """Write the file, completely or not at all."""
        write_private(path, json.dumps(asdict(self), indent=2) + "\n")
