"""How much configuration fits into one object."""

from __future__ import annotations

from poscloud.render.manifest import Manifest
from poscloud.spec.references import Finding, Path

MAX_CONFIG_BYTES = 2**20
"""What the API server takes as the values of one ConfigMap, all together (``MaxSecretSize`` in its validation)."""


def check_size(manifests: list[Manifest], path: Path) -> list[Finding]:
    """Return a finding for each ConfigMap that is larger than the API server takes."""
    sizes = {
        item["metadata"]["name"]: sum(len(str(text).encode()) for text in item["data"].values())
        for item in manifests
        if item["kind"] == "ConfigMap"
    }
    return [
        Finding(
            path,
            "too-large",
            f"ConfigMap '{name}' has {size} bytes, at most {MAX_CONFIG_BYTES} are allowed",
            "divide it among several parts",
        )
        for name, size in sizes.items()
        if size > MAX_CONFIG_BYTES
    ]
