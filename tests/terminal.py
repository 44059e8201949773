"""A person at a terminal, with a command in it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time

from tests.workspace import Workspace

PATIENCE = 60.0
"""Seconds that something may take until it is seen."""


class Terminal:
    """A person at a terminal, with ``poscloud`` in it."""

    def __init__(self, workspace: Workspace, *words: str, **variables: str) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (40, 132))
        self.before = termios.tcgetattr(self.slave)
        environment = workspace.environment() | {"TERM": "xterm"} | variables
        for name in ("COLUMNS", "LINES"):  # they would count more than what the terminal says
            environment.pop(name, None)
        self.process = subprocess.Popen(
            ["poscloud", *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment,
            cwd=workspace.root,
            start_new_session=True,
        )
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, text: str) -> str:
        """Wait until the screen has shown a text, and return what came up to then."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.master, 4096).decode(errors="replace")
        shown, _, self.seen = self.seen.partition(text)
        return shown

    def end(self) -> int:
        """Wait until the command is over and return its exit code; the terminal is as it was."""
        code = self.process.wait(PATIENCE)
        assert termios.tcgetattr(self.slave) == self.before
        return code

    def rest(self) -> tuple[str, int]:
        """Return all that is shown until the command is over, and its exit code."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None or select.select([self.master], [], [], 0)[0]:
            assert time.monotonic() < end, self.seen
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 4096).decode(errors="replace")
        return self.seen, self.end()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)
