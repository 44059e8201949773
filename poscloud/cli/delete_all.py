"""``poscloud delete-all``."""

from __future__ import annotations

from poscloud.cli._options import DiscardLogs, NamedStack, Yes


def delete_all(stack: NamedStack, yes: Yes = False, discard_logs: DiscardLogs = False) -> None:
    """Remove an environment with all its data: the same as `poscloud destroy`, with the same questions.

    First it is archived; the environment has to be named.

    Example: poscloud delete-all -e dac-test
    """
    from poscloud.cli.destroy import destroy

    destroy(stack, yes, discard_logs)
