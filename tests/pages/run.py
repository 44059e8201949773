"""Runs the shell blocks of a page as a reader would: each block in one shell, its lines in order."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.pages.blocks import of_kind
from tests.pages.lines import logical
from tests.pages.scenarios import Page, not_run
from tests.workspace import Workspace

LIMIT = 400
"""Seconds that a block may take."""


@dataclass
class Ran:
    """What a page's lines did.

    Attributes:
        wrong: Lines that ended otherwise than they should, with their output.
        said: Line → what it printed, on stdout and stderr together.
    """

    wrong: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


def run_page(workspace: Workspace, page: Page) -> Ran:
    """Run all shell blocks of a page in a project's folder."""
    ran = Ran()
    for block in of_kind("sh"):
        if block.page == page.name:
            _block(workspace, page, block.text, ran)
    return ran


def _block(workspace: Workspace, page: Page, text: str, ran: Ran) -> None:
    lines = [line for line in logical(text) if not not_run(page.name, line)]
    if not lines:
        return
    folder = workspace.root / "said"
    folder.mkdir(exist_ok=True)
    script = "\n".join(_step(page, line, folder / str(number)) for number, line in enumerate(lines))
    environment = workspace.admin_environment() if page.admin else workspace.environment()
    if page.plain:
        environment = {**os.environ, "PATH": f"{workspace.root}/.venv/bin:{os.environ['PATH']}"}
    began = time.monotonic()
    subprocess.run(
        ["sh", "-c", script], cwd=workspace.root, env=environment | dict(page.variables),
        stdin=subprocess.DEVNULL, check=True, timeout=LIMIT,
    )  # fmt: skip
    print(f"{page.name}: {len(lines)} lines, {time.monotonic() - began:.1f} s")  # noqa: T201
    for number, line in enumerate(lines):
        said, code = (folder / str(number)).read_text(), int((folder / f"{number}.code").read_text())
        ran.said[line] = said
        wanted = next((wanted for begin, wanted in page.codes.items() if line.startswith(begin)), 0)
        if code != wanted:
            ran.wrong.append(f"{page.name}: {line}\n  exit code {code}, not {wanted}:\n{said[-3000:]}")


def _step(page: Page, line: str, out: Path) -> str:
    """Return a line as a piece of the script: in the same shell, with its output and its exit code in files."""
    for words, others in page.instead.items():
        line = line.replace(words, others)
    file = shlex.quote(str(out))
    return f"code=0\n{{ {line}\n}} >{file} 2>&1 || code=$?\necho $code >{file}.code"
