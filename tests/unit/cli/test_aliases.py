"""The verbs of the old tool: each reaches its command, none is listed, all are in the documents."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from poscloud.cli._aliases import ALIASES, PHRASES
from poscloud.cli.app import app
from tests.write_golden import ROOT

ALL = {(old,): (new,) for old, new in ALIASES.items()} | PHRASES
SAME = "apply create delete scale logs error-logs clean".split()
"""Verbs that are called here as they were."""


def usage(*words: str) -> str:
    """Return the help of a command, without the line that has its name."""
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output.partition("\n\n")[2]


@pytest.mark.parametrize(("old", "new"), ALL.items())
def test_each_reaches_its_command(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    assert usage(*old) == usage(*new)
    assert f"Example: poscloud {' '.join(new)} " in " ".join(usage(*new).split())


@pytest.mark.parametrize("verb", SAME)
def test_verbs_of_the_same_name_are_commands(verb: str) -> None:
    assert f"Example: poscloud {verb} " in " ".join(usage(verb).split())


def test_none_is_listed_and_the_page_has_them_all() -> None:
    listed = [line.split()[0] for line in usage().splitlines() if line.startswith("  ") and line.split()]
    assert not {*ALIASES} & {*listed}
    page = (ROOT / "docs" / "daily-commands.md").read_text()
    assert [old for old in ALL if f"`{' '.join(old)}`" not in page] == []
    assert [verb for verb in SAME if f"`{verb}`" not in page] == []


def test_only_these_words_are_read_otherwise() -> None:
    done = CliRunner().invoke(app, ["create", "rbac2", "--help"], env={"COLUMNS": "200"})
    assert "Example: poscloud create api geo" in done.output
