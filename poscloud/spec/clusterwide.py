"""What an environment makes outside its namespace, where all environments of the cluster see it.

Each such object is called ``ENVIRONMENT.NAME`` in the cluster, so that two environments never name the same one, and
goes with its environment (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from pydantic import Field, StrictBool, StrictInt

from poscloud.spec.base import DnsName, Model, Name
from poscloud.spec.references import Finding, Path

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec
    from poscloud.spec.part import PartSpec


class CephRbd(Model):
    """Block devices of a Ceph cluster, by the CSI driver ``rbd.csi.ceph.com``.

    What the documents give to Kubernetes' own ``kubernetes.io/rbd``, which was removed in 1.31, is now: ``monitors``,
    an entry of the driver's ConfigMap ``ceph-csi-config``, named here by ``cluster_id``; ``adminId``, ``userId`` and
    their keys, ``userID`` and ``userKey`` of the Secrets.
    """

    cluster_id: str = Field(
        min_length=1, max_length=36, description="clusterID of an entry in the driver's ceph-csi-config."
    )
    pool: str = Field("rbd", min_length=1, description="Ceph pool.")
    secret: DnsName = Field(
        "ceph-secret", description="Secret with `userID` and `userKey` of the user that makes images."
    )
    node_secret: DnsName | None = Field(
        None, description="Secret of the user that maps images on nodes; left out, the same."
    )
    secret_namespace: Name = Field("kube-system", description="Namespace of both Secrets.")
    image_features: str = Field("layering", description="RBD image features that the nodes' kernels know.")
    fs_type: Literal["ext4", "xfs"] = Field("ext4", description="File system.")


class StorageClassSpec(Model):
    """A StorageClass of the environment; ``storage_class`` of a backing service chooses it by its name here."""

    ceph_rbd: CephRbd = Field(description="Ceph block devices.")
    reclaim: Literal["Delete", "Retain"] = Field(
        "Delete", description="What becomes of a volume whose claim is gone. Cannot be changed later."
    )
    binding: Literal["Immediate", "WaitForFirstConsumer"] = Field(
        "Immediate", description="When a volume is made. Cannot be changed later."
    )
    expandable: StrictBool = Field(True, description="Whether a claim may be made larger later.")


class PriorityClassSpec(Model):
    """A PriorityClass of the environment; ``priority`` of a part chooses it by its name here."""

    value: StrictInt = Field(
        ge=-(2**31),
        le=10**9,
        description="Pods of higher value are scheduled first and evicted last. Without a class it is 0. Cannot be "
        "changed later.",
    )
    preempts: StrictBool = Field(
        True, description="Whether its pods push out others of lower value when no host has room."
    )
    description: str = Field("", description="For people who look at the class.")


def priority_of(environment: EnvironmentSpec, part: PartSpec) -> str | None:
    """Return the priority class a part names, or else the environment's."""
    return part.priority or environment.priority


def check_classes(spec: EnvironmentSpec) -> list[Finding]:
    """Return each class that is nearly one of the environment's own; any other may be the cluster's."""
    findings = _check_class(spec.priority, spec.priority_classes, "priority_classes", ("priority",))
    if spec.priority_classes and spec.name.startswith("system-"):
        message = f"Kubernetes keeps names that begin with 'system-' for itself, as '{spec.name}.NAME' would"
        findings.append(Finding(("priority_classes",), "bad-name", message, "name the environment otherwise"))
    for group, parts in (("backing", spec.backing), ("services", spec.services)):
        for name, part in parts.items():
            where: Path = (group, name)
            findings += _check_class(
                part.priority, spec.priority_classes, "priority_classes", (*where, "priority")
            )
            storage = getattr(getattr(part, "storage", None), "storage_class", None)
            findings += _check_class(
                storage, spec.storage_classes, "storage_classes", (*where, "storage", "storage_class")
            )
    return findings


def _check_class(name: str | None, own: Mapping[str, object], field: str, path: Path) -> list[Finding]:
    meant = get_close_matches(name, own, n=1, cutoff=0.8) if name and name not in own else []
    message = f"'{name}' is none of this environment's {field}"
    return [Finding(path, "unknown-reference", message, f"did you mean '{word}'?") for word in meant]
