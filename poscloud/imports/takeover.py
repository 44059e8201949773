"""A file for ``pulumi import``: what runs already, as the resources that poscloud's program declares.

Names, types and parents are those of the program, so that its next run finds each object in the state and makes none.
The file has no value of any object: the provider reads them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.components import TeamAccess
from poscloud.components.monitoring import Monitoring
from poscloud.components.registry import component
from poscloud.components.resources import sdk_version, type_token
from poscloud.engine.providerinputs import PROVIDER
from poscloud.imports.difference import Id
from poscloud.local.paths import OWNED
from poscloud.provider.cluster import object_id
from poscloud.render import Manifest, RenderedPart, names
from poscloud.render.environment import render_environment
from poscloud.render.monitoring import KIND as MONITORING
from poscloud.spec import EnvironmentSpec

FOLDER = Path(OWNED) / "import"
"""Where the files are: they name this machine's kubeconfig, and are of use once."""


@dataclass(frozen=True)
class Takeover:
    """How what runs gets into the engine's state without being touched.

    Attributes:
        file: The file for ``pulumi import``, relative to the project's folder.
        text: Its content.
        objects: How many objects of the cluster it has.
        context: Context of the kubeconfig, which the stack has to be given; empty: the local cluster.
        cluster: The kubeconfig and the context in it by which the cluster is found, also the local one.
    """

    file: Path
    text: str
    objects: int
    context: str = ""
    cluster: tuple[str, str] = ("", "")

    @property
    def commands(self) -> list[str]:
        """What to run next, in this order; only the last one writes to the cluster, after its preview."""
        stack = self.file.stem
        given = [f"pulumi stack select --create -s {stack}"]
        if self.context:
            given.append(f"pulumi config set poscloud:context {shlex.quote(self.context)} -s {stack}")
        return [
            *given,
            f"pulumi import --file {self.file} --yes --generate-code=false --protect=false -s {stack}",
            f"pulumi preview --diff -s {stack}",
            f"poscloud up -s {stack}",
        ]


def takeover(
    spec: EnvironmentSpec, live: Collection[Id], project: str, inputs: Mapping[str, str], context: str = ""
) -> Takeover:
    """Return the file for ``pulumi import`` of an environment.

    Args:
        spec: The description.
        live: Kind and name of each object that is there.
        project: The Pulumi project.
        inputs: What the program configures the cluster's provider with.
        context: Context of the kubeconfig; empty: the local cluster.
    """
    resources = list(_resources(spec, live, project))
    urn = f"urn:pulumi:{spec.name}::{project}::pulumi:providers:kubernetes::{PROVIDER}"
    content = {
        "nameTable": {PROVIDER: urn},
        "providerInputs": {PROVIDER: dict(inputs)},
        "resources": resources,
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    cluster = inputs.get("kubeconfig", ""), inputs.get("context", "")
    return Takeover(FOLDER / f"{spec.name}.json", text, sum("id" in r for r in resources), context, cluster)


def _resources(spec: EnvironmentSpec, live: Collection[Id], project: str) -> Iterator[dict[str, Any]]:
    """Yield the components and the objects, each behind its parent."""
    base, *parts = render_environment(spec, project)
    environment = _component("Environment", spec.name)
    yield environment
    within: dict[str, dict[str, Any]] = {}
    for item in _there(base, live):
        parent = _within(item, environment["name"])
        if parent and parent["name"] not in within:
            within[parent["name"]] = parent
            yield parent
        yield _object(item, parent or environment)
    for part in parts:
        there = _there(part, live)
        if part.manifests and not there:
            continue  # it does not run: up makes all of it
        top = _component(component(part.kind).__name__, part.name, environment["name"])
        yield top
        yield from (_object(item, top) for item in there)


def _there(part: RenderedPart, live: Collection[Id]) -> list[Manifest]:
    return [m for m in part.manifests if (m["kind"], m["metadata"]["name"]) in live]


def _within(item: Manifest, environment: str) -> dict[str, Any] | None:
    """Return the component within the environment that an object of its own belongs to, if there is one."""
    labels = item["metadata"]["labels"]
    if team := labels.get(names.ACCESS_LABEL):
        return _component(TeamAccess.__name__, team, environment)
    if labels["app.kubernetes.io/component"] == MONITORING:
        return _component(Monitoring.__name__, MONITORING, environment)
    return None


def _component(sort: str, name: str, parent: str = "") -> dict[str, Any]:
    """Return a component's entry; its name in the file is the only one of its kind, ``KIND/NAME``."""
    entry = {
        "type": f"poscloud:index:{sort}",
        "name": f"{sort}/{name}",
        "logicalName": name,
        "component": True,
    }
    return entry | ({"parent": parent} if parent else {})


def _object(item: Manifest, parent: dict[str, Any]) -> dict[str, Any]:
    kind, name = item["kind"], item["metadata"]["name"]
    return {
        "type": type_token(item["apiVersion"], kind),
        "name": f"{kind}/{name}",
        "logicalName": name,
        "id": object_id(item["metadata"]),
        "parent": parent["name"],
        "provider": PROVIDER,
        "version": sdk_version(),
    }
