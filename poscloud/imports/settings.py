"""Settings of a backing service: what its configuration has beside what poscloud writes there."""

from __future__ import annotations

import json
from typing import Any

import yaml

from poscloud.imports.kinds.backing import CONFIG, number

_SEPARATORS = {"zookeeper": "=", "kafka": "=", "redis": " ", "mqtt": " ", "mysql": "="}
_WORDS = {"true": True, "false": False}


def own_settings(kind: str, source: dict[str, str], rendered: dict[str, str]) -> dict[str, Any]:
    """Return ``config``: the settings of the source that the rendered file lacks or has otherwise.

    Args:
        kind: Of the backing service.
        source: Its files by name.
        rendered: What poscloud writes without any ``config``.
    """
    file = CONFIG[kind][0]
    if file not in source:
        return {}
    if kind in ("mongo", "consul"):
        return _beside(_tree(source[file]), _tree(rendered.get(file, "")))
    separator = _SEPARATORS[kind]
    was, now = _lines(rendered.get(file, ""), separator), _lines(source[file], separator)
    return {
        key: _WORDS.get(value, number(value)) if kind != "redis" else number(value)
        for key, value in now.items()
        if was.get(key) != value and not (kind == "redis" and key == "include")
    }


def _lines(text: str, separator: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        key, between, value = line.partition(separator)
        if between and not line.lstrip().startswith(("#", "[")):
            found[key.strip()] = value.strip()
    return found


def _tree(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return {}


def _beside(source: Any, rendered: Any) -> dict[str, Any]:
    if not isinstance(source, dict) or not isinstance(rendered, dict):
        return {}
    found: dict[str, Any] = {}
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(rendered.get(key), dict):
            if below := _beside(value, rendered[key]):
                found[key] = below
        elif rendered.get(key) != value:
            found[key] = value
    return found
