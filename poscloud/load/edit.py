"""Set single values in a YAML file and leave everything else as it was written, comments included.

The text is changed only where a value stands, and read again: if that gives anything but the old description with
the new value, nothing has happened.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from poscloud.errors import PosCloudError, Problem
from poscloud.load.yamlread import parse_yaml

Path_ = tuple[str, ...]
_INDENT = "  "


def set_value(text: str, path: Path_, value: Any) -> str:
    """Return a document with another value at ``path``.

    What is missing on the way is added; a service written as its kind alone (``name: java``) is written out.

    Args:
        text: The document.
        path: Keys from the top down.
        value: A scalar, or a map or list of such, which is written in flow style.

    Raises:
        PosCloudError: The text is written in a way in which this cannot be done safely.
    """
    before = _plain(text)
    wanted = _with(before, path, value)
    try:
        changed = _edited(text, path, value)
        done = _plain(changed) == wanted
    except (PosCloudError, yaml.YAMLError):  # PyYAML in Python is stricter in corners than in C
        done = False
    if not done:
        raise PosCloudError(f"{'.'.join(path)} cannot be changed in place, as the file is written")
    return changed


def remove_value(text: str, path: Path_) -> str:
    """Return a document without the key at ``path``; a map of which nothing is left is ``{}``.

    Args:
        text: The document.
        path: Keys from the top down; where the last one is not there, nothing is changed.

    Raises:
        PosCloudError: The text is written in a way in which this cannot be done safely.
    """
    plain: Any = _plain(text)
    for step in path[:-1]:
        plain = plain.get(step) if isinstance(plain, dict) else None
    if not isinstance(plain, dict) or path[-1] not in plain:
        return text
    left = {key: value for key, value in plain.items() if key != path[-1]}
    if not left:
        return set_value(text, path[:-1], {})
    try:
        changed = _without(text, path)
        done = _plain(changed) == _with(_plain(text), path[:-1], left)
    except (PosCloudError, yaml.YAMLError):
        done = False
    if not done:
        raise PosCloudError(f"{'.'.join(path)} cannot be removed in place, as the file is written")
    return changed


def _without(text: str, path: Path_) -> str:
    """Return the text without one of several entries of a map."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in path[:-1]:
        node = next(value for key, value in node.value if key.value == step)
    at = next(i for i, (key, _) in enumerate(node.value) if key.value == path[-1])
    key, value = node.value[at]
    if not node.flow_style:  # its lines, with what is said behind them
        start = text.rfind("\n", 0, key.start_mark.index) + 1
        end = _last(value).end_mark.index
        line_end = text.find("\n", end) if text[end - 1 : end] != "\n" else end - 1
        return text[:start] + (text[line_end + 1 :] if line_end >= 0 else "")
    if at:
        return text[: node.value[at - 1][1].end_mark.index] + text[value.end_mark.index :]
    return text[: key.start_mark.index] + text[node.value[1][0].start_mark.index :]


def write_flow(value: Any) -> str:
    """Return a value as it is written on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write_flow(k)}: {write_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(write_flow, value)) + "]"
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    try:
        plain = _plain(f"{{a: {value}}}")
    except PosCloudError:
        plain = None
    return str(value) if plain == {"a": value} else json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> Any:
    problems: list[Problem] = []
    tree = parse_yaml(text, Path(), problems)
    if tree is None or problems:
        raise PosCloudError("not a valid document: " + "; ".join(p.message for p in problems))
    return tree.plain()


def _with(plain: Any, path: Path_, value: Any) -> Any:
    """Return the description with another value at ``path``."""
    if not path:
        return value
    if isinstance(plain, str):
        plain = {"kind": plain}
    return {**(plain or {}), path[0]: _with((plain or {}).get(path[0]), path[1:], value)}


def _edited(text: str, path: Path_, value: Any) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return text + write_block(path, value)
    for i, step in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            kind = {"kind": node.value} if node.value else {}
            return _replaced(text, node, _with(kind, path[i:], value))
        entry = next(((k, v) for k, v in node.value if k.value == step), None)
        if entry is None:
            return _inserted(text, node, path[i:], value)
        key, node = entry
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        return f"{text[: key.end_mark.index]}: {write_flow(value)}{text[_last(node).end_mark.index :]}"
    return _replaced(text, node, value)


def write_block(path: Path_, value: Any) -> str:
    """Return the lines that set ``path`` in an empty document."""
    lines = [f"{_INDENT * i}{key}:" for i, key in enumerate(path)]
    return "\n".join(lines) + f" {write_flow(value)}\n"


def _replaced(text: str, node: yaml.Node, value: Any) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    space = " " if start == end and text[start - 1 : start] == ":" else ""
    return f"{text[:start]}{space}{write_flow(value)}{text[end:]}"


def _inserted(text: str, node: yaml.MappingNode, path: Path_, value: Any) -> str:
    """Return the text with another entry in a map, behind its last one."""
    entry = f"{path[0]}: {write_flow(_with(None, path[1:], value))}"
    if node.flow_style:
        at = node.value[-1][1].end_mark.index if node.value else node.start_mark.index + 1
        return f"{text[:at]}{', ' if node.value else ''}{entry}{text[at:]}"
    first, end = node.value[0][0], _last(node).end_mark.index
    line_end = text.find("\n", end)
    at = len(text) if line_end < 0 else line_end
    if text[end - 1 : end] == "\n":  # a block of text has its line's end already
        at = end - 1
    return f"{text[:at]}\n{' ' * first.start_mark.column}{entry}{text[at:]}"


def _last(node: yaml.Node) -> yaml.Node:
    """Return the innermost value that ends a block."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        tail = node.value[-1]
        node = tail[1] if isinstance(tail, tuple) else tail
    return node
