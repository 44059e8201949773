"""What runs in the sandboxes, asked of the program that made them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.errors import DeployError
from poscloud.local import processes
from poscloud.local.paths import ProjectPaths
from poscloud.local.realnodes import leftovers
from poscloud.local.realnodes.layout import config_file, run_folder

SETTLING = 10.0
"""Seconds that the sandboxes may take to start or to end."""


@dataclass(frozen=True)
class NodeProgram:
    """One supervised program, now.

    Attributes:
        node: The node it belongs to.
        name: The program.
        pid: Its process, in the machine's numbers; 0 when it does not run.
        state: ``waiting``, ``starting``, ``ready`` or ``failed``.
        restarts: How often it ended and was started again.
        uptime: Seconds since its last start.
        memory: Resident bytes.
        message: What it waits for, or how it ended last.
        log: Its log file.
    """

    node: str
    name: str
    pid: int
    state: str
    restarts: int
    uptime: float
    memory: int
    message: str
    log: Path


def ask(paths: ProjectPaths, *, timeout: float = 3.0) -> list[NodeProgram]:
    """Every program of every node; nothing when no sandbox answers."""
    try:
        answer = _read(run_folder(paths), timeout)
    except (OSError, ValueError):
        return []
    found = []
    for node in answer.get("nodes", []):
        for entry in node.get("components", []):
            found.append(_program(str(node["name"]), entry))
    return found


def _program(node: str, entry: dict[str, Any]) -> NodeProgram:
    pid = int(entry["pid"])
    started = processes.start_time(pid) if pid else None
    memory = processes.resident_memory(processes.Process(pid, started)) if started else 0
    uptime = max(0.0, time.time() - float(entry["since"])) if started else 0.0
    return NodeProgram(
        node, str(entry["name"]), pid, str(entry["state"]), int(entry["restarts"]), uptime, memory,
        str(entry["message"]), Path(entry["log"]),
    )  # fmt: skip


def _read(folder: Path, timeout: float) -> dict[str, Any]:
    # A socket's address is short; the folder's may be long. An open folder has a short name.
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(f"/proc/self/fd/{opened}/sandbox.sock")
            with connection.makefile("rb") as stream:
                return dict(json.loads(stream.read()))
    finally:
        os.close(opened)


def settle(paths: ProjectPaths) -> None:
    """Wait until the program that makes the sandboxes has either started or ended, where it is doing one of both.

    When one of its nodes was killed it ends the others and goes: who took it for running would fail with it.
    """
    outer = processes.find("sandbox", f"={paths.cluster}/")
    if outer is not None:
        processes.wait_until(lambda: not processes.alive(outer) or _is_whole(paths), timeout=SETTLING)


def _is_whole(paths: ProjectPaths) -> bool:
    """Whether the sandboxes answer and the first process of each is there."""
    try:
        nodes = _read(run_folder(paths), 1.0).get("nodes", [])
    except (OSError, ValueError):
        return False
    return all(processes.start_time(int(node["pid"])) is not None for node in nodes)


def clean(paths: ProjectPaths, program: Path) -> None:
    """Remove what sandboxes that were killed have left: processes and cgroups.

    Args:
        paths: The project.
        program: The program ``sandbox``; where it is gone, what it wrote down is removed without it.

    Raises:
        DeployError: Something cannot be removed.
    """
    if config_file(paths).exists() and program.exists():
        command = [str(program), "clean", f"--config={config_file(paths)}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        failed = done.stderr.strip() if done.returncode != 0 else ""
    else:
        failed = leftovers.remove(paths)
    if failed:
        raise DeployError(
            f"what the nodes' sandboxes left could not be removed: {failed}", hint="poscloud cluster down"
        )
