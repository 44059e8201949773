"""How the local cluster is, as ``poscloud cluster status`` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ComponentStatus:
    """One program of the control plane, now.

    Attributes:
        name: The program.
        pid: Its process; 0 when it does not run.
        uptime: Seconds since its start.
        memory: Resident bytes.
        log: Its log file.
        note: What it waits for, or how it ended, where it is not as it should be.
    """

    name: str
    pid: int
    uptime: float
    memory: int
    log: Path
    note: str = ""

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.pid != 0


@dataclass(frozen=True)
class ClusterStatus:
    """The local cluster, now.

    Attributes:
        state: ``running``, ``stopped``, or ``partial`` when a component is missing or the API does not answer.
        server: The API server's address; empty when there never was one.
        uid: Identifies the cluster; empty when there never was one.
        nodes: How many nodes there are.
        nodes_ready: How many of them are ready.
        components: Each program.
        kind: The kind of nodes; empty when there never were any.
    """

    state: str
    server: str
    uid: str
    nodes: int
    nodes_ready: int
    components: tuple[ComponentStatus, ...]
    kind: str = ""
