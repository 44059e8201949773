"""Which component class a kind of the language has; each class enters itself when it is defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PARTS: dict[str, Callable[..., Any]] = {}
"""Kind in the language, such as ``java`` → component class."""
