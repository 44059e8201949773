"""``poscloud delete``."""

from __future__ import annotations

from poscloud.cli._options import Json, Reason, SomeServices, Stack, Yes


def delete(
    services: SomeServices,
    stack: Stack,
    reason: Reason = "no reason given",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove some services until `create`, `apply` or the next `up` makes them anew; it is recorded.

    Their pods' logs go with them. A backing service has data, and is not deleted by itself.

    Example: poscloud delete api geo -e dac-test --reason "room for a load test"
    """
    from poscloud.cli._named import run
    from poscloud.engine.named.command import Wanted

    run(stack, Wanted("delete", tuple(services), yes, why=reason, only_data=json), json=json)
