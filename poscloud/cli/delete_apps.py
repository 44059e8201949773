"""``poscloud delete-apps``."""

from __future__ import annotations

from poscloud.cli._options import Json, Reason, Stack, Yes


def delete_apps(
    stack: Stack, reason: Reason = "no reason given", yes: Yes = False, json: Json = False
) -> None:
    """Remove all services of an environment; its backing services stay, with their data.

    As with `delete`, the next `up` makes them anew, and it is recorded.

    Example: poscloud delete-apps -e dac-test --reason "new data first"
    """
    from poscloud.cli._named import run
    from poscloud.engine.named.command import Wanted

    run(stack, Wanted("delete", (), yes, why=reason, only_data=json), json=json)
