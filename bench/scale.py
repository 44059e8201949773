"""How far one control plane goes: ``python -m bench.scale [--environments 200] [--services 20] [--lanes 8]``.

Brings up that many environments, several at a time, then removes them the same way. Prints a line for each, and one
for the control plane's memory after every tenth. Ends by itself at the first environment that does not come up.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.peers.usage import CommandError, Usage, run
from bench.peers.workload import Workload
from poscloud.engine import deploy
from poscloud.local.nodes import KwokNodes
from poscloud.local.progress import ConsoleReporter
from tests.workspace import Workspace, without_settings

PODS_PER_NODE = 40
"""A simulated node has room for sixty of the services by their memory; the scheduler wants some of it free."""

Rows = Callable[[dict[str, Any]], None]


def main() -> int:
    """Measure in a workspace of its own; 1 when an environment did not come up."""
    given = _arguments()
    without_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is removed then, too
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="poscloud-scale-") as folder, given.out.open("w") as file:

        def write(row: dict[str, Any]) -> None:
            text = json.dumps(row)
            print(text, file=sys.stderr)
            file.write(text + "\n")
            file.flush()

        workspace = Workspace(Path(folder))
        deploy.install(workspace.root, ConsoleReporter())
        nodes = KwokNodes(6 + given.environments * given.services // PODS_PER_NODE)
        try:
            workspace.control_plane.up(ConsoleReporter(), nodes)
            return measure(workspace, given, write)
        finally:
            workspace.control_plane.down(delete=True)


def measure(workspace: Workspace, given: argparse.Namespace, write: Rows) -> int:
    """Bring all environments up and remove them again."""
    workload = Workload(given.services)
    names = [f"scale-{number:03}" for number in range(given.environments)]
    stacks = [workload.describe(workspace.root, name, changed=False, short_lived=True) for name in names]
    write({"what": "control plane", "environments": 0, "memory": memory(workspace)})
    for verb in ("up", "destroy"):
        began, asked, mark = time.perf_counter(), Requests(), workspace.audit_mark()
        for done, (stack, usage) in enumerate(in_lanes(workspace, verb, stacks, given.lanes), 1):
            if isinstance(usage, CommandError):
                write({"what": verb, "stack": stack, "failed": str(usage), "done": done})
                return 1
            row = {"seconds": round(usage.seconds, 2), "cpu": round(usage.cpu, 2), "memory": usage.memory}
            write({"what": verb, "stack": stack, **row, "at": round(time.perf_counter() - began, 1)})
            if done % 10 == 0 or done == len(stacks):
                mark = asked.read(workspace, mark)
                write(
                    {
                        "what": "control plane",
                        "after": verb,
                        "environments": done,
                        "memory": memory(workspace),
                    }
                )
        for stack in stacks:
            write({"what": f"requests of {verb}", "stack": stack, "requests": asked.of(stack)})
        seconds = round(time.perf_counter() - began, 1)
        write({"what": f"all {verb}", "seconds": seconds, "requests": asked.by_verb})
    return 0


class Requests:
    """Requests of poscloud, its provider and its kubectl; fewer than there were where the log was rotated."""

    def __init__(self) -> None:
        self.by_verb: Counter[str] = Counter()
        self._by_namespace: dict[str, Counter[str]] = {}

    def read(self, workspace: Workspace, mark: int) -> int:
        """Add those since ``mark``; the mark to go on from."""
        now = workspace.audit_mark()
        for event in workspace.requests_since(mark if mark <= now else 0):
            ref = event.get("objectRef", {})
            self.by_verb[event["verb"]] += 1
            self._by_namespace.setdefault(ref.get("namespace") or "", Counter())[event["verb"]] += 1
        return now

    def of(self, namespace: str) -> Counter[str]:
        """Those of one environment, by verb."""
        return self._by_namespace.get(namespace, Counter())


def in_lanes(
    workspace: Workspace, verb: str, stacks: list[str], lanes: int
) -> Iterator[tuple[str, Usage | CommandError]]:
    """Run ``poscloud VERB`` for each stack, ``lanes`` at a time; yields each when it and those before it are done."""

    def one(stack: str) -> tuple[str, Usage | CommandError]:
        try:
            # As if they ran elsewhere, the clients leave the processors to the control plane.
            command = ["nice", "-n", "10", "poscloud", verb, "-s", stack]
            return stack, run(command, cwd=workspace.root, env=workspace.environment(), sample=1.0)
        except CommandError as error:
            return stack, error

    with ThreadPoolExecutor(lanes) as pool:
        try:
            yield from pool.map(one, stacks)
        finally:
            pool.shutdown(cancel_futures=True)


def memory(workspace: Workspace) -> dict[str, int]:
    """Resident memory of each component of the control plane, in bytes."""
    return {c.name: c.memory for c in workspace.control_plane.status().components}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--environments", type=int, default=200)
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("bench/results/scale.jsonl"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
