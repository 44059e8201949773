"""What runs in a namespace: its objects that no other object owns, and of Secrets only the names of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.target import Target, context_target, local_target
from poscloud.engine.kubectl import ForbiddenError, Kubectl, stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import PosCloudError
from poscloud.imports.reading import source_of
from poscloud.imports.source import Source
from poscloud.render import Manifest
from poscloud.spec.teams import ACCOUNT_PREFIX

KINDS = (
    "deployments.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "cronjobs.batch",
    "jobs.batch",
    "services",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "horizontalpodautoscalers.autoscaling",
    "poddisruptionbudgets.policy",
    "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
    "endpointslices.discovery.k8s.io",
    "resourcequotas",
    "limitranges",
)
"""What is asked for. Pods, ReplicaSets and the like are made of these by the cluster."""

RIGHTS = ("roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io")
"""Those of teams; whoever may edit all else in a namespace may not look at them by that."""

CLASSES = ("storageclasses.storage.k8s.io", "priorityclasses.scheduling.k8s.io")
"""Of these, those that are called ``NAMESPACE.…`` belong to the environment."""


@dataclass(frozen=True)
class Live:
    """A namespace that runs.

    Attributes:
        source: What is in it.
        target: The cluster, with its uid.
    """

    source: Source
    target: Target


def read_namespace(root: Path, namespace: str, context: str | None, stack: str | None) -> Live:
    """Return what runs in a namespace, and where.

    Args:
        root: The project's folder.
        namespace: Its name.
        context: Context of the user's kubeconfig; ``None``: the local cluster.
        stack: The environment's name, if one was given; it has to be the namespace's.

    Raises:
        PosCloudError: There is no such namespace, or it is a stack's already.
        AuthError: The credentials were rejected, or do not allow to look.
        DeployError: The cluster does not answer.
    """
    target = context_target(root, context, "") if context else local_target(root)
    kubectl = Kubectl(target, Pulumi(root).environment)
    found = kubectl.get("namespace", namespace)
    if owner := stamp_of(found):
        raise PosCloudError(
            f"namespace '{namespace}' belongs to stack {owner} already",
            hint="its description is that stack's",
        )
    if not found:
        raise PosCloudError(
            f"there is no namespace '{namespace}' in {target}", hint="look: kubectl get namespaces"
        )
    items = [
        found,
        *kubectl.get(",".join(KINDS), "-n", namespace).get("items", []),
        *_rights(kubectl, namespace),
    ]
    prefix = f"{namespace}."
    if any(name.startswith(prefix) for item in items for name in _classes(item)):
        wide = kubectl.get(",".join(CLASSES)).get("items", [])
        items += [item for item in wide if item["metadata"]["name"].startswith(prefix)]
    kept = [_without_values(item) for item in items if not _is_clusters(item)]
    if context:
        target = context_target(root, context, kubectl.cluster_uid())
    return Live(source_of(kept, stack or namespace), target)


def _rights(kubectl: Kubectl, namespace: str) -> list[Manifest]:
    """Return the Roles and RoleBindings; none where this user may not look at them."""
    try:
        found: list[Manifest] = kubectl.get(",".join(RIGHTS), "-n", namespace).get("items", [])
    except ForbiddenError:
        return []  # then no team is recognised, and their accounts are listed
    return found


def _classes(item: Manifest) -> Iterator[str]:
    """Yield the storage and priority classes that a workload asks for."""
    spec = item.get("spec") or {}
    for claim in spec.get("volumeClaimTemplates") or []:
        yield claim["spec"].get("storageClassName") or ""
    template = spec.get("template") or {}
    yield (template.get("spec") or {}).get("priorityClassName") or ""


def _is_clusters(item: Manifest) -> bool:
    """Whether the cluster or Helm made an object by itself, beside what others own, or it gives rights to people."""
    kind, name = item["kind"], item["metadata"]["name"]
    if kind in ("Role", "RoleBinding"):
        return not name.startswith(ACCOUNT_PREFIX)
    return (kind, name) in {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")} or (
        kind == "Secret"
        and str(item.get("type", "")).startswith(("helm.sh/", "kubernetes.io/service-account"))
    )


def _without_values(item: Manifest) -> Manifest:
    """Return a Secret with the names of its keys alone; kubectl's copy of what was applied has values as well."""
    if item["kind"] != "Secret":
        return item
    annotations = item["metadata"].get("annotations") or {}
    kept = {k: v for k, v in annotations.items() if not k.startswith("kubectl.kubernetes.io/")}
    metadata = {**item["metadata"], "annotations": kept}
    return {**item, "metadata": metadata, "data": dict.fromkeys(item.get("data") or {}, ""), "stringData": {}}
