"""Strict YAML as a tree whose every value knows its place.

PyYAML alone turns ``no`` into False, keeps the last of two equal keys without a word, and forgets where
a value stood. Here booleans are YAML 1.2's (true, false), a key given twice is a problem, and each value
keeps file, line and column, so that an error found much later can point at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from poscloud.errors import Problem

_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 60
_MAX_VALUES = 100_000
"""Values of a file, aliases written out: a few lines of aliases of aliases can be more than fit in memory."""


class _Loader(_BaseLoader):  # type: ignore[misc]
    """A loader that resolves plain scalars by YAML 1.2's core schema."""

    values = 0
    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own class attribute


_CORE = "tag:yaml.org,2002:"
_SCALARS = {
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789")),
    "float": (re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), list("-+.0123456789")),
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
}
for _kind, (_regex, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_CORE + _kind, _regex, _first)

_TAGS = {_CORE + kind for kind in (*_SCALARS, "str", "map", "seq")}
_MAX_DIGITS = 1000


@dataclass(frozen=True)
class Mark:
    """A place in a file; lines and columns count from 1."""

    file: Path
    line: int
    column: int


@dataclass
class Node:
    """A value of a YAML document.

    Attributes:
        value: A scalar, a list of nodes, or a map of nodes.
        mark: Where the value begins.
        key_mark: Where its key begins; ``None`` in lists and at the top.
    """

    value: Any
    mark: Mark
    key_mark: Mark | None = field(default=None)

    @property
    def is_map(self) -> bool:
        """Whether the value is a map."""
        return isinstance(self.value, dict)

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def locate(self, path: Iterable[str | int], *, key: bool = False) -> Mark:
        """Return the place of the value at ``path``, or of its nearest ancestor that exists.

        Path elements that are no key here (pydantic's union tags) are passed over.

        Args:
            path: Keys and indexes from this node down.
            key: Return the place of the last key instead of its value.
        """
        node = self
        for step in self.known(path):
            node = node.value[step]
        return node.key_mark if key and node.key_mark else node.mark

    def known(self, path: Iterable[str | int]) -> tuple[str | int, ...]:
        """Return the elements of ``path`` that are a key or an index here, in order."""
        node, steps = self, []
        for step in path:
            in_map = isinstance(node.value, dict) and step in node.value
            if in_map or (isinstance(node.value, list) and isinstance(step, int) and step < len(node.value)):
                node = node.value[step]
                steps.append(step)
        return tuple(steps)


def read_yaml(file: Path, shown_as: Path, problems: list[Problem]) -> Node | None:
    """Read one YAML document.

    Args:
        file: What to read.
        shown_as: How messages name the file.
        problems: Receives everything that is wrong with it.

    Returns:
        The document, or ``None`` if it cannot be read or parsed at all. An empty file is an empty map.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(shown_as, 0, 0, "unreadable", f"cannot be read: {error}"))
        return None
    return parse_yaml(text, shown_as, problems)


def parse_yaml(text: str, shown_as: Path, problems: list[Problem]) -> Node | None:
    """Read one YAML document from text; otherwise as ``read_yaml``."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(error, shown_as, text))
        return None
    except RecursionError:
        problems.append(Problem(shown_as, 0, 0, "too-deep", f"nested deeper than {_MAX_DEPTH} levels"))
        return None
    finally:
        loader.dispose()
    if root is None:
        return Node({}, Mark(shown_as, 1, 1))
    return _convert(root, loader, shown_as, problems, 0)


def _syntax_problem(error: yaml.YAMLError, file: Path, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    message = getattr(error, "problem", None) or str(error)
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    hint = ""
    if re.match(r"\s*\t", here):
        hint = "indent with spaces; YAML does not allow tabs"
    elif any(re.match(r"(<{7}|={7}|>{7})( |$)", text_line) for text_line in lines):
        hint = "the file has an unresolved merge conflict"
    return Problem(file, line, column, "yaml-syntax", f"not valid YAML: {message}", hint)


def _convert(node: yaml.Node, loader: Any, file: Path, problems: list[Problem], depth: int) -> Node:
    mark = Mark(file, node.start_mark.line + 1, node.start_mark.column + 1)
    if depth > _MAX_DEPTH:
        problems.append(
            Problem(file, mark.line, mark.column, "too-deep", f"nested deeper than {_MAX_DEPTH} levels")
        )
        return Node(None, mark)
    loader.values += 1
    if loader.values >= _MAX_VALUES:
        if loader.values == _MAX_VALUES:
            problems.append(Problem(file, 0, 0, "too-large", f"more than {_MAX_VALUES} values"))
        return Node(None, mark)
    if node.tag not in _TAGS:
        problems.append(_tag_problem(node, mark))
    if isinstance(node, yaml.SequenceNode):
        return Node([_convert(item, loader, file, problems, depth + 1) for item in node.value], mark)
    if isinstance(node, yaml.MappingNode):
        return Node(_convert_map(node, loader, file, problems, depth), mark)
    return Node(_scalar(node, mark, problems), mark)


def _tag_problem(node: yaml.Node, mark: Mark) -> Problem:
    tag = node.tag.replace(_CORE, "!!")
    return Problem(
        mark.file, mark.line, mark.column, "tag", f"tags are not supported: '{tag}'", "leave it out"
    )


def _convert_map(
    node: yaml.MappingNode, loader: Any, file: Path, problems: list[Problem], depth: int
) -> dict[str, Node]:
    result: dict[str, Node] = {}
    for key_node, value_node in node.value:
        place = Mark(file, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem(file, place.line, place.column, "bad-key", "a key must be a word"))
            continue
        if key_node.tag not in _TAGS:
            problems.append(_tag_problem(key_node, place))
        key = key_node.value
        if key == "<<":
            message = "merge keys are not supported; use defaults or extends"
            problems.append(Problem(file, place.line, place.column, "merge-key", message))
            continue
        if key in result:
            first = result[key].key_mark
            at = f" (first at line {first.line})" if first else ""
            problems.append(
                Problem(file, place.line, place.column, "duplicate-key", f"'{key}' is given twice{at}")
            )
            continue
        child = _convert(value_node, loader, file, problems, depth + 1)
        result[key] = Node(child.value, child.mark, place)
    return result


def _scalar(node: yaml.Node, mark: Mark, problems: list[Problem]) -> Any:
    kind = node.tag.removeprefix(_CORE)
    text = str(node.value)
    if kind in _SCALARS and (not _SCALARS[kind][0].match(text) or len(text) > _MAX_DIGITS):
        shown = text if len(text) <= 60 else f"{text[:57]}…"
        why = f"is no {kind}" if len(text) <= _MAX_DIGITS else f"has more than {_MAX_DIGITS} digits"
        problems.append(Problem(mark.file, mark.line, mark.column, "wrong-value", f"'{shown}' {why}"))
        return text
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    return None if kind == "null" else text
