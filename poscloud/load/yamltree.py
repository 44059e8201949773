"""A YAML document as a tree whose every value keeps file, line and column: an error found later can point at it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
        written: How a number stands in the file that is written otherwise here, as 007 is; else empty.
    """

    value: Any
    mark: Mark
    key_mark: Mark | None = field(default=None)
    written: str = field(default="")

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

    def count(self) -> int:
        """Return how many values there are in this one, and itself."""
        below = list(self.value.values()) if isinstance(self.value, dict) else self.value
        return 1 + (sum(node.count() for node in below) if isinstance(below, list) else 0)

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

    def written_at(self, path: Iterable[str | int]) -> str:
        """Return how the number at ``path`` stands in its file; empty where that is as it is written here.

        Args:
            path: Keys and indexes from this node down; those that are none here are passed over.
        """
        node = self
        for step in self.known(path):
            node = node.value[step]
        return node.written

    def known(self, path: Iterable[str | int]) -> tuple[str | int, ...]:
        """Return the elements of ``path`` that are a key or an index here, in order."""
        node, steps = self, []
        for step in path:
            in_map = isinstance(node.value, dict) and step in node.value
            if in_map or (isinstance(node.value, list) and isinstance(step, int) and step < len(node.value)):
                node = node.value[step]
                steps.append(step)
        return tuple(steps)
