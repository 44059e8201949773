"""What ``apply``, ``create``, ``delete`` and ``delete-apps`` have in common: the run, and how it is told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from poscloud.cli import _output
from poscloud.cli._options import root

if TYPE_CHECKING:
    from poscloud.engine.named.command import Wanted

DONE = {"apply": "applied", "create": "created", "delete": "deleted"}


def run(stack: str, wanted: Wanted, *, json: bool) -> NoReturn:
    """Run the engine for some services, tell what was done, and end with its exit code."""
    from dataclasses import asdict

    from poscloud.engine.named import command
    from poscloud.local.progress import ConsoleReporter

    outcome = command.run(root(), stack, wanted, ConsoleReporter())
    if json:
        _output.write_json({"environment": stack, "action": wanted.verb, **asdict(outcome)})
    elif outcome.code == 0 and outcome.services:
        _output.say(f"{DONE[wanted.verb]} in {stack}: {', '.join(outcome.services)}")
    sys.exit(outcome.code)
