"""``poscloud env create``: from a name to a running copy."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from poscloud.engine import deploy
from poscloud.engine.deploy import Prepared
from poscloud.engine.environments.asked import owner, time_to_live
from poscloud.engine.environments.asked import team as asking_team
from poscloud.engine.environments.builds import Build, builds, read_requests
from poscloud.engine.environments.copying import (
    Order,
    copy_configuration,
    describe_copy,
    remembered,
    same_asker,
)
from poscloud.engine.environments.listing import annotation
from poscloud.engine.environments.naming import environment_name
from poscloud.engine.environments.queue import Limit, limits_of
from poscloud.engine.environments.removal import undo
from poscloud.engine.environments.turn import take_turn
from poscloud.engine.environments.unmade import remove_unmade
from poscloud.engine.interrupt import stopped_alike
from poscloud.engine.kubectl import stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.errors import DeployError, PosCloudError
from poscloud.forge import merge_request_id
from poscloud.load import known_stacks, load_environment
from poscloud.local.progress import Reporter
from poscloud.render import names
from poscloud.spec.lifetime import seconds


def create(
    root: Path,
    wanted: str,
    original: str,
    reporter: Reporter,
    *,
    ttl: str | None = None,
    who: str = "",
    merge_request: str = "",
    only: tuple[str, ...] = (),
    changes: tuple[str, ...] = (),
    requests: tuple[str, ...] = (),
    wait: str = "",
    team: str = "",
) -> int:
    """Make a copy of an environment and bring it up; return the engine's exit code.

    Args:
        root: The project's folder.
        wanted: What it is to be called; any text, as a branch's name.
        original: The environment it is a copy of.
        reporter: Gets progress.
        ttl: How long it stays without activity; ``None`` for the usual time.
        who: Who asks for it; by default the CI job's or git's user.
        merge_request: ``PROJECT!NUMBER``; by default the one that the CI job runs for, if any.
        only: Services to run, with what they need; empty for all.
        changes: ``SERVICE.FIELD=VALUE``.
        requests: Merge requests whose builds its services run, ``REPOSITORY=!NUMBER``.
        wait: How long to wait for room, ``30m``, where there are as many copies as there may be.
        team: The team it counts for; by default what the variable POSCLOUD_TEAM says, if anything.

    Raises:
        PosCloudError: What was asked for is wrong, may not be had, or cannot be made ready; nothing of it is left.
    """
    waiting, name = _seconds(wait), _name(wanted, reporter)
    copies = load_environment(root, original).copies
    who, merge_request = who or owner(os.environ, root), merge_request or merge_request_id(os.environ)
    ttl = time_to_live(ttl, copies, who, original)
    team = team.strip() or asking_team(os.environ)
    limits = limits_of(copies, original, team)
    run = _builds(root, original, requests, only, reporter) if requests else ()
    order = Order(name, original, ttl, who, merge_request, only, changes, team, run)
    return _make(root, order, limits, waiting, reporter)


def _make(root: Path, order: Order, limits: list[Limit], waiting: int, reporter: Reporter) -> int:
    """Describe a copy, wait for room, and bring it up; nothing of it is left where that cannot be."""
    name, fresh = order.name, order.name not in known_stacks(root)
    describe_copy(root, order)
    with stopped_alike():
        try:
            prepared = _prepare(root, order, reporter)
            fresh = _refuse_taken(prepared, root, order) and fresh
            take_turn(prepared, root, limits, reporter, wait=waiting)
        except BaseException:
            if fresh:
                undo(root, name)
            raise
        reporter.note(
            f"{name}: a copy of {order.original} for {order.owner}, {order.ttl}, stacks/{name}.yaml"
        )
        return _up(prepared, root, limits, reporter)


def _up(prepared: Prepared, root: Path, limits: list[Limit], reporter: Reporter) -> int:
    name, code = prepared.stack, 1
    try:
        code = deploy.up(root, name, reporter, yes=True)
    finally:
        if code != 0 and limits:  # room that is not used is not kept
            with suppress(PosCloudError):
                remove_unmade(prepared.kubectl, name, f"{project_name(root)}/{name}")
    if code != 0:
        reporter.note(f"to go on: poscloud up -s {name}; to remove it: poscloud env destroy {name}")
    return code


def _builds(
    root: Path, original: str, requests: tuple[str, ...], only: tuple[str, ...], reporter: Reporter
) -> tuple[Build, ...]:
    spec = load_environment(root, original)
    found = builds(spec, read_requests(spec, requests, only), os.environ)
    for build in found:
        reporter.note(build.said)
    return tuple(found)


def _name(wanted: str, reporter: Reporter) -> str:
    name = environment_name(wanted)
    if name != wanted:
        reporter.note(f"'{wanted}' becomes {name}")
    return name


def _seconds(wait: str) -> int:
    try:
        return seconds(wait) if wait else 0
    except ValueError as error:
        raise PosCloudError(f"--wait: {error}", hint="for example --wait 30m") from None


def _prepare(root: Path, order: Order, reporter: Reporter) -> Prepared:
    """Make stack and cluster of a copy ready, with the configuration of the environment it is a copy of."""
    deploy.install(root, reporter)
    pulumi = Pulumi(root, read_stack_config(root, order.original).context)
    if not remembered(pulumi, root, order.name):
        pulumi.ensure_stack(order.name)
    if taken := copy_configuration(pulumi, root, order):
        reporter.note(f"configuration as {order.original}: {', '.join(taken)}")
    return deploy.prepare(root, order.name, reporter)


def _refuse_taken(prepared: Prepared, root: Path, order: Order) -> bool:
    """Make sure that the copy's namespace is free, or its own; return whether nothing of it was made yet.

    Raises:
        DeployError: It is somebody else's, or a copy that somebody else asked for.
    """
    live = prepared.kubectl.get("namespace", prepared.stack)
    if not live:
        return True
    owner, merge_request, original = (
        annotation(live, name)
        for name in (names.OWNER_ANNOTATION, names.MERGE_REQUEST_ANNOTATION, names.COPY_ANNOTATION)
    )
    whose = ""
    if stamp_of(live) != f"{project_name(root)}/{prepared.stack}":
        whose = f"belongs to stack {stamp_of(live)}" if stamp_of(live) else "belongs to no stack"
    elif original != order.original:
        whose = f"is a copy of {original}" if original else "is no copy"
    elif not same_asker(order, owner, merge_request):
        whose = f"is the copy of {owner or 'somebody else'}" + (
            f" for {merge_request}" if merge_request else ""
        )
    if whose:
        raise DeployError(
            f"namespace {prepared.stack} is there already and {whose}; nothing was made",
            hint="choose another name; which there are: poscloud env list",
        )
    return bool(annotation(live, names.WAITING_ANNOTATION))
