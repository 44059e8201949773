"""``poscloud env create``: from a name to a running copy."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from poscloud.engine import deploy
from poscloud.engine.deploy import Prepared
from poscloud.engine.environments.asked import owner, refuse_closed, time_to_live
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
from poscloud.engine.environments.unmade import recorded_in, remove_unmade
from poscloud.engine.interrupt import stopped_alike
from poscloud.engine.inventory import holds
from poscloud.engine.kubectl import Kubectl, stamp_of
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
    refuse_closed(merge_request, os.environ, reporter)
    team = team.strip() or asking_team(os.environ)
    limits = limits_of(copies, original, team)
    run = _builds(root, original, requests, only, reporter) if requests else ()
    order = Order(name, original, ttl, who, merge_request, only, changes, team, run)
    return _make(root, order, limits, waiting, reporter)


def _make(root: Path, order: Order, limits: list[Limit], waiting: int, reporter: Reporter) -> int:
    """Describe a copy, wait for room, and bring it up; nothing of it is left where that cannot be."""
    name, run = order.name, _Run(root, order.name)
    describe_copy(root, order)
    with stopped_alike():
        try:
            prepared = _prepare(run, order, reporter)
            _refuse_taken(prepared, run, order)
            uid = take_turn(prepared, root, limits, reporter, wait=waiting)
        except BaseException:
            run.undo()
            raise
        reporter.note(
            f"{name}: a copy of {order.original} for {order.owner}, {order.ttl}, stacks/{name}.yaml"
        )
        return _up(prepared, root, uid, reporter)


class _Run:
    """What this run has written for a copy, so that no more than that is undone.

    Args:
        root: The project's folder.
        name: The copy, before anything is written.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        self.described = name not in known_stacks(root)
        self.configured = not (root / f"Pulumi.{name}.yaml").is_file()
        self.stack = False
        self.kubectl: Kubectl | None = None

    def undo(self) -> None:
        """Remove the description, and the stack where nobody else has it."""
        if self.described:
            undo(
                self.root,
                self.name,
                stack=self.stack and not self._is_passed_on(),
                configuration=self.configured,
            )

    def _is_passed_on(self) -> bool:
        """Whether another run of the same command has the place now, or that cannot be told."""
        if not self.kubectl:
            return False
        try:
            live = self.kubectl.get("namespace", self.name)
        except PosCloudError:
            return True
        return bool(live) and "deletionTimestamp" not in live["metadata"]


def _up(prepared: Prepared, root: Path, uid: str, reporter: Reporter) -> int:
    """Bring a copy up; where nothing came of it, the room that this run got, a namespace of ``uid``, is given back."""
    name, code, removed = prepared.stack, 1, ""
    try:
        code = deploy.up(root, name, reporter, yes=True)
    finally:
        if code != 0 and uid:  # room that is not used is not kept
            mark = f"{project_name(root)}/{name}"
            with suppress(PosCloudError):
                removed = remove_unmade(prepared.kubectl, prepared.pulumi, name, mark, uid=uid)
    if code != 0:
        again = "the same command, which asks for room again" if removed else f"poscloud up -s {name}"
        reporter.note(f"to go on: {again}; to remove it: poscloud env destroy {name}")
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


def _prepare(run: _Run, order: Order, reporter: Reporter) -> Prepared:
    """Make stack and cluster of a copy ready, with the configuration of the environment it is a copy of."""
    root = run.root
    deploy.install(root, reporter)
    pulumi = Pulumi(root, read_stack_config(root, order.original).context)
    if not remembered(pulumi, root, order.name):
        run.stack = True
        pulumi.ensure_stack(order.name)
    if taken := copy_configuration(pulumi, root, order):
        reporter.note(f"configuration as {order.original}: {', '.join(taken)}")
    return deploy.prepare(root, order.name, reporter)


def _refuse_taken(prepared: Prepared, run: _Run, order: Order) -> None:
    """Make sure that the copy's namespace is free, or its own; what was made of it by others is not undone.

    Raises:
        DeployError: It is somebody else's, or a copy that somebody else asked for; or the state says that the copy was
            made, and its namespace is gone.
    """
    live = prepared.kubectl.get("namespace", prepared.stack)
    if live:
        _refuse_other(live, run.root, order)
        run.described = run.described and bool(annotation(live, names.WAITING_ANNOTATION))
    if not run.stack:
        _refuse_gone(prepared, live)
    run.stack, run.kubectl = run.stack or bool(live), prepared.kubectl


def _refuse_gone(prepared: Prepared, live: dict[str, Any]) -> None:
    """Make sure that the engine does not take objects for made that went with an earlier namespace.

    Raises:
        DeployError: It would: the namespace is gone or going, or a new one, and the state has objects in it.
    """
    name, pulumi = prepared.stack, prepared.pulumi
    going = "deletionTimestamp" in (live.get("metadata") or {})
    ticket = annotation(live, names.WAITING_ANNOTATION) or annotation(live, names.LET_IN_ANNOTATION)
    if live and not going and (not ticket or holds(pulumi, name, live["metadata"]["uid"])):
        return
    if number := len(recorded_in(pulumi, name)):
        raise DeployError(
            f"namespace {name} {'is being deleted' if going else 'was deleted'}, and the state of stack {name} still "
            f"has {number} object{'' if number == 1 else 's'} in it; nothing was made",
            hint=f"first forget them: poscloud env destroy {name}; then the same command",
        )


def _refuse_other(live: dict[str, Any], root: Path, order: Order) -> None:
    """Make sure that a namespace is that of the same copy.

    Raises:
        DeployError: It is not.
    """
    owner, merge_request, original = (
        annotation(live, name)
        for name in (names.OWNER_ANNOTATION, names.MERGE_REQUEST_ANNOTATION, names.COPY_ANNOTATION)
    )
    whose = ""
    if stamp_of(live) != f"{project_name(root)}/{order.name}":
        whose = f"belongs to stack {stamp_of(live)}" if stamp_of(live) else "belongs to no stack"
    elif original != order.original:
        whose = f"is a copy of {original}" if original else "is no copy"
    elif not same_asker(order, owner, merge_request):
        whose = f"is the copy of {owner or 'somebody else'}" + (
            f" for {merge_request}" if merge_request else ""
        )
    if whose:
        raise DeployError(
            f"namespace {order.name} is there already and {whose}; nothing was made",
            hint="choose another name; which there are: poscloud env list",
        )
