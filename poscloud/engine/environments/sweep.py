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
from poscloud.engine.environments.expiry import lease_of, read
from poscloud.engine.environments.listing import Environment, annotation, environments
from poscloud.engine.environments.released import cut_short
from poscloud.engine.environments.upkeep import Upkeep, keep_up
from poscloud.engine.environments.where import kubectl_of
from poscloud.engine.interrupt import INTERRUPTED
from poscloud.engine.kubectl import Kubectl, stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.forge import from_environment, project_of
from poscloud.load import known_stacks, load_environment
from poscloud.local.progress import Reporter
from poscloud.provider.rest import UnreachableError
from poscloud.render.names import WAITING_ANNOTATION
from poscloud.spec.lifetime import in_words


@dataclass
class Swept:
    """What a sweep found and did.

    Attributes:
        over: Environment → why it is to go.
        removed: Those that it removed.
        failed: Environment → why it could not be removed; the next sweep tries again.
        upkeep: What it did for environments that stay.
    """

    over: dict[str, str]
    removed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    upkeep: Upkeep = field(default_factory=Upkeep)

    @property
    def left(self) -> list[str]:
        """Those that are still there."""
        return [name for name in self.over if name not in self.removed]


def sweep(
    root: Path,
    reporter: Reporter,
    *,
    yes: bool,
    discard_logs: bool = False,
    now: datetime | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Swept:
    """Find the copies that are to go, and remove them with ``yes``, each archived first.

    In what stays, office hours are looked at, and changes by hand whose time is over are put back with ``yes``.

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
    now, there = now or datetime.now(UTC), {found.name: found for found in _everywhere(root, reporter)}
    swept = Swept(over(root, there, reporter, now, environ))
    for name in [*swept.over] if yes else ():
        target = there[name].target if name in there else None
        try:
            if name in there and _is_wanted_again(root, there[name], now):
                reporter.note(f"{name} stays: somebody wants it again")
                del swept.over[name]
                continue
            code = removal.destroy(root, name, reporter, yes=True, discard_logs=discard_logs, target=target)
        except PosCloudError as error:
            swept.failed[name] = str(error)
            continue
        if code == 0:
            swept.removed.append(name)
        else:
            swept.failed[name] = f"poscloud env destroy {name} ended with {code}"
        if code == INTERRUPTED:
            return swept  # who asked to stop did not mean this one alone
    stay = [environment for name, environment in there.items() if name not in swept.over]
    swept.upkeep = keep_up(root, stay, now, reporter, yes=yes)
    return swept


def _is_wanted_again(root: Path, environment: Environment, now: datetime) -> bool:
    """Whether what was over when it was listed is not any more: removing others takes its time."""
    assert environment.target
    live = Kubectl(environment.target, Pulumi(root).environment).get("namespace", environment.name)
    if not live:
        return False
    if environment.silent_since:
        sign = read(annotation(live, WAITING_ANNOTATION))
        return sign is None or sign > environment.silent_since
    return environment.lease.is_over(now) and not lease_of(live).is_over(now)


def over(
    root: Path,
    there: Mapping[str, Environment],
    reporter: Reporter,
    now: datetime,
    environ: Mapping[str, str],
) -> dict[str, str]:
    """Return environment → why it is to go.

    Args:
        root: The project's folder.
        there: The environments that are there, by name.
        reporter: Gets what could not be looked at.
        now: The time.
        environ: Where CI says which forge has the merge requests.

    Raises:
        PosCloudError: The backend cannot be asked.
    """
    found = {
        name: f"its time was up {in_words((now - ends).total_seconds())} ago"
        for name, environment in there.items()
        if (ends := environment.lease.ends) and ends <= now and not environment.queued
    }
    found |= {
        name: f"who waited for room with it is gone, since {in_words((now - since).total_seconds())}"
        for name, environment in there.items()
        if (since := environment.silent_since)
    }
    found |= closed(list(there.values()), environ, reporter)
    stacks = _stacks(root) - there.keys()
    left = {name for name in _copies(root) & stacks if _has_no_namespace(root, name, reporter)}
    left |= cut_short(root, stacks - {*known_stacks(root)}, reporter)
    return found | {name: "its namespace is gone, and its stack is not" for name in sorted(left)}


def _has_no_namespace(root: Path, name: str, reporter: Reporter) -> bool:
    """Whether a copy's cluster says that its namespace is not there; one that does not answer says nothing."""
    try:
        live = kubectl_of(root, name).get("namespace", name)
    except PosCloudError as error:
        reporter.note(f"not looked at, the cluster of {name}: {error.message}")
        return False
    return stamp_of(live) != f"{project_name(root)}/{name}"


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


def _everywhere(root: Path, reporter: Reporter) -> list[Environment]:
    """Return the environments of the project in every cluster that one of its stacks goes to.

    Raises:
        PosCloudError: There is none, or none that lets itself be asked.
    """
    targets: dict[str, Target] = {}
    refused: AuthError | None = None
    for stack in [*known_stacks(root)]:
        try:
            target = kubectl_of(root, stack).target
        except PosCloudError as error:
            reporter.note(f"not looked at, the cluster of {stack}: {error.message}")
            refused = error if isinstance(error, AuthError) else refused
            continue
        targets.setdefault(target.server, target)
    if not targets:
        raise refused or DeployError("there is no cluster to sweep", hint="run: poscloud cluster up")
    found: list[Environment] = []
    for target in targets.values():
        try:
            found += environments(target, project_name(root))
        except UnreachableError as error:
            reporter.note(f"not looked at, {target}: {error.message}")
    return found


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
