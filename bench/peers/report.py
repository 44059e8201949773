"""The table of medians, with each figure's ratio to the floor or to a peer of the same run."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.peers.run import Measured

STEPS = ("up", "preview", "unchanged", "change", "destroy")


@dataclass(frozen=True)
class Medians:
    """All rounds of one step of one tool and one environment.

    Attributes:
        seconds: Median wall time.
        fastest: Shortest wall time.
        cpu: Median processor time in seconds.
        memory: Largest memory in bytes.
        requests: API requests of the last round by verb.
        state: Bytes of state of the last round.
        objects: How many objects the environment has.
        rounds: How often it was measured.
    """

    seconds: float
    fastest: float
    cpu: float
    memory: int
    requests: dict[str, int]
    state: int
    objects: int
    rounds: int


Key = tuple[str, str, str]


def medians(rows: Sequence[Measured]) -> dict[Key, Medians]:
    """Medians by environment, step and tool."""
    groups: dict[Key, list[Measured]] = defaultdict(list)
    for row in rows:
        groups[row.workload, row.step, row.tool].append(row)
    return {
        key: Medians(
            statistics.median(r.seconds for r in group),
            min(r.seconds for r in group),
            statistics.median(r.cpu for r in group),
            max(r.memory for r in group),
            group[-1].requests,
            group[-1].state,
            group[-1].objects,
            len(group),
        )
        for key, group in groups.items()
    }


def table(found: dict[Key, Medians]) -> str:
    """A Markdown table, an environment and a step after the other."""
    lines = ["| environment | step | tool | runs | s | × floor | CPU s | MB | requests | state per object |"]
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for workload in dict.fromkeys(key[0] for key in found):
        for step in STEPS:
            base = found.get((workload, step, "floor"))
            for (_, _, tool), row in ((k, v) for k, v in found.items() if k[:2] == (workload, step)):
                ratio = f"{row.seconds / base.seconds:.2f}" if base else "–"
                asked = ", ".join(f"{verb} {count}" for verb, count in row.requests.items()) or "none"
                state = f"{row.state / row.objects:.0f} B" if row.state else "–"
                lines.append(
                    f"| {workload} | {step} | {tool} | {row.rounds} | {row.seconds:.2f} | {ratio} | {row.cpu:.2f} | "
                    f"{row.memory / 1e6:.0f} | {asked} | {state} |"
                )
    return "\n".join(lines)
