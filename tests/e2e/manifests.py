"""Comparing what was asked for with what is there."""

from __future__ import annotations

import base64
from typing import Any

from poscloud.spec.values import parse_quantity


def differences(wanted: Any, live: Any, path: str = "") -> list[str]:
    """Return the paths at which ``live`` does not hold what was wanted; what the server adds is fine."""
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return [f"{path}: wanted a map, found {live!r}"]
        return [d for k, v in wanted.items() for d in differences(v, live.get(k), f"{path}.{k}")]
    if isinstance(wanted, list):
        if not isinstance(live, list) or len(live) != len(wanted):
            return [f"{path}: wanted {wanted!r}, found {live!r}"]
        pairs = zip(wanted, live, strict=True)
        return [d for i, (w, v) in enumerate(pairs) for d in differences(w, v, f"{path}[{i}]")]
    return [] if _equal(wanted, live) else [f"{path}: wanted {wanted!r}, found {live!r}"]


def as_stored(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest as the API server stores it: a Secret's text becomes base64 data."""
    if "stringData" not in manifest:
        return manifest
    data = {k: base64.b64encode(v.encode()).decode() for k, v in manifest["stringData"].items()}
    return {**{k: v for k, v in manifest.items() if k != "stringData"}, "data": data}


def _equal(wanted: Any, live: Any) -> bool:
    if wanted == live or (wanted in (False, "") and live is None):
        return True  # false and "" are a field's default, and are not stored
    try:
        return isinstance(wanted, str) and parse_quantity(wanted) == parse_quantity(live)
    except (ValueError, TypeError):
        return False
