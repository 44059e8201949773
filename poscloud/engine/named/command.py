"""``poscloud apply``, ``create``, ``delete`` and ``delete-apps``: some services of an environment, through the engine.

The engine runs with the services' objects as its targets (docs/decisions/0041). So its state is as true as after an
``up``, and who may do an ``up`` may do this, where and as it is agreed to there.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from poscloud.cluster.watching.selection import selected
from poscloud.components.choice import VARIABLE
from poscloud.components.registry import component
from poscloud.engine import deploy, inventory, unrecorded
from poscloud.engine.access.told import refuse_rights
from poscloud.engine.deploy import Prepared
from poscloud.engine.description import Description, check_versions, describe
from poscloud.engine.environments.activity import begin, namespace_of, note_activity
from poscloud.engine.environments.listing import annotation
from poscloud.engine.fence import refuse_taken
from poscloud.engine.manual import around
from poscloud.engine.named import record
from poscloud.engine.named.plan import Plan, Planner
from poscloud.engine.named.stated import WORKLOADS, Stated, class_of, stated
from poscloud.engine.passwords import make_passwords
from poscloud.engine.stackconfig import project_name
from poscloud.engine.start import check_start
from poscloud.errors import DeployError, UsageError
from poscloud.local.progress import Reporter
from poscloud.render.names import ASLEEP_ANNOTATION

NAMED = 5
"""Services that a command in a message names at most."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        verb: ``apply``, ``create`` or ``delete``.
        services: What was typed; of ``delete``, empty means all services and no backing service.
        yes: Do not ask.
        offline: Do not ask the stores of jars.
        why: The reason, which is recorded of what is deleted.
        only_data: The engine shows its progress on stderr, because stdout is for data.
    """

    verb: str
    services: tuple[str, ...]
    yes: bool = False
    offline: bool = False
    why: str = "no reason given"
    only_data: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        code: The engine's exit code.
        services: What it was about: what was named, and what is needed.
        needed: What of it was not named, and was needed and not there.
        unchanged: What was named and was so already.
        objects: How many objects the engine could change; of ``delete``, how many are gone.
    """

    code: int = 0
    services: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    objects: int = 0


def run(root: Path, stack: str, wanted: Wanted, reporter: Reporter) -> Outcome:
    """Bring services to what is described, make those that are not there, or remove them.

    On the local cluster nothing is asked; elsewhere the engine shows what it would do and asks, unless ``yes``.

    Args:
        root: The project's folder.
        stack: The environment.
        wanted: What is asked for.
        reporter: Shows progress, and before anything is done, what else follows from it.

    Raises:
        InputError: The description is wrong.
        UsageError: There is no such service, or it is a backing service that cannot be deleted by itself.
        DeployError: The environment sleeps, a killed run has to be gone on with first, the namespace is another
            stack's; nothing was changed.
        PosCloudError: Something cannot be made ready.
    """
    described = describe(root, stack, project_name(root))
    check_start(root, stack)
    removes = wanted.verb == "delete"
    if not removes:
        selected(wanted.services, _names(described), stack)  # before anything is started for a wrong name
    prepared = deploy.prepare(root, stack, reporter, pin=not removes, spec=described.spec)
    prepared.pulumi.output = sys.stderr.fileno() if wanted.only_data else None
    _refuse_unsure(prepared)
    found = stated(inventory.deployment(prepared.pulumi, stack))
    names = _meant(wanted, described, found)
    there = found.parts()
    done = (
        tuple(n for n in names if (n in there) == (wanted.verb == "create")) if wanted.verb != "apply" else ()
    )
    names = [name for name in names if name not in done]
    for name in done:
        reporter.note(f"{name} is {'not there' if removes else 'there already'}")
    if not names:
        return Outcome(unchanged=done)
    planner = Planner(described.spec, described.parts, found, project_name(root), _classes(described))
    if removes:
        outcome = _delete(prepared, described, planner.delete(names), wanted, reporter)
    else:
        outcome = _apply(prepared, described, planner.apply(names), wanted, reporter)
    return replace(outcome, unchanged=done)


def _apply(
    prepared: Prepared, described: Description, plan: Plan, wanted: Wanted, reporter: Reporter
) -> Outcome:
    spec, stack, root = described.spec, prepared.stack, prepared.pulumi.root
    chosen = {name: part for name, part in spec.services.items() if name in plan.services}
    if not wanted.offline:
        check_versions(replace(described, spec=spec.model_copy(update={"services": chosen})), reporter.note)
    refuse_rights(prepared.target, spec, f"{project_name(root)}/{stack}")
    live = _refuse_asleep(prepared)
    make_passwords(prepared.pulumi, root, spec, reporter)
    begin(prepared.kubectl, live, spec, reporter)
    workloads = _workloads(described, plan)
    entries = around.tell(prepared.target, stack, reporter, workloads) if live else []
    if plan.needed:
        reporter.note(f"needed and not there, so that it is made as well: {', '.join(plan.needed)}")
    code = _run(prepared, plan, wanted, reporter)
    if code == 0:
        record.back(prepared.target, stack, entries, reporter)
        note_activity(prepared.kubectl, spec, reporter)
    return Outcome(code, plan.services, plan.needed, objects=len(plan.targets))


def _delete(
    prepared: Prepared, described: Description, plan: Plan, wanted: Wanted, reporter: Reporter
) -> Outcome:
    stack, root = prepared.stack, prepared.pulumi.root
    refuse_taken(prepared.pulumi, prepared.kubectl, stack, f"{project_name(root)}/{stack}")
    _refuse_asleep(prepared)
    more = " …" if len(plan.services) > NAMED else ""
    reporter.note(
        f"removes {', '.join(plan.services)}: {len(plan.gone)} objects, and no data of backing services; "
        f"made anew by: poscloud create {' '.join(plan.services[:NAMED])}{more} -s {stack}, and by the next up"
    )
    if plan.waiting:
        names = sorted({each.component.rpartition("::")[2] for each in plan.waiting})
        reporter.note(f"started after what is removed, and run on: {', '.join(names)}")
    code = _run(prepared, plan, wanted, reporter)
    if code != 0:
        return Outcome(code, plan.services)
    left = stated(inventory.deployment(prepared.pulumi, stack)).parts().keys() & set(plan.services)
    if left:
        raise DeployError(
            f"the engine ended well, and has not removed {', '.join(sorted(left))}",
            hint=f"run it again; or look: poscloud drift -s {stack}",
        )
    record.gone(prepared.target, root, stack, plan.gone, wanted.why, reporter)
    note_activity(prepared.kubectl, described.spec, reporter)
    return Outcome(code, plan.services, objects=len(plan.gone))


def _run(prepared: Prepared, plan: Plan, wanted: Wanted, reporter: Reporter) -> int:
    """Run the engine on a plan, its state written after each step, and return its exit code."""
    confirmed = ["--yes", "--skip-preview"] if wanted.yes or prepared.target.local else []
    targets = [f"--target={urn}" for urn in plan.targets]
    prepared.pulumi.environment[VARIABLE] = plan.choice.text
    code = deploy.run_engine(prepared, reporter, "up", *confirmed, *targets, checkpoints=True)
    if code == 0:
        unrecorded.clear(prepared.pulumi.paths, prepared.stack)
    return code


def _meant(wanted: Wanted, described: Description, found: Stated) -> list[str]:
    """Return the services that are meant.

    Raises:
        UsageError: There is no such service, or it is a backing service, which is not deleted by itself.
    """
    spec = described.spec
    if wanted.verb != "delete":
        return selected(wanted.services, _names(described), spec.name)
    backing = {name for name, urn in found.parts().items() if class_of(urn) in _backing_classes()}
    services = (found.parts().keys() | spec.services.keys()) - backing
    if not wanted.services:
        return sorted(found.parts().keys() - backing)
    names = selected(wanted.services, services | backing | spec.backing.keys(), spec.name)
    if kept := [name for name in names if name in backing | spec.backing.keys()]:
        raise UsageError(
            f"{', '.join(kept)} of {spec.name}: a backing service has data, and is not deleted by itself",
            hint=f"no pods for a while: poscloud scale {kept[0]} 0 -s {spec.name}; for good: take it out of the "
            f"stack's file, and poscloud up; everything: poscloud delete-all -s {spec.name}",
        )
    return names


def _names(described: Description) -> set[str]:
    return {*described.spec.services, *described.spec.backing}


def _classes(described: Description) -> dict[str, str]:
    """Return kind in the language → class of its component, of the kinds that a description has."""
    return {part.kind: _class(part.kind) for part in described.parts[1:]}


def _class(kind: str) -> str:
    return str(component(kind).__name__)


def _backing_classes() -> set[str]:
    from poscloud.spec.kinds import BACKING_KINDS

    return {_class(kind) for kind in BACKING_KINDS}


def _workloads(described: Description, plan: Plan) -> set[str]:
    """Return the workloads of the services of a plan, each ``Kind/name``."""
    manifests = [m for part in described.parts if part.name in plan.services for m in part.manifests]
    return {f"{m['kind']}/{m['metadata']['name']}" for m in manifests if m["kind"] in WORKLOADS}


def _refuse_unsure(prepared: Prepared) -> None:
    """Refuse to go on from a state that a killed run may have left behind the cluster.

    Raises:
        DeployError: There was such a run.
    """
    if prepared.unsure:
        raise DeployError(
            f"a run of {prepared.stack} was killed, and the state may not tell what it did; nothing was changed",
            hint=f"go on with it first: poscloud up -s {prepared.stack}",
        )


def _refuse_asleep(prepared: Prepared) -> dict[str, object]:
    """Return the live namespace, of an environment that does not sleep; empty where there is none.

    Raises:
        DeployError: It sleeps.
    """
    live = namespace_of(prepared.kubectl, prepared.stack)
    if annotation(live, ASLEEP_ANNOTATION):
        raise DeployError(
            f"{prepared.stack} is asleep; nothing was changed",
            hint=f"poscloud env wake {prepared.stack}, then this again",
        )
    return live
