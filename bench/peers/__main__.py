"""Compare poscloud with its peers: ``python -m bench.peers [--sizes 17,50,200,17+4] [--rounds 3] [--out FOLDER]``.

``--quick`` measures poscloud, the floor and kubectl with 17 services, and fails when a ratio is 1.5 times worse than
the recorded one, also when it is measured once more; ``--record`` records it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bench.peers import quick
from bench.peers.plot import draw
from bench.peers.report import medians, table
from bench.peers.run import Measured, rounds
from bench.peers.tools import TOOLS, Helm, Tool
from bench.peers.workload import Workload
from poscloud.engine import deploy
from poscloud.local.progress import ConsoleReporter
from tests.servers.golang import build
from tests.workspace import Workspace, without_settings


def main() -> int:
    """Measure in a workspace of its own, print the table, write rows and pictures."""
    given = _arguments()
    if given.quick and not quick.RECORDED.is_file():
        sys.exit(f"no ratios are recorded in {quick.RECORDED}; run: python -m bench.peers --record")
    without_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is removed then, too
    # A background job of a shell ignores it, and so would pulumi's plugins, which it waits 5 s for.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # only the first run of anybody's compiles
    if given.quick or given.record:
        given.sizes, given.rounds, given.tools = quick.SIZE, quick.ROUNDS, ",".join(quick.TOOLS)
    tools = [tool for tool in TOOLS if not given.tools or tool.name in given.tools.split(",")]
    if Helm in tools:
        Helm.program = build("helm", "helm.sh/helm/v3/cmd/helm", within=Path(__file__).parent)
    given.out.mkdir(parents=True, exist_ok=True)
    with (given.out / "rows.jsonl").open("w") as file:
        rows = _written(given, tools, file)
        found = medians(rows)
        print(table(found))
        if given.quick and quick.compare(found) == 0:
            return 0
        if given.quick:  # what was slow once may have been the machine; what is slow again is poscloud
            print("\nonce more, and the shortest of all:", file=sys.stderr)
            return quick.compare(medians(rows + _written(given, tools, file)))
    if given.record:
        quick.record(found)
        return 0
    (given.out / "table.md").write_text(table(found) + "\n")
    for picture in draw(found, given.out):
        print(picture, file=sys.stderr)
    return 0


def _written(given: argparse.Namespace, tools: list[type[Tool]], file: TextIO) -> list[Measured]:
    """Measure, and write each row as soon as it is there."""
    rows = []
    for row in measure(tools, [_workload(size, given.rounds) for size in given.sizes.split(",")]):
        rows.append(row)
        file.write(json.dumps(row.as_data()) + "\n")
        file.flush()
    return rows


def measure(tools: list[type[Tool]], workloads: list[tuple[Workload, int]]) -> Iterator[Measured]:
    """Measure all tools with all environments, each as often as it says."""
    with tempfile.TemporaryDirectory(prefix="poscloud-bench-") as folder:
        root = Path(folder) / "project"
        root.mkdir()
        workspace = Workspace(root)
        deploy.install(workspace.root, ConsoleReporter())
        try:
            workspace.control_plane.up(ConsoleReporter())
            for workload, count in workloads:
                yield from rounds(workspace, Path(folder) / "tools", tools, workload, count)
        finally:
            workspace.control_plane.down(delete=True)


def _workload(size: str, rounds: int) -> tuple[Workload, int]:
    size, _, own = size.partition(":")
    services, _, backing = size.partition("+")
    return Workload(int(services), bool(backing)), int(own or rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument(
        "--sizes",
        default="17,17+4,50,200",
        help="numbers of services; N+4 with backing services; N:R: R rounds",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", default="", help="only these, by name, with commas")
    parser.add_argument("--out", type=Path, default=Path("bench/results"))
    parser.add_argument("--quick", action="store_true", help="compare with the recorded ratios")
    parser.add_argument("--record", action="store_true", help="record the ratios for --quick")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
