"""The environment's own objects: namespace with its fence, Secrets, quota, policies, Ingress rules."""

from __future__ import annotations

from poscloud.render import names, secrets
from poscloud.render.clusterwide import render_clusterwide
from poscloud.render.context import Context
from poscloud.render.ingress import render_ingress
from poscloud.render.isolation import render_isolation
from poscloud.render.manifest import Manifest, manifest
from poscloud.render.monitoring import render_monitoring
from poscloud.render.teams import render_team
from poscloud.spec.values import Amounts

EMPTY_DOCKER_CONFIG = '{"auths":{}}'
"""What the pull secret holds until the stack's configuration has the real one: no credentials."""


def render_namespace(context: Context) -> list[Manifest]:
    """Return the Namespace, and what else the environment asks for; what no namespace holds comes last."""
    environment = context.environment
    labels = context.labels(environment.name, "environment")
    manifests = [
        manifest(
            "v1",
            "Namespace",
            environment.name,
            namespace=None,
            labels=labels,
            annotations=_adoption(context) | _lifetime(context),
        )
    ]
    if environment.pull_secret:
        manifests.append(
            manifest(
                "v1",
                "Secret",
                environment.pull_secret,
                namespace=context.namespace,
                labels=labels,
                annotations={names.SECRET_SOURCE_ANNOTATION: ".dockerconfigjson=registryAuth"},
                type="kubernetes.io/dockerconfigjson",
                stringData={".dockerconfigjson": EMPTY_DOCKER_CONFIG},
            )
        )
    manifests += [
        secrets.render_secret(context, name, labels, keys) for name, keys in environment.secrets.items()
    ]
    if environment.quota:
        spec = {"hard": dict(environment.quota)}
        manifests.append(
            manifest("v1", "ResourceQuota", "quota", namespace=context.namespace, labels=labels, spec=spec)
        )
    if environment.limits:
        manifests.append(_limit_range(context, labels))
    if environment.isolation:
        manifests += render_isolation(context, environment.isolation, labels)
    if environment.monitoring:
        manifests += render_monitoring(context, environment.monitoring)
    for team, given in environment.access.items():
        manifests += render_team(context.namespace, team, given.may, labels)
    manifests += [render_ingress(context, rule, labels) for rule in environment.ingress]
    wide = render_clusterwide(context, labels)
    for item in wide:
        item["metadata"] |= {"annotations": _adoption(context)} if environment.adopt else {}
    return [*manifests, *wide]


def _adoption(context: Context) -> dict[str, str]:
    """Return what lets the provider take in a namespace that is nobody's.

    It stands on the namespace, which says so for all that is in it, and on what is made before the namespace; never
    on workloads, which keep running unchanged when it is taken out again.
    """
    return {names.ADOPT_ANNOTATION: "true"} if context.environment.adopt else {}


def _lifetime(context: Context) -> dict[str, str]:
    """Return what a sweep has to know of an environment whose description it does not have."""
    environment, lifetime = context.environment, context.environment.lifetime
    found = {names.COPY_ANNOTATION: environment.copy_of} if environment.copy_of else {}
    if environment.office_hours:
        found[names.OFFICE_HOURS_ANNOTATION] = str(environment.office_hours)
    if lifetime:
        found |= {names.TTL_ANNOTATION: lifetime.ttl, names.OWNER_ANNOTATION: lifetime.owner}
        found |= {names.MERGE_REQUEST_ANNOTATION: lifetime.merge_request} if lifetime.merge_request else {}
        found |= {names.TEAM_ANNOTATION: lifetime.team} if lifetime.team else {}
        found |= {names.MADE_WITH_ANNOTATION: ",".join(lifetime.made_with)} if lifetime.made_with else {}
    return found


def _limit_range(context: Context, labels: dict[str, str]) -> Manifest:
    limits = context.environment.limits
    assert limits is not None
    item: Manifest = {"type": "Container"}
    for field, amounts in (
        ("default", limits.default),
        ("defaultRequest", limits.default_request),
        ("max", limits.max),
    ):
        if values := _amounts(amounts):
            item[field] = values
    return manifest(
        "v1", "LimitRange", "limits", namespace=context.namespace, labels=labels, spec={"limits": [item]}
    )


def _amounts(amounts: Amounts) -> dict[str, str]:
    return amounts.model_dump(exclude_none=True)
