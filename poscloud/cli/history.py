"""``poscloud history``."""

from __future__ import annotations

from poscloud.cli import _output
from poscloud.cli._options import Json, OneService, Stack, root


def history(
    service: OneService,
    stack: Stack,
    json: Json = False,
) -> None:
    """Show the versions a service had, the newest first: when, and who pushed it.

    Kubernetes keeps the last ten or so of each workload.

    Example: poscloud history dac-task -s wbyh-stage
    """
    from dataclasses import asdict

    from poscloud.engine.manual.history import history
    from poscloud.local.progress import ConsoleReporter

    found = history(root(), stack, service, ConsoleReporter())
    if json:
        _output.write_json({"service": service, "versions": [asdict(each) for each in found]})
        return
    rows = [("VERSION", "SINCE", "BY", "WHY")]
    for each in found:
        end = f" until {each.until}" if each.until else ""
        rows.append(
            (each.version, each.at, each.who, f"{each.why}{' (now)' if each.now else ''}{end}".strip())
        )
    _output.table(rows)
