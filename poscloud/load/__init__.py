"""From files to specs: strict YAML with places, ``extends`` and ``defaults``, and every problem at once.

Importing this package costs nothing; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poscloud.load.environment import load_environment, load_file
    from poscloud.load.schema import environment_schema
    from poscloud.load.stacks import known_stacks
    from poscloud.load.tables import read_locations

__all__ = ["environment_schema", "known_stacks", "load_environment", "load_file", "read_locations"]

_MODULES = {
    "environment_schema": "schema",
    "known_stacks": "stacks",
    "load_environment": "environment",
    "load_file": "environment",
    "read_locations": "tables",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'poscloud.load' has no attribute '{name}'")
    return getattr(importlib.import_module(f"poscloud.load.{_MODULES[name]}"), name)
