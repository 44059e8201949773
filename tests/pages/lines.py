"""Shell blocks as command lines, and whether poscloud's own command line takes them."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
from typer.main import get_command

from poscloud.cli.app import app
from tests.workspace import ROOT

ENDS = {"|", "||", "&&", ";", "&"}
REDIRECTIONS = {"<", ">", ">>"}
TARGET = re.compile(r"(?m)^([a-z][a-z-]*):")


def logical(text: str) -> list[str]:
    """Return the lines of a block, those that end with a backslash joined with the next, without empty ones."""
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line, without variables before it, redirections and comments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    skip = False
    for token in [*lexer, ";"]:
        if skip:
            skip = False
        elif token in REDIRECTIONS:
            skip = True
        elif token in ENDS:
            while words and re.fullmatch(r"\w+=.*", words[0]):
                words = words[1:]
            if words:
                yield words
            words = []
        else:
            words.append(token)


@cache
def command_line() -> Any:
    """Return poscloud's whole command line."""
    return get_command(app)


def parses(words: list[str]) -> None:
    """Read a command line of poscloud as it does itself, and run nothing.

    Raises:
        click.ClickException: An unknown command or option, or an argument is missing.
    """
    command = command_line()
    context = command.make_context("poscloud", list(words[1:]))
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        if not rest and getattr(command, "invoke_without_command", False):
            return
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def wrong(words: list[str]) -> str:
    """Return what is wrong with a command of a page as far as that can be said without running it; empty: nothing."""
    program = Path(words[0]).name or words[0]
    if program == "poscloud":
        try:
            parses(words)
        except Exception as error:
            if isinstance(error, click.ClickException) or hasattr(error, "format_message"):
                return f"{shlex.join(words)}: {error.format_message()}"
            raise
        return ""
    if program == "make":
        targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
        unknown = [word for word in words[1:] if "=" not in word and word not in targets]
        return f"no target {', '.join(unknown)} in the Makefile" if unknown else ""
    if program == "sh":
        return "" if words[1] == "-c" or (ROOT / words[1]).is_file() else f"no file {words[1]}"
    if program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        return "".join(
            f"no extra {e}" for w in words for e in re.findall(r"^\.\[(\w+)\]$", w) if e not in extras
        )
    return "" if program in KNOWN else f"no page has used {program} yet; see KNOWN in tests/pages/lines.py"


KNOWN = {
    *("kubectl", "pulumi", "helm", "docker", "git", "pip", "python3", "apt-get", "createuser", "createdb"),
    *("export", "cd", "mkdir", "echo", "rm", "zcat", ".", "sh"),
}
"""Programs of others in the pages."""
