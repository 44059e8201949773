"""``poscloud destroy``."""

from __future__ import annotations

from poscloud.cli._options import DiscardLogs, NamedStack, Yes, root


def destroy(stack: NamedStack, yes: Yes = False, discard_logs: DiscardLogs = False) -> None:
    """Remove an environment with all its data, and prove that nothing is left.

    First the logs of every container, events, objects and image digests are archived, and read back; if that fails,
    nothing is deleted. Exit code 3 when something is left: run it again once what holds that is gone.

    Example: poscloud destroy -s wbyh-stage
    """
    import sys

    from poscloud.engine import deploy
    from poscloud.local.progress import ConsoleReporter

    sys.exit(deploy.destroy(root(), stack, ConsoleReporter(), yes=yes, discard_logs=discard_logs))
