"""``poscloud unlock``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import NamedStack, root


def unlock(
    stack: NamedStack,
    lock_id: Annotated[str | None, typer.Argument(help="The lock to remove, as shown without it.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Remove the lock though its process lives on this machine.")
    ] = False,
) -> None:
    """Show who holds a stack; with a lock's id, remove exactly that lock.

    The lock of a killed run of this machine needs no unlock: the next up removes it.

    Example: poscloud unlock -s prod 8b2ff3a5-6ea4-4d5e-8c3f-0f7ae1a5a1d2
    """
    from poscloud.engine import locks
    from poscloud.local.paths import ProjectPaths

    paths = ProjectPaths(root())
    if lock_id:
        _output.tell(f"removed: {locks.unlock(paths, stack, lock_id, force=force)}")
        return
    found = locks.locks_of(paths, stack)
    if not found:
        _output.tell(f"stack {stack} is not locked")
        return
    rows = [[k.id, k.user, k.host, str(k.pid), f"{k.since:%Y-%m-%d %H:%M:%S %z}" if k.since else "?", str(k.age),
             k.status] for k in found]  # fmt: skip
    _output.table([["LOCK-ID", "USER", "HOST", "PID", "SINCE", "AGE", "PROCESS"], *rows])
