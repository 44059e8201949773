"""How many inputs are tried: few and always the same ones in CI, many and new ones by ``make fuzz``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

LONG = os.environ.get("POSCLOUD_FUZZ") == "long"

TRIED: Counter[str] = Counter()
"""Sort of input → how many went through; printed at the end of ``make fuzz``."""


def inputs(few: int, many: int) -> Callable[[Any], Any]:
    """Try so many inputs: ``few`` in CI, ``many`` by ``make fuzz``."""
    return settings(
        max_examples=many if LONG else few,
        derandomize=not LONG,
        database=None,  # a find becomes a case of its own, not a file beside the code
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def tried(sort: str, count: int = 1) -> None:
    """Count inputs that went through."""
    TRIED[sort] += count


LEFT_OUT: list[str] = []
"""Fields of the models that no valid input of ``make fuzz`` had another value for than by default."""
