"""The provider's configuration on the wire, and whether it means another cluster than before."""

from __future__ import annotations

import json
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider import config
from poscloud.provider.values import decode, has_unknowns

Object = dict[str, Any]


def settings_of(struct: Any) -> dict[str, str]:
    """The provider's configuration, every value of which is text."""
    value, _ = decode(struct)
    if not isinstance(value, dict):
        raise PosCloudError("the provider's configuration is no map")
    return {
        key: item if isinstance(item, str) else json.dumps(item)
        for key, item in value.items()
        if item is not None
    }


def moved(olds: Object, news: Object) -> list[str]:
    """The configuration keys by which another cluster is meant now."""
    changed = [key for key in ("kubeconfig", "context", "cluster") if olds.get(key) != news.get(key)]
    if not changed or any(has_unknowns(news.get(key)) for key in changed):
        return changed
    try:
        same = config.load(olds).identity == config.load(news).identity
    except (PosCloudError, OSError):
        return []  # what cannot be read cannot be compared, and replacing everything is no default
    return [] if same else changed
