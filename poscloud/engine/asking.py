"""Asking before a run of the engine, where its progress is to be shown: its own question belongs to its own display."""

from __future__ import annotations

import sys

from poscloud.engine.progress.follow import has_tree
from poscloud.engine.pulumi import Pulumi

CONFIRMED = ["--yes", "--skip-preview"]
"""Flags of a run that asks nothing."""

DECLINED = 255
"""Exit code of who says no; the engine's own."""

_QUESTIONS = {"up": "perform this update", "destroy": "destroy all of this"}


def agreed(pulumi: Pulumi, stack: str, verb: str, flags: list[str]) -> list[str] | int:
    """Return the flags to run the engine with: once a preview was agreed to, those of a run that asks nothing.

    Where there is no tree to show, the engine asks by itself.

    Args:
        pulumi: The engine.
        stack: The stack.
        verb: ``up`` or ``destroy``.
        flags: Flags of the run.

    Returns:
        The flags, or an exit code: of a preview that failed, or of who says no.
    """
    if "--yes" in flags or not (sys.stdin.isatty() and has_tree(pulumi.environment)):
        return flags
    look = ["preview"] if verb == "up" else [verb, "--preview-only"]
    code = pulumi.run(*look, "--stack", stack, *flags)
    while code == 0:
        sys.stderr.write(f"Do you want to {_QUESTIONS[verb]}? yes, no or details: ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        if answer.strip().lower() in ("yes", "y"):
            return [*CONFIRMED, *flags]
        if not answer or answer.strip().lower() in ("no", "n"):
            sys.stderr.write("nothing was changed\n")
            return DECLINED
        if answer.strip().lower() in ("details", "d"):
            code = pulumi.run(*look, "--diff", "--stack", stack, *flags)
    return code
