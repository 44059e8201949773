"""How soon real containers are ready: ``python -m bench.shop [--rounds 3]``.

Starts a control plane with one real node and brings the small sample shop up, its images made before, and removes all
of it again; prints each round and, by the pods' own times, where the slowest one's seconds went. Needs what real nodes
need, and a machine that does nothing else. Fails when the median of the rounds is above the bound.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.real.cluster import RealCluster
from tests.real.shop import add_project
from tests.workspace import without_settings

STACK = "shop-small"
BOUND = 40.0
"""Seconds from the first command until all pods are ready."""
START = ("poscloud", "cluster", "up", "--nodes", "real"), ("poscloud", "up", "-s", STACK, "--yes")


def main() -> int:
    """Measure in a project of its own; 1 above the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    without_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is removed then, too
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="poscloud-shop-") as folder:
        cluster = RealCluster(Path(folder))
        add_project(cluster.root)
        counted: list[tuple[float, list[dict[str, Any]]]] = []
        try:
            for number in range(rounds + 1):
                node, ready = [_seconds(cluster, *command) for command in START]
                words = f"round {number}" if number else "not counted (makes missing images)"
                pods = cluster.get("pods", "-n", STACK)["items"]
                cluster.ok("poscloud", "destroy", "-s", STACK, "--yes", "--discard-logs")
                down = _seconds(cluster, "poscloud", "cluster", "down", "--delete")
                print(
                    f"{words}: node {node:.1f} s, environment {ready:.1f} s, together {node + ready:.1f} s; "
                    f"{len(pods)} pods; down {down:.1f} s",
                    flush=True,
                )
                counted += [(node + ready, pods)] if number else []
        finally:
            cluster.down(delete=True)
    _print_pods(max(counted, key=lambda round_: round_[0])[1])
    middle = statistics.median(seconds for seconds, _ in counted)
    print(f"\nfirst command to all pods ready: {middle:.1f} s, at most {BOUND:g} s")
    return int(middle > BOUND)


def _seconds(cluster: RealCluster, *command: str) -> float:
    began = time.perf_counter()
    cluster.ok(*command)
    return time.perf_counter() - began


def _print_pods(pods: list[dict[str, Any]]) -> None:
    """Print when each pod was made, its program started and it was ready, in seconds after the first was made."""
    rows = sorted((_times(pod), pod["metadata"]["name"]) for pod in pods)
    first = rows[0][0][0]
    print("\n| pod | made | started | ready |\n|---|---|---|---|")
    for times, name in rows:
        print(f"| {name} | {' | '.join(f'{moment - first:.0f}' for moment in times)} |")


def _times(pod: dict[str, Any]) -> tuple[float, float, float]:
    states = [status["state"] for status in pod["status"]["containerStatuses"]]
    begun = [next(iter(state.values()))["startedAt"] for state in states]
    changed = {c["type"]: c["lastTransitionTime"] for c in pod["status"]["conditions"]}
    return _moment(pod["metadata"]["creationTimestamp"]), _moment(max(begun)), _moment(changed["Ready"])


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    sys.exit(main())
