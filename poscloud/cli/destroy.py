"""``poscloud destroy``."""

from __future__ import annotations

from poscloud.cli._options import Stack, Yes, root


def destroy(stack: Stack, yes: Yes = False) -> None:
    """Remove an environment with all its data, and prove that nothing is left.

    Example: poscloud destroy -s wbyh-stage
    """
    import sys

    from poscloud.engine import deploy
    from poscloud.local.progress import ConsoleReporter

    sys.exit(deploy.destroy(root(), stack, ConsoleReporter(), yes=yes))
