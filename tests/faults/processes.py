"""The processes of one run of the engine: which is which, and whether they live."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

VICTIMS = ("engine", "provider", "language", "program")
"""``pulumi``, the Kubernetes provider, ``pulumi-language-python``, and the Python process it runs the program in."""


def descendants(pid: int) -> list[int]:
    """Return ``pid`` and every process below it that lives."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(folder.name))
        if fields and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def role(pid: int) -> str:
    """Return which of ``VICTIMS`` a process is; empty when it is none of them."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    line = " ".join(words)
    if "pulumi-resource-kubernetes" in line:
        return "provider"
    if "pulumi-language-python-exec" in line:
        return "program"
    if Path(words[0]).name.startswith("pulumi-language-python"):
        return "language"
    return "engine" if Path(words[0]).name == "pulumi" else ""


def alive(pid: int) -> bool:
    """Whether a process lives; one that is dead and not yet buried does not."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def kill(pid: int) -> None:
    """Kill a process for good, and return when it is dead."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    while alive(pid):
        time.sleep(0.001)


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Wait until none of them lives, at most so long; return those that still do."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _stat(pid: int) -> list[str]:
    """Return state, parent and more of a process; nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
