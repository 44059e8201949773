"""Ports on 127.0.0.1: finding free ones, and naming who took one."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

from poscloud.local import processes

LOOPBACK = "127.0.0.1"
_LISTEN = "0A"
# Below the ports of outgoing connections (from 32768) and of Kubernetes' node ports (from 30000).
RANGE = range(20000, 30000)


def free_port() -> int:
    """A port that nothing listens on at the moment, and that stays free while its server is stopped.

    The system's own choice would do for neither: it gives ports out again to any outgoing connection, and one of
    those would then keep the server from starting. So does the range of Kubernetes' node ports.
    """
    candidates = random.SystemRandom().sample(RANGE, len(RANGE))
    return next(port for port in candidates if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port whose last connection just closed counts as free, as it does for the servers themselves.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _listening_inodes(port: int) -> set[str]:
    """The kernel's numbers of the sockets that listen on the port."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (processes.PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def becomes_free(port: int, *, timeout: float = 3.0) -> bool:
    """Whether the port is free, or only still held by a process that is just ending."""
    if is_free(port):
        return True
    # A process that can be named is alive, and waiting for it is of no use.
    return not owner(port) and processes.wait_until(lambda: is_free(port), timeout=timeout)


def owner(port: int) -> str:
    """The process that listens on the port, as ``name (process 123)``; empty when it cannot be seen."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not wanted:
        return ""
    for entry in processes.PROC.iterdir():
        if entry.name.isdigit() and processes.start_time(int(entry.name)) and _holds(entry, wanted):
            arguments = processes.command_line(int(entry.name))
            name = os.path.basename(arguments[0]) if arguments else "unknown program"
            return f"{name} (process {entry.name})"
    return ""


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(os.readlink(link) in sockets for link in (process / "fd").iterdir())
    except OSError:
        return False
