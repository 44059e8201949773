"""``poscloud create``."""

from __future__ import annotations

from poscloud.cli._options import Json, Offline, SomeServices, Stack, Yes


def create(
    services: SomeServices, stack: Stack, yes: Yes = False, offline: Offline = False, json: Json = False
) -> None:
    """Make some services that are described and not there, with what they need; those that are there stay as they are.

    Example: poscloud create api geo -e dac-test
    """
    from poscloud.cli._named import run
    from poscloud.engine.named.command import Wanted

    run(stack, Wanted("create", tuple(services), yes, offline, only_data=json), json=json)
