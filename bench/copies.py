"""Copies of an environment, measured: ``python -m bench.copies [--original wbyh-stage] [--copies 50] [--lanes 4]``.

First one copy at a time beside the floor, a client that only sends the same objects and waits, all at once and in their
start order; then many, several at a
time: each is created, changed in one image, and destroyed. Prints a table of times, and counts what is left of them in
the cluster, the engine's backend and the project. Fails when a command fails, something is left, or a copy alone takes
more than 3 s longer than the floor.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.peers.usage import CommandError, run
from bench.peers.workload import write_list
from poscloud.engine import deploy
from poscloud.load import load_environment
from poscloud.local.nodes import KwokNodes
from poscloud.local.progress import ConsoleReporter
from poscloud.render import render_environment
from tests.workspace import ROOT, Workspace, without_settings

BOUND = 3.0
"""Seconds that a copy may take longer than the floor."""

ENVIRONMENTS_PER_NODE = 0.5
"""A simulated node has room for the pods of half a copy of wbyh-stage."""

STEPS = ("create", "change", "destroy")


def main() -> int:
    """Measure in a workspace of its own; 1 when a command failed, something is left or the bound is not met."""
    given = _arguments()
    without_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is removed then, too
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="poscloud-copies-") as folder:
        root = Path(folder) / "project"
        root.mkdir()
        workspace = Workspace(root)
        deploy.install(workspace.root, ConsoleReporter())
        nodes = KwokNodes(6 + int(given.lanes / ENVIRONMENTS_PER_NODE))
        try:
            workspace.control_plane.up(ConsoleReporter(), nodes)
            slow = alone(workspace, given.original, given.rounds)
            return int(many(workspace, given) or slow)
        finally:
            workspace.control_plane.down(delete=True)


def alone(workspace: Workspace, original: str, rounds: int) -> bool:
    """Print what a copy takes beside the floor, in turn; return whether that is too much."""
    seconds: dict[str, list[float]] = {"copy": [], "floor": [], "floor in start order": []}
    for number in range(rounds + 1):
        taken = (one_copy(workspace, original), one_floor(workspace), one_floor(workspace, "--in-order"))
        said = ", ".join(f"{what} {took:.2f} s" for what, took in zip(seconds, taken, strict=True))
        print(f"{f'round {number}' if number else 'not counted'}: {said}")
        for what, took in zip(seconds, taken, strict=True):
            seconds[what] += [took] if number else []
    middle = {what: statistics.median(taken) for what, taken in seconds.items()}
    more = middle["copy"] - middle["floor"]
    print(
        f"a copy of {original}: {', '.join(f'{what} {took:.2f} s' for what, took in middle.items())}; ",
        end="",
    )
    print(f"{more:.2f} s more than the floor, at most {BOUND} s more")
    return more > BOUND


def one_copy(workspace: Workspace, original: str) -> float:
    """Create a copy, destroy it, and return the seconds of the former."""
    env = workspace.environment()
    create = ["poscloud", "env", "create", "alone", "--from", original, "--owner", "bench"]
    took = run(create, cwd=workspace.root, env=env).seconds
    (workspace.root / "floor.yaml").write_text((workspace.root / "stacks/alone.yaml").read_text())
    run(["poscloud", "env", "destroy", "alone", "--yes"], cwd=workspace.root, env=env)
    return took


def one_floor(workspace: Workspace, *options: str) -> float:
    """Send the objects of the same copy, remove them, and return the seconds of the former."""
    description = workspace.root / "stacks/floor.yaml"
    shutil.copy(workspace.root / "floor.yaml", description)
    parts = render_environment(load_environment(workspace.root, "floor"))
    description.unlink()
    file = workspace.root / "floor.json"
    write_list(file, [manifest for part in parts for manifest in part.manifests])
    command = [sys.executable, "-m", "bench.peers.floor", str(file), *options]
    took = run(command, cwd=ROOT, env=workspace.admin_environment()).seconds
    workspace.ok("kubectl", "delete", "namespace", "floor")
    return took


def many(workspace: Workspace, given: argparse.Namespace) -> bool:
    """Print what many copies take, several at a time, and what is left of them; whether that is wrong."""
    names = [f"copy-{number:03}" for number in range(given.copies)]
    service = next(iter(load_environment(workspace.root, given.original).services))
    before, began = leftovers(workspace), time.perf_counter()
    seconds: dict[str, list[float]] = {step: [] for step in STEPS}
    failed: list[str] = []

    def life(name: str) -> None:
        create = ["poscloud", "env", "create", name, "--from", given.original, "--owner", "bench"]
        commands = (
            create,
            [*create, "--set", f"{service}.version=v2"],
            ["poscloud", "env", "destroy", name, "--yes"],
        )
        for step, command in zip(STEPS, commands, strict=True):
            try:
                used = run(command, cwd=workspace.root, env=workspace.environment(), sample=1.0)
            except CommandError as error:
                failed.append(f"{step} of {name}: {error}")
                return
            seconds[step].append(used.seconds)
        print(f"  {name}: {', '.join(f'{s} {seconds[s][-1]:.1f} s' for s in STEPS)}", file=sys.stderr)

    with ThreadPoolExecutor(given.lanes) as pool:
        list(pool.map(life, names))
    left = sorted(leftovers(workspace) - before)
    print(f"\n{len(names)} copies of {given.original}, {given.lanes} at a time: ", end="")
    print(f"{time.perf_counter() - began:.0f} s, {len(failed)} failed, {len(left)} things left")
    print("\n| step | shortest | median | longest |\n|---|---|---|---|")
    for step, taken in seconds.items():
        if taken:
            print(f"| {step} | {min(taken):.1f} s | {statistics.median(taken):.1f} s | {max(taken):.1f} s |")
    for text in (*failed, *(f"left: {item}" for item in left)):
        print(text, file=sys.stderr)
    return bool(failed or left)


def leftovers(workspace: Workspace) -> set[str]:
    """Return all that copies leave behind if something goes wrong, by name."""
    found = {str(p.relative_to(workspace.root)) for p in _files(workspace.root, ("stacks/*", "Pulumi.*"))}
    stacks = json.loads(workspace.ok("pulumi", "stack", "ls", "--json"))
    found |= {f"stack {stack['name']}" for stack in stacks}
    kinds = "namespaces,persistentvolumes,storageclasses,priorityclasses"
    items = workspace.get(kinds)["items"]
    return found | {f"{item['kind']} {item['metadata']['name']}" for item in items}


def _files(root: Path, patterns: Sequence[str]) -> list[Path]:
    return [path for pattern in patterns for path in root.glob(pattern)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.copies", description=__doc__)
    parser.add_argument("--original", default="wbyh-stage")
    parser.add_argument("--copies", type=int, default=50)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
