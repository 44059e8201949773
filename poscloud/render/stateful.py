"""What all backing services have in common: ConfigMap, headless Service, StatefulSet, disruption budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poscloud.render import names
from poscloud.render.clusterwide import storage_class_name
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, checksum, manifest, override
from poscloud.render.placement import placement
from poscloud.render.pod import (
    READ_ONLY,
    TMP_MOUNT,
    TMP_SPACE,
    anti_affinity,
    field_env,
    low_ports,
    nfs_volume,
    resources,
    secret_env,
    tmp_volume,
)
from poscloud.spec.stateful import StatefulSpec

STARTUP = {"periodSeconds": 5, "failureThreshold": 360}
"""Half an hour at least, in which a member may refuse without being killed: it may read its log or its data again. No
shorter period: a kubelet reports 25 events of a pod and then one in five minutes, refusals and all others together."""

OWN_DIRECTORY = {"POD_NAMESPACE": "metadata.namespace", "POD_NAME": "metadata.name"}
"""A member's directory on NFS, from the pod's fields: two environments may share one export."""


@dataclass(frozen=True)
class Program:
    """What one kind of backing service runs.

    Attributes:
        kind: For labels and the image pattern.
        command: The container's command.
        ports: Port name → port; the first is what clients connect to.
        udp: Names of the ports that are UDP; the others are TCP.
        config: File name → text, mounted at ``config_path``.
        config_path: Folder of the configuration in the container.
        data_path: Folder of the data volume in the container.
        user: Numeric user and group the program runs as.
        readiness: Probe.
        liveness: Probe; also asked for up to half an hour before it counts, because recovering takes long.
        startup: Probe that is asked instead then.
        env: Environment variables.
        secret_env: Environment variables with a Secret's value: name → (Secret, key).
        mounts: Further volume mounts of the container.
        volumes: Further volumes of the pod.
        tmp_space: Most that its temporary files may take on the node; ``None``: no limit.
        first: Further manifests, made before all others: what the pods look for when they start.
        last: Further manifests, made when the members are ready.
        pod_fields: Variable → field of the pod that it holds, such as ``status.podIP``.
        own_name: Whether a member has to find itself by its DNS name to become ready.
        replicas: Members.
        grace_period: Seconds between being asked to stop and being killed.
        catch_up: Seconds that one of several members is ready before, in a rolling update, the next is stopped.
    """

    kind: str
    command: list[str]
    ports: dict[str, int]
    config: dict[str, str]
    config_path: str
    data_path: str
    user: int
    readiness: Manifest
    liveness: Manifest
    startup: Manifest | None = None
    env: dict[str, str] = field(default_factory=dict)
    secret_env: dict[str, tuple[str, str]] = field(default_factory=dict)
    mounts: tuple[Manifest, ...] = ()
    volumes: tuple[Manifest, ...] = ()
    tmp_space: str | None = TMP_SPACE
    first: tuple[Manifest, ...] = ()
    last: tuple[Manifest, ...] = ()
    pod_fields: dict[str, str] = field(default_factory=dict)
    udp: frozenset[str] = frozenset()
    own_name: bool = False
    replicas: int = 1
    grace_period: int = 30
    catch_up: int = 0


def settings(values: dict[str, Any], separator: str) -> str:
    """Return ``key<separator>value`` lines, booleans as the programs write them."""
    lines = [f"{k}{separator}{str(v).lower() if isinstance(v, bool) else v}" for k, v in values.items()]
    return "\n".join(lines) + "\n"


def member_outputs(name: str, environment: str, replicas: int, port: int) -> dict[str, str]:
    """Return the outputs of a backing service whose clients are configured with every member."""
    members = names.member_dns_names(name, environment, replicas)
    return {
        "host": names.dns_name(name, environment),
        "port": str(port),
        "url": ",".join(f"{host}:{port}" for host in members),
    }


def render_stateful(context: Context, name: str, spec: StatefulSpec, program: Program) -> list[Manifest]:
    """Return the manifests of one backing service, in the order they are made."""
    labels = context.labels(name, program.kind)
    manifests = [
        *program.first,
        manifest(
            "v1",
            "ConfigMap",
            names.part_config(name),
            namespace=context.namespace,
            labels=labels,
            data=program.config,
        ),
        _headless_service(context, name, program, labels),
        _stateful_set(context, name, spec, program, labels),
    ]
    if program.replicas > 1:
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": names.selector(name)}}
        manifests.append(
            manifest(
                "policy/v1",
                "PodDisruptionBudget",
                name,
                namespace=context.namespace,
                labels=labels,
                spec=budget,
            )
        )
    return override([*manifests, *program.last], spec.overrides, name)


def _headless_service(context: Context, name: str, program: Program, labels: dict[str, str]) -> Manifest:
    return manifest(
        "v1",
        "Service",
        name,
        namespace=context.namespace,
        labels=labels,
        annotations=names.SKIP_AWAIT,
        spec={
            "clusterIP": "None",
            # Members have to find each other before any of them is ready.
            "publishNotReadyAddresses": program.own_name or program.replicas > 1,
            "selector": names.selector(name),
            "ports": [
                {"name": n, "port": port, "targetPort": n, **_protocol(n, program)}
                for n, port in program.ports.items()
            ],
        },
    )


def _stateful_set(
    context: Context, name: str, spec: StatefulSpec, program: Program, labels: dict[str, str]
) -> Manifest:
    return manifest(
        "apps/v1",
        "StatefulSet",
        name,
        namespace=context.namespace,
        labels=labels,
        spec={
            "serviceName": name,
            "replicas": program.replicas,
            # A quorum only forms when its members start together.
            "podManagementPolicy": "Parallel" if program.replicas > 1 else "OrderedReady",
            **({"minReadySeconds": program.catch_up} if program.catch_up and program.replicas > 1 else {}),
            "selector": {"matchLabels": names.selector(name)},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {names.CHECKSUM_ANNOTATION: checksum(program.config)},
                },
                "spec": _pod(context, name, spec, program),
            },
            **_claims(context, name, spec),
        },
    )


def _claims(context: Context, name: str, spec: StatefulSpec) -> Manifest:
    if spec.storage.nfs:
        return {}
    claim: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": spec.storage.size}},
    }
    if spec.storage.storage_class:
        claim["storageClassName"] = storage_class_name(context, spec.storage.storage_class)
    metadata = {"name": "data", "labels": names.selector(name)}
    return {"volumeClaimTemplates": [{"metadata": metadata, "spec": claim}]}


def _pod(context: Context, name: str, spec: StatefulSpec, program: Program) -> Manifest:
    pod: Manifest = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    if program.replicas > 1:
        pod |= anti_affinity(name, "required")
    if context.environment.pull_secret:
        pod["imagePullSecrets"] = [{"name": context.environment.pull_secret}]
    pod |= placement(context, spec)
    volumes: list[Manifest] = [{"name": "config", "configMap": {"name": names.part_config(name)}}]
    if spec.storage.nfs:
        volumes.append(nfs_volume("data", spec.storage.nfs))
    pod |= {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": program.user,
            "runAsGroup": program.user,
            "fsGroup": program.user,
            "fsGroupChangePolicy": "OnRootMismatch",
        },
        "terminationGracePeriodSeconds": program.grace_period,
        "containers": [_container(context, spec, program)],
        "volumes": [*volumes, tmp_volume(program.tmp_space), *program.volumes],
    }
    return {**pod, "securityContext": low_ports(pod)}


def _container(context: Context, spec: StatefulSpec, program: Program) -> Manifest:
    container: Manifest = {
        "name": program.kind,
        "image": context.backing_image(spec.image, program.kind, spec.version),
        "imagePullPolicy": "IfNotPresent",
        "command": program.command,
        "ports": [
            {"name": n, "containerPort": port, **_protocol(n, program)} for n, port in program.ports.items()
        ],
    }
    data: Manifest = {"name": "data", "mountPath": program.data_path}
    pod_fields = dict(program.pod_fields)
    if spec.storage.nfs:
        data["subPathExpr"] = "/".join(f"$({variable})" for variable in OWN_DIRECTORY)
        pod_fields |= OWN_DIRECTORY
    zone = {"TZ": context.environment.time_zone} if context.environment.time_zone else {}
    env = [
        *({"name": n, "value": v} for n, v in (zone | program.env).items()),
        *(secret_env(n, *source) for n, source in program.secret_env.items()),
        *(field_env(n, path) for n, path in pod_fields.items()),
    ]
    if env:
        container["env"] = env
    return {
        **container,
        "resources": resources(spec.resources),
        "startupProbe": (program.startup or program.liveness) | STARTUP,
        "readinessProbe": program.readiness,
        "livenessProbe": program.liveness,
        "securityContext": dict(READ_ONLY),
        "volumeMounts": [
            {"name": "config", "mountPath": program.config_path},
            data,
            dict(TMP_MOUNT),
            *program.mounts,
        ],
    }


def _protocol(port: str, program: Program) -> Manifest:
    return {"protocol": "UDP"} if port in program.udp else {}
