"""``poscloud env``: copies of environments, made and released all day."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import DiscardLogs, Json, Yes, complete_stack, root

if TYPE_CHECKING:
    from poscloud.engine.environments.listing import Environment

app = typer.Typer(help="Copies of environments with a lifetime.", no_args_is_help=True)

HEADINGS = (
    "NAME",
    "COPY OF",
    "OWNER",
    "TEAM",
    "MERGE REQUEST",
    "AGE",
    "LEFT",
    "WORKLOADS",
    "ASKS FOR",
    "HEALTH",
)

Name = Annotated[str, typer.Argument(help="The copy's name.", autocompletion=complete_stack)]

Builds = Annotated[
    list[str] | None,
    typer.Option("--with", help="REPOSITORY=!NUMBER: run this merge request's build; may be given again."),
]
Team = Annotated[
    str, typer.Option("--team", help="The team it counts for; by default what POSCLOUD_TEAM says.")
]

Wait = Annotated[
    str, typer.Option("--wait", help="How long to wait for room, where there are too many: 30m.")
]


@app.callback()
def group() -> None:
    """Copies of environments with a lifetime."""


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is to be called; any text, as a branch's name.")],
    original: Annotated[
        str, typer.Option("--from", help="The environment to copy.", autocompletion=complete_stack)
    ],
    ttl: Annotated[
        str | None, typer.Option("--ttl", help="Time without activity until its release: 90m, 8h, 3d.")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="SERVICE.FIELD=VALUE; may be given again.")
    ] = None,
    requests: Builds = None,
    only: Annotated[str, typer.Option("--only", help="Only these services, A,B, and what they need.")] = "",
    owner: Annotated[
        str, typer.Option("--owner", help="Who asks for it; by default the CI job's or git's user.")
    ] = "",
    merge_request: Annotated[
        str, typer.Option("--mr", help="The merge request it is for, PROJECT!NUMBER.")
    ] = "",
    team: Team = "",
    wait: Wait = "",
) -> None:
    """Make a copy of an environment and bring it up.

    Everything of it but node ports, which the cluster chooses, and Ingress hosts, which get the copy's
    name in front. Its description is stacks/NAME.yaml; poscloud up -s NAME works on it as on any other.

    Example: poscloud env create feature/PAY-12 --from wbyh-stage --set dac-task.version=v2
    """
    from poscloud.engine.environments.create import create
    from poscloud.local.progress import ConsoleReporter

    code = create(
        root(),
        name,
        original,
        ConsoleReporter(),
        ttl=ttl,
        who=owner,
        merge_request=merge_request,
        only=tuple(part.strip() for part in only.split(",") if part.strip()),
        changes=tuple(changes or ()),
        requests=tuple(requests or ()),
        wait=wait,
        team=team,
    )
    sys.exit(code)


@app.command("list")
def list_environments(
    context: Annotated[
        str, typer.Option("--context", help="The cluster's kubeconfig context; by default the local one.")
    ] = "",
    json: Json = False,
) -> None:
    """List the environments of this project that are there, or wait for room: age, time left, owner, size, health.

    Example: poscloud env list
    """
    from poscloud.cluster.target import resolve
    from poscloud.engine.environments.listing import environments
    from poscloud.engine.stackconfig import project_name

    found = environments(resolve(root(), context, ""), project_name(root()))
    if json:
        _output.write_json({"environments": [_as_data(environment) for environment in found]})
        return
    rows = [HEADINGS, *(_row(environment) for environment in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if found else ():
        _output.say("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    if not found:
        _output.tell("no environment is there; make one: poscloud env create NAME --from STACK")


@app.command("extend")
def extend(
    name: Name,
    by: Annotated[str, typer.Option("--by", help="How long it stays from now on at least: 4h, 2d.")] = "8h",
) -> None:
    """Make a copy stay longer; never shorter.

    Example: poscloud env extend feature-pay-12 --by 4h
    """
    from datetime import UTC, datetime

    from poscloud.engine.environments import activity
    from poscloud.engine.environments.naming import known_name
    from poscloud.engine.environments.where import kubectl_of

    name = known_name(root(), name)
    lease = activity.extend(kubectl_of(root(), name), name, by)
    _output.say(f"{name} {activity.until(lease, datetime.now(UTC))}")


@app.command("sleep")
def sleep(name: Name, yes: Yes = False) -> None:
    """Take all pods of an environment away until somebody wakes it; everything else stays, data too.

    Production is put to sleep only with --yes.

    Example: poscloud env sleep feature-pay-12
    """
    import os

    from poscloud.engine.description import may_be_production
    from poscloud.engine.environments.asked import owner
    from poscloud.engine.environments.sleep import sleep
    from poscloud.engine.environments.where import marked
    from poscloud.errors import PosCloudError
    from poscloud.local.progress import ConsoleReporter

    target, name, mark = marked(root(), name)
    if not yes and not target.local and may_be_production(root(), name):
        raise PosCloudError(f"{name} is production", hint=f"if it is meant: poscloud env sleep {name} --yes")
    count = sleep(target, name, mark, owner(os.environ, root()), ConsoleReporter())
    _output.say(f"{name} is asleep: {count} workloads without pods, all data kept")
    _output.tell(f"to go on: poscloud env wake {name}")


@app.command("wake")
def wake(
    name: Name,
    stays: Annotated[
        str, typer.Option("--for", help="How long no office hours put it to sleep: 2h, 1d.")
    ] = "2h",
) -> None:
    """Give an environment its pods back, in the order they start in, and wait until they are ready.

    Example: poscloud env wake feature-pay-12 --for 4h
    """
    from poscloud.engine.environments.sleep import awake_for, wake
    from poscloud.engine.environments.where import marked
    from poscloud.local.progress import ConsoleReporter

    awake = awake_for(stays, name)
    target, name, mark = marked(root(), name)
    count = wake(target, name, mark, ConsoleReporter(), awake)
    _output.say(f"{name} is awake: {count} workloads have their pods back, all ready")


@app.command("destroy")
def destroy(name: Name, yes: Yes = False, discard_logs: DiscardLogs = False) -> None:
    """Archive a copy's logs, then remove it with all its data, its stack and its description.

    Example: poscloud env destroy feature-pay-12
    """
    from poscloud.engine.environments import removal
    from poscloud.local.progress import ConsoleReporter

    sys.exit(removal.destroy(root(), name, ConsoleReporter(), yes=yes, discard_logs=discard_logs))


@app.command("diff")
def diff(
    one: Annotated[str, typer.Argument(autocompletion=complete_stack)],
    other: Annotated[str, typer.Argument(autocompletion=complete_stack)],
    json: Json = False,
) -> None:
    """Say in which components two environments differ, and where; no cluster is asked.

    Exit code 1 when they differ.

    Example: poscloud env diff wbyh-stage feature-pay-12
    """
    from poscloud.engine.environments.compare import compare

    found = compare(root(), one, other)
    if json:
        _output.write_json({"components": [vars(component) for component in found]})
    else:
        for component in found:
            _output.say(f"{component.name}: {component.what}")
            for line in component.lines:
                _output.say(f"  {line}")
    if not found:
        _output.tell(f"{one} and {other} have the same components")
    sys.exit(1 if found else 0)


@app.command("sweep")
def sweep(yes: Yes = False, discard_logs: DiscardLogs = False) -> None:
    """List the copies whose time is up, whose merge request is closed or whose namespace is gone; --yes removes them.

    With --yes, environments that have office hours are put to sleep after them and woken when they begin, too, and
    changes by `poscloud scale` whose time is over are put back. Which merge requests are open is asked in a CI job
    only. What failed is tried again by the next sweep. Exit code 1 when some are left.

    Example: poscloud env sweep --yes
    """
    from poscloud.engine.environments.sweep import sweep
    from poscloud.local.progress import ConsoleReporter

    swept = sweep(root(), ConsoleReporter(), yes=yes, discard_logs=discard_logs)
    for name, why in swept.over.items():
        state = "removed" if name in swept.removed else "failed" if name in swept.failed else "over"
        _output.say(f"{state}  {name}  ({why})")
    kept = swept.upkeep
    for name, due in kept.due.items():
        done = (
            {"sleep": "asleep", "wake": "awake"}[due] if name in kept.changed else "failed" if yes else "due"
        )
        _output.say(f"{done}  {name}  ({'outside' if due == 'sleep' else 'within'} its office hours)")
    for line in kept.by_hand:
        _output.say(f"by hand  {line}")
    failed = swept.failed | kept.failed
    for name, error in failed.items():
        _output.tell(f"{name}: {error}")
    if not (swept.over or kept.due):
        _output.tell("no environment has come to its end")
    if swept.left and not yes:
        _output.tell("to remove them: poscloud env sweep --yes")
    sys.exit(1 if swept.left or failed else 0)


def _row(found: Environment) -> tuple[str, ...]:
    from datetime import UTC, datetime

    from poscloud.engine.environments.expiry import stays
    from poscloud.spec.lifetime import in_words

    now, ends = datetime.now(UTC), found.lease.ends
    left = "stays" if stays(found.lease) or ends is None else "over"
    if ends and ends > now:
        left = in_words((ends - now).total_seconds())
    if found.queued:
        left = "-"
    size = f"{found.cpu:.1f} CPU, {found.memory / 2**30:.1f} GiB"
    return (
        found.name,
        found.copy_of or "-",
        found.owner or "-",
        found.team or "-",
        found.merge_request or "-",
        in_words((now - found.made).total_seconds()),
        left,
        str(found.workloads),
        size,
        found.health,
    )


def _as_data(found: Environment) -> dict[str, object]:
    from poscloud.engine.environments.expiry import written

    ends = found.lease.ends
    return {
        "name": found.name,
        "copyOf": found.copy_of or None,
        "owner": found.owner or None,
        "team": found.team or None,
        "mergeRequest": found.merge_request or None,
        "madeWith": list(found.made_with),
        "made": written(found.made),
        "ends": written(ends) if ends else None,
        "workloads": found.workloads,
        "ready": found.ready,
        "cpu": found.cpu,
        "memory": found.memory,
        "health": found.health,
        "asleep": found.rest.asleep or None,
        "asleepBy": found.rest.by or None,
        "officeHours": found.rest.hours or None,
        "place": found.place or None,
    }
