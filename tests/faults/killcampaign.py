"""``make kill-points``: kill each process of a run at every request of every operation, and print a table.

    python -m tests.faults.killcampaign --points 1-40 --victims engine --modes checkpoints

A point is one kill. One that was survived is kept in the results file, and is not done again while poscloud and these
tests are what they were. A point whose victim had not begun or was over is no kill; it is counted apart. Each stack is
used for an up point and, where there is one, the destroy point of the same number; update points follow each other on
one stack, because an environment that converged can be updated to the next value.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import get_args

from poscloud.engine import deploy
from poscloud.local.progress import ConsoleReporter
from tests.faults.killpoints import Lane, Mode, Operation, Point
from tests.faults.processes import VICTIMS
from tests.workspace import Workspace, without_settings

PREVIEW_EVERY = 10
"""At every tenth point a preview, too, has to find nothing to change."""

Job = tuple[Mode, str, Operation, Sequence[int]]
"""How state is kept, the victim, ``up`` or ``update``, and the requests."""


ROOT = Path(__file__).parents[2]


def version() -> str:
    """Return what tells one state of the tested code from another, committed or not."""
    files = [
        ROOT / "requirements.lock",
        *(ROOT / "poscloud").rglob("*"),
        *(ROOT / "tests/faults").glob("*.py"),
    ]
    found = hashlib.sha256()
    for file in sorted(f for f in files if f.is_file() and "__pycache__" not in f.parts):
        found.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def kept(results: Path, code: str) -> list[Point]:
    """Return the points of earlier runs that need not be done again: of this code, and nothing was wrong."""
    if not results.exists():
        return []
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    return [
        Point(**line["point"]) for line in lines if line.get("code") == code and not line["point"]["wrong"]
    ]


class Campaign:
    """Points to do, and what came of them.

    Args:
        workspace: Has the cluster and the engine.
        results: One line of JSON for each point done.
        chosen: Requests to kill at.
    """

    def __init__(self, workspace: Workspace, results: Path, chosen: range) -> None:
        self.workspace, self.results, self.chosen = workspace, results, chosen
        self.code = version()
        self.points, self.broken = kept(results, self.code), list[str]()
        self.stacks, self.lock, self.is_over = 0, threading.Lock(), False
        self.requests: dict[tuple[Mode, Operation], int] = {}

    def measure(self, mode: Mode) -> None:
        """Count the requests of each operation of a run that nobody kills."""
        with self.lane("n", mode) as lane:
            self.open(lane)
            for operation in get_args(Operation):
                if operation == "update":
                    lane.describe(1)
                shot, text = lane.shoot(operation, "", lambda *_: False)
                wrong = lane.wrong(gone=operation == "destroy")
                assert not wrong, f"{operation} without a kill: {wrong}\n{text}"
                self.requests[mode, operation] = len(shot.requests)
                say(f"{mode} {operation}: {len(shot.requests)} requests")

    def lane(self, name: str, mode: Mode) -> Lane:
        """Return a lane of its own for one thread and mode."""
        return Lane(self.workspace, self.workspace.root, f"kp-{name}-{mode[0]}", mode)

    def open(self, lane: Lane) -> None:
        """Give a lane a stack that was never there."""
        with self.lock:
            self.stacks += 1
            number = self.stacks
        lane.open(number)

    def jobs(self, modes: Sequence[Mode], victims: Sequence[str]) -> Iterator[Job]:
        """Yield what is left to do; first every eighth request, so that what is done so far is spread evenly."""
        for rest in (1, 5, 3, 7, 2, 6, 4, 0):
            for mode in modes:
                for victim in victims:
                    if updates := [n for n in self.left(mode, "update", victim) if n % 8 == rest]:
                        yield mode, victim, "update", updates
                    for number in self.left(mode, "up", victim):
                        if number % 8 == rest:
                            yield mode, victim, "up", [number]

    def left(self, mode: Mode, operation: Operation, victim: str) -> list[int]:
        """Return the requests that are not done yet."""
        done = {p.number for p in self.points if (p.mode, p.operation, p.victim) == (mode, operation, victim)}
        return [n for n in self.chosen if n <= self.requests[mode, operation] and n not in done]

    def do(self, lane: Lane, job: Job) -> None:
        """Do the points of one job on one new stack."""
        mode, victim, operation, numbers = job
        self.open(lane)
        if operation == "up":
            self.point(lane, "up", victim, numbers[0])
            if killable("destroy", victim) and numbers[0] in self.left(mode, "destroy", victim):
                self.point(lane, "destroy", victim, numbers[0])
        else:
            ready = lane.run("poscloud", "up", "--yes")
            assert ready.returncode == 0, f"there is nothing to update: {ready.stdout[-1500:]}"
            for number in numbers:
                lane.describe(number)
                self.point(lane, "update", victim, number)
        lane.forget()

    def point(self, lane: Lane, operation: Operation, victim: str, number: int) -> None:
        """Do one point and keep what came of it."""
        try:
            done = lane.point(operation, victim, number, preview=number % PREVIEW_EVERY == 0)
        except Exception as error:  # one point that cannot be judged must not end the others
            done = Point(
                lane.mode, operation, victim, number, [f"not judged: {type(error).__name__}: {error}"]
            )
        if self.is_over:
            return  # ended by a signal: the cluster is going, and nothing can be said of this point
        with self.lock:
            self.points.append(done)
            with self.results.open("a") as file:
                file.write(json.dumps({"code": self.code, "point": asdict(done)}) + "\n")
            verdict = "; ".join(done.wrong)[:2000] or ("converged" if done.fired else "nobody to kill")
            say(f"{done.mode} {operation} {victim} {number}: {verdict}, {done.seconds:.0f} s")

    def missing(self, modes: Sequence[Mode], victims: Sequence[str]) -> list[str]:
        """Return the points that were to be done and were not."""
        wanted = [(m, o, v) for m in modes for o in get_args(Operation) for v in victims if killable(o, v)]
        return [f"{m} {o} {v} {n} was not done" for m, o, v in wanted for n in self.left(m, o, v)]

    def work(self, name: str, queue: SimpleQueue[Job]) -> None:
        """Do jobs until there are none; one that cannot be begun or ended is told, and the next one is done."""
        lanes: dict[Mode, Lane] = {}
        try:
            while not self.is_over:
                job = queue.get_nowait()
                try:
                    if job[0] not in lanes:
                        lanes[job[0]] = self.lane(name, job[0]).__enter__()
                    self.do(lanes[job[0]], job)
                except Exception as error:
                    with self.lock:
                        self.broken.append(f"{job}: {type(error).__name__}: {error}")
        except Empty:
            pass
        finally:
            for lane in lanes.values():
                lane.__exit__()


def killable(operation: Operation, victim: str) -> bool:
    """Whether an operation has such a process: a destroy runs no program."""
    return (operation, victim) != ("destroy", "program")


def say(text: str) -> None:
    """Print a line at once: the output is read while it goes on."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(points: Sequence[Point]) -> Iterator[str]:
    """Yield the table of what was done."""
    columns = f"{'points':>6} {'killed':>6} {'converged':>9} {'slowest':>8} {'outlived':>8}"
    yield f"{'state':12} {'run':8} {'victim':9} {columns}"
    for mode in get_args(Mode):
        for operation in get_args(Operation):
            for victim in VICTIMS:
                rows = [p for p in points if (p.mode, p.operation, p.victim) == (mode, operation, victim)]
                if rows:
                    killed, good = sum(p.fired for p in rows), sum(p.fired and not p.wrong for p in rows)
                    slowest = f"{max(p.seconds for p in rows):.0f} s"
                    outlived = f"{max(p.provider for p in rows):.1f} s"
                    yield (
                        f"{mode:12} {operation:8} {victim:9} {len(rows):6} {killed:6} {good:9} {slowest:>8} "
                        f"{outlived:>8}"
                    )
    bad = [p for p in points if p.wrong]
    killed = [p for p in points if p.fired]
    yield f"{sum(not p.wrong for p in killed)} of {len(killed)} kills converged"
    never = sum(not p.reached for p in points)
    yield f"no kill: {len(points) - len(killed)}, of which {never} where the run had fewer requests"
    for p in bad:
        yield f"  {p.mode} {p.operation} {p.victim} {p.number}: {'; '.join(p.wrong)[:300]}"


def unkilled(points: Sequence[Point]) -> set[tuple[Mode, Operation, str]]:
    """Return the modes, operations and victims of which not one process was killed: nothing is known of them."""
    return {(p.mode, p.operation, p.victim) for p in points} - {
        (p.mode, p.operation, p.victim) for p in points if p.fired
    }


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", default="1-9999", help="requests to kill at: 7 or 1-40")
    parser.add_argument("--modes", nargs="+", default=list(get_args(Mode)), choices=get_args(Mode))
    parser.add_argument("--victims", nargs="+", default=list(VICTIMS), choices=VICTIMS)
    parser.add_argument("--lanes", type=int, default=2, help="points at a time")
    parser.add_argument("--results", type=Path, default=Path("kill-points.jsonl"), help="kept between runs")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    first, _, last = given.points.partition("-")
    without_settings()
    workspace = Workspace(Path(tempfile.mkdtemp(prefix="kill-points-")))
    reporter = ConsoleReporter(sys.stderr)
    deploy.install(workspace.root, reporter)
    # Also when a shell has started it in the background, with interrupts ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    campaign = Campaign(workspace, given.results.absolute(), range(int(first), int(last or first) + 1))
    try:
        workspace.control_plane.up(reporter)
        for mode in given.modes:
            campaign.measure(mode)
        queue: SimpleQueue[Job] = SimpleQueue()
        for job in campaign.jobs(given.modes, given.victims):
            queue.put(job)
        threads = [
            threading.Thread(target=campaign.work, daemon=True, args=(chr(ord("a") + i), queue))
            for i in range(given.lanes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        campaign.is_over = True
        workspace.control_plane.down(delete=True)
    say("\n".join(table(campaign.points)))
    undone = campaign.broken + campaign.missing(given.modes, given.victims)
    say("\n".join(undone))
    return int(bool(undone or unkilled(campaign.points)) or any(p.wrong for p in campaign.points))


if __name__ == "__main__":
    sys.exit(main())
