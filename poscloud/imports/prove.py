"""The proof: what a description renders, compared with what it was made from."""

from __future__ import annotations

from dataclasses import dataclass

from poscloud.imports.difference import FieldDifference, Id, by_identity, differences
from poscloud.imports.source import Source
from poscloud.render.environment import render_environment
from poscloud.spec import EnvironmentSpec

MADE_BY_OTHERS = frozenset(
    "Pod ReplicaSet ControllerRevision Endpoints EndpointSlice Event Lease PersistentVolume".split()
)
"""Kinds that a cluster makes of others; where one is in the source and not rendered, it is no finding."""

_CLUSTERS_OWN = {
    ("ConfigMap", "kube-root-ca.crt"),
    ("ServiceAccount", "default"),
    ("ConfigMap", "poscloud-manual"),
}


@dataclass(frozen=True)
class Proof:
    """What does not match.

    Attributes:
        compared: How many objects are in both.
        fields: Fields that differ in them.
        only_source: Objects of the source that no component stands for.
        only_rendered: Objects that the description makes and the source does not have.
    """

    compared: int
    fields: list[FieldDifference]
    only_source: list[Id]
    only_rendered: list[Id]

    @property
    def equal(self) -> bool:
        """Whether nothing is left over."""
        return not (self.fields or self.only_source or self.only_rendered)


def prove(source: Source, spec: EnvironmentSpec, *, keep_secrets: bool = False) -> Proof:
    """Return in what the description differs from its source, where it counts (see ``normal``).

    Args:
        source: What was imported.
        spec: The description.
        keep_secrets: Whether Secrets that are not described are no finding.
    """
    rendered = by_identity(m for part in render_environment(spec) for m in part.manifests)
    there = source.objects
    if not any(kind == "Namespace" for kind, _ in there):
        rendered.pop(("Namespace", spec.name), None)  # what was printed for a namespace that is there
    passed_over = MADE_BY_OTHERS | ({"Secret"} if keep_secrets else set())
    both = [identity for identity in rendered if identity in there]
    return Proof(
        len(both),
        [
            d
            for identity in both
            for d in differences(there[identity], rendered[identity])
            if not (
                d.path == "spec.replicas" and ("HorizontalPodAutoscaler", d.name) in there
            )  # its own choice
        ],
        [
            i
            for i in there
            if i not in rendered
            and i[0] not in passed_over
            and i not in _CLUSTERS_OWN | _members_claims(source, i)
        ],
        [i for i in rendered if i not in there],
    )


def _members_claims(source: Source, identity: Id) -> frozenset[Id]:
    """Return the claim itself where a stateful set makes it for one of its members."""
    if identity[0] != "PersistentVolumeClaim":
        return frozenset()
    beginnings = [
        f"{claim['metadata']['name']}-{item['metadata']['name']}-"
        for item in source.kind("StatefulSet")
        for claim in item["spec"].get("volumeClaimTemplates") or []
    ]
    made = any(identity[1].startswith(b) and identity[1].removeprefix(b).isdecimal() for b in beginnings)
    return frozenset({identity}) if made else frozenset()
