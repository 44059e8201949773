"""Which component class a kind of the language has; each class enters itself when it is defined."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

PARTS: dict[str, Callable[..., Any]] = {}
"""Kind in the language, such as ``java`` → component class; of the modules that are loaded."""


def component(kind: str) -> Callable[..., Any]:
    """Return the component class of a kind of the language, such as ``java``."""
    if kind not in PARTS:
        for module in ("backing", "services"):
            importlib.import_module(f"poscloud.components.{module}")
    return PARTS[kind]
