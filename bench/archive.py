"""What archiving costs a destroy: ``python -m bench.archive [--rounds 3] [--pods 40]``.

Brings an environment up and destroys it, in turn with its archive and with ``--discard-logs``, and compares the wall
time of the two destroys. Fails above the bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from poscloud.engine import deploy
from poscloud.local.progress import ConsoleReporter
from tests.workspace import Workspace, without_settings

STACK = "bench"
BOUND = 1.5
"""How many times as long a destroy with its archive may take."""

SERVICE = (
    "  s{number}: {{kind: java, replicas: 4, anti_affinity: none, probes: {{initial_delay: 0}}, "
    "filebeat: {{logstash: {{hosts: ['logstash.example.com:5044']}}}}}}\n"
)
VERBS: dict[str, tuple[str, ...]] = {"with its archive": (), "--discard-logs": ("--discard-logs",)}


def main() -> int:
    """Measure in a workspace of its own; 1 when the bound is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pods", type=int, default=40)
    given = parser.parse_args()
    without_settings()
    with tempfile.TemporaryDirectory(prefix="poscloud-archive-") as folder:
        workspace = Workspace(Path(folder))
        deploy.install(workspace.root, ConsoleReporter())
        services = "".join(SERVICE.format(number=number) for number in range(given.pods // 4))
        (workspace.root / "stacks" / f"{STACK}.yaml").write_text(f"services:\n{services}")
        try:
            workspace.control_plane.up(ConsoleReporter())
            return compare(workspace, given.rounds)
        finally:
            workspace.control_plane.down(delete=True)


def compare(workspace: Workspace, rounds: int) -> int:
    """Print each pair, the medians and their ratio; 1 above the bound."""
    seconds: dict[str, list[float]] = {name: [] for name in VERBS}
    for number in range(rounds + 1):
        for name, flags in VERBS.items():
            took, archive = destroyed(workspace, *flags)
            words = "not counted" if number == 0 else f"round {number}"
            print(f"{words}: destroy {name}: {took:.1f} s; logs: {archive}", file=sys.stderr)
            if number:
                seconds[name].append(took)
    pairs = zip(*seconds.values(), strict=True)
    ratio = statistics.median(kept / discarded for kept, discarded in pairs)
    for name, taken in seconds.items():
        print(f"destroy {name}: {statistics.median(taken):.1f} s")
    print(f"ratio, pair by pair: {ratio:.2f}, at most {BOUND}")
    return int(ratio > BOUND)


def destroyed(workspace: Workspace, *flags: str) -> tuple[float, str]:
    """Bring the environment up, destroy it, and return the seconds of the latter and what became of its logs."""
    workspace.ok("poscloud", "up", "-s", STACK)
    began = time.monotonic()
    done = workspace.run("poscloud", "destroy", "-s", STACK, *flags)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    return took, done.stderr.rpartition("; logs: ")[2].strip()


if __name__ == "__main__":
    sys.exit(main())
