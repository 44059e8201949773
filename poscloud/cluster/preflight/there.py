"""What lives in a cluster already and an environment would need for itself, and what it needs and the cluster lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from poscloud.cluster.preflight.live import Live
from poscloud.render.amounts import taken
from poscloud.render.environment import RenderedPart
from poscloud.render.manifest import Manifest
from poscloud.render.preflight.claims import INGRESS, NODE_PORT, Claim, check_others
from poscloud.render.preflight.versions import UNSERVED, place_of
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path, nearest
from poscloud.spec.values import MEBIBYTE, parse_quantity

ABSENT, QUOTA = "not-in-cluster", "quota-exceeded"

SYSTEM_PRIORITIES = frozenset({"system-cluster-critical", "system-node-critical"})

Object = dict[str, Any]


def check_taken(spec: EnvironmentSpec, claims: Iterable[Claim], live: Live) -> list[Finding]:
    """Return a finding for each node port, and host and path of Ingress, that another namespace has."""
    own = list(claims)
    findings = []
    for what, namespace, theirs in _there(live):
        if namespace != spec.name:
            findings += check_others(own, theirs, f"{what} in namespace '{namespace}' of the cluster")
    return findings


def _there(live: Live) -> Iterator[tuple[str, str, list[Claim]]]:
    for item in live.get("services"):
        ports = [p["nodePort"] for p in item["spec"].get("ports") or [] if p.get("nodePort")]
        yield *_known(item, "Service"), [Claim(NODE_PORT, str(port), "", ()) for port in ports]
    for item in live.get("ingresses"):
        paths = [
            f"{rule.get('host') or '*'}{(path.get('path') or '/').rstrip('/') or '/'}"
            for rule in item["spec"].get("rules") or []
            for path in (rule.get("http") or {}).get("paths") or []
        ]
        own = _class_of(item)
        yield *_known(item, "Ingress"), [Claim(INGRESS, key, "", (), ingress_class=own) for key in paths]


def _class_of(ingress: Object) -> str:
    """Return the class of an Ingress; empty where it does not say."""
    old = (ingress["metadata"].get("annotations") or {}).get("kubernetes.io/ingress.class")
    return str(ingress["spec"].get("ingressClassName") or old or "")


def _known(item: Object, kind: str) -> tuple[str, str]:
    return f"{kind} '{item['metadata']['name']}'", str(item["metadata"].get("namespace"))


def check_served(spec: EnvironmentSpec, parts: Iterable[RenderedPart], live: Live) -> list[Finding]:
    """Return a finding for each kind of object that the cluster does not serve."""
    findings = []
    for part in parts:
        for item in part.manifests:
            if (item["apiVersion"], item["kind"]) in live.unserved:
                message = (
                    f"'{part.name}' makes {item['kind']} ({item['apiVersion']}), which the cluster "
                    f"({live.version or 'of unknown version'}) does not serve"
                )
                hint = "upgrade the cluster, or leave out what makes it (docs/check.md)"
                findings.append(Finding(place_of(spec, part.name, item), UNSERVED, message, hint))
    return list(dict.fromkeys(findings))


def check_classes(spec: EnvironmentSpec, parts: list[RenderedPart], live: Live) -> list[Finding]:
    """Return a finding for each class that is neither the cluster's nor the environment's own."""
    made = {(m["kind"], m["metadata"]["name"]) for part in parts for m in part.manifests}
    findings = []
    for kind, what in (
        ("StorageClass", "storage classes"), ("PriorityClass", "priority classes"), ("IngressClass", "ingress classes"),
    ):  # fmt: skip
        if what not in live.lists:
            continue
        known = {str(item["metadata"]["name"]) for item in live.get(what)}
        known |= SYSTEM_PRIORITIES if kind == "PriorityClass" else set()
        for path, name in _classes(spec, parts, kind):
            if name not in known and (kind, name) not in made:
                message = f"the cluster has no {kind} '{name}'"
                findings.append(Finding(path, ABSENT, message, nearest(name, known)))
    return list(dict.fromkeys(findings))


def _classes(spec: EnvironmentSpec, parts: list[RenderedPart], kind: str) -> Iterator[tuple[Path, str]]:
    """Yield the names of the classes of a kind that are used, each with its place."""
    if kind == "IngressClass":
        yield from (
            (("ingress", i, "ingress_class"), rule.ingress_class) for i, rule in enumerate(spec.ingress)
        )
        return
    for part in parts:
        here: Path = ("backing" if part.name in spec.backing else "services", part.name)
        for item in part.manifests:
            body = item.get("spec") or {}
            if kind == "StorageClass":
                for claim in body.get("volumeClaimTemplates") or []:
                    if name := claim["spec"].get("storageClassName"):
                        yield (*here, "storage", "storage_class"), name
            elif name := ((body.get("template") or {}).get("spec") or {}).get("priorityClassName"):
                own = getattr(spec.part(part.name), "priority", None)
                yield ((*here, "priority") if own else ("priority",)), name


def check_quotas(spec: EnvironmentSpec, parts: list[RenderedPart], live: Live) -> list[Finding]:
    """Return a finding for each resource of which somebody else's quota in the namespace leaves too little.

    The environment's own quota has been checked. What its own pods take now is theirs again.
    """
    own = {m["metadata"]["name"] for part in parts for m in part.manifests if m["kind"] == "ResourceQuota"}
    needed: dict[str, Decimal] = {}
    for part in parts:
        for item in part.manifests:
            for resource, each in taken(item, _pods(item), spec.limits):
                needed[resource] = needed.get(resource, Decimal()) + each
    findings = []
    for quota in live.quotas:
        name = quota["metadata"]["name"]
        for resource, hard in (quota.get("spec") or {}).get("hard", {}).items() if name not in own else ():
            if needed.get(resource, Decimal()) > parse_quantity(str(hard)):
                message = (
                    f"everything together needs {_shown(resource, needed[resource])} of {resource}, but "
                    f"ResourceQuota '{name}', which is in namespace '{spec.name}' already, has {hard}"
                )
                findings.append(Finding((), QUOTA, message, "ask for less, or have it raised"))
    return findings


def _pods(item: Manifest) -> int:
    body = item.get("spec") or {}
    return int(body.get("parallelism" if item["kind"] == "Job" else "replicas", 1))


def _shown(resource: str, amount: Decimal) -> str:
    if resource.endswith(("memory", "storage")):
        return f"{-(-amount // MEBIBYTE)}Mi"
    return f"{amount.normalize():f}"
