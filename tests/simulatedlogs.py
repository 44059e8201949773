"""Logs that simulated pods have: a file for each, which a test writes as a container runtime would."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from poscloud.local import processes
from poscloud.local.api import LocalApi
from poscloud.local.certificates import Pki
from poscloud.local.components import component
from poscloud.local.nodes import KwokNodes
from poscloud.local.record import ClusterRecord
from tests.workspace import Workspace

RULE = """\
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Logs
metadata: {{name: "{pod}", namespace: "{namespace}"}}
spec:
  logs:
  - {{logsFile: "{folder}/current", previousLogsFile: "{folder}/previous"}}
"""


class SimulatedLogs:
    """The logs of some pods, which the API server hands out as it does those of real ones.

    Args:
        workspace: Its cluster's simulator is started anew, with these rules beside its own.
        namespace: Where the pods are.
        pods: Their names; they need not be there yet.
    """

    def __init__(self, workspace: Workspace, namespace: str, pods: Iterable[str]) -> None:
        self.folder = workspace.root / "simulated-logs"
        rules = []
        for pod in pods:
            own = self.folder / pod  # a folder each: whoever follows a file watches its folder
            own.mkdir(parents=True, exist_ok=True)
            for name in ("current", "previous"):
                (own / name).touch()
            rules.append(RULE.format(pod=pod, namespace=namespace, folder=own))
        stages = workspace.paths.cluster / "config" / "kwok-stages.yaml"
        stages.write_text(stages.read_text() + "".join(rules))
        _restart(workspace)

    def write(self, pod: str, *lines: str, previous: bool = False, at: datetime | None = None) -> None:
        """Append lines to a pod's log, all written at one moment, by default now."""
        with self.file(pod, previous=previous).open("ab") as file:
            file.write(b"".join(entry(line, at) for line in lines))

    def file(self, pod: str, *, previous: bool = False) -> Path:
        """The file of a pod's log."""
        return self.folder / pod / ("previous" if previous else "current")


def entry(line: str, at: datetime | None = None) -> bytes:
    """A line in the format of the container runtimes: time, stream, whole line."""
    moment = at or datetime.now(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z stdout F {line}\n".encode()


def _restart(workspace: Workspace) -> None:
    """Start the simulator anew: it reads its rules once."""
    paths, file = workspace.paths, workspace.paths.cluster / "cluster.json"
    record, entry_of = ClusterRecord.load(file), component("kwok")
    assert entry_of is not None
    settings = workspace.control_plane._settings(record)
    processes.stop([record.components["kwok"].process], grace=2)
    api = LocalApi(record.port, Pki(paths.cluster / "pki"))
    try:
        KwokNodes().prepare(api, paths, starting=True)  # nobody holds the nodes any more
        workspace.control_plane._launch(entry_of, settings, record)
        began = datetime.now(UTC)
        assert processes.wait_until(lambda: KwokNodes().ready(api, began, paths), timeout=60)
    finally:
        api.close()
    assert os.path.exists(f"/proc/{record.components['kwok'].pid}")
