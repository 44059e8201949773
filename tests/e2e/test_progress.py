"""What `poscloud up` shows while it works, in a terminal and in a pipe, and a report of what runs then."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator
from fcntl import ioctl

import pytest

from tests.terminal import Terminal
from tests.unit.cli.test_watching import read_all
from tests.unit.engine.report.test_page import Page
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "progress"
DESCRIPTION = """\
backing: {redis: {}}
services:
  web: {kind: java, uses: [redis]}
  job: {kind: java, env: {WEB: "${web.url}"}}
"""
WRONG = "  bad: {kind: java, overrides: {Deployment: {spec: {template: {spec: {restartPolicy: Never}}}}}}\n"
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def described(workspace: Workspace) -> Iterator[Workspace]:
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(DESCRIPTION)
    yield workspace
    workspace.run("poscloud", "destroy", "--discard-logs", "--yes", "-s", STACK)


async def in_terminal(workspace: Workspace, *words: str) -> tuple[str, int]:
    """Run a command in a terminal of 30 lines; return what is shown, and its exit code."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=workspace.root,
        env={**workspace.environment(), "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = await asyncio.to_thread(read_all, ours)
    return shown, await process.wait()


async def test_a_tree_in_a_terminal_a_report_lines_in_a_pipe_and_a_failure(described: Workspace) -> None:
    raw, code = await in_terminal(described, "poscloud", "up", "-s", STACK)
    shown = COLOUR.sub("", raw)
    assert code == 0, shown
    assert "waits for redis" in shown and "waits for web" in shown
    # What is created between two pictures is in none of them: one of the three is enough.
    assert re.search(r"▸ (redis|web|job) +[\d.]+ s  creating", shown), shown
    assert re.search(r"✓ redis +[\d.]+ s  ready", shown), shown
    assert "kubernetes:apps/v1:Deployment" not in shown, "the engine's own lines have made room"
    end = shown[shown.rindex("Outputs:") :]
    assert "web: " in end and "created" in end
    assert re.search(rf"{STACK}: 3 ready after [\d.]+ s; resources: \d+ created", end)
    assert raw.count("\x1b[?25l") == raw.count("\x1b[?25h"), "the cursor is back"

    told = described.run("poscloud", "report", "-s", STACK, "-o", "report.html")
    assert (told.returncode, told.stderr.count("note:")) == (0, 0), told.stderr
    page = Page((described.root / "report.html").read_text())
    assert {c["name"]: c["state"] for c in page.data["components"]} == dict.fromkeys(
        ("redis", "web", "job"), "ready"
    )
    assert "web poscloud up version v1 (now)" in page.text
    bars = [attrs["aria-label"] for _, attrs in page.tags if attrs.get("role") == "img"]
    assert any(bar.endswith("of it by this environment") for bar in bars)

    (described.root / "stacks" / f"{STACK}.yaml").write_text(DESCRIPTION + WRONG)
    done = described.run("poscloud", "up", "-s", STACK)
    assert done.returncode != 0
    assert "restartPolicy" in done.stdout, "the engine's words are where they were"
    lines = [line.partition("] ")[2] or line for line in done.stderr.splitlines()]
    assert any(line == "bad: failed: Deployment bad" for line in lines), done.stderr
    assert any(line.startswith(f"{STACK}: 3 ready, 1 failed after ") for line in lines), done.stderr

    raw, code = await in_terminal(described, "poscloud", "up", "-s", STACK)
    assert code != 0
    shown = COLOUR.sub("", raw)
    assert "Diagnostics:" in shown and "restartPolicy" in shown[shown.rindex("Diagnostics:") :]


HELD = '{"metadata": {"finalizers": ["example.com/hold"]}}'
FREE = '{"metadata": {"finalizers": null}}'


def test_a_destroy_shows_who_is_still_there_and_what_holds_it(workspace: Workspace) -> None:
    (workspace.root / "stacks" / "goes.yaml").write_text(DESCRIPTION)
    workspace.ok("poscloud", "up", "-s", "goes")
    (pod,) = workspace.get("pods", "-n", "goes", "-l", "app=web")["items"]
    name = pod["metadata"]["name"]
    workspace.ok("kubectl", "patch", "pod", name, "-n", "goes", "--type=merge", "-p", HELD)
    terminal = Terminal(workspace, "destroy", "--discard-logs", "-s", "goes")
    try:
        terminal.until("1 pod to end, held by finalizer example.com/hold of pod")
        terminal.until(name)
        workspace.ok("kubectl", "patch", "pod", name, "-n", "goes", "--type=merge", "-p", FREE)
        raw, code = terminal.rest()
    finally:
        terminal.close()
    shown = COLOUR.sub("", raw)
    assert code == 0, shown
    assert re.search(r"✓ redis +([\d.]+ s)? +gone", shown) and "namespace goes" in shown
    assert re.search(
        r"goes: 3 of 3 components gone, the namespace is gone after [\d.]+ s; resources: \d+", shown
    )
    assert "nothing is left of goes" in shown


def test_who_has_to_agree_sees_the_preview_and_then_the_tree(workspace: Workspace) -> None:
    (workspace.root / "stacks" / "asks.yaml").write_text(DESCRIPTION)
    context = workspace.ok("kubectl", "config", "current-context").strip()
    (workspace.root / "Pulumi.asks.yaml").write_text(f"config:\n  poscloud:context: {context}\n")
    raw = _answered(workspace, "no", "up", "-s", "asks")
    assert "to create" in raw[0] and "nothing was changed" in raw[0] and raw[1] == 255
    raw = _answered(workspace, "yes", "up", "-s", "asks")
    assert raw[1] == 0 and re.search(r"── [·▸✓] redis +[\d.]+ s  ", raw[0]), raw[0]
    raw = _answered(workspace, "yes", "destroy", "--discard-logs", "-s", "asks")
    assert raw[1] == 0 and "3 of 3 components gone" in raw[0], raw[0]


def _answered(workspace: Workspace, answer: str, *words: str) -> tuple[str, int]:
    """Run a command that asks, in a terminal, as the administrator; return what is shown, and its exit code."""
    admin = workspace.admin_environment()
    terminal = Terminal(workspace, *words, POSCLOUD_USER_KUBECONFIG=admin["KUBECONFIG"])
    try:
        before = terminal.until("yes, no or details: ")
        terminal.type(f"{answer}\n")
        rest, code = terminal.rest()
        return COLOUR.sub("", before + rest), code
    finally:
        terminal.close()
