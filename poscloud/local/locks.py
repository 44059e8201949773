"""One set-up at a time: a lock that ends with its process and says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poscloud.errors import WaitTimeoutError
from poscloud.local.progress import Reporter, seconds

POLL = 0.1
LONGEST = 2600
"""Bytes of a holder's line: JSON makes up to twelve of a character of its command."""


def _holder(path: Path) -> str:
    """Who holds the lock, as far as its file tells."""
    try:
        owner = json.loads(path.read_text())
        if not Path(f"/proc/{int(owner['pid'])}").exists():
            return "another process"  # of several that share it, the one that wrote last has ended
        return f"process {owner['pid']} ({owner['command']}), since {seconds(time.time() - owner['since'])}"
    except (OSError, ValueError, KeyError):
        return "another process"


@contextmanager
def exclusive(path: Path, reporter: Reporter, *, purpose: str, timeout: float = 1800.0) -> Iterator[None]:
    """Hold the lock file for the length of the context.

    The kernel drops the lock when its process ends, however it ends: a killed set-up leaves nothing to clean.

    Args:
        path: The lock file; stays behind, empty of meaning, when the lock is free.
        reporter: Told whom this process waits for.
        purpose: What is being locked, for messages.
        timeout: How long to wait for the other process.

    Raises:
        WaitTimeoutError: The other process held the lock for all that time.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(descriptor, path, reporter, purpose, timeout)
        owner = {"pid": os.getpid(), "command": " ".join(sys.argv)[:200], "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        yield
    finally:
        # Closing releases the lock. Programs started meanwhile do not inherit it: descriptors are close-on-exec.
        os.close(descriptor)


@contextmanager
def shared(path: Path, reporter: Reporter, *, purpose: str, timeout: float = 1800.0) -> Iterator[None]:
    """Hold the lock file together with any number of others, while nobody can hold it ``exclusive``-ly.

    Args:
        path: The lock file.
        reporter: Told whom this process waits for.
        purpose: What is being locked, for messages.
        timeout: How long to wait for who holds it alone.

    Raises:
        WaitTimeoutError: Somebody held the lock alone for all that time.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(descriptor, path, reporter, purpose, timeout, fcntl.LOCK_SH)
        # The newest of those who hold it, for who has to wait: one line, written at once.
        owner = {"pid": os.getpid(), "command": " ".join(sys.argv)[:200], "since": time.time()}
        os.pwrite(descriptor, json.dumps(owner).ljust(LONGEST).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(
    descriptor: int, path: Path, reporter: Reporter, purpose: str, timeout: float, kind: int = fcntl.LOCK_EX
) -> None:
    deadline = time.monotonic() + timeout
    waited = False
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not waited:
                reporter.note(f"{purpose}: waiting for {_holder(path)}")
                waited = True
            if time.monotonic() > deadline:
                raise WaitTimeoutError(
                    f"{purpose}: {_holder(path)} did not finish within {seconds(timeout)}",
                    hint=f"end that process and run this again; the lock file is {path}",
                ) from None
            reporter.update(f"waiting for {_holder(path)}")
            time.sleep(POLL)
