"""One container of a service's pod: image, ports, variables, probes, mounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import TMP_MOUNT, field_env, resources, secret_env, security, tcp_probe
from poscloud.spec import Probes, Resources, SecretKey
from poscloud.spec.password import PASSWORD_KEY
from poscloud.spec.references import substitute

POD_FIELDS: Mapping[str, str] = {"POD_IP": "status.podIP", "MY_POD_NAMESPACE": "metadata.namespace"}
"""Variables that every service's container gets from its pod."""


@dataclass(frozen=True)
class Container:
    """What one container of a service's pod runs.

    Attributes:
        name: Its name in the pod.
        image: With its tag.
        pull_policy: imagePullPolicy.
        resources: CPU and memory.
        env: Its variables, as ``variables`` makes them.
        command: Empty: the image's own.
        ports: Port name → TCP port.
        probes: ``readinessProbe``, ``livenessProbe``, ``startupProbe``; a missing one is not asked for.
        mounts: Volume mounts.
        user: As for ``security``.
        writable_root: Whether it may write into the files of its image; else it has a /tmp of its own.
    """

    name: str
    image: str
    pull_policy: str
    resources: Resources
    env: list[Manifest]
    command: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    probes: Mapping[str, Manifest] = field(default_factory=dict)
    mounts: tuple[Manifest, ...] = ()
    user: int | str = "image"
    writable_root: bool = False


def render_container(container: Container) -> Manifest:
    """Return the container as it stands in the pod."""
    rendered: Manifest = {
        "name": container.name,
        "image": container.image,
        "imagePullPolicy": container.pull_policy,
    }
    if container.command:
        rendered["command"] = list(container.command)
    if container.ports:
        rendered["ports"] = [{"name": n, "containerPort": port} for n, port in container.ports.items()]
    mounts = list(container.mounts)
    if not container.writable_root and TMP_MOUNT not in mounts:
        mounts.append(dict(TMP_MOUNT))
    return {
        **rendered,
        "env": container.env,
        "resources": resources(container.resources),
        **container.probes,
        "securityContext": security(container.user, writable_root=container.writable_root),
        "volumeMounts": mounts,
    }


def timing(probes: Probes) -> dict[str, int]:
    """Return when a probe is asked, as the API has it."""
    return {
        "initialDelaySeconds": probes.initial_delay,
        "timeoutSeconds": probes.timeout,
        "periodSeconds": probes.period,
        "failureThreshold": probes.failures,
    }


def tcp_probes(port: int, probes: Probes) -> dict[str, Manifest]:
    """Return readiness and liveness by TCP connect to ``port``."""
    return {name: tcp_probe(port, **timing(probes)) for name in ("readinessProbe", "livenessProbe")}


def variables(
    context: Context,
    uses: Iterable[str],
    env: Mapping[str, str | SecretKey],
    first: Mapping[str, str],
    fields: Mapping[str, str] | None = None,
) -> list[Manifest]:
    """Return the variables: the pod's, ``fields``, ``first``, then the outputs of ``uses``, then ``env``.

    A later one replaces an earlier one of the same name, but for the pod's, which give way. They and ``fields``
    (variable → field of the pod) come first, because ``$(NAME)`` in a value means a variable before it.
    """
    entries: dict[str, Manifest] = {name: field_env(name, path) for name, path in (fields or {}).items()}
    entries |= {variable: {"name": variable, "value": value} for variable, value in first.items()}
    for used in uses:
        prefix, outputs = names.env_prefix(used), context.outputs[used]
        for output, value in outputs.items():
            variable = f"{prefix}_{output.upper()}"
            if output == names.SECRET_OUTPUT:
                variable = f"{prefix}_PASSWORD"
                entries[variable] = secret_env(variable, value, PASSWORD_KEY)
            else:
                entries[variable] = {"name": variable, "value": value}
    for variable, given in env.items():
        if isinstance(given, str):
            entries[variable] = {"name": variable, "value": substitute(given, context.outputs)}
        else:
            entries[variable] = secret_env(variable, given.secret, given.key)
    pod_fields = [field_env(n, path) for n, path in POD_FIELDS.items() if n not in entries]
    return [*pod_fields, *entries.values()]
