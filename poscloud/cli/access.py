"""``poscloud access``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output


def access(
    user: Annotated[str, typer.Option("--user", help="Give them to this user.")] = "",
    group: Annotated[str, typer.Option("--group", help="Give them to this group.")] = "",
    service_account: Annotated[
        str, typer.Option("--service-account", help="Give them to this account, NAMESPACE/NAME.")
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only what this one, existing namespace needs.")
    ] = "",
    janitor: Annotated[
        bool,
        typer.Option(
            "--janitor", help="Making janitors too: nearly an administrator's right (docs/access.md)."
        ),
    ] = False,
) -> None:
    """Print the roles that poscloud needs in a cluster, and bind them to somebody.

    An administrator of the cluster applies what is printed; no cluster is asked here.

    Example: poscloud access --group deployers | kubectl apply -f -
    """
    from poscloud.local.access import access_text

    _output.say(access_text(user, group, service_account, namespace, janitors=janitor).removesuffix("\n"))
