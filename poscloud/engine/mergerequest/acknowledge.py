"""Who took the loss of which data upon themselves, in the merge request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from poscloud.engine.mergerequest.changes import Comparison, ObjectChange
from poscloud.forge import Comment, MergeRequest

COMMAND = "/poscloud acknowledge"
"""What a line begins with that acknowledges ``KIND/NAME``."""
OURS = "<!-- poscloud:preview:"
"""What is in each comment that poscloud wrote itself, which acknowledges nothing."""
DESCRIPTION = "the description"

_LINE = re.compile(rf"{re.escape(COMMAND)} +(?P<id>[A-Za-z]+/[a-z0-9.-]+)")
_FENCE = re.compile(r" {0,3}(```|~~~)")

Acknowledged = dict[str, tuple[str, ...]]
"""``KIND/NAME`` → who acknowledged it."""


def acknowledged(request: MergeRequest, comments: Iterable[Comment]) -> Acknowledged:
    """Return what the description and the comments of a merge request acknowledge.

    A line counts as a whole: not in a quotation, not in a block of code, and nothing beside it.
    """
    found: dict[str, list[str]] = {}
    texts = [
        (DESCRIPTION, request.description),
        *((c.author, c.body) for c in comments if OURS not in c.body),
    ]
    for who, text in texts:
        for item in _named(text):
            found.setdefault(item, []).append(who)
    return {item: tuple(dict.fromkeys(who)) for item, who in found.items()}


def open_losses(comparison: Comparison, known: Acknowledged) -> list[ObjectChange]:
    """Return the losses of data that nobody acknowledged."""
    return [item for item in comparison.lossy if item.id not in known]


def commands(losses: Sequence[ObjectChange]) -> list[str]:
    """Return the lines that acknowledge them."""
    return [f"{COMMAND} {item.id}" for item in losses]


def _named(text: str) -> Iterator[str]:
    fence = ""
    for line in text.splitlines():
        if match := _FENCE.match(line):
            fence = "" if fence == match[1] else fence or match[1]
        elif not fence and (found := _LINE.fullmatch(line.rstrip())):
            yield found["id"]
