"""The kind of nodes that run real containers."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.local.api import LocalApi
from poscloud.local.certificates import node_name
from poscloud.local.components import Component, Settings
from poscloud.local.nodes import KwokNodes, is_fake, is_ready, said_ready, signs_of_life
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import Reporter
from poscloud.local.realnodes import build, config, control, dns, images, labels, layout, requirements
from poscloud.local.realnodes import programs as node_programs
from poscloud.local.status import ComponentStatus

TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
"""Of simulated nodes beside real ones: only pods that tolerate it go there."""

NODES = "/api/v1/nodes"
SELF = config.SANDBOX.name


@dataclass(frozen=True)
class RealNodes:
    """Real nodes, with the control plane in the first one's sandbox.

    Attributes:
        real: How many.
        fleet: How many simulated nodes beside them.
    """

    real: int = 1
    fleet: int = 0

    @property
    def name(self) -> str:
        """What ``--nodes`` calls it."""
        first = "real" if self.real == 1 else f"real={self.real}"
        return f"{first},kwok={self.fleet}" if self.fleet else first

    @property
    def components(self) -> tuple[str, ...]:
        """The program that makes the sandboxes."""
        return (config.SANDBOX.name,)

    @property
    def programs(self) -> tuple[Component, ...]:
        """The same: everything else runs in them."""
        return (config.SANDBOX,)

    def require(self, paths: ProjectPaths) -> None:
        """See that this machine can have such nodes.

        Raises:
            DeployError: Something is missing; says all of it.
        """
        requirements.require(paths)

    def ensure(self, paths: ProjectPaths, reporter: Reporter) -> None:
        """Build their programs and make their images; wait for those that are ending.

        Raises:
            DeployError: One cannot be had.
        """
        build.ensure(paths, reporter)
        images.link(paths, reporter)
        control.settle(paths)

    def configure(self, settings: Settings) -> None:
        """Write what the program is given to run."""
        layout.gate(settings.paths).unlink(missing_ok=True)
        config.write(settings)

    def clear(self, settings: Settings) -> None:
        """Remove what a killed program left."""
        control.clean(settings.paths, settings.bin / config.SANDBOX.name)

    def supervised(self, paths: ProjectPaths, *, running: bool) -> tuple[ComponentStatus, ...]:
        """What the sandboxes say; of a cluster that does not run, what it would have."""
        several = self.real > 1
        found = control.ask(paths) if running else []
        if not found:
            return tuple(
                ComponentStatus(name, 0, 0.0, 0, files[0])
                for name, files in self.logs(paths).items()
                if name != SELF and ("/" in name) == several
            )
        return tuple(
            ComponentStatus(
                f"{entry.node}/{entry.name}" if several else entry.name, entry.pid, entry.uptime, entry.memory,
                entry.log, _note(entry),
            )
            for entry in found
        )  # fmt: skip

    def logs(self, paths: ProjectPaths) -> dict[str, list[Path]]:
        """Those of all nodes for each program; NODE/PROGRAM is that of one."""
        nodes = layout.nodes(paths, self.real)
        found: dict[str, list[Path]] = {SELF: [nodes[0].log(SELF)]}
        for name in node_programs.names(self.fleet):
            having = nodes if name in node_programs.ON_EVERY_NODE else nodes[:1]
            found[name] = [node.log(name) for node in having]
            if len(nodes) > 1:
                found |= {f"{node.name}/{name}": [node.log(name)] for node in having}
        return found

    def prepare(self, api: LocalApi, paths: ProjectPaths, *, starting: bool) -> None:
        """Make the simulated nodes, tainted, and the name server's role; remove nodes that are too many."""
        KwokNodes(self.fleet, (TAINT,)).prepare(api, paths, starting=starting)
        dns.allow(api)
        layout.gate(paths).touch()
        for node in _items(api):
            name = node["metadata"]["name"]
            prefix, most = ("node", self.fleet) if is_fake(node) else ("real", self.real)
            number = name.removeprefix(prefix)
            if name != number and number.isdigit() and int(number) > most:
                api.delete(f"{NODES}/{name}")

    def add(self, api: LocalApi, selectors: Iterable[Mapping[str, str]]) -> None:
        """Label the real nodes so that pods with these selectors find one.

        Raises:
            DeployError: There are too few nodes for that.
        """
        labels.give(api, [node for node in _items(api) if not is_fake(node)], selectors)

    def ready(self, api: LocalApi, since: datetime.datetime, paths: ProjectPaths) -> bool:
        """Whether every node is ready, by a sign of life, and Services and names lead somewhere."""
        if not dns.prepare(api):
            return False
        names = {node_name(number) for number in range(1, self.real + 1)}
        mine = [node for node in _items(api) if node["metadata"]["name"] in names]
        if len(mine) < self.real or not all(map(is_ready, mine)):
            return False
        # The kubelet of a new node makes its lease ten seconds after it has said that it is ready.
        if not signs_of_life(api, [node for node in mine if not said_ready(node, since)], since):
            return False
        running = control.ask(paths)
        if not running or any(program.state != "ready" for program in running):
            return False
        return not self.fleet or KwokNodes(self.fleet).ready(api, since, paths)


def _note(entry: control.NodeProgram) -> str:
    again = f"started again {entry.restarts} times" if entry.restarts else ""
    return ", ".join(filter(None, (again, entry.message))) if entry.state != "ready" or again else ""


def _items(api: LocalApi) -> list[dict[str, Any]]:
    return list((api.get(NODES) or {}).get("items", []))
