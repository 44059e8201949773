"""Text of a branch, made harmless for Markdown: a branch may contain anything."""

from __future__ import annotations

import unicodedata

LONGEST = 120
"""Characters of a value that are shown."""

# Look-alikes: what cannot end a code span, open a tag, split a table's cell or name a person needs no escape, which
# every forge understands in another way.
_LOOKALIKES = str.maketrans({"`": "ˋ", "<": "‹", ">": "›", "|": "¦", "@": "@\u200b"})  # fmt: skip


def plain(text: str) -> str:
    """Return one line of text that is safe inside a code span or block, shortened to ``LONGEST``."""
    line = text
    if not (text.isascii() and text.isprintable()):
        line = "".join(character if _is_shown(character) else " " for character in text)
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    return line.translate(_LOOKALIKES)


def code(text: str) -> str:
    """Return text as a code span, in which nothing of it has a meaning."""
    cleaned = plain(text).strip()
    return f"`{cleaned}`" if cleaned else "`(empty)`"


def _is_shown(character: str) -> bool:
    """Whether a character stands for itself: no line break, and nothing that hides or turns others around."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
