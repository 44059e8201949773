"""The sample environment on real nodes: bringing it up, asking it, looking into its pods."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from tests.sampleapps import APPS, store_files
from tests.workspace import Workspace

PATIENCE = 120.0
"""Seconds that what happens by itself may take on a machine with other things to do."""


def add_project(root: Path) -> None:
    """Put descriptions, SQL and applications into a project, as a user would have them."""
    shutil.copytree(APPS / "sql", root / "stacks" / "sql")
    for stack in ("shop", "shop-small"):
        shutil.copy(APPS / f"{stack}.yaml", root / "stacks")
    for file in APPS.glob("*/image.toml"):
        shutil.copytree(file.parent, root / "apps" / file.parent.name)
    shutil.copytree(store_files(), root / "apps" / "store" / "files", dirs_exist_ok=True)
    (root / "cluster-images.toml").write_text('folders = ["apps/*"]\n')


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition; fails naming it when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.2)


class Environment:
    """One environment of the workspace that is up.

    Args:
        workspace: The project.
        stack: Its name.
    """

    def __init__(self, workspace: Workspace, stack: str) -> None:
        self.workspace, self.stack = workspace, stack

    def poscloud(self, *words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command for this environment, and expect an exit code."""
        done = self.workspace.run("poscloud", *words, "-s", self.stack, **variables)
        assert done.returncode == code, f"{words} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback (most" not in done.stderr, done.stderr
        return done

    def kubectl(self, *words: str) -> str:
        """Run kubectl as the administrator in this namespace; it has to succeed."""
        return self.workspace.ok("kubectl", "-n", self.stack, *words)

    def pods(self, app: str = "") -> list[dict[str, Any]]:
        """Return the pods, all or those of one part."""
        chosen = ("-l", f"app={app}") if app else ()
        found: list[dict[str, Any]] = self.workspace.get("pods", "-n", self.stack, *chosen)["items"]
        return found

    def python(self, script: str) -> str:
        """Run a script in the pod of cart, which has clients of everything; return what it printed."""
        return self.kubectl("exec", "deploy/cart", "-c", "cart", "--", "python3", "-c", script).strip()

    def restarts(self, app: str) -> int:
        """Return how often the containers of one part were started again."""
        counts = [c["restartCount"] for p in self.pods(app) for c in p["status"].get("containerStatuses", [])]
        return sum(counts)

    def ready(self, app: str) -> bool:
        """Whether there are pods of one part, and all of them are ready."""
        conditions = [
            {c["type"]: c["status"] for c in pod["status"].get("conditions", [])} for pod in self.pods(app)
        ]
        return bool(conditions) and all(c.get("Ready") == "True" for c in conditions)

    @contextmanager
    def reached(self, service: str, port: int) -> Iterator[int]:
        """Forward a port of this machine to a service while the context lasts, and give its number."""
        process = subprocess.Popen(
            ["kubectl", "-n", self.stack, "port-forward", f"service/{service}", f":{port}"],
            cwd=self.workspace.root, env=self.workspace.admin_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, line + process.stdout.read()
            yield int(found[1])
        finally:
            process.terminate()
            process.wait(10)


class Gateway:
    """The way in: what a browser would ask.

    Args:
        port: Of this machine, which leads to the gateway.
    """

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def ask(self, path: str, method: str = "GET") -> tuple[int, Any]:
        """Return status and JSON of an answer; status 0 where there is none."""
        request = urllib.request.Request(self.base + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except (URLError, OSError) as error:
            return 0, str(error)

    def order(self, account: int, item: str) -> dict[str, Any]:
        """Order something; it has to succeed."""
        status, order = self.ask(f"/orders?account={account}&item={item}", "POST")
        assert status == 200, order
        assert isinstance(order, dict)
        return order
