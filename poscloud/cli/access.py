"""``poscloud access``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Stack, Yes, root

app = typer.Typer(invoke_without_command=True)

Team = Annotated[str, typer.Argument(help="The team's name.")]


@app.callback()
def access(
    context: typer.Context,
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
    teams: Annotated[
        bool,
        typer.Option(
            "--teams",
            help="Giving teams access too: without --namespace nearly an administrator's right (docs/access.md).",
        ),
    ] = False,
) -> None:
    """Print the roles that poscloud needs in a cluster, and bind them to somebody; or give a team access.

    An administrator of the cluster applies what is printed; no cluster is asked here. The commands below give a team a
    kubeconfig of its own for one environment.

    Example: poscloud access --group deployers | kubectl apply -f -
    """
    if context.invoked_subcommand:
        if any((user, group, service_account, namespace, janitor, teams)):
            raise typer.BadParameter(
                f"it is for `poscloud access` alone, not for {context.invoked_subcommand}"
            )
        return
    from poscloud.local.access import access_text

    text = access_text(user, group, service_account, namespace, janitors=janitor, teams=teams)
    _output.say(text.removesuffix("\n"))


@app.command("create")
def create(
    team: Team,
    stack: Stack,
    ttl: Annotated[str, typer.Option("--ttl", help="How long it works: 10m, 8h, 3d.")] = "8h",
    kubeconfig: Annotated[
        str,
        typer.Option(
            "--kubeconfig",
            help="The file it goes to, by default .poscloud/access/STACK.TEAM.kubeconfig; -: it is printed, token and "
            "all.",
        ),
    ] = "",
    may: Annotated[
        str | None,
        typer.Option("--may", help="Of a team that is not described: shell, change, or both with a comma."),
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Make a kubeconfig with which a team works in this one environment, for a while.

    What a team may do is said in the environment's description (`access`), or here; without both it may look.

    Example: poscloud access create payments -s wbyh-stage --ttl 8h --kubeconfig payments.kubeconfig
    """
    from poscloud.engine.access.command import Asked, as_data, create, rights
    from poscloud.engine.environments.expiry import written
    from poscloud.local.progress import ConsoleReporter

    asked = Asked(team, ttl, kubeconfig, None if may is None else rights(may), yes)
    made = create(root(), stack, asked, ConsoleReporter())
    if made.shorter:
        _output.tell(f"{made.shorter} were asked for; the API server gives no more")
    if not made.file:
        _output.say(made.text.removesuffix("\n"))
    elif json:
        _output.write_json(as_data(made))
    else:
        rights_told = ", ".join(("look", *made.team.may))
        _output.say(
            f"{made.file}: team {team} in {stack} until {written(made.grant.until)}; may {rights_told}"
        )
        _output.tell(f"for example: kubectl --kubeconfig {made.file} get pods")


@app.command("list")
def list_(stack: Stack, json: Json = False) -> None:
    """List the teams with access to an environment, and their kubeconfigs that work.

    Example: poscloud access list -s wbyh-stage
    """
    from poscloud.engine.access.command import teams
    from poscloud.engine.environments.expiry import written
    from poscloud.local.progress import ConsoleReporter

    found = teams(root(), stack, ConsoleReporter())
    if json:
        _output.write_json({"teams": [team.as_data() for team in found]})
        return
    rows = [("TEAM", "MAY", "FROM", "KUBECONFIGS")]
    for team in found:
        whence = f"{team.by}, by hand" if team.by else "description"
        given = "; ".join(f"until {written(g.until)} ({g.by})" for g in team.grants) or "none"
        rows.append((team.name, ", ".join(("look", *team.may)), whence, given))
    if found:
        _output.table(rows)
    else:
        _output.tell(f"no team has access to {stack}: poscloud access create TEAM -s {stack}")


@app.command("delete")
def delete(team: Team, stack: Stack, yes: Yes = False) -> None:
    """Take away all kubeconfigs of a team; within seconds the API server refuses them.

    A team that was given access by hand loses it; one that is described can get a new kubeconfig.

    Example: poscloud access delete payments -s wbyh-stage
    """
    from poscloud.engine.access.command import delete
    from poscloud.local.progress import ConsoleReporter

    found, count = delete(root(), stack, team, ConsoleReporter(), yes=yes)
    _output.say(f"team {team} of {stack}: {count} kubeconfig{'' if count == 1 else 's'} taken away")
    if not found.by:
        _output.tell(f"the team itself is described: `access` in stacks/{stack}.yaml")
