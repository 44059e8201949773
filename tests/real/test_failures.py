"""What goes wrong with real containers, and whether ``poscloud up`` tells the real reason soon."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.workspace import Workspace

pytestmark = [pytest.mark.real, pytest.mark.long]

SECONDS = 15.0
"""Longest time from when a node has the pod until `up` names its trouble."""
LONGEST = 240.0

PYTHON = "kind: python, image: harbor.example.com/shop/python:v1, filebeat: false"
FAILURES = {
    "oom": (
        "services:\n"
        "  greedy:\n"
        f"    {{{PYTHON}, run_cmd_dir: /tmp/, run_cmd: 'python3 -c \"x = bytearray(400 << 20)\"',\n"
        "     resources: {requests: {memory: 16Mi}, limits: {memory: 64Mi}}}\n",
        ("greedy", "OOMKilled"),
    ),
    "oom-of-what-nobody-asks": (
        "services:\n"
        "  silent:\n"
        f"    {{{PYTHON}, port: null, run_cmd_dir: /tmp/,\n"
        "     run_cmd: 'python3 -c \"import time; time.sleep(1); x = bytearray(400 << 20)\"',\n"
        "     resources: {requests: {memory: 16Mi}, limits: {memory: 64Mi}}}\n",
        ("silent", "OOMKilled"),
    ),
    "no-secret": (
        "services:\n"
        f"  lost: {{{PYTHON}, run_cmd: sleep 1000, env: {{DB_PASSWORD: {{secret: nowhere, key: password}}}}}}\n",
        ("lost", 'secret "nowhere" not found'),
    ),
    "no-program": (
        "services:\n"
        "  account: {kind: c, image: 'harbor.example.com/shop/base_c:v1', runenv: test, filebeat: false}\n",
        ("account", "there is no program account in"),
    ),
    "no-revision": (
        "services:\n"
        "  store: {kind: python, image: 'harbor.example.com/shop/store:v1', run_cmd: python serve.py,\n"
        "    probes: {initial_delay: 1, period: 2}}\n"
        "  account: {kind: c, version: posp_elk, runenv: test, filebeat: false, uses: [store],\n"
        "    git: {repository: 'http://store:8080/git/account.git', revision: v9}}\n",
        ("account", "has no revision v9"),
    ),
}


class Up:
    """A running ``poscloud up``, and when it said what."""

    def __init__(self, workspace: Workspace, stack: str) -> None:
        self.lines: list[tuple[float, str]] = []
        self.process = subprocess.Popen(
            ["poscloud", "up", "--yes", "-s", stack],
            cwd=workspace.root, env=workspace.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line))

    def end(self) -> str:
        """Wait for its end, and return all that it said."""
        code = self.process.wait(LONGEST)
        self._reader.join(10)
        text = "".join(line for _, line in self.lines)
        assert code == 1, f"{code}\n{text}"
        assert "Traceback (most" not in text
        return text

    def said(self, word: str) -> float:
        """Return when it first said a word."""
        return next(when for when, line in self.lines if word in line)


@pytest.fixture
def stack(three_nodes: Workspace, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"fails-{request.param}"
    file = Path(three_nodes.root) / "stacks" / f"{name}.yaml"
    description, _ = FAILURES[request.param]
    file.write_text(f"registry: harbor.example.com/shop\npull_secret: null\n{description}")
    yield name
    three_nodes.run("poscloud", "destroy", "--discard-logs", "--yes", "-s", name)
    file.unlink()


@pytest.mark.parametrize(("stack", "failure"), [(n, n) for n in FAILURES], indirect=["stack"])
def test_up_tells_the_real_reason_soon(three_nodes: Workspace, stack: str, failure: str) -> None:
    _, words = FAILURES[failure]
    up = Up(three_nodes, stack)
    text = up.end()
    for word in words:
        assert word in text, text
    began = trouble_began(three_nodes, stack)
    told = time.time() - (time.monotonic() - up.said(words[-1]))
    assert told - began < SECONDS, f"told {told - began:.1f} s after it began\n{text}"


def trouble_began(workspace: Workspace, stack: str) -> float:
    """Return when the pod that is not ready was given to its node: pulling the image and starting counts too."""
    pods = workspace.get("pods", "-n", stack)["items"]
    ready = {"type": "Ready", "status": "True"}
    times = [
        pod["status"]["startTime"]
        for pod in pods
        if not any(ready.items() <= condition.items() for condition in pod["status"]["conditions"])
    ]
    return datetime.fromisoformat(min(times)).timestamp()


def test_an_image_that_nobody_knows_stops_up_before_anything_is_made(three_nodes: Workspace) -> None:
    stack = "fails-image"
    file = three_nodes.root / "stacks" / f"{stack}.yaml"
    file.write_text(
        "services: {web: {kind: java, image: 'harbor.example.com/shop/nobody:v1', filebeat: false}}\n"
    )
    done = three_nodes.run("poscloud", "up", "--yes", "-s", stack)
    file.unlink()
    assert done.returncode == 2, done.stdout + done.stderr
    assert "harbor.example.com/shop/nobody:v1" in done.stderr
    assert "cluster-images.toml" in done.stderr
    assert three_nodes.run("kubectl", "get", "namespace", stack).returncode == 1
