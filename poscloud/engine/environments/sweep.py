"""Releasing what has come to its end, and forgetting what is gone already; a sweep may be killed and run again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from poscloud.cluster.target import Target
from poscloud.engine.deploy import install
from poscloud.engine.environments import removal
from poscloud.engine.environments.listing import Environment, environments
from poscloud.engine.environments.rest import OFFICE_HOURS
from poscloud.engine.environments.sleep import sleep, wake
from poscloud.engine.environments.where import kubectl_of
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError, PosCloudError
from poscloud.forge import from_environment, project_of
from poscloud.load import known_stacks, load_environment
from poscloud.local.progress import Reporter
from poscloud.spec.lifetime import in_words


@dataclass
class Swept:
    """What a sweep found and did.

    Attributes:
        over: Environment → why it is to go.
        removed: Those that it removed.
        failed: Environment → why it could not be removed, or changed; the next sweep tries again.
        due: Environment → ``sleep`` or ``wake``, as its office hours want.
        changed: Those of them that it put to sleep or woke.
        by_hand: What became of changes by hand whose time was over, in environments that stay.
    """

    over: dict[str, str]
    removed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    due: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)

    @property
    def left(self) -> list[str]:
        """Those that are still there, or could not be changed."""
        gone = {*self.removed, *self.changed}
        return [name for name in dict.fromkeys([*self.over, *self.failed]) if name not in gone]


def sweep(
    root: Path,
    reporter: Reporter,
    *,
    yes: bool,
    discard_logs: bool = False,
    now: datetime | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Swept:
    """Find the copies that are to go, and what has to sleep or wake; with ``yes``, do it, each archived first.

    In what stays, changes by hand whose time is over are put back with ``yes``.

    Args:
        root: The project's folder.
        reporter: Shows progress.
        yes: Do it.
        discard_logs: Archive nothing.
        now: The time at which lifetimes are over; by default this moment.
        environ: Where CI says which forge has the merge requests.

    Raises:
        PosCloudError: Cluster or backend cannot be asked; nothing was removed.
    """
    install(root, reporter)
    now, there = now or datetime.now(UTC), _everywhere(root, reporter)
    swept = Swept(over(root, [found for _, found in there], reporter, now, environ))
    swept.due = {e.name: due for _, e in there if e.name not in swept.over and (due := _due(e, now))}
    for target, environment in there if yes else ():
        if environment.name in swept.due:
            _rest(root, target, environment.name, swept, reporter)
    for name in swept.over if yes else ():
        try:
            code = removal.destroy(root, name, reporter, yes=True, discard_logs=discard_logs)
        except PosCloudError as error:
            swept.failed[name] = str(error)
            continue
        if code == 0:
            swept.removed.append(name)
        else:
            swept.failed[name] = f"poscloud env destroy {name} ended with {code}"
    if yes:
        swept.by_hand += _put_back(root, there, swept, now)
    return swept


def _put_back(root: Path, there: list[tuple[Target, Environment]], swept: Swept, now: datetime) -> list[str]:
    """Put back what was changed by hand, and is over, in every environment that stays; return what was done."""
    from poscloud.engine.manual.everywhere import put_back

    done = []
    for target, found in there:
        if found.deleting or found.name in swept.over:
            continue
        try:
            done += [f"{found.name}: {line}" for line in put_back(root, target, found.name, now)]
        except PosCloudError as error:
            swept.failed[found.name] = f"changes by hand were not put back: {error}"
    return done


def _due(environment: Environment, now: datetime) -> str:
    """Return what the office hours of an environment want done: ``sleep``, ``wake``, or nothing."""
    return "" if environment.deleting else environment.rest.due(environment.lease.active, now)


def _rest(root: Path, target: Target, name: str, swept: Swept, reporter: Reporter) -> None:
    """Put an environment to sleep or wake it, as its office hours want."""
    mark = f"{project_name(root)}/{name}"
    try:
        if swept.due[name] == "sleep":
            sleep(target, name, mark, OFFICE_HOURS, reporter)
        else:
            wake(target, name, mark, reporter)
        swept.changed.append(name)
    except PosCloudError as error:
        swept.failed[name] = str(error)


def over(
    root: Path, there: list[Environment], reporter: Reporter, now: datetime, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return environment → why it is to go; ``there`` are all of the project.

    Raises:
        PosCloudError: The backend cannot be asked.
    """
    found = {
        environment.name: f"its time was up {in_words((now - ends).total_seconds())} ago"
        for environment in there
        if (ends := environment.lease.ends) and ends <= now
    }
    found |= closed(there, environ, reporter)
    return found | {
        name: "its namespace is gone, and its stack is not"
        for name in sorted(_copies(root) & _stacks(root) - {environment.name for environment in there})
    }


def closed(there: list[Environment], environ: Mapping[str, str], reporter: Reporter) -> dict[str, str]:
    """Return the environments whose merge request is not open any more; none where no forge can be asked.

    A forge that does not answer now is asked again by the next sweep: nothing is removed on a guess.
    """
    project = project_of(environ)
    mine = {e.name: e.merge_request for e in there if e.merge_request.rpartition("!")[0] == project}
    if not project or not mine:
        return {}
    try:
        forge = from_environment(environ)
        numbers = {request.number for request in forge.open_requests()} if forge else None
    except PosCloudError as error:
        reporter.note(f"merge requests not looked at: {error.message}")
        return {}
    return {
        name: f"merge request {request} is not open any more"
        for name, request in mine.items()
        if numbers is not None and int(request.rpartition("!")[2]) not in numbers
    }


def _everywhere(root: Path, reporter: Reporter) -> list[tuple[Target, Environment]]:
    """Return the environments of the project in every cluster that one of its stacks goes to, and where each is."""
    targets: dict[str, Target] = {}
    for stack in [*known_stacks(root)]:
        try:
            target = kubectl_of(root, stack).target
        except PosCloudError as error:
            reporter.note(f"not looked at, the cluster of {stack}: {error.message}")
            continue
        targets.setdefault(target.server, target)
    if not targets:
        raise DeployError("there is no cluster to sweep", hint="run: poscloud cluster up")
    project = project_name(root)
    return [(target, found) for target in targets.values() for found in environments(target, project)]


def _copies(root: Path) -> set[str]:
    """Return the environments that are described here as copies."""
    found = set()
    for name in known_stacks(root):
        try:
            found |= {name} if load_environment(root, name).copy_of else set()
        except PosCloudError:
            continue
    return found


def _stacks(root: Path) -> set[str]:
    """Return the stacks that the backend has.

    Raises:
        DeployError: It does not answer.
    """
    done = Pulumi(root).quietly("stack", "ls", "--json", "--non-interactive")
    if done.returncode != 0:
        raise DeployError(f"cannot list the stacks: {done.stderr.strip()}", hint="run: poscloud doctor")
    return {str(stack["name"]).rpartition("/")[2] for stack in json.loads(done.stdout or "[]")}
