"""What a service's version changes of its workload: pure functions of descriptions and manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poscloud.engine.drift.keyed import entries, keyed, owned, unkeyed
from poscloud.engine.manual.entry import Change
from poscloud.errors import PosCloudError
from poscloud.provider.diff import changes, get
from poscloud.provider.items import Item
from poscloud.render.environment import SCALED, render_part
from poscloud.spec import EnvironmentSpec, ServiceSpec
from poscloud.spec.kubernetes import check_tag
from poscloud.spec.references import nearest

Object = dict[str, Any]

JAR_VERSION = "JAR_VERSION"
"""The variable of the init container that fetches a jar; its value is the version."""


def without_version(part: ServiceSpec) -> str:
    """Return why another version would not be another program; empty where it would."""
    if part.image is not None:
        return "its `image` is given as a whole"
    if getattr(part, "git", None):
        return "its program comes from git.revision; the version is that of the image it runs in"
    return ""


def refuse(name: str, part: ServiceSpec, version: str, stack: str) -> None:
    """Make sure that a service can be given a version by hand.

    Raises:
        PosCloudError: It has no version, two of them run, or the version cannot be one of it.
    """
    if why := without_version(part):
        raise PosCloudError(
            f"'{name}' of {stack} has no version to push: {why}",
            hint=f"change it in stacks/{stack}.yaml, then: poscloud up -s {stack}",
        )
    release = part.release
    if release and release.strategy != "rolling" and release.changes():
        raise PosCloudError(
            f"'{name}' of {stack} is in a {release.strategy} release: a second version runs beside {part.version}",
            hint=f"end it first: poscloud release promote {name} -s {stack}, or abort; then poscloud up -s {stack}",
        )
    if findings := check_tag(version, ()):
        raise PosCloudError(f"no version: {findings[0].message}", hint="give the tag of a build")
    jar = getattr(part, "jar", None)
    if jar is not None and jar.sha256 and version != part.version:
        raise PosCloudError(
            f"'{name}' of {stack} has jar.sha256, which is that of version {part.version} and of no other",
            hint=f"change both in stacks/{stack}.yaml, then: poscloud up -s {stack}",
        )


def with_version(spec: EnvironmentSpec, name: str, version: str) -> EnvironmentSpec:
    """Return an environment in which one service has another version."""
    part = spec.services[name].model_copy(update={"version": version})
    return spec.model_copy(update={"services": {**spec.services, name: part}})


def workload_manifest(spec: EnvironmentSpec, name: str) -> Object:
    """Return the one workload of a service, as it is rendered."""
    (found,) = [m for m in render_part(spec, name).manifests if m["kind"] in SCALED]
    return found


def difference(spec: EnvironmentSpec, name: str, now: str, then: str, live: Object) -> list[Change]:
    """Return the fields of a service's workload in which two of its versions differ, with their live values.

    Args:
        spec: The environment.
        name: The service.
        now: The version that it has.
        then: The one it is to have.
        live: The live workload, which says which keys its lists have.

    Raises:
        PosCloudError: They differ in nothing, or in more than the workload.
    """
    one, other = (render_part(with_version(spec, name, v), name).manifests for v in (now, then))
    beside = [m for m, n in zip(one, other, strict=True) if m != n and m["kind"] not in SCALED]
    if beside:
        raise PosCloudError(
            f"version {then} of '{name}' changes {beside[0]['kind']} {beside[0]['metadata']['name']} as well, which "
            "cannot be done by hand",
            hint="give it in the stack's file, then: poscloud up",
        )
    fields = owned(entries(live))
    (before,), (after,) = ([keyed(m, fields) for m in each if m["kind"] in SCALED] for each in (one, other))
    paths = dict.fromkeys(_whole(change.path) for change in changes(before, after))
    if not paths:
        raise PosCloudError(f"another version changes nothing of '{name}'")
    raw = next(m for m in other if m["kind"] in SCALED)
    return [Change(path, get(live, *path), unkeyed(get(raw, *path))) for path in paths]


def _whole(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return a path up to a list without keys, which is written as a whole."""
    steps: list[str] = []
    for step in path:
        if isinstance(step, int):
            break
        steps.append(step)
    return tuple(steps)


def version_in(template: Mapping[str, Any], service: str) -> str:
    """Return the version that a pod's template runs: that of its jar, or the tag of the service's image.

    Args:
        template: ``spec.template`` of a workload.
        service: The service, whose container has its name.
    """
    pod = template.get("spec") or {}
    for container in pod.get("initContainers") or []:
        if version := get(container, "env", Item(f"[name={JAR_VERSION}]"), "value"):
            return str(version)
    containers = pod.get("containers") or [{}]
    image = get(containers, Item(f"[name={service}]"), "image") or containers[0].get("image") or ""
    return tag_of(str(image))


def tag_of(image: str) -> str:
    """Return the tag of an image, or its digest; empty without one."""
    if "@" in image:
        return image.partition("@")[2]
    return image.rpartition("/")[2].partition(":")[2]


def chosen(words: tuple[str, ...], spec: EnvironmentSpec) -> tuple[str, list[str]]:
    """Return the version, empty where none is given, and the services that are meant by ``[VERSION] [SERVICE…]``.

    Without a service, all that have a version; without a version as well, those whose latest a store of jars tells.

    Raises:
        PosCloudError: There is no such service, or none is meant.
    """
    rest = list(words)
    version = rest.pop(0) if rest and rest[0] not in spec.services else ""
    if version and not rest and (hint := nearest(version, spec.services)).startswith("did you mean"):
        raise PosCloudError(f"'{version}' is no service of {spec.name}", hint=hint)
    for name in rest:
        if name not in spec.services:
            raise PosCloudError(f"{spec.name} has no service '{name}'", hint=nearest(name, spec.services))
    every = [name for name, part in spec.services.items() if not without_version(part)]
    if not rest and not every:
        raise PosCloudError(f"no service of {spec.name} has a version to push")
    if not rest and not version:
        every = [name for name in every if getattr(spec.services[name], "jar", None)]
        if not every:
            raise PosCloudError(
                f"no service of {spec.name} has a store of jars, which would tell the latest version",
                hint=f"give a version: poscloud push-jar VERSION -s {spec.name}",
            )
    return version, list(dict.fromkeys(rest)) or every
