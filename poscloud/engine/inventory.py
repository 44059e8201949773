"""What there is of a stack: in the cluster, by the annotation on each object, and in the engine's state."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poscloud.engine.kubectl import Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.engine.statefile import state_file
from poscloud.errors import AuthError, DeployError
from poscloud.render.names import STACK_ANNOTATION

WITHIN = {
    "ConfigMap": "/api/v1|configmaps",
    "Secret": "/api/v1|secrets",
    "Service": "/api/v1|services",
    "LimitRange": "/api/v1|limitranges",
    "ResourceQuota": "/api/v1|resourcequotas",
    "Deployment": "/apis/apps/v1|deployments",
    "StatefulSet": "/apis/apps/v1|statefulsets",
    "Job": "/apis/batch/v1|jobs",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2|horizontalpodautoscalers",
    "PodDisruptionBudget": "/apis/policy/v1|poddisruptionbudgets",
    "Ingress": "/apis/networking.k8s.io/v1|ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1|networkpolicies",
    "EndpointSlice": "/apis/discovery.k8s.io/v1|endpointslices",
}
"""Kinds that an environment makes in its namespace → where the API has them."""

WIDE = {
    "Namespace": "/api/v1|namespaces",
    "PriorityClass": "/apis/scheduling.k8s.io/v1|priorityclasses",
    "StorageClass": "/apis/storage.k8s.io/v1|storageclasses",
}
"""Kinds that an environment makes outside of it."""

CLAIM = "PersistentVolumeClaim"

OPTIONAL = ("EndpointSlice", CLAIM, "Pod")
"""Kinds that a user may not be allowed to list (docs/access.md)."""

Key = tuple[str, str]
"""Kind, and ``namespace/name`` or ``name``."""


@dataclass(frozen=True)
class Item:
    """One object in the cluster.

    Attributes:
        kind: Its kind.
        id: ``namespace/name``, or ``name`` outside namespaces.
        owner: ``project/stack`` of its annotation; empty when it has none.
        deleting: Whether it is being deleted.
        path: Where the API has it.
        uid: Its uid.
    """

    kind: str
    id: str
    owner: str
    deleting: bool
    path: str
    uid: str

    @property
    def key(self) -> Key:
        """Kind and id, as in the state."""
        return self.kind, self.id

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Inventory:
    """What there is of a stack in the cluster.

    Attributes:
        items: Objects of these kinds that are there, whoever's they are, by kind and id.
        owner: ``project/stack`` of the stack.
        claims: Claims in the stack's own namespace that no StatefulSet or pod uses now; they hold data.
    """

    items: dict[Key, Item]
    owner: str
    claims: list[Item] = field(default_factory=list)

    @property
    def ours(self) -> dict[Key, Item]:
        """Those that carry this very stack's annotation."""
        return {key: item for key, item in self.items.items() if item.owner == self.owner}


def take(kubectl: Kubectl, root: Path, stack: str) -> Inventory:
    """Look at everything an environment may have made.

    Kinds that this user may not list are left out.

    Raises:
        DeployError: The cluster does not answer.
    """
    owner = f"{project_name(root)}/{stack}"
    listed = [
        *_listed(kubectl, [kind for kind in WITHIN if kind not in OPTIONAL], "-n", stack),
        *(entry for kind in OPTIONAL for entry in _listed(kubectl, [kind], "-n", stack)),
        *_listed(kubectl, [kind for kind in WIDE if kind != "Namespace"]),
        # By its name: to list them all is a right that poscloud does not need otherwise.
        *([found] if (found := kubectl.get("namespace", stack)) else []),
    ]
    items = [_item(entry) for entry in listed if entry["kind"] in WITHIN | WIDE and not _is_made(entry)]
    inventory = Inventory({item.key: item for item in items}, owner)
    if ("Namespace", stack) in inventory.ours:
        inventory.claims.extend(_unused_claims(listed))
    return inventory


def recorded(pulumi: Pulumi, stack: str) -> set[Key]:
    """Return what the engine's state has of Kubernetes objects.

    Raises:
        DeployError: It cannot be read.
    """
    resources = (deployment(pulumi, stack).get("resources")) or []
    return {
        (str(r["type"]).rpartition(":")[2], str(r.get("id", "")))
        for r in resources
        if str(r["type"]).startswith("kubernetes:")
    }


def deployment(pulumi: Pulumi, stack: str) -> dict[str, Any]:
    """Return the engine's state of a stack, its secrets encrypted; empty before the first run.

    Raises:
        DeployError: It cannot be read.
    """
    if file := state_file(pulumi.paths, stack):
        try:
            latest: dict[str, Any] = json.loads(file.read_bytes())["checkpoint"]["latest"]
            return latest or {}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # the engine says what is wrong with it
    with tempfile.TemporaryDirectory(dir=pulumi.paths.owned) as folder:
        exported = Path(folder) / "state.json"
        done = pulumi.quietly("stack", "export", "--stack", stack, "--file", str(exported))
        if done.returncode != 0:
            raise DeployError(
                f"cannot read the state of stack {stack}: {done.stderr.strip()}", hint="run: poscloud doctor"
            )
        return dict(json.loads(exported.read_text(encoding="utf-8")).get("deployment") or {})


def _listed(kubectl: Kubectl, kinds: list[str], *where: str) -> list[dict[str, Any]]:
    """Return the objects of some kinds; one by one where not all of them may be listed."""
    try:
        return list(kubectl.get(",".join(_resource(kind) for kind in kinds), *where).get("items", []))
    except AuthError:
        if len(kinds) == 1:
            return []
        return [entry for kind in kinds for entry in _listed(kubectl, [kind], *where)]


def _resource(kind: str) -> str:
    """Return a kind as kubectl names it beyond doubt: ``deployments.v1.apps``."""
    prefix, _, plural = (WITHIN | WIDE).get(kind, f"/api/v1|{kind.lower()}s").partition("|")
    group, _, version = prefix.removeprefix("/apis/").partition("/")
    return plural if prefix.startswith("/api/") else f"{plural}.{version}.{group}"


def _is_made(entry: dict[str, Any]) -> bool:
    """Whether a controller made the object of another one, whose annotations it may have copied."""
    return bool(entry["metadata"].get("ownerReferences"))


def _item(entry: dict[str, Any]) -> Item:
    meta, kind = entry["metadata"], str(entry["kind"])
    namespace = str(meta.get("namespace", ""))
    prefix, _, plural = (WITHIN | WIDE).get(kind, "/api/v1|persistentvolumeclaims").partition("|")
    within = f"/namespaces/{namespace}" if namespace else ""
    return Item(
        kind=kind,
        id=f"{namespace}/{meta['name']}" if namespace else str(meta["name"]),
        owner=str((meta.get("annotations") or {}).get(STACK_ANNOTATION, "")),
        deleting="deletionTimestamp" in meta,
        path=f"{prefix}{within}/{plural}/{meta['name']}",
        uid=str(meta.get("uid", "")),
    )


def _unused_claims(listed: list[dict[str, Any]]) -> list[Item]:
    sets = [
        (f"{template['metadata']['name']}-{entry['metadata']['name']}-")
        for entry in listed
        if entry["kind"] == "StatefulSet"
        for template in entry["spec"].get("volumeClaimTemplates") or []
    ]
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for entry in listed
        if entry["kind"] == "Pod"
        for volume in entry["spec"].get("volumes") or []
        if "persistentVolumeClaim" in volume
    }
    return [
        _item(entry)
        for entry in listed
        if entry["kind"] == CLAIM
        and entry["metadata"]["name"] not in mounted
        and not any(
            entry["metadata"]["name"].startswith(prefix)
            and entry["metadata"]["name"].removeprefix(prefix).isdigit()
            for prefix in sets
        )
    ]
