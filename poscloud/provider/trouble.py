"""What keeps an object from becoming ready, as far as its pods, claims and events tell: pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from poscloud.provider.diff import get

Object = dict[str, Any]

QUOTA_GRACE = 10.0
PROBE_PATIENCE = 5.0
"""How many times the usual grace a probe may fail: a program that takes long to start looks the same."""
CRASHES = 2
"""Restarts before a container that is not ready counts as crashing rather than starting."""
LOG_LINES = 20
STUCK = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
     "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"}
)  # fmt: skip
MIRROR = 'if the image is kept elsewhere, "registry:" in the stack\'s file names the mirror'


@dataclass(frozen=True)
class Trouble:
    """Something that keeps an object from becoming ready, and may pass.

    Attributes:
        category: Troubles of one category are one trouble, however they alternate.
        message: Pod, container, reason and message.
        longest: Seconds it may last at most, however long the usual grace is; ``None`` for the usual ones.
        patience: What the usual grace is multiplied with.
        container: Pod and container whose last words tell more.
    """

    category: str
    message: str
    longest: float | None = None
    patience: float = 1.0
    container: tuple[str, str] | None = None

    def grace(self, usual: float) -> float:
        """Seconds it may last before it counts as a failure, where ``usual`` is the usual number."""
        return usual * self.patience if self.longest is None else min(self.longest, usual)


@dataclass(frozen=True)
class Related:
    """What else the API server knows about the object.

    Attributes:
        pods: The pods its selector matches.
        events: Its Warning events.
        around: Warning events of its pods and of their claims.
        slices: A Service's EndpointSlices; ``None`` before they were asked for.
        facts: ``binding-mode`` of a claim's StorageClass, ``ingress-classes`` of the cluster, and when the object
            was last ``written``, to the second.
    """

    pods: Sequence[Object] = ()
    events: Sequence[Object] = ()
    around: Sequence[Object] = ()
    slices: Sequence[Object] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


NOTHING = Related()


def condition(obj: Object, kind: str) -> Object:
    """The status condition of that type; empty when there is none."""
    found: Object
    for found in get(obj, "status", "conditions", default=[]):
        if found.get("type") == kind:
            return found
    return {}


def trouble(obj: Object, related: Related) -> Trouble | None:
    """What keeps the object from becoming ready, if it can be seen."""
    failure = condition(obj, "ReplicaFailure")
    if failure.get("status") == "True":
        return _refused(str(failure.get("message", "")))
    for event in related.events:
        if event.get("reason") == "FailedCreate":
            return _refused(str(event.get("message", "")))
    for pod in related.pods:
        if found := _pod_trouble(pod, related.around, related.facts.get("written", "")):
            return found
    for event in related.events:
        if event.get("reason") in ("ProvisioningFailed", "FailedBinding"):
            return Trouble("volume", f"{event['reason']}: {event.get('message', '')}")
    return None


def relate(
    obj: Object, pods: Sequence[Object], warnings: Sequence[Object], facts: Mapping[str, str], written: str
) -> Related:
    """Return what concerns an object of all that is known.

    Args:
        obj: The object.
        pods: Its pods.
        warnings: Warning events of the whole namespace.
        facts: What else is known.
        written: When it was last written; its own events before that tell of another change.
    """
    events = [e for e in warnings if get(e, "involvedObject", "uid") == get(obj, "metadata", "uid")]
    names = {("Pod", str(get(pod, "metadata", "name"))) for pod in pods}
    names |= {("PersistentVolumeClaim", claim) for pod in pods for claim in claims_of(pod)}
    around = [
        e for e in warnings if (get(e, "involvedObject", "kind"), get(e, "involvedObject", "name")) in names
    ]
    fresh = [event for event in events if last_seen(event) >= written]
    return Related(pods, fresh, sorted(around, key=last_seen), facts=facts)


def last_seen(event: Object) -> str:
    """When an event was last seen, to the second."""
    times = (event.get("lastTimestamp"), get(event, "series", "lastObservedTime"), event.get("eventTime"))
    return max(str(time or "")[:19] for time in times)


def claims_of(pod: Object) -> list[str]:
    """The names of the claims whose volumes the pod mounts."""
    volumes = get(pod, "spec", "volumes", default=[])
    return [str(v["persistentVolumeClaim"]["claimName"]) for v in volumes if v.get("persistentVolumeClaim")]


def _refused(message: str) -> Trouble:
    if "exceeded quota" not in message:
        return Trouble("create", f"its pods are refused: {message}")
    text = f"its pods are refused: {message}; let it ask for less, or raise the quota"
    return Trouble("create", text, QUOTA_GRACE)


def _pod_trouble(pod: Object, around: Sequence[Object], written: str) -> Trouble | None:
    name, scheduled = str(get(pod, "metadata", "name")), condition(pod, "PodScheduled")
    if get(pod, "metadata", "deletionTimestamp"):
        return None
    if scheduled.get("reason") == "Unschedulable":
        return Trouble("unschedulable", _unschedulable(pod, str(scheduled.get("message", "")), around))
    status = pod.get("status", {})
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    unasked_since = None if _is_asked(pod) else written
    for container in containers:
        if found := _stuck(name, container) or _crashing(name, container, around, unasked_since):
            return found
    for container in containers:
        probe = _probe(name, str(container.get("name")), around)
        if probe and not container.get("ready") and get(container, "state", "running") is not None:
            where = f"pod {name}, container {container.get('name')}"
            return Trouble(f"{where} probe", f"{where} runs, but {probe}", patience=PROBE_PATIENCE)
    return None


def _unschedulable(pod: Object, message: str, around: Sequence[Object]) -> str:
    """The scheduler's sentence, and what the pod asks for that no node has."""
    text = f"pod {get(pod, 'metadata', 'name')} cannot be scheduled: {message}"
    if "Insufficient" in message:
        asked = [
            f"{container.get('name')} {resource}={amount}"
            for container in get(pod, "spec", "containers", default=[])
            for resource, amount in get(container, "resources", "requests", default={}).items()
            if f"Insufficient {resource}" in message
        ]
        text += f" It requests: {', '.join(asked)}." if asked else ""
    selector = get(pod, "spec", "nodeSelector")
    if selector and "node affinity/selector" in message:
        text += f" Its nodeSelector: {', '.join(f'{k}={v}' for k, v in selector.items())}."
    return " ".join([text, *_told_of("PersistentVolumeClaim", claims_of(pod), around)])


def _told_of(kind: str, names: Sequence[str], events: Sequence[Object]) -> Iterator[str]:
    for event in events:
        about = event.get("involvedObject") or {}
        if about.get("kind") == kind and about.get("name") in names:
            yield f"{kind} {about['name']}: {event.get('reason')}: {event.get('message', '')}."


def _stuck(pod: str, container: Object) -> Trouble | None:
    state = get(container, "state", "waiting", default={})
    if state.get("reason") not in STUCK - {"CrashLoopBackOff"}:
        return None
    where = f"pod {pod}, container {container.get('name')}"
    pulled = "Image" in state["reason"]
    image = f" (image {container.get('image')})" if pulled else ""
    text = f"{where}: {state['reason']}{image}: {state.get('message', '')}".rstrip(": ")
    return Trouble(where, f"{text}; {MIRROR}" if pulled else text)


def _is_asked(pod: Object) -> bool:
    """Whether any container has a readiness probe; where none has, each is called ready as soon as it runs."""
    containers = get(pod, "spec", "containers", default=[])
    return not containers or any("readinessProbe" in container for container in containers)


def _crashing(
    pod: str, container: Object, around: Sequence[Object], unasked_since: str | None
) -> Trouble | None:
    """Return what makes a container end again and again.

    Args:
        pod: The pod's name.
        container: The container's status.
        around: Warning events.
        unasked_since: Of a pod that has no readiness probe, so that "ready" says little, when the object was last
            written: one that runs again and has not ended since then, such as an old pod, has settled.
    """
    name, restarts = str(container.get("name")), container.get("restartCount", 0)
    state = get(container, "state", "waiting", default={})
    ended = get(container, "state", "terminated") or get(container, "lastState", "terminated", default={})
    # What nobody asks counts seconds after it runs: one that has too little memory is told at once.
    enough = 1 if ended.get("reason") == "OOMKilled" and unasked_since is not None else CRASHES
    old = unasked_since is None or str(ended.get("finishedAt", "~"))[:19] < unasked_since[:19]
    settled = container.get("ready") and old
    if state.get("reason") != "CrashLoopBackOff" and (restarts < enough or settled):
        return None
    code = f"last exit code {ended.get('exitCode')} ({ended.get('reason', 'no reason')})"
    detail = ended.get("message") or state.get("message") or ""
    where = f"pod {pod}, container {name}"
    text = f"{where}: CrashLoopBackOff, {code}, {restarts} restarts: {detail}".rstrip(": ")
    if probe := _probe(pod, name, around):
        text += f"; {probe}"
    return Trouble(where, text, container=(pod, name))


def _probe(pod: str, container: str, around: Sequence[Object]) -> str:
    """What the kubelet last said about a probe of this container that failed; empty when none did."""
    told = [
        str(event.get("message", "")).strip()
        for event in around
        if event.get("reason") == "Unhealthy"
        and get(event, "involvedObject", "name") == pod
        and f"{{{container}}}" in str(get(event, "involvedObject", "fieldPath", default=f"{{{container}}}"))
    ]
    return told[-1] if told else ""
