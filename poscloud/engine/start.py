"""What is looked at before a run, while nothing has been done yet."""

from __future__ import annotations

from pathlib import Path

from poscloud.engine.locks import refuse_in_use
from poscloud.engine.statefile import DamagedStateError, keep_backup, refuse_damaged, state_file
from poscloud.engine.stateroom import refuse_no_room
from poscloud.local.paths import ProjectPaths


def check_start(root: Path, stack: str) -> None:
    """Make sure that nobody else runs the stack, and that its state is whole and can be written.

    Raises:
        DeployError: The first of these that does not hold.
    """
    paths = ProjectPaths(root)
    if not refuse_in_use(paths, stack):
        refuse_damaged(paths, stack)  # after a kill, recovery takes the backup by itself
    refuse_no_room(state_file(paths, stack), stack)


def check_state(root: Path, stack: str, *, dry_run: bool) -> None:
    """Make sure of the same from inside plain ``pulumi up``, which has locked the stack and read its state already.

    Args:
        root: The project's folder.
        stack: The environment.
        dry_run: Whether this is a preview, which writes no state.

    Raises:
        DeployError: The state is damaged or could not be written.
    """
    paths = ProjectPaths(root)
    try:
        refuse_damaged(paths, stack)
    except DamagedStateError:
        if not dry_run:
            keep_backup(paths, stack)
        raise
    if not dry_run:
        refuse_no_room(state_file(paths, stack), stack)
