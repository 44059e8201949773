"""docs/commands.md, written from the commands' own help: ``make commands``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from poscloud.cli import _output
from poscloud.cli._aliases import ALIASES, PHRASES
from poscloud.cli.app import app

WIDTH = 100

INTRODUCTION = """\
# Commands

Written from each command's `--help` by `make commands`; change the help, not this page. What people look at every day
has a page of its own: [watching](watching.md).

Exit codes: 0 fine, 1 failed, or a finding; 2 a wrong description or command line; 3 credentials or rights; 4 the engine
or the cluster failed; 6 no such environment; 9 something was not ready in time; 130 stopped by Ctrl-C. Data goes to
stdout, all else to stderr; colours only on a terminal, and never with `NO_COLOR`. `--json` prints `"schema": 1` and
keys that stay; `logs --json` prints one object a line.
"""


def page() -> str:
    """Return the whole page."""
    # What the help says must not depend on who writes the page.
    os.environ.update({"COLUMNS": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"})
    commands = _commands(get_command(app), "poscloud")
    sections = [_section(words, command) for words, command in commands]
    verbs = ALIASES | {" ".join(old): " ".join(new) for old, new in PHRASES.items()}
    aliases = [f"| `{old}` | `{new}` |" for old, new in verbs.items()]
    table = "\n".join(["| verb of `k8s` | command |", "|---|---|", *aliases])
    old = (
        "## Verbs of the old tool `k8s`\n\nThey work as the command beside them. Several services may be given in its "
        f"form, `api-geo`, where no service has that name.\n\n{table}\n"
    )
    return "\n".join([INTRODUCTION, *sections, old])


def _commands(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    """Yield all commands that do something, with the words that call them, sorted."""
    children = getattr(command, "commands", None)
    if not children:
        yield words, command
        return
    for name, child in sorted(children.items()):
        if not child.hidden:
            yield from _commands(child, f"{words} {name}")


def _section(words: str, command: Any) -> str:
    context = typer.Context(
        command,
        info_name=words,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    text = re.sub(r"(?m)[ \t]+$", "", command.get_help(context)).strip()
    return f"## {words}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    _output.say(page().removesuffix("\n"))
