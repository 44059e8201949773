"""``poscloud state``."""

from __future__ import annotations

import typer

from poscloud.cli import _output
from poscloud.cli._options import NamedStack, root

app = typer.Typer(help="The state that the engine keeps of a stack.", no_args_is_help=True)


@app.command()
def restore(stack: NamedStack) -> None:
    """Put the newest whole backup in the place of a damaged state file; the damaged one is kept.

    Example: poscloud state restore -s prod
    """
    from poscloud.engine import locks, statefile
    from poscloud.local.paths import ProjectPaths

    paths = ProjectPaths(root())
    locks.refuse_in_use(paths, stack)
    backup = statefile.restore(paths, stack)
    _output.tell(f"restored from {backup}; now run: poscloud up -s {stack}")
