"""What the engine is started with beside its command, so that somebody can follow what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Following:
    """What the engine is to be started with, so that its run can be followed.

    Attributes:
        flags: More arguments.
        environment: More variables.
        output: Where its own words go; ``None``: to the terminal or pipe that this command has.
        stopping: Called when it is asked to stop, as it may say so where nobody sees it.
    """

    flags: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    output: Path | None = None
    stopping: Callable[[], None] | None = None
