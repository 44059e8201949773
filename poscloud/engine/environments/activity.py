"""Activity: whoever does something with an environment makes it stay longer."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from poscloud.engine.environments.expiry import Lease, lease_of, written
from poscloud.engine.kubectl import ForbiddenError, Kubectl
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.render import names
from poscloud.spec import EnvironmentSpec
from poscloud.spec.lifetime import FOREVER, in_words, seconds


def namespace_of(kubectl: Kubectl, name: str) -> dict[str, Any]:
    """Return an environment's namespace; empty when there is none, or this user may not see it.

    Raises:
        DeployError: The cluster does not answer.
    """
    with suppress(ForbiddenError):
        return kubectl.get("namespace", name)
    return {}


def begin(kubectl: Kubectl, live: dict[str, Any], spec: EnvironmentSpec, reporter: Reporter) -> None:
    """Say before an ``up`` that it makes the environment end earlier, if it does; ``live`` is its namespace.

    Where there are office hours, no sweep puts it to sleep meanwhile.
    """
    if live and spec.office_hours:
        kubectl.annotate(spec.name, {names.ACTIVE_ANNOTATION: written(datetime.now(UTC))})
    if spec.lifetime is None or not live:
        return
    before = lease_of(live)
    if before.ttl and before.ttl != spec.lifetime.ttl and _is_shorter(spec.lifetime.ttl, before.ttl):
        reporter.note(
            f"the lifetime of {spec.name} becomes shorter: {spec.lifetime.ttl} instead of {before.ttl}"
        )


def note_activity(kubectl: Kubectl, spec: EnvironmentSpec, reporter: Reporter) -> None:
    """Write down that somebody did something with an environment that has a lifetime, and say how long it stays."""
    if spec.lifetime is None and spec.office_hours is None:
        return
    now = datetime.now(UTC)
    live = kubectl.annotate(spec.name, {names.ACTIVE_ANNOTATION: written(now)})
    if live and spec.lifetime:
        reporter.note(f"{spec.name} {until(lease_of(live), now)}")


def extend(kubectl: Kubectl, name: str, by: str) -> Lease:
    """Make an environment stay for a time from now on at least, and return how long it stays.

    Args:
        kubectl: Its cluster.
        name: The environment.
        by: The time, ``4h``.

    Raises:
        PosCloudError: It is no duration, or there is no such environment, or it is being removed.
    """
    try:
        wanted = datetime.now(UTC) + timedelta(seconds=seconds(by))
    except ValueError as error:
        raise PosCloudError(f"--by: {error}", hint=f"poscloud env extend {name} --by 4h") from None
    live = kubectl.get("namespace", name)
    if not live:
        raise DeployError(f"there is no environment {name} in {kubectl.target}", hint="poscloud env list")
    if "deletionTimestamp" in live["metadata"]:
        raise DeployError(
            f"{name} is being removed already", hint=f"make it anew: poscloud env create {name} --from …"
        )
    lease = lease_of(live)
    if lease.ends is None:
        raise PosCloudError(
            f"{name} stays: it has no lifetime that could be extended", hint="poscloud env list"
        )
    keep = max(wanted, lease.keep_until) if lease.keep_until else wanted
    now = datetime.now(UTC)
    said = {names.KEEP_ANNOTATION: written(keep), names.ACTIVE_ANNOTATION: written(now)}
    return lease_of(kubectl.annotate(name, said))


def until(lease: Lease, now: datetime) -> str:
    """Return in words how long an environment stays."""
    if lease.ends is None:
        return "stays until somebody removes it"
    left = (lease.ends - now).total_seconds()
    if left <= 0:
        return "has come to its end: the next sweep removes it"
    return f"stays for {in_words(left)} without activity, until {written(lease.ends)}"


def _is_shorter(ttl: str, than: str) -> bool:
    if FOREVER in (ttl, than):
        return than == FOREVER
    try:
        return seconds(ttl) < seconds(than)
    except ValueError:
        return False
