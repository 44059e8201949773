"""The arena of the faults, with its state in a backend of a server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.arena import STACK, Arena, Outcome
from tests.faults.proxy import PASS, Fault, Request
from tests.workspace import Workspace

UP = ("poscloud", "up", "--yes")
FAKE = "not-a-real-word-of-a-backend"


class Remote(Arena):
    """An environment whose state is kept by a server.

    Args:
        workspace: Has the cluster and the engine.
        folder: For the kubeconfig.
        backend: What names the server and its credentials in the environment of every command.
    """

    def __init__(self, workspace: Workspace, folder: Path, backend: dict[str, str]) -> None:
        super().__init__(workspace, folder)
        self.backend = backend

    @property
    def variables(self) -> dict[str, str]:
        return super().variables | self.backend

    def run(self, *command: str, limit: float = 300, **variables: str) -> Outcome:
        """Run a command; it must not print the backend's password."""
        outcome = super().run(*command, limit=limit, **variables)
        assert FAKE not in outcome.text
        return outcome

    def remove(self) -> None:
        super().remove()
        self.workspace.run("pulumi", "stack", "rm", "--force", "--yes", STACK, **self.variables)

    def at_write(self, number: int, act: Callable[[], None]) -> None:
        """Do something once, when the nth write from now on comes to the proxy."""
        first, done = self.proxy.writes(), threading.Event()

        def decide(request: Request) -> Fault:
            if request.write >= first + number and not done.is_set():
                done.set()
                act()
            return PASS

        self.inject(decide)

    def pending(self) -> list[str]:
        """Return the operations that the state calls unfinished."""
        exported = json.loads(self.ok("pulumi", "stack", "export"))["deployment"]
        return [p["resource"]["urn"] for p in exported.get("pending_operations") or []]

    def destroys(self) -> None:
        """Destroy the environment."""
        self.passes()
        done = self.run("poscloud", "destroy", "--yes")
        assert done.code == 0, done.text
        assert "nothing is left" in done.text


@contextmanager
def remote(workspace: Workspace, folder: Path, backend: dict[str, str]) -> Iterator[Remote]:
    """An environment whose state is kept by a server, for the time of the context."""
    arena = Remote(workspace, folder, backend)
    with arena.proxy:
        arena.prepare()
        yield arena
        arena.remove()
