"""``poscloud apply``."""

from __future__ import annotations

from poscloud.cli._options import Json, Offline, SomeServices, Stack, Yes


def apply(
    services: SomeServices, stack: Stack, yes: Yes = False, offline: Offline = False, json: Json = False
) -> None:
    """Bring some services to what the stack's file says, and leave all others as they are.

    What they need and is not there is made as well. Unlike `up` it ends no change by hand.

    Example: poscloud apply api geo -e dac-test
    """
    from poscloud.cli._named import run
    from poscloud.engine.named.command import Wanted

    run(stack, Wanted("apply", tuple(services), yes, offline, only_data=json), json=json)
