"""``poscloud doctor``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import STACK_NAMES, Json, complete_stack, root


def doctor(
    stack: Annotated[
        str | None,
        typer.Option(*STACK_NAMES, help="Check the cluster of this stack.", autocompletion=complete_stack),
    ] = None,
    json: Json = False,
) -> None:
    """Check everything poscloud needs: what was found, and the command that mends what is wrong.

    Names the cluster that is written to. Exit code 1 when a check fails.

    Example: poscloud doctor -s prod
    """
    from poscloud.engine.checks import all_checks

    checks = all_checks(root(), stack)
    failed = [c for c in checks if not c.passed]
    if json:
        rows = [{"name": c.name, "passed": c.passed, "found": c.found, "fix": c.fix} for c in checks]
        _output.write_json({"ok": not failed, "checks": rows})
    else:
        mark = {True: _output.paint("ok", "32", sys.stdout), False: _output.paint("FAIL", "31", sys.stdout)}
        for check in checks:
            _output.say(
                f"{mark[check.passed]}{' ' * (6 - len('ok' if check.passed else 'FAIL'))}{check.name}: {check.found}"
            )
            if not check.passed:
                _output.say(f"      run: {check.fix}")
        _output.say(f"{len(checks) - len(failed)} of {len(checks)} checks passed")
    sys.exit(1 if failed else 0)
