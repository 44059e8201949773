"""What there is of a stack: in the cluster, by the annotation on each object, and in the engine's state."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.engine.kubectl import ForbiddenError, Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.engine.statefile import state_file
from poscloud.errors import DeployError
from poscloud.render.names import LEDGER, STACK_ANNOTATION

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
    "ServiceAccount": "/api/v1|serviceaccounts",
    "CronJob": "/apis/batch/v1|cronjobs",
    "Role": "/apis/rbac.authorization.k8s.io/v1|roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1|rolebindings",
}
"""Kinds that an environment makes in its namespace → where the API has them."""

WIDE = {
    "Namespace": "/api/v1|namespaces",
    "PriorityClass": "/apis/scheduling.k8s.io/v1|priorityclasses",
    "StorageClass": "/apis/storage.k8s.io/v1|storageclasses",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1|clusterrolebindings",
}
"""Kinds that an environment makes outside of it."""

CLAIM = "PersistentVolumeClaim"

USERS = {
    CLAIM: "/api/v1|persistentvolumeclaims",
    "Pod": "/api/v1|pods",
    "DaemonSet": "/apis/apps/v1|daemonsets",
}
"""Claims, and kinds beside the above that may use them."""

API = WITHIN | WIDE | USERS

OPTIONAL = ("EndpointSlice", "ServiceAccount", "CronJob", "Role", "RoleBinding")
"""Kinds of ``WITHIN`` that a user may not be allowed to list (docs/access.md)."""

GIVEN = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"), ("ConfigMap", LEDGER)})
"""What Kubernetes itself puts into every namespace, and poscloud's ledger of changes by hand, by kind and name."""

SHOW = "--show-managed-fields"

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
        mark: What :func:`fingerprint` gives for it; another one when somebody has written to it since.
    """

    kind: str
    id: str
    owner: str
    deleting: bool
    path: str
    uid: str
    mark: str = ""

    @property
    def key(self) -> Key:
        """Kind and id, as in the state."""
        return self.kind, self.id

    @property
    def name(self) -> str:
        """Its name, without its namespace."""
        return self.id.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Inventory:
    """What there is of a stack in the cluster.

    Attributes:
        items: Objects of these kinds that are there, whoever's they are, by kind and id.
        owner: ``project/stack`` of the stack.
    """

    items: dict[Key, Item]
    owner: str

    @property
    def ours(self) -> dict[Key, Item]:
        """Those that carry this very stack's annotation."""
        return {key: item for key, item in self.items.items() if item.owner == self.owner}

    @property
    def foreign(self) -> list[Item]:
        """Those in a namespace that carry another annotation or none, but for what always is there (``GIVEN``)."""
        return [
            item
            for _, item in sorted(self.items.items())
            if item.owner != self.owner and item.kind in WITHIN and (item.kind, item.name) not in GIVEN
        ]


def take(kubectl: Kubectl, root: Path, stack: str) -> Inventory:
    """Look at everything an environment may have made.

    Kinds that this user may not list are left out.

    Raises:
        DeployError: The cluster does not answer.
    """
    owner = f"{project_name(root)}/{stack}"
    found = [
        *listed(kubectl, [kind for kind in WITHIN if kind not in OPTIONAL], "-n", stack)[0],
        *listed(kubectl, [*OPTIONAL], "-n", stack)[0],
        *listed(kubectl, [kind for kind in WIDE if kind != "Namespace"])[0],
        # By its name: to list them all is a right that poscloud does not need otherwise.
        *([live] if (live := kubectl.get("namespace", stack, SHOW)) else []),
    ]
    items = [item_of(entry) for entry in found if not _is_made(entry)]
    return Inventory({item.key: item for item in items}, owner)


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


def holds(pulumi: Pulumi, stack: str, uid: str) -> bool:
    """Whether the engine's state has the stack's namespace with this very uid.

    Raises:
        DeployError: It cannot be read.
    """
    resources = (deployment(pulumi, stack).get("resources")) or []
    found = [r for r in resources if r["type"] == "kubernetes:core/v1:Namespace" and r.get("id") == stack]
    return any((r.get("outputs") or {}).get("metadata", {}).get("uid") == uid for r in found)


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


def fingerprint(live: dict[str, Any]) -> str:
    """Return a digest of what people and programs wrote of an object, and who did.

    What controllers tell of its state is left out: that changes all the time. An apply by another field manager, as
    of a run that adopts the object, counts also where it changed nothing else (``metadata.managedFields``).
    """
    meta = {k: v for k, v in live["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    meta["managers"] = [m for m in live["metadata"].get("managedFields") or [] if not m.get("subresource")]
    rest = {k: v for k, v in live.items() if k not in ("apiVersion", "kind", "metadata", "status")}
    text = json.dumps([meta, rest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def listed(kubectl: Kubectl, kinds: list[str], *where: str) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the objects of some kinds, and those kinds that this user may not list.

    Raises:
        DeployError: The cluster does not answer.
    """
    try:
        answer = kubectl.get(",".join(_resource(kind) for kind in kinds), *where, SHOW)
        return list(answer.get("items", [])), set()
    except ForbiddenError:
        if len(kinds) == 1:
            return [], set(kinds)
        each = [listed(kubectl, [kind], *where) for kind in kinds]
        return [entry for entries, _ in each for entry in entries], {
            k for _, refused in each for k in refused
        }


def _resource(kind: str) -> str:
    """Return a kind as kubectl names it beyond doubt: ``deployments.v1.apps``."""
    prefix, _, plural = API[kind].partition("|")
    group, _, version = prefix.removeprefix("/apis/").partition("/")
    return plural if prefix.startswith("/api/") else f"{plural}.{version}.{group}"


def _is_made(entry: dict[str, Any]) -> bool:
    """Whether a controller made the object of another one, whose annotations it may have copied."""
    return bool(entry["metadata"].get("ownerReferences"))


def item_of(entry: dict[str, Any]) -> Item:
    """Return an object of the API as an item."""
    meta, kind = entry["metadata"], str(entry["kind"])
    namespace = str(meta.get("namespace", ""))
    prefix, _, plural = API[kind].partition("|")
    within = f"/namespaces/{namespace}" if namespace else ""
    return Item(
        kind=kind,
        id=f"{namespace}/{meta['name']}" if namespace else str(meta["name"]),
        owner=str((meta.get("annotations") or {}).get(STACK_ANNOTATION, "")),
        deleting="deletionTimestamp" in meta,
        path=f"{prefix}{within}/{plural}/{meta['name']}",
        uid=str(meta.get("uid", "")),
        mark=fingerprint(entry),
    )
