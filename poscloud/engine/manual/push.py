"""``poscloud push-jar`` and ``poscloud rollback``: another version of services, recorded, one after the other."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from poscloud.engine.description import Description, describe
from poscloud.engine.drift.described import Described, described
from poscloud.engine.environments.asked import owner
from poscloud.engine.jars import check_jars
from poscloud.engine.jarversions import latest_good
from poscloud.engine.manual.asked import begin, end_of
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.fields import set_fields
from poscloud.engine.manual.history import PUSHED, before, pushed_text
from poscloud.engine.manual.lastwords import with_last_words
from poscloud.engine.manual.ledger import Ledger, without
from poscloud.engine.manual.place import Place, refuse_others
from poscloud.engine.manual.versions import (
    chosen,
    difference,
    refuse,
    version_in,
    with_version,
    workload_manifest,
)
from poscloud.engine.manual.workload import live_workload, workload_of
from poscloud.engine.manual.write import recorded, wait
from poscloud.errors import PosCloudError, WaitTimeoutError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import Path, get
from poscloud.spec import EnvironmentSpec

Object = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        action: ``push-jar`` or ``rollback``, for the ledger.
        lasts: For how long, ``2h``; empty: until the next ``up``.
        why: The reason.
        yes: It may be production.
        offline: The stores are not asked whether they have the jars.
    """

    action: str = "push-jar"
    lasts: str = ""
    why: str = "no reason given"
    yes: bool = False
    offline: bool = False


@dataclass(frozen=True)
class Step:
    """One service that is given another version.

    Attributes:
        service: Its name.
        version: What it is to have.
        workload: Its workload in the stack's state.
    """

    service: str
    version: str
    workload: Described

    @property
    def stated(self) -> str:
        """The version of the last ``up``."""
        return version_in(get(self.workload.inputs, "spec", "template", default={}), self.service)


def push(
    root: pathlib.Path,
    stack: str,
    words: tuple[str, ...],
    reporter: Reporter,
    say: Callable[[str], None],
    wanted: Wanted,
) -> None:
    """Give services another version, one after the other, and wait for each; all are looked at before the first.

    Args:
        root: The project's folder.
        stack: The environment.
        words: ``[VERSION] [SERVICE…]``; without a version the latest one that is complete in the jars' store, without
            a service all that have a version, or without both all that have a jar.
        reporter: Shows progress.
        say: Gets a line for each service that was done.
        wanted: What else is asked for.

    Raises:
        PosCloudError: Something cannot be given that version, or the environment is not to be changed now; nothing
            was changed.
        WaitTimeoutError: A service did not become ready. It and those before it keep the version, and are recorded.
    """
    until = end_of(wanted.lasts)
    place = begin(root, stack, reporter, yes=wanted.yes)
    description = describe(root, stack)
    version, services = chosen(words, description.spec)
    versions = {name: version or _latest(description.spec, name) for name in services}
    for name, one in versions.items():
        refuse(name, description.spec.services[name], one, stack)
    if not wanted.offline:
        _check_jars(description, versions, reporter)
    found = described(place.pulumi, stack, secrets=False)
    steps = [
        Step(
            name,
            one,
            workload_of(found, workload_manifest(description.spec, name)["metadata"]["name"], stack),
        )
        for name, one in versions.items()
    ]
    asyncio.run(_push(place, description.spec, steps, _new(wanted, root, until), reporter, say))


def _new(wanted: Wanted, root: pathlib.Path, until: datetime | None) -> Entry:
    """Return an entry that has all but what is done to which object."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Entry(wanted.action, "", "", "", (), owner(os.environ, root), wanted.why, now, until)


def _latest(spec: EnvironmentSpec, name: str) -> str:
    jar = getattr(spec.services[name], "jar", None)
    if jar is None:
        raise PosCloudError(
            f"which version of '{name}' is the latest, only a store of jars says, and it runs an image",
            hint=f"give a version: poscloud push-jar VERSION {name} -s {spec.name}",
        )
    return latest_good(jar, spec.name, name)


def _check_jars(description: Description, versions: dict[str, str], reporter: Reporter) -> None:
    """Ask the stores for the jars of just these services and versions."""
    spec = description.spec
    for name, version in versions.items():
        spec = with_version(spec, name, version)
    spec = spec.model_copy(update={"services": {name: spec.services[name] for name in versions}})
    findings, notes = check_jars(spec)
    for note in notes:
        reporter.note(note)
    if findings:
        raise PosCloudError(findings[0].message, hint="nothing was changed; --offline does not ask the store")


async def _push(
    place: Place,
    spec: EnvironmentSpec,
    steps: list[Step],
    new: Entry,
    reporter: Reporter,
    say: Callable[[str], None],
) -> None:
    cluster = place.cluster()
    await refuse_others(place, cluster)
    for step in steps:  # all of them before the first is changed
        await live_workload(cluster, step.workload, place.stack)
    done: list[str] = []
    for step in steps:
        try:
            say(await _one(cluster, place, spec, step, new, reporter))
        except PosCloudError as error:
            raise _stopped(error, step, done, [s.service for s in steps], place.stack) from None
        done.append(step.service)


async def _one(
    cluster: Cluster, place: Place, spec: EnvironmentSpec, step: Step, new: Entry, reporter: Reporter
) -> str:
    """Give one service its version, and return what was done once it is ready."""
    workload = step.workload
    live = await live_workload(cluster, workload, place.stack)
    fields = (
        difference(spec, step.service, step.stated, step.version, live) if step.version != step.stated else []
    )
    entry = replace(
        new,
        api_version=str(workload.inputs["apiVersion"]),
        kind=workload.kind,
        name=workload.name,
        changes=tuple(fields),
        versions=(step.stated, step.version),
    )
    ledger = Ledger(cluster, place.stack)
    earlier = next((each for each in await ledger.read() if each.key == entry.key), None)
    known = {c.path: c.before for c in earlier.changes} if earlier else {}
    again = known.keys() - {change.path for change in fields}
    beside: dict[Path, Any] = {path: get(workload.inputs, *path) for path in again}
    if fields:
        beside |= {PUSHED: pushed_text(entry)}
        entry = replace(entry, changes=tuple(replace(c, before=known.get(c.path, c.before)) for c in fields))
        live = await recorded(cluster, ledger, live, entry, earlier, beside)
        done = str(entry)
    else:
        done = f"{entry.object} has version {step.stated}, as the stack says"
        if earlier:
            live = await set_fields(cluster, live, beside, workload.manager)
            await ledger.write(without(earlier))
        _refuse_others_version(live, step, place.stack)
    try:
        await wait(cluster, live, done, reporter)
    except WaitTimeoutError as error:
        raise await with_last_words(cluster, live, error) from None
    return done


def _refuse_others_version(live: Object, step: Step, stack: str) -> None:
    """Make sure that a service that is to have the stack's version has it.

    Raises:
        PosCloudError: It has one that was not given by this command.
    """
    now = version_in(get(live, "spec", "template", default={}), step.service)
    if now != step.stated:
        raise PosCloudError(
            f"{step.workload.kind} {step.workload.name} has version {now}, which poscloud does not know of; the stack "
            f"says {step.stated}",
            hint=f"who gave it says: poscloud drift -s {stack}; to put the stack's back: poscloud drift -s {stack} "
            "--revert",
        )


def _stopped(
    error: PosCloudError, step: Step, done: list[str], services: list[str], stack: str
) -> PosCloudError:
    """Return an error with what was done before it, what was not, and what goes back."""
    hints = [error.hint] if error.hint else []
    if isinstance(error, WaitTimeoutError):
        hints.append(f"back to what the stack says: poscloud rollback {step.service} -s {stack}")
    if done:
        hints.append(
            f"done before, and recorded: {', '.join(done)}; each goes back by poscloud rollback, too"
        )
    if left := services[services.index(step.service) + 1 :]:
        hints.append(f"not changed: {', '.join(left)}")
    error.message = f"{step.service}: {error.message}"
    error.args = (error.message,)
    error.hint = "\n  ".join(hints)
    return error


def rollback(
    root: pathlib.Path,
    stack: str,
    service: str,
    version: str,
    reporter: Reporter,
    say: Callable[[str], None],
    wanted: Wanted,
) -> None:
    """Give a service an earlier version; without one, what the stack says, or where it has that, the one before.

    Arguments and errors as of ``push``.
    """
    push(root, stack, (version or before(root, stack, service, reporter), service), reporter, say, wanted)
