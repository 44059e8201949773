"""What is imported: the manifests of one namespace, and how they are looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from poscloud.imports.difference import Id, by_identity
from poscloud.render import Manifest

SIDECAR = "filebeat"
"""What the container of the log shipping sidecar is called."""


@dataclass(frozen=True)
class Source:
    """The manifests of one namespace.

    Attributes:
        name: The namespace, which the environment is called like.
        items: All of them.
    """

    name: str
    items: list[Manifest]

    @cached_property
    def objects(self) -> dict[Id, Manifest]:
        """All objects by kind and name."""
        return by_identity(self.items)

    def get(self, kind: str, name: str) -> Manifest | None:
        """Return the object of a kind and name; ``None`` if there is none."""
        return self.objects.get((kind, name))

    def kind(self, *kinds: str) -> list[Manifest]:
        """Return all objects of some kinds."""
        return [item for item in self.items if item["kind"] in kinds]

    def listens_at(self, service: str, port: Manifest) -> int:
        """Return what a port of a Service leads to in the pods of the Deployment or stateful set of its name."""
        target = port.get("targetPort") or port["port"]
        workload = self.get("Deployment", service) or self.get("StatefulSet", service)
        if isinstance(target, str) and workload:
            containers = workload["spec"]["template"]["spec"]["containers"]
            named = [p for c in containers for p in c.get("ports") or [] if p.get("name") == target]
            target = named[0]["containerPort"] if named else target
        return int(target) if str(target).isdecimal() else int(port["port"])

    def data(self, name: str) -> dict[str, str]:
        """Return the content of a ConfigMap; nothing where there is none."""
        found = self.get("ConfigMap", name)
        return dict(found.get("data") or {}) if found else {}


@dataclass(frozen=True)
class Workload:
    """One Deployment, StatefulSet or CronJob, with what belongs to it.

    Attributes:
        source: Where it is from.
        item: Its manifest.
    """

    source: Source
    item: Manifest
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name, which the component gets."""
        return str(self.item["metadata"]["name"])

    @property
    def kind(self) -> str:
        """Its kind in Kubernetes."""
        return str(self.item["kind"])

    @property
    def spec(self) -> Manifest:
        """Its ``spec``."""
        spec: Manifest = self.item["spec"]
        return spec

    @cached_property
    def pod(self) -> Manifest:
        """The ``spec`` of its pods."""
        spec = self.spec["jobTemplate"]["spec"] if self.kind == "CronJob" else self.spec
        pod: Manifest = spec["template"]["spec"]
        return pod

    @cached_property
    def containers(self) -> list[Manifest]:
        """Its containers but for the log shipping sidecar."""
        found = [c for c in self.pod["containers"] if c["name"] != SIDECAR]
        return found or self.pod["containers"]

    @cached_property
    def main(self) -> Manifest:
        """The container that is called like it, or else the first one."""
        named = [c for c in self.containers if c["name"] == self.name]
        return (named or self.containers)[0]

    @cached_property
    def sidecar(self) -> Manifest | None:
        """The log shipping sidecar."""
        return next((c for c in self.pod["containers"] if c["name"] == SIDECAR), None)

    @cached_property
    def env(self) -> dict[str, Any]:
        """The main container's variables."""
        return variables(self.main)

    @cached_property
    def config(self) -> dict[str, str]:
        """All files of the ConfigMaps that its pods mount, but for the sidecar's."""
        found: dict[str, str] = {}
        for name, volume in self.volumes.items():
            if "configMap" in volume and name != "filebeat-conf":
                found |= self.source.data(volume["configMap"].get("name", ""))
        return found

    @cached_property
    def volumes(self) -> dict[str, Manifest]:
        """The pods' volumes by name."""
        return {v["name"]: v for v in self.pod.get("volumes") or []}

    @cached_property
    def service(self) -> Manifest | None:
        """The Service of its name."""
        return self.source.get("Service", self.name)

    def init(self, name: str) -> Manifest | None:
        """Return the init container of a name."""
        return next((c for c in self.pod.get("initContainers") or [] if c["name"] == name), None)

    def mounted_at(self, container: Manifest, volume: str) -> str | None:
        """Return where a container sees a volume."""
        mounts = container.get("volumeMounts") or []
        return next((m["mountPath"] for m in mounts if m["name"] == volume), None)


def variables(container: Manifest) -> dict[str, Any]:
    """Return a container's variables as the language writes them: text, or a Secret's key; others as they are."""
    found: dict[str, Any] = {}
    for entry in container.get("env") or []:
        given = entry.get("valueFrom")
        if not given:
            found[entry["name"]] = str(entry.get("value") or "")
        elif "secretKeyRef" in given:
            key = given["secretKeyRef"]
            found[entry["name"]] = {"secret": key.get("name", ""), "key": key.get("key", "")}
        else:
            found[entry["name"]] = entry
    return found


def texts(env: dict[str, Any]) -> dict[str, str]:
    """Return the variables that are text."""
    return {name: value for name, value in env.items() if isinstance(value, str)}
