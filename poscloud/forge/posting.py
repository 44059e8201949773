"""One comment, written once and then edited in place, on any forge."""

from __future__ import annotations

import time
from typing import Protocol

from poscloud.forge import transport
from poscloud.forge.interface import Comment
from poscloud.forge.refusals import MissingError, UnansweredError

_TRIES = 3


class Notes(Protocol):
    """What a forge can do with the comments of a merge request."""

    limit: int

    def comments(self) -> list[Comment]:
        """Return all, the oldest first."""
        ...

    def user(self) -> str:
        """Return the name of the token's user."""
        ...

    def create(self, body: str) -> str:
        """Write a comment and return its url; after an ``UnansweredError`` it may be there all the same."""
        ...

    def edit(self, comment: Comment, body: str) -> str:
        """Replace a comment's text and return its url."""
        ...


def place(notes: Notes, marker: str, body: str) -> str:
    """Write the comment that ``marker`` stands for, or edit it; see ``Forge.put``."""
    if marker not in body:
        raise ValueError(f"the comment lacks its marker {marker}")
    if len(body) > notes.limit:
        raise ValueError(f"the comment has {len(body)} characters, {notes.limit} are allowed")
    user = notes.user()
    attempt = 1
    while True:
        mine = next((c for c in notes.comments() if c.author == user and marker in c.body), None)
        try:
            if mine is None:
                return notes.create(body)
            return mine.url if mine.body == body else notes.edit(mine, body)
        except UnansweredError:
            # An edit was repeated already. What a POST has become is seen when looking again.
            if mine is not None or attempt == _TRIES:
                raise
        except MissingError:
            # Somebody removed the comment after it was listed. Or there is no merge request: nothing to wait for.
            if mine is None or attempt == _TRIES:
                raise
        time.sleep(transport.BACKOFF_SECONDS * 2**attempt)
        attempt += 1
