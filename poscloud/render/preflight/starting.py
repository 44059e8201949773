"""Whether a container is given the time to start: probes that end it, and rollouts that give up, too early."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poscloud.render.check_pods import pod_specs
from poscloud.render.environment import RenderedPart
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path

EARLY, NEVER = "probe-before-start", "deadline-before-ready"

START = {"java": 40, "webapp": 40, "python": 10, "subsystem": 10, "mysql": 20, "kafka": 15}
"""Seconds that a program of a kind takes at least until it listens, on an idle node; others a second or two."""

DEADLINE = 600
"""progressDeadlineSeconds of a Deployment that says nothing."""


def check_starting(spec: EnvironmentSpec, parts: Iterable[RenderedPart]) -> list[Finding]:
    """Return a finding for each liveness probe that ends a container while it still starts, and each such rollout."""
    findings: list[Finding] = []
    for part in parts:
        if part.kind == "environment":
            continue
        here: Path = ("backing" if part.name in spec.backing else "services", part.name)
        for item, pod in pod_specs(part.manifests):
            findings += _early(part, item, pod, here)
            findings += _never(part, item, pod, here)
    return list(dict.fromkeys(findings))


def _early(part: RenderedPart, item: Manifest, pod: Manifest, here: Path) -> Iterator[Finding]:
    least = START.get(part.kind, 0)
    for container in pod["containers"] if item["kind"] not in ("Job", "CronJob") else ():
        probe = container.get("startupProbe") or container.get("livenessProbe")
        if not probe or container["name"] not in (part.name, pod["containers"][0]["name"]):
            continue
        ends = _ends(probe)
        if ends < least:
            kind = "startupProbe" if container.get("startupProbe") else "livenessProbe"
            message = (
                f"container '{container['name']}' is ended {ends} s after its start when its {kind} gets no answer, "
                f"but a program of kind {part.kind} takes {least} s or more to start: it would be restarted for ever"
            )
            hint = f"raise probes.initial_delay by at least {least - ends}"
            where = (*here, "probes", "initial_delay")
            yield Finding(where, EARLY, message, hint)


def _never(part: RenderedPart, item: Manifest, pod: Manifest, here: Path) -> Iterator[Finding]:
    """Yield a finding if a rollout counts as failed before its pods can be ready."""
    if item["kind"] != "Deployment":
        return
    first = max(
        (int(c.get("readinessProbe", {}).get("initialDelaySeconds", 0)) for c in pod["containers"]), default=0
    )
    ready = first + int(item["spec"].get("minReadySeconds", 0))
    deadline = int(item["spec"].get("progressDeadlineSeconds", DEADLINE))
    if ready >= deadline:
        message = (
            f"a pod of '{part.name}' is ready {ready} s after its start at the earliest, but its rollout counts as "
            f"failed after {deadline} s without progress"
        )
        hint = "lower probes.initial_delay, or raise progressDeadlineSeconds by overrides"
        yield Finding((*here, "probes", "initial_delay"), NEVER, message, hint)


def _ends(probe: Manifest) -> int:
    """Return how many seconds after its start a container is ended that never answers."""
    period, failures = int(probe.get("periodSeconds", 10)), int(probe.get("failureThreshold", 3))
    return (
        int(probe.get("initialDelaySeconds", 0))
        + period * (failures - 1)
        + int(probe.get("timeoutSeconds", 1))
    )
