"""Every fenced block of every page that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.workspace import ROOT

FENCE = re.compile(r"(?ms)^([ \t]*)```([^\n`]*)\n(.*?)^[ \t]*```[ \t]*$")
LISTED = re.compile(r"(?m)^(?:[-*] |\d+\. )")

WRITTEN = {"docs/commands.md", "docs/errors.md"}
"""Pages that are written from the code: other tests compare them with it, and run what can be run in them."""

SAME = {"README.zh.md"}
"""Pages whose blocks are those of another one: a test of tests/unit/test_docs.py compares them."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The page, relative to the project's folder.
        line: The line of its fence, from 1.
        kind: The word behind the fence.
        text: What is in it.
    """

    page: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def begins(self, words: str) -> bool:
        """Whether its first line that has words begins with these."""
        return self.text.lstrip().startswith(words)


def pages() -> list[Path]:
    """Return all pages: of the folder itself, the documentation and the examples."""
    found = [ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md"), (ROOT / "examples").rglob("*.md")]
    return sorted(page for some in found for page in some)


@cache
def blocks() -> tuple[Block, ...]:
    """Return the blocks of all pages that people write."""
    return tuple(block for page in pages() for block in _of(page))


def _of(page: Path) -> Iterator[Block]:
    name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
    if name in WRITTEN | SAME:
        return
    for found in FENCE.finditer(text):
        line = text[: found.start()].count("\n") + 1
        indent = found[1]
        body = "".join(each.removeprefix(indent) for each in found[3].splitlines(keepends=True))
        yield Block(name, line, found[2].strip(), body)


def of_kind(kind: str) -> list[Block]:
    """Return the blocks of one kind."""
    return [block for block in blocks() if block.kind == kind]


def one(page: str, words: str) -> Block:
    """Return the one block of a page that begins with these words."""
    (found,) = [block for block in blocks() if block.page == page and block.begins(words)]
    return found


def indented(page: Path) -> list[str]:
    """Return lines that Markdown shows as code because they are indented: no fence says what they are."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    paragraphs = re.split(r"\n[ \t]*\n", prose)
    found, in_list = [], False
    for paragraph in paragraphs:
        code = all(line.startswith(("    ", "\t")) for line in paragraph.splitlines() if line.strip())
        if paragraph.strip() and code and not in_list:
            found.append(paragraph.strip("\n"))
        in_list = bool(LISTED.search(paragraph)) or (in_list and paragraph.startswith(" "))
    return found
