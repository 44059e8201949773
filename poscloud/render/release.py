"""Blue-green and canary: two Deployments behind one Service, out of what a service renders by itself.

A workload waits for what comes before it, and so does a Service that comes after a workload. That order keeps the
Service's endpoints: it is pointed at a colour whose pods are ready, an idle colour starts after that, and a canary
takes its share of the pods before the live version gives them up. What is no longer rendered is deleted last.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.render import names
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.nextversion import next_spec
from poscloud.spec.nodes import pool_name, pool_of
from poscloud.spec.references import Finding, Path
from poscloud.spec.release import CANARY, canary_pods
from poscloud.spec.service import ServiceSpec

Render = Callable[[Any], list[Manifest]]
"""From a description to its manifests."""


def render_released(name: str, spec: Any, render: Render) -> list[Manifest]:
    """Return the manifests of a part, released as its ``release`` says.

    Args:
        name: The part's name.
        spec: Its description; anything but a service has no release.
        render: Renders a description without regard to its release.
    """
    release = spec.release if isinstance(spec, ServiceSpec) else None
    if release is None or release.strategy == "rolling":
        return render(spec)
    beside = next_spec(spec)
    own, other = render(spec), render(beside) if beside else []
    first = [m for m in own if m["kind"] not in ("Deployment", "Service")]
    services = [m for m in own if m["kind"] == "Service"]
    live = _deployment(own, name)
    following = _deployment(other, name) if other else None
    if release.strategy == "canary":
        if following is None:
            return own
        pods = canary_pods(spec.replicas, release.weight)
        canary = _scaled(_suffixed(following, name, CANARY), pods)
        return [*first, *services, canary, _scaled(live, spec.replicas - pods)]
    services = [_selecting(service, name, release.live) for service in services]
    live = _apart(_suffixed(live, name, release.live), release.live)
    if following is None:
        return [*first, live, *services]
    return [*first, live, *services, _apart(_suffixed(following, name, release.idle), release.idle)]


def check_shared(spec: ServiceSpec, render: Render, path: Path) -> list[Finding]:
    """Return a finding for each thing that keeps two versions from running at once.

    That is an object they share, but render differently; and a workload that may not run twice.

    Args:
        spec: The service.
        render: Renders a description without regard to its release.
        path: Where the service stands in the environment.
    """
    beside = next_spec(spec)
    if beside is None:
        return []
    own = render(spec)
    here = (*path, "release")
    if any(m["spec"].get("strategy", {}).get("type") == "Recreate" for m in own if m["kind"] == "Deployment"):
        message = "of this service two pods may never run at once (Recreate), as two versions would"
        return [Finding((*here, "strategy"), "bad-release", message, "stay with rolling")]
    workloads = [_key(m) for m in own if "replicas" in m.get("spec", {})]
    if [kind for kind, _ in workloads] != ["Deployment"]:
        message = "only a service that is one Deployment can be released so"
        return [Finding((*here, "strategy"), "bad-release", message, "stay with rolling")]
    following = render(beside)
    if [_key(m) for m in following if "replicas" in m.get("spec", {})] != workloads:
        message = "the next version would not be one Deployment as the live one is"
        return [Finding((*here, "next"), "bad-release", message, "change it outside `next`")]
    shared = {_key(m): m for m in own if m["kind"] != "Deployment"}
    other = {_key(m): m for m in following if m["kind"] != "Deployment"}
    return [
        Finding(
            (*here, "next"),
            "bad-release",
            f"both versions share {kind} '{name}', which `next` would change",
            "change it outside `next`",
        )
        for kind, name in sorted({*shared, *other})
        if shared.get((kind, name)) != other.get((kind, name))
    ]


def check_room(environment: EnvironmentSpec, spec: ServiceSpec, path: Path) -> list[Finding]:
    """Return a finding if a canary has no host to start on, because it starts before other pods end."""
    release, pool = spec.release, pool_of(environment, spec)
    if (
        release is None
        or release.strategy != "canary"
        or release.next is None
        or spec.anti_affinity != "required"
    ):
        return []
    pods = canary_pods(spec.replicas, release.weight)
    if pool is None or pool.hosts is None or spec.replicas + pods <= pool.hosts:
        return []
    message = (
        f"{spec.replicas} pods and a canary of {pods} that starts before others end, of which no two may share a "
        f"host, but pool '{pool_name(environment, spec)}' has {pool.hosts}"
    )
    return [Finding((*path, "release"), "too-few-hosts", message, "fewer pods, or anti_affinity: preferred")]


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _deployment(manifests: list[Manifest], name: str) -> Manifest:
    found = [m for m in manifests if _key(m) == ("Deployment", name)]
    if len(found) != 1:
        raise PosCloudError(
            f"{name}: only a service that is one Deployment can be released by blue-green or canary"
        )
    return found[0]


def _suffixed(deployment: Manifest, name: str, track: str) -> Manifest:
    """Return the Deployment ``NAME-TRACK``, whose pods the Service can tell from the others'."""
    result = copy.deepcopy(deployment)
    result["metadata"]["name"] = names.tracked(name, track)
    template = result["spec"]["template"]["metadata"]
    for labels in (
        result["metadata"]["labels"],
        result["spec"]["selector"]["matchLabels"],
        template["labels"],
    ):
        labels[names.TRACK_LABEL] = track
    return result


def _scaled(deployment: Manifest, replicas: int) -> Manifest:
    return {**deployment, "spec": {**deployment["spec"], "replicas": replicas}}


def _selecting(service: Manifest, name: str, colour: str) -> Manifest:
    """Return the Service with the pods of one colour, which it also says in an annotation."""
    metadata = service["metadata"]
    annotations = {**metadata.get("annotations", {}), names.RELEASE_ANNOTATION: f"blue-green, live {colour}"}
    return {
        **service,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**service["spec"], "selector": names.selector(name, colour)},
    }


def _apart(deployment: Manifest, track: str) -> Manifest:
    """Return the Deployment with pods that keep apart from those of their own colour only.

    Two colours of a service that never has two pods on a host would else need twice the hosts.
    """
    pod = deployment["spec"]["template"]["spec"]
    rules = pod.get("affinity", {}).get("podAntiAffinity", {})
    terms = [*rules.get("requiredDuringSchedulingIgnoredDuringExecution", [])]
    terms += [t["podAffinityTerm"] for t in rules.get("preferredDuringSchedulingIgnoredDuringExecution", [])]
    for term in terms:
        expressions = term.get("labelSelector", {}).get("matchExpressions")
        if expressions is not None:
            expressions.append({"key": names.TRACK_LABEL, "operator": "In", "values": [track]})
    return deployment
