"""What looking costs: ``python -m bench.watching [--services 200] [--pods 20] [--rate 10000] [--seconds 10]``.

How long ``poscloud status`` takes for many services, and each command for few; and whether ``poscloud logs -f`` shows
the lines of many pods in the order they were written, all of them. Fails above a bound, or when a line is missing or
out of order.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from poscloud.engine import deploy
from poscloud.local.progress import ConsoleReporter
from tests.simulatedlogs import SimulatedLogs, entry
from tests.workspace import Workspace, without_settings

MANY, LOUD = "many", "loud"
STATUS_BOUND, START_BOUND = 1.0, 0.4
"""Seconds for the status of 200 services, and for any command with few."""
STEP = 0.01
"""Seconds between two moments at which the pods write."""
BEGIN = "begin"
"""The first line of each pod: when all of these are shown, all pods are followed."""
COMMANDS = (
    ("status",), ("logs", "load", "--tail", "1"), ("error-logs",), ("why", "load"), ("events",), ("top",), ("graph",),
    ("open", "load"),
)  # fmt: skip


def main() -> int:
    """Measure in a workspace of its own; 1 when something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("services", 200), ("pods", 20), ("rate", 10_000), ("seconds", 10), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    without_settings()
    with tempfile.TemporaryDirectory(prefix="poscloud-watching-") as folder:
        workspace = Workspace(Path(folder))
        deploy.install(workspace.root, ConsoleReporter())
        try:
            workspace.control_plane.up(ConsoleReporter())
            pods = f"replicas: {given.pods}, anti_affinity: none"
            apply(workspace, LOUD, f"services: {{load: {{kind: java, {pods}}}}}\n")
            wrong = [*starts(workspace, given.rounds), *follow(workspace, given)]
            services = "".join(f"  s{n}: {{kind: java, uses: [redis]}}\n" for n in range(given.services - 1))
            apply(workspace, MANY, f"backing: {{redis: {{}}}}\nservices:\n{services}")
            wrong += status(workspace, given)
        finally:
            workspace.control_plane.down(delete=True)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


def apply(workspace: Workspace, stack: str, text: str) -> None:
    """Make the objects of an environment without the engine, and wait for its pods."""
    (workspace.root / "stacks" / f"{stack}.yaml").write_text(text)
    manifests = workspace.ok("poscloud", "render", "-s", stack)
    done = workspace.run("kubectl", "apply", "--server-side", "-f", "-", given=manifests)
    assert done.returncode == 0, done.stderr
    wait = (
        "kubectl",
        "wait",
        "-n",
        stack,
        "--timeout=300s",
        "--for=condition=Available",
        "deployment",
        "--all",
    )
    workspace.run(*wait)


def seconds_of(workspace: Workspace, *words: str) -> float:
    """Return how long a command takes."""
    began = time.monotonic()
    done = workspace.run("poscloud", *words)
    assert done.returncode == 0, (words, done.stdout[-1000:], done.stderr)
    return time.monotonic() - began


def starts(workspace: Workspace, rounds: int) -> list[str]:
    """Measure each command for one service; return what takes too long."""
    wrong = []
    for words in COMMANDS:
        took = statistics.median(seconds_of(workspace, *words, "-e", LOUD) for _ in range(rounds))
        print(f"{' '.join(words):20} {took:.2f} s, at most {START_BOUND}")
        wrong += [f"{words[0]} takes {took:.2f} s"] if took > START_BOUND else []
    return wrong


def status(workspace: Workspace, given: argparse.Namespace) -> list[str]:
    """Measure the status of many services; return what is wrong."""
    mark = workspace.audit_mark()
    took = statistics.median(seconds_of(workspace, "status", "-e", MANY) for _ in range(given.rounds))
    requests = len(workspace.requests_since(mark)) / given.rounds
    print(
        f"status of {given.services} services: {took:.2f} s, {requests:.0f} requests; at most {STATUS_BOUND} s"
    )
    return [f"status takes {took:.2f} s"] if took > STATUS_BOUND else []


def follow(workspace: Workspace, given: argparse.Namespace) -> list[str]:
    """Follow many pods that write fast; return what is wrong."""
    pods = [p["metadata"]["name"] for p in workspace.get("pods", "-n", LOUD)["items"]]
    assert len(pods) == given.pods, f"{len(pods)} pods"
    logs, out = SimulatedLogs(workspace, LOUD, pods), workspace.root / "followed"
    for pod in pods:
        logs.write(pod, BEGIN)
    with out.open("wb") as file:
        process = subprocess.Popen(
            ["poscloud", "logs", "load", "-f", "--tail", "5", "-e", LOUD],
            cwd=workspace.root, env=workspace.environment(), stdout=file,
        )  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wait_for(lambda: out.read_bytes().count(b"\n") == len(pods), 30)  # all are followed
        total = write(logs, pods, given)
        ended = time.monotonic()
        wait_for(lambda: out.read_bytes().count(b"\n") >= total + len(pods), 120)
        behind = time.monotonic() - ended
        process.send_signal(signal.SIGINT)
        process.wait(30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    numbers = [int(line.rpartition(b" ")[2]) for line in out.read_bytes().splitlines()[len(pods) :]]
    late = sum(one > other for one, other in pairwise(numbers))
    missing, twice = total - len(set(numbers)), len(numbers) - len(set(numbers))
    print(
        f"logs -f of {given.pods} pods: {total} lines at {total / given.seconds:.0f} lines/s; {missing} missing, "
        f"{twice} twice, {late} out of order; the last one {behind:.1f} s after it was written; CPU {used:.1f} s"
    )
    return [f"{missing} missing, {twice} twice, {late} out of order"] if missing or twice or late else []


def write(logs: SimulatedLogs, pods: list[str], given: argparse.Namespace) -> int:
    """Have the pods write as fast as is asked for, each line with the next number; return how many."""
    files = [os.open(logs.file(pod), os.O_WRONLY | os.O_APPEND) for pod in pods]
    each, number, began = int(given.rate * STEP), 0, time.monotonic()
    for step in range(int(given.seconds / STEP)):
        time.sleep(max(began + step * STEP - time.monotonic(), 0))
        parts: list[list[bytes]] = [[] for _ in pods]
        now = datetime.now(UTC)
        for offset in range(each):
            text = f"INFO com.example.pay.PayController a line of usual length about order {number}"
            parts[number % len(pods)].append(entry(text, now + timedelta(microseconds=offset)))
            number += 1
        for file, part in zip(files, parts, strict=True):
            os.write(file, b"".join(part))
    for file in files:
        os.close(file)
    return number


def wait_for(condition: object, seconds: float) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
