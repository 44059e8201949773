"""When an object is ready, and when it never will be: pure functions over what the API server said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from poscloud.provider.diff import get
from poscloud.provider.kinds import SKIP_AWAIT, WAIT_FOR, is_built_in
from poscloud.provider.trouble import NOTHING, Related, condition, trouble

Object = dict[str, Any]

DEFAULT_TIMEOUT = 600.0
TIMEOUTS = {"PersistentVolumeClaim": 300.0, "PersistentVolume": 300.0, "ResourceQuota": 60.0,
            "CustomResourceDefinition": 60.0}  # fmt: skip
DEFAULT_GRACE = 60.0


@dataclass(frozen=True)
class Verdict:
    """What can be said about an object now.

    Attributes:
        state: ``ready``, ``waiting`` or ``failed``.
        message: Why, for people.
        container: Pod and container whose last words tell more.
    """

    state: Literal["ready", "waiting", "failed"]
    message: str = ""
    container: tuple[str, str] | None = None


READY = Verdict("ready")


def waiting(message: str, container: tuple[str, str] | None = None) -> Verdict:
    """Not yet."""
    return Verdict("waiting", message, container)


def failed(message: str, container: tuple[str, str] | None = None) -> Verdict:
    """Never."""
    return Verdict("failed", message, container)


def is_true(obj: Object, kind: str) -> bool:
    """Whether the status condition of that type is True."""
    return condition(obj, kind).get("status") == "True"


def _is_current(obj: Object) -> bool:
    observed = get(obj, "status", "observedGeneration", default=0)
    return bool(observed >= get(obj, "metadata", "generation", default=0))


def _deployment(obj: Object, related: Related) -> Verdict:
    progressing = condition(obj, "Progressing")
    wanted = get(obj, "spec", "replicas", default=1)
    status = obj.get("status", {})
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if get(obj, "spec", "paused", default=False):
        return READY
    if not _is_current(obj):
        return waiting("waiting for the controller to see the change")
    # One from before the last write is of an earlier rollout; it stays until the new one makes progress.
    told = str(progressing.get("lastUpdateTime", "~"))[:19]
    if progressing.get("reason") == "ProgressDeadlineExceeded" and told > related.facts.get("written", ""):
        return failed(f"ProgressDeadlineExceeded: {progressing.get('message', '')}")
    if updated < wanted:
        return waiting(f"{updated} of {wanted} pods updated")
    if status.get("replicas", 0) > updated:
        return waiting(f"{status['replicas'] - updated} old pods still to end")
    return READY if available >= updated else waiting(f"{available} of {wanted} pods available")


def _stateful_set(obj: Object, _: Related) -> Verdict:
    status, wanted = obj.get("status", {}), get(obj, "spec", "replicas", default=1)
    if not _is_current(obj):
        return waiting("waiting for the controller to see the change")
    if status.get("readyReplicas", 0) < wanted or status.get("replicas", 0) != wanted:
        return waiting(f"{status.get('readyReplicas', 0)} of {wanted} pods ready")
    if get(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return READY
    partition = get(obj, "spec", "updateStrategy", "rollingUpdate", "partition", default=0)
    updated = status.get("updatedReplicas", 0)
    if partition:
        return READY if updated >= wanted - partition else waiting(f"{updated} pods updated")
    if status.get("currentRevision") != status.get("updateRevision"):
        return waiting(f"{updated} of {wanted} pods updated")
    return READY


def _daemon_set(obj: Object, _: Related) -> Verdict:
    status = obj.get("status", {})
    wanted, available = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    if not _is_current(obj):
        return waiting("waiting for the controller to see the change")
    rolling = get(obj, "spec", "updateStrategy", "type") != "OnDelete"
    if rolling and status.get("updatedNumberScheduled", 0) < wanted:
        return waiting(f"{status.get('updatedNumberScheduled', 0)} of {wanted} pods updated")
    return READY if available >= wanted else waiting(f"{available} of {wanted} pods available")


def is_failed_job(obj: Object) -> bool:
    """Whether this is a Job that has failed, which it stays for ever: only another one runs again."""
    return obj.get("kind") == "Job" and is_true(obj, "Failed")


def _job(obj: Object, _: Related) -> Verdict:
    if is_failed_job(obj):
        found = condition(obj, "Failed")
        return failed(f"{found.get('reason', 'Failed')}: {found.get('message', '')}")
    if is_true(obj, "Complete") or get(obj, "spec", "suspend", default=False):
        return READY
    done, wanted = get(obj, "status", "succeeded", default=0), get(obj, "spec", "completions", default=1)
    return waiting(f"{done} of {wanted} completed")


def _pod(obj: Object, _: Related) -> Verdict:
    phase = get(obj, "status", "phase", default="Pending")
    if phase == "Succeeded" or is_true(obj, "Ready"):
        return READY
    if phase == "Failed":
        reason = f"{get(obj, 'status', 'reason', default='')} {get(obj, 'status', 'message', default='')}"
        return failed(f"the pod failed: {reason.strip() or _exit_codes(obj)}")
    return waiting(f"pod is {phase}")


def _exit_codes(pod: Object) -> str:
    ended = [
        f"container {c.get('name')} ended with exit code {get(c, 'state', 'terminated', 'exitCode')}"
        for c in get(pod, "status", "containerStatuses", default=[])
        if get(c, "state", "terminated")
    ]
    return "; ".join(ended) or "no reason given"


def _service(obj: Object, related: Related) -> Verdict:
    spec = obj.get("spec", {})
    if spec.get("type") == "LoadBalancer" and not get(obj, "status", "loadBalancer", "ingress"):
        return waiting("waiting for the load balancer's address")
    if spec.get("type") == "ExternalName" or not spec.get("selector") or spec.get("clusterIP") == "None":
        return READY
    if not related.slices:
        return waiting("waiting for its endpoints to be counted")
    endpoints = [e for part in related.slices for e in part.get("endpoints") or []]
    # No endpoint at all is fine: its pods may be declared to start only after the Service.
    if not endpoints or any(get(e, "conditions", "ready", default=True) for e in endpoints):
        return READY
    return waiting(f"none of {len(endpoints)} pods behind it is ready")


def _ingress(obj: Object, related: Related) -> Verdict:
    if related.facts.get("ingress-classes") == "0" or get(obj, "status", "loadBalancer", "ingress"):
        return READY
    return waiting("waiting for the ingress controller to give it an address")


def _claim(obj: Object, related: Related) -> Verdict:
    phase = get(obj, "status", "phase", default="Pending")
    first_consumer = related.facts.get("binding-mode") == "WaitForFirstConsumer"
    if phase == "Bound" or (phase == "Pending" and first_consumer):
        return READY
    return failed("the volume behind the claim is lost") if phase == "Lost" else waiting(f"claim is {phase}")


def _volume(obj: Object, _: Related) -> Verdict:
    phase = get(obj, "status", "phase", default="Pending")
    return READY if phase in ("Available", "Bound") else waiting(f"volume is {phase}")


def _quota(obj: Object, _: Related) -> Verdict:
    same = get(obj, "status", "hard", default={}) == get(obj, "spec", "hard", default={})
    return READY if same else waiting("waiting for the quota to be counted")


def _definition(obj: Object, _: Related) -> Verdict:
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False":
        return failed(f"{names.get('reason')}: {names.get('message')}")
    return READY if is_true(obj, "Established") else waiting("waiting to be established")


_RULES: dict[str, Callable[[Object, Related], Verdict]] = {
    "Deployment": _deployment, "StatefulSet": _stateful_set, "DaemonSet": _daemon_set, "Job": _job,
    "Pod": _pod, "Service": _service, "Ingress": _ingress, "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume, "ResourceQuota": _quota, "CustomResourceDefinition": _definition,
}  # fmt: skip


def is_awaited(obj: Object) -> bool:
    """Whether anything has to be waited for after writing this object."""
    annotations = get(obj, "metadata", "annotations", default={})
    if str(annotations.get(SKIP_AWAIT, "")).lower() == "true":
        return False
    return WAIT_FOR in annotations or (obj.get("kind") in _RULES and is_built_in(obj.get("apiVersion", "")))


def readiness(obj: Object, related: Related = NOTHING) -> Verdict:
    """Whether the object is ready, by its ``waitFor`` annotation or its kind."""
    annotations = get(obj, "metadata", "annotations", default={})
    if not is_awaited(obj):
        return READY
    if WAIT_FOR in annotations:
        return _wait_for(obj, str(annotations[WAIT_FOR]))
    return _RULES[obj["kind"]](obj, related)


def _wait_for(obj: Object, text: str) -> Verdict:
    """``jsonpath={.a.b}=value``, ``condition=Ready[=False]``, or a JSON list of these."""
    try:
        rules = json.loads(text) if text.startswith("[") else [text]
    except (ValueError, RecursionError):
        return failed(f"cannot read {WAIT_FOR}: it begins with [ and is no JSON list")
    for rule in rules:
        what, _, rest = str(rule).partition("=")
        if what == "condition":
            kind, _, wanted = rest.partition("=")
            holds = str(condition(obj, kind).get("status", "")).lower() == (wanted or "True").lower()
        elif what == "jsonpath" and (match := re.fullmatch(r"\{(.+?)\}(?:=(.*))?", rest)):
            value = get(obj, *_json_path(match[1]))
            shown = value if isinstance(value, str) else json.dumps(value)
            current = "observedGeneration" not in obj.get("status", {}) or _is_current(obj)
            holds = current and value is not None and (match[2] is None or shown == match[2])
        else:
            return failed(
                f"cannot read {WAIT_FOR}: {rule!r}; expected jsonpath={{.a.b}}=value or condition=Type"
            )
        if not holds:
            return waiting(f"waiting for {rule}")
    return READY


def _json_path(text: str) -> list[str | int]:
    found = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]|\[['\"](.+?)['\"]\]", text)
    return [int(index) if index else name or quoted for name, index, quoted in found]


class Judge:
    """Follows one object over time: ready, failed early, timed out, or still waiting.

    Args:
        now: The time at which waiting starts.
        timeout: Seconds until it is given up.
        grace: Seconds a trouble may last before it counts as a failure.
    """

    def __init__(self, now: float, timeout: float, grace: float = DEFAULT_GRACE) -> None:
        self.started, self.timeout, self.grace = now, timeout, grace
        self._since: dict[str, float] = {}

    def step(self, now: float, obj: Object, related: Related = NOTHING) -> Verdict:
        """What can be said at this moment."""
        verdict = readiness(obj, related)
        if verdict.state != "waiting":
            return verdict
        found = trouble(obj, related)
        self._since = {found.category: self._since.get(found.category, now)} if found else {}
        text = f"{verdict.message}: {found.message}" if found else verdict.message
        if found:
            grace = found.grace(self.grace)
            if now - self._since[found.category] >= grace:
                return failed(found.message, found.container)
        if now - self.started >= self.timeout:
            return failed(f"not ready after {self.timeout:.0f} s: {text}", found.container if found else None)
        return waiting(text, found.container if found else None)
