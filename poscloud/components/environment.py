"""Environment: the namespace with everything in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi

from poscloud.components.choice import EVERYTHING, Choice
from poscloud.components.registration import PlainComponent
from poscloud.components.registry import component
from poscloud.components.resources import create
from poscloud.render import Manifest, names
from poscloud.render.environment import RenderedPart, render_base, render_part, start_order
from poscloud.render.kinds import outputs_of
from poscloud.render.manifest import is_cluster_wide
from poscloud.render.monitoring import KIND as MONITORING
from poscloud.render.secrets import sources, with_checksum
from poscloud.spec import EnvironmentSpec


class Environment(PlainComponent):
    """One environment: namespace, fence, pull secret, quota and limits, and all parts of its spec.

    Parts can also be added one by one: ``JavaService("dac-task", JavaServiceSpec(), environment=env)``.

    Args:
        spec: The description.
        secrets: Secret configuration by its name; ``registryAuth`` is the content of the pull secret.
        digests: Secret → keyed digest of its content; the pods that read it roll when that changes.
        cluster_uid: uid of the cluster's namespace kube-system, stamped on the namespace as part of the fence.
        project: Pulumi project; by default the running one.
        rendered: The spec's parts, rendered already. They are then not created at once, but one by one by ``add``.
        choice: What is declared, where it is not all.
        opts: Its ``provider`` is inherited by every object.
    """

    namespace: pulumi.CustomResource
    """The Namespace object; everything in it is deleted with it."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        *,
        secrets: Mapping[str, pulumi.Input[str]] | None = None,
        digests: Mapping[str, str] | None = None,
        cluster_uid: str | None = None,
        project: str | None = None,
        rendered: Iterable[RenderedPart] | None = None,
        choice: Choice = EVERYTHING,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poscloud:index:Environment", spec.name, {}, opts)
        self.spec, self.outputs, self.choice = spec, outputs_of(spec), choice
        self.project = project or pulumi.get_project()
        self.parts: dict[str, Any] = {}
        self.secrets, self.digests = secrets or {}, digests or {}
        self._create_base(cluster_uid)
        self._rendered = {part.name: part for part in rendered or ()}
        for name in start_order(spec) if rendered is None else ():
            self.add(name)
        self.register_outputs({"namespace": spec.name})

    def add(self, name: str) -> None:
        """Create one part of the spec; what it starts after (``start_order``) has to be there."""
        component(self.spec.kind(name))(name, self.spec.part(name), environment=self)

    def render(self, name: str) -> RenderedPart:
        """Return one part's manifests, in the order they are made."""
        found = self._rendered.pop(name, None)
        return found or render_part(self.spec, name, self.project, self.outputs)

    def _create_base(self, cluster_uid: str | None) -> None:
        namespace, *others = render_base(self.spec, self.project).manifests
        if cluster_uid:
            namespace["metadata"]["annotations"][names.CLUSTER_ANNOTATION] = cluster_uid
        others = [m for m in others if not _has_component(m) and self.choice.declares(m)]
        wide = [self.create(m, self, []) for m in others if is_cluster_wide(m)]
        # The namespace after what no namespace holds, so that at the end a class outlives the volumes made by it.
        self.namespace = create(namespace, pulumi.ResourceOptions(parent=self, depends_on=wide))
        within = [self.create(m, self, [self.namespace]) for m in others if not is_cluster_wide(m)]
        self.base = [self.namespace, *wide, *within]
        for team, given in self.spec.access.items():
            from poscloud.components.teams import TeamAccess

            TeamAccess(team, given, environment=self)
        if self.spec.monitoring:
            from poscloud.components.monitoring import Monitoring

            Monitoring(self.spec.monitoring, environment=self)

    def create(
        self, manifest: Manifest, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
    ) -> pulumi.CustomResource:
        """Register one object: within the namespace it goes when that goes, else it is deleted by itself."""
        options = pulumi.ResourceOptions(parent=parent, depends_on=list(after))
        if not is_cluster_wide(manifest):
            options.deleted_with = self.namespace
        if self.choice.keeps(manifest):
            options.ignore_changes = ["*"]
        return create(with_checksum(self.with_secrets(manifest), self.digests), options)

    def with_secrets(self, manifest: Manifest) -> Manifest:
        """Return ``manifest`` with what the stack's secret configuration has of its data."""
        found = {
            key: self.secrets[config] for key, config in sources(manifest).items() if config in self.secrets
        }
        if not found:
            return manifest
        secret = {key: pulumi.Output.secret(value) for key, value in found.items()}
        return {**manifest, "stringData": {**manifest.get("stringData", {}), **secret}}

    def include(self, group: str, name: str, spec: Any) -> None:
        """Make a part that was constructed by hand part of ``spec``, so that others can refer to it."""
        parts: dict[str, Any] = getattr(self.spec, group)
        if parts.get(name) is spec:
            return
        data = {field: getattr(self.spec, field) for field in EnvironmentSpec.model_fields}
        self.spec = EnvironmentSpec.model_validate({**data, group: {**parts, name: spec}})
        self.outputs = outputs_of(self.spec)


def _has_component(manifest: Manifest) -> bool:
    """Whether an object of the environment's own belongs to a component within it."""
    labels = manifest["metadata"]["labels"]
    return names.ACCESS_LABEL in labels or labels["app.kubernetes.io/component"] == MONITORING
