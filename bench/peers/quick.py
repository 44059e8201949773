"""Whether poscloud got slower: its ratios to the floor and to kubectl against the recorded ones.

Times depend on the machine and on what else it does; a ratio of two times of one run depends on them much less, and the
shortest of several runs less than their median.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.peers.report import Key, Medians

RECORDED = Path(__file__).parent / "recorded.json"
WORSE = 1.5
RATIOS = (
    ("up", "poscloud", "floor"), ("up", "pulumi", "floor"), ("up", "short-lived", "apply"),
    ("preview", "pulumi", "apply"), ("unchanged", "poscloud", "apply"), ("change", "poscloud", "apply"),
    ("destroy", "poscloud", "apply"),
)  # fmt: skip
"""Step, tool, and the peer it is divided by."""

TOOLS = frozenset(name for _, *names in RATIOS for name in names)
SIZE = "17"
ROUNDS = 2


def ratios(found: dict[Key, Medians]) -> dict[str, float]:
    """The ratios of the smallest environment, by ``step tool/peer``."""
    workload = min((key[0] for key in found), key=lambda name: int(name.split("+")[0]))
    return {
        f"{step} {tool}/{peer}": round(mine.fastest / theirs.fastest, 3)
        for step, tool, peer in RATIOS
        if (mine := found.get((workload, step, tool))) and (theirs := found.get((workload, step, peer)))
    }


def record(found: dict[Key, Medians]) -> None:
    """Keep the ratios of this run as what later ones are compared with."""
    RECORDED.write_text(json.dumps(ratios(found), indent=2) + "\n")


def compare(found: dict[Key, Medians]) -> int:
    """Print each ratio beside the recorded one; return 1 when one is 1.5 times worse."""
    recorded: dict[str, float] = json.loads(RECORDED.read_text())
    worse = 0
    print("\n| ratio | now | recorded | |\n|---|---|---|---|")
    for name, now in ratios(found).items():
        over = now > WORSE * recorded[name]
        worse += over
        print(f"| {name} | {now:.2f} | {recorded[name]:.2f} | {'WORSE' if over else 'ok'} |")
    if worse:
        print(f"{worse} ratios are more than {WORSE} times the recorded ones", file=sys.stderr)
    return 1 if worse else 0
