"""docs/commands.md is what the commands' help says today."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.write_golden import ROOT

PAGE = ROOT / "docs" / "commands.md"


def test_the_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "poscloud.cli._reference"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == PAGE.read_text(), "run: make commands"


def test_every_command_has_an_example_that_begins_with_it() -> None:
    sections = re.findall(r"(?ms)^## (poscloud [^\n]*)\n(.*?)(?=^## |\Z)", PAGE.read_text())
    words = {name: " ".join(text.split()) for name, text in sections}
    assert [name for name, text in words.items() if f"Example: {name}" not in text] == []
