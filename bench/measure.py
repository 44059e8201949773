"""The measurements."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.workspace import Workspace

STACK = "wbyh-stage"
RUNS = 5


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        value: The median of several runs, or of one where a run takes long.
        unit: ``s``, ``MB`` or ``writes``.
        limit: What is promised.
    """

    what: str
    value: float
    unit: str
    limit: float

    @property
    def ok(self) -> bool:
        """Whether the promise is kept."""
        return self.value <= self.limit

    def as_data(self) -> dict[str, object]:
        """Return the row for JSON."""
        return {**asdict(self), "ok": self.ok}


def timed(action: Callable[[], object], runs: int = RUNS) -> float:
    """Return the median time of ``runs`` calls, in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def command_rows(workspace: Workspace) -> Iterator[Row]:
    """The commands that need no cluster, for 100 services."""
    services = "\n".join(f"  service-{i:03}: java" for i in range(100))
    (workspace.root / "stacks" / "hundred.yaml").write_text(
        f"extends: base/spring-cloud.yaml\nservices:\n{services}\n"
    )
    for limit, command in ((0.4, ["validate"]), (0.6, ["check"]), (0.6, ["render"])):
        seconds = timed(lambda c=command: workspace.ok("poscloud", *c, "-s", "hundred"))
        yield Row(f"poscloud {command[0]}, 100 services", seconds, "s", limit)
    yield Row("poscloud schema", timed(lambda: workspace.ok("poscloud", "schema")), "s", 1)


def stacks_rows(workspace: Workspace) -> Iterator[Row]:
    """Loading and rendering every environment of the repository in one process, its start included."""
    program = (
        "from pathlib import Path\n"
        "from poscloud.load import known_stacks, load_environment\n"
        "from poscloud.render import render_environment\n"
        "for stack in known_stacks(Path()): render_environment(load_environment(Path(), stack))\n"
    )
    count = len(list((workspace.root / "stacks").glob("*.yaml")))
    seconds = timed(lambda: workspace.ok(sys.executable, "-c", program))
    yield Row(f"all {count} stacks loaded and rendered", seconds, "s", 2)


def provider_rows(workspace: Workspace) -> Iterator[Row]:
    """The provider's process, from its start to the printed port."""
    (program,) = workspace.paths.pulumi_home.glob("plugins/resource-kubernetes-v*/pulumi-resource-kubernetes")
    times, memory = [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        process = subprocess.Popen([str(program), "127.0.0.1:1"], stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            times.append(time.perf_counter() - start)
            memory.append(_resident(process.pid))
        finally:
            process.kill()
            process.wait()
    yield Row("provider, start to port", statistics.median(times), "s", 0.5)
    yield Row("provider, memory at start", statistics.median(memory), "MB", 80)


def cluster_rows(workspace: Workspace) -> Iterator[Row]:
    """The life of an environment: up from a stopped cluster, unchanged, preview, destroy."""
    workspace.control_plane.up()
    workspace.control_plane.down()
    seconds = timed(lambda: workspace.ok("poscloud", "up", "-s", STACK), runs=1)
    _assert_ready(workspace)
    yield Row(f"cluster stopped, nothing deployed → all pods of {STACK} ready", seconds, "s", 20)

    seen = timed(lambda: workspace.run("poscloud", "check", "-s", "hundred", "--cluster"))
    yield Row(f"poscloud check --cluster, 100 services beside {STACK}", seen, "s", 2)

    peak = ProviderPeak(workspace)
    mark = workspace.audit_mark()
    yield Row(
        "pulumi up, nothing changed",
        timed(lambda: workspace.ok("pulumi", "up", "--yes", "-s", STACK)),
        "s",
        4,
    )
    yield Row("  writes of that", float(len(workspace.writes_since(mark))), "writes", 0)
    alone = timed(lambda: workspace.ok("pulumi", "up", "--yes", "--skip-preview", "-s", STACK))
    yield Row("  the same without its preview, as make up runs it", alone, "s", 4)
    unchanged = timed(lambda: workspace.ok("pulumi", "preview", "-s", STACK))
    yield Row("pulumi preview, nothing changed", unchanged, "s", 3)
    peak.change_every_image()
    yield Row("provider, memory at its peak while every service is updated", peak.run(), "MB", 80)
    yield Row(
        "poscloud destroy, until nothing is left",
        timed(lambda: workspace.ok("poscloud", "destroy", "-s", STACK), runs=1),
        "s",
        30,
    )
    memory = sum(workspace.control_plane.memory().values()) / 1e6
    yield Row("control plane, memory when idle", memory, "MB", 900)


class ProviderPeak:
    """The provider's largest memory during an update of every service.

    Args:
        workspace: A deployed environment.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def change_every_image(self) -> None:
        """Give every service another version."""
        base = self.workspace.root / "stacks" / "base" / "spring-cloud.yaml"
        base.write_text(base.read_text().replace("  java:\n", "  java:\n    version: v2\n"))

    def run(self) -> float:
        """Update, watching the provider's process, and return its peak in megabytes."""
        environment = os.environ | {"PATH": f"{self.workspace.paths.bin}{os.pathsep}{os.environ['PATH']}"}
        process = subprocess.Popen(
            ["poscloud", "up", "-s", STACK],
            cwd=self.workspace.root,
            env=environment | {"PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{environment['PATH']}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peak = 0.0
        while process.poll() is None:
            for pid in _provider_pids(str(self.workspace.paths.pulumi_home)):
                peak = max(peak, _peak(pid))
            time.sleep(0.05)
        assert process.returncode == 0
        assert peak > 0, "the provider was not seen"
        return peak


def _assert_ready(workspace: Workspace) -> None:
    pods = workspace.get("pods", "-n", STACK)["items"]
    ready = [
        any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"]["conditions"]) for p in pods
    ]
    assert ready and all(ready), f"{ready.count(False)} of {len(ready)} pods are not ready"


def _provider_pids(home: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if home in command and "pulumi-resource-kubernetes" in command:
            found.append(int(folder.name))
    return found


def _resident(pid: int) -> float:
    return _status(pid, "VmRSS")


def _peak(pid: int) -> float:
    return _status(pid, "VmHWM")


def _status(pid: int, key: str) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    match = re.search(rf"{key}:\s+(\d+) kB", text)
    return int(match[1]) * 1024 / 1e6 if match else 0.0
