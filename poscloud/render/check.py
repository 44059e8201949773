"""What can only be told from the manifests: what does not fit together in a pod, objects rendered twice."""

from __future__ import annotations

from functools import partial

from poscloud.render.check_images import check_images
from poscloud.render.check_metadata import check_metadata
from poscloud.render.check_names import check_names
from poscloud.render.check_pods import check_containers, check_duplicates, check_hosts, check_requests
from poscloud.render.check_quota import check_maxima, check_quota_covers, check_quota_suffices
from poscloud.render.check_size import check_size
from poscloud.render.context import Context
from poscloud.render.environment import RenderedPart, as_part, render_base, start_order
from poscloud.render.ingress import check_ports
from poscloud.render.kinds import KINDS, outputs_of, render_kind
from poscloud.render.manifest import Manifest, check_overrides
from poscloud.render.names import PROJECT
from poscloud.render.namespace import render_namespace
from poscloud.render.release import check_room, check_shared
from poscloud.spec import EnvironmentSpec, ServiceSpec
from poscloud.spec.part import PartSpec
from poscloud.spec.references import Finding, Path


def check_rendering(spec: EnvironmentSpec) -> list[Finding]:
    """Return everything that keeps ``spec`` from being rendered."""
    return render_checked(spec)[1]


def render_checked(spec: EnvironmentSpec, project: str = PROJECT) -> tuple[list[RenderedPart], list[Finding]]:
    """Return every part of ``spec`` as ``render_environment`` does, and everything that keeps it from being rendered.

    With findings, the parts are of no use.
    """
    context = Context(spec, outputs_of(spec))
    parts = [render_base(spec, project)]
    owners = {(m["kind"], m["metadata"]["name"]): spec.name for m in render_namespace(context)}
    rendered: list[Manifest] = []
    findings: list[Finding] = []
    for name in start_order(spec):
        group = "backing" if name in spec.backing else "services"
        part = spec.part(name)
        if isinstance(part, ServiceSpec) and part.release:
            render = partial(KINDS[spec.kind(name)].render, context, name)
            shared = check_shared(part.model_copy(update={"overrides": {}}), render, (group, name))
            findings += [*shared, *check_room(spec, part, (group, name))]
            if shared:  # it cannot be rendered as it is released
                part = part.model_copy(update={"release": None})
        plain = part.model_copy(update={"overrides": {}})
        manifests = render_kind(context, name, plain)
        overrides = check_overrides(manifests, part.overrides, (group, name, "overrides"))
        findings += [*overrides, *_check_part(spec, part, manifests, (group, name))]
        final = render_kind(context, name, part) if part.overrides and not overrides else manifests
        findings += [*check_images(spec, part, final, (group, name)), *check_metadata(final, (group, name))]
        rendered += manifests
        parts.append(as_part(spec, name, final, project))
        for item in manifests:
            key = (item["kind"], item["metadata"]["name"])
            owner = owners.setdefault(key, name)
            if owner != name:
                message = f"both '{owner}' and '{name}' render {key[0]} '{key[1]}'"
                findings.append(Finding((group, name), "duplicate-object", message, "rename one"))
    services = {m["metadata"]["name"]: m for m in rendered if m["kind"] == "Service"}
    findings += [*check_ports(spec, services), *check_quota_suffices(spec, rendered)]
    return parts, list(dict.fromkeys(findings))


def _check_part(
    spec: EnvironmentSpec, part: PartSpec, manifests: list[Manifest], path: Path
) -> list[Finding]:
    """Return what is wrong within the objects of one part."""
    return [
        *check_hosts(spec, part, manifests, path),
        *check_requests(spec, part, manifests, path),
        *check_duplicates(part, manifests, path),
        *check_containers(part, manifests, path),
        *check_maxima(spec, manifests, path),
        *check_quota_covers(spec, manifests, path),
        *check_names(manifests, path),
        *check_size(manifests, path),
    ]
