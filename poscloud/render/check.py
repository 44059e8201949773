"""What can only be told from the manifests: what does not fit together in a pod, objects rendered twice."""

from __future__ import annotations

from functools import partial

from poscloud.render.check_pods import check_duplicates, check_hosts, check_requests
from poscloud.render.check_size import check_size
from poscloud.render.context import Context
from poscloud.render.environment import start_order
from poscloud.render.kinds import KINDS, outputs_of, render_kind
from poscloud.render.manifest import check_overrides
from poscloud.render.namespace import render_namespace
from poscloud.render.release import check_shared
from poscloud.spec import EnvironmentSpec, ServiceSpec
from poscloud.spec.references import Finding


def check_rendering(spec: EnvironmentSpec) -> list[Finding]:
    """Return everything that keeps ``spec`` from being rendered."""
    context = Context(spec, outputs_of(spec))
    owners = {(m["kind"], m["metadata"]["name"]): spec.name for m in render_namespace(context)}
    findings: list[Finding] = []
    for name in start_order(spec):
        group = "backing" if name in spec.backing else "services"
        part = spec.part(name)
        plain = part.model_copy(update={"overrides": {}})
        if isinstance(plain, ServiceSpec) and plain.release:
            render = partial(KINDS[spec.kind(name)].render, context, name)
            findings += check_shared(plain, render, (group, name))
        manifests = render_kind(context, name, plain)
        findings += check_overrides(manifests, part.overrides, (group, name, "overrides"))
        findings += check_hosts(spec, part, manifests, (group, name))
        findings += check_requests(spec, part, manifests, (group, name))
        findings += check_duplicates(part, manifests, (group, name))
        findings += check_size(manifests, (group, name))
        for item in manifests:
            key = (item["kind"], item["metadata"]["name"])
            owner = owners.setdefault(key, name)
            if owner != name:
                message = f"both '{owner}' and '{name}' render {key[0]} '{key[1]}'"
                findings.append(Finding((group, name), "duplicate-object", message, "rename one"))
    return findings
