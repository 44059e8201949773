"""What the other environments of a project claim of the cluster that a stack goes to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from poscloud.engine.description import describe
from poscloud.engine.stackconfig import read_stack_config
from poscloud.errors import PosCloudError
from poscloud.load.stacks import STACKS, known_stacks
from poscloud.render.preflight.claims import Claim, claims_of

_WORDS = re.compile(
    r"node_port|ingress|nodePort|dns-proxy|DnsProxy|hostPort|hostNetwork|\\[uxU]|NodePort", re.IGNORECASE
)
"""Words without which no description claims anything of the cluster; who claims nothing need not be loaded."""


def other_claims(root: Path, stack: str) -> tuple[dict[str, list[Claim]], list[str]]:
    """Return what every other environment that goes to the same cluster claims, by the environment's name.

    Args:
        root: The project's folder.
        stack: The one that is looked at.

    Returns:
        The claims; and a note for each environment that could not be read.
    """
    found: dict[str, list[Claim]] = {}
    notes: list[str] = []
    for other in _claiming(root):
        if other == stack or not _same_cluster(root, stack, other):
            continue
        try:
            description = describe(root, other)
        except PosCloudError as error:
            notes.append(
                f"environment '{other}' could not be compared: {error.message} (poscloud check -s {other})"
            )
            continue
        found[other] = claims_of(description.spec, description.parts)
    return found, notes


def _same_cluster(root: Path, one: str, other: str) -> bool:
    """Whether two stacks go to one cluster: the same uid where both have one, else the same context."""
    ours, theirs = read_stack_config(root, one), read_stack_config(root, other)
    if ours.cluster and theirs.cluster:
        return ours.cluster == theirs.cluster
    return ours.context == theirs.context


def _claiming(root: Path) -> Iterator[str]:
    """Yield the environments that may claim something: their text says so, or that of a file which they name."""
    folder = root / STACKS
    texts = {f: f.read_text(encoding="utf-8", errors="replace") for f in folder.rglob("*.yaml")}
    meant = {f for f, text in texts.items() if _WORDS.search(text)}
    while more := {f for f in texts.keys() - meant if any(other.stem in texts[f] for other in meant)}:
        meant |= more
    for name in known_stacks(root):
        if folder / f"{name}.yaml" in meant or (folder / f"{name}.py").is_file():
            yield name
