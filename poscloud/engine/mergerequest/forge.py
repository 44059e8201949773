"""What a preview needs of the forge that has the merge request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class MergeRequest(Protocol):
    """A merge request, or pull request."""

    @property
    def number(self) -> int:
        """Its number in the project."""

    @property
    def state(self) -> str:
        """``open``, ``merged`` or ``closed``."""

    @property
    def description(self) -> str:
        """What its author wrote at its top."""


class Comment(Protocol):
    """One comment in it."""

    @property
    def author(self) -> str:
        """Who wrote it."""

    @property
    def body(self) -> str:
        """Its Markdown."""


class Forge(Protocol):
    """The forge, for one merge request."""

    @property
    def limit(self) -> int:
        """Characters that a comment may have."""

    def request(self) -> MergeRequest:
        """Return the merge request."""

    def comments(self) -> Sequence[Comment]:
        """Return all its comments."""

    def put(self, marker: str, body: str) -> str:
        """Edit the comment that has ``marker``, or write it, and return its address."""
