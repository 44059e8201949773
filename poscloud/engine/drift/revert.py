"""``poscloud drift --revert``: the stack's values put back, by the provider's own way of writing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from poscloud.engine.drift.difference import Compared
from poscloud.engine.drift.report import Report
from poscloud.engine.inventory import Key
from poscloud.engine.locks import refuse_in_use
from poscloud.engine.manual.place import Place
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.provider import byhand
from poscloud.provider.cluster import Cluster
from poscloud.provider.crud import Objects, PartialError
from poscloud.provider.diff import get
from poscloud.provider.fence import Fence
from poscloud.provider.kinds import STACK_ANNOTATION
from poscloud.render.secrets import ROLLING

Object = dict[str, Any]


def revert(place: Place, report: Report, reporter: Reporter) -> None:
    """Put the stack's values back in every object that drifted; what is recorded stays as it is.

    The values are those of the last ``up``, not those of a description that was changed since. What others added to
    such an object is removed, what is gone is made anew, and the engine's state learns of the new ones.

    Raises:
        DeployError: Another run is under way, or not everything could be put back; names it, and why.
    """
    refuse_in_use(place.pulumi.paths, place.stack)
    with reporter.step("revert"):
        failed = asyncio.run(_revert(place, report, reporter))
        reporter.done(f"{len(report.drifted) - len(failed)} objects")
    _tell_state(place.pulumi, place.stack, made_anew(report.drifted, failed))
    if failed:
        told = {key: f"{e.message}; {e.hint}" if e.hint else e.message for key, e in failed.items()}
        lines = "".join(f"\n  {' '.join(key)}: {report.secrets.hide(why)}" for key, why in told.items())
        raise DeployError(
            f"not everything is as the stack says again:{lines}",
            hint=f"look again: poscloud drift -s {place.stack}; or bring everything up: "
            f"poscloud up -s {place.stack} --refresh",
        )


def made_anew(drifted: Iterable[Compared], failed: Mapping[Key, PosCloudError]) -> list[str]:
    """Return the URNs of the objects that have another uid now; one that is only not ready has one as well."""
    return [
        each.described.urn
        for each in drifted
        if each.state in ("missing", "anew")
        and isinstance(failed.get(each.described.key), PartialError | None)
    ]


async def _revert(place: Place, report: Report, reporter: Reporter) -> dict[Key, PosCloudError]:
    """Put everything back, workloads after what their pods read; return what failed, and why."""
    failed: dict[Key, PosCloudError] = {}
    cluster = place.cluster()
    objects = Objects(cluster, Fence(cluster))
    for workloads in (False, True):
        some = [each for each in report.drifted if (each.described.kind in ROLLING) == workloads]
        reporter.update(", ".join(" ".join(each.described.key) for each in some))
        done = await asyncio.gather(
            *(_put_back(place, cluster, objects, each) for each in some), return_exceptions=True
        )
        for each, error in zip(some, done, strict=True):
            if isinstance(error, PosCloudError):
                failed[each.described.key] = error
            elif error is not None:
                raise error
    return failed


async def _put_back(place: Place, cluster: Cluster, objects: Objects, found: Compared) -> None:
    described, inputs = found.described, found.described.inputs
    if found.state == "deleting":
        raise DeployError("is being deleted; run this again when it is gone")
    if found.state == "missing":
        await objects.create(inputs, 0)
        return
    if found.state == "anew" and get(found.live, "metadata", "annotations", STACK_ANNOTATION) != place.mark:
        words = [cluster.access.kubectl, *(["-n", described.namespace] if described.namespace else [])]
        raise DeployError(
            "is another one now, which somebody else made",
            hint=f"save what it has, then: {' '.join(words)} delete {described.kind.lower()} {described.name}",
        )
    outputs = described.outputs
    state = {
        **outputs,
        "metadata": {**outputs.get("metadata", {}), "uid": get(found.live, "metadata", "uid")},
    }
    writers = {(each.by.manager, each.kind) for each in found.unrecorded if each.by}
    strangers = {manager for manager, kind in writers if kind == "added" or manager == byhand.MANAGER}
    await objects.take_back(inputs, state, found.live, strangers)


def _tell_state(pulumi: Pulumi, stack: str, urns: list[str]) -> None:
    """Have the engine look at objects that were made anew, so that its state has their uids."""
    if not urns:
        return
    targets = [option for urn in urns for option in ("--target", urn)]
    done = pulumi.quietly(
        "refresh", "--yes", "--skip-preview", "--non-interactive", "--stack", stack, *targets
    )
    if done.returncode != 0:
        raise DeployError(
            f"what was gone is there again, but the state of stack {stack} does not know it yet: "
            f"{(done.stderr.strip() or done.stdout.strip())[-500:]}",
            hint=f"run: poscloud up -s {stack} --refresh",
        )
