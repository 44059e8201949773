"""Pure functions from specs to Kubernetes manifests.

Everything that decides *what* runs is here: the same manifests feed ``poscloud render``, the golden
files and ``pulumi up``. No Pulumi, no I/O.

Importing this package costs nothing; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poscloud.render import names
    from poscloud.render.environment import RenderedPart, render_environment
    from poscloud.render.manifest import Manifest, to_yaml

__all__ = ["Manifest", "RenderedPart", "names", "render_environment", "to_yaml"]

_MODULES = {
    "Manifest": "manifest",
    "RenderedPart": "environment",
    "render_environment": "environment",
    "to_yaml": "manifest",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'poscloud.render' has no attribute '{name}'")
    return getattr(importlib.import_module(f"poscloud.render.{_MODULES[name]}"), name)
