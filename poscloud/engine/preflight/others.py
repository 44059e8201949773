"""What the other environments of a project claim of the cluster that a stack goes to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from poscloud.engine.description import describe
from poscloud.engine.stackconfig import StackConfig, read_stack_config
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
    ours = read_stack_config(root, stack)
    for other in _claiming(root):
        if other == stack:
            continue
        try:
            if _same_cluster(ours, read_stack_config(root, other)):
                description = describe(root, other)
                found[other] = claims_of(description.spec, description.parts)
        except (PosCloudError, OSError) as error:
            why = error.message if isinstance(error, PosCloudError) else error.strerror or str(error)
            notes.append(f"environment '{other}' could not be compared: {why} (poscloud check -s {other})")
    return found, notes


def _same_cluster(ours: StackConfig, theirs: StackConfig) -> bool:
    """Whether two stacks go to one cluster: the same uid where both have one, else the same context."""
    if ours.cluster and theirs.cluster:
        return ours.cluster == theirs.cluster
    return ours.context == theirs.context


def _claiming(root: Path) -> Iterator[str]:
    """Yield the environments that may claim something: their text says so, or that of a file which they name."""
    folder = root / STACKS
    texts = {f: _text(f) for f in folder.rglob("*.yaml") if f.is_file()}
    meant = {f for f, text in texts.items() if text is None or _WORDS.search(text)}
    while more := {f for f in texts.keys() - meant if any(other.stem in (texts[f] or "") for other in meant)}:
        meant |= more
    for name in known_stacks(root):
        if folder / f"{name}.yaml" in meant or (folder / f"{name}.py").is_file():
            yield name


def _text(file: Path) -> str | None:
    """Return what a file holds; ``None`` where it cannot be read, which loading it tells with its reason."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
