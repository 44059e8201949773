"""What all services have in common: ConfigMaps, Service, Deployment, sidecar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poscloud.render import filebeat, names
from poscloud.render.container import Container, render_container, tcp_probes, variables
from poscloud.render.context import Context
from poscloud.render.logs import keep_logs, logs_volume
from poscloud.render.manifest import Manifest, checksum, manifest, override
from poscloud.render.peers import render_peers
from poscloud.render.placement import placement, shared_mounts, shared_volumes
from poscloud.render.pod import HOST_TIME_MOUNT, HOST_TIME_VOLUME, TMP, anti_affinity, low_ports, tmp_volume
from poscloud.render.scaling import render_scaling
from poscloud.spec import FilebeatSidecar, ServiceSpec

PROVEN_AFTER = 5
"""Seconds that a pod without a readiness probe has to run without ending before it counts as available."""


@dataclass(frozen=True)
class Application:
    """What one kind of service runs, beside what its spec says.

    Attributes:
        kind: For labels.
        image_name: What the image pattern takes as the service's name; empty: its name.
        logs_path: Folder of the log files in the container; the sidecar sees the same one. Empty: it logs to stdout.
        log_files: Where the sidecar finds them, unless it says so itself; empty: at the folder's top.
        env: Variables that its start needs; what the spec uses and sets comes after them and wins.
        command: The container's command; empty: the image's own.
        config: File name → text, mounted at ``config_path``.
        config_path: Folder of the configuration in the container.
        mounts: Further volume mounts of the container.
        volumes: Further volumes of the pod.
        init_containers: Run before the container, one after the other.
        grace_period: Seconds between being asked to stop and being killed; ``None``: Kubernetes' 30.
        probes: Probe name → probe; ``None``: readiness and liveness by TCP connect to the port.
        containers: All containers of the pod but its sidecar, where there are several; empty: one, as above.
        fields: Variable → field of the pod, set before ``env``, whose values may have ``$(VARIABLE)``.
        peers: Each pod has a DNS name of its own, as ``names.peer_dns_names`` gives them: a StatefulSet and a
            headless Service beside the usual one, instead of a Deployment. One pod is replaced at a time.
        recreate: No pod is started before the old ones are gone, instead of a rolling update.
        pod: Further fields of the pod, such as ``hostNetwork``.
    """

    kind: str
    logs_path: str
    env: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    config: Mapping[str, str] = field(default_factory=dict)
    config_path: str = ""
    mounts: tuple[Manifest, ...] = ()
    volumes: tuple[Manifest, ...] = ()
    init_containers: tuple[Manifest, ...] = ()
    grace_period: int | None = None
    probes: Mapping[str, Manifest] | None = None
    containers: tuple[Manifest, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    peers: bool = False
    recreate: bool = False
    image_name: str = ""
    log_files: tuple[str, ...] = ()
    pod: Mapping[str, Any] = field(default_factory=dict)


def service_outputs(name: str, environment: str, spec: ServiceSpec) -> dict[str, str]:
    """Return what a service offers to others; nothing without a port."""
    if not spec.ports():
        return {}
    host, port = names.dns_name(name, environment), next(iter(spec.ports().values()))
    return {"host": host, "port": str(port), "url": f"http://{host}:{port}"}


def render_service(
    context: Context, name: str, spec: ServiceSpec, application: Application
) -> list[Manifest]:
    """Return the manifests of one service, in the order they are made."""
    sidecar = context.environment.filebeat_of(spec)
    config = [render_config(context, name, application)] if application.config else []
    if sidecar:
        if application.log_files and "paths" not in sidecar.model_fields_set:
            sidecar = sidecar.model_copy(update={"paths": application.log_files})
        config.append(filebeat.render_config(context, name, application.kind, sidecar))
    pod = render_pod(context, name, spec, application, sidecar)
    service = [_service(context, name, spec, application)] if spec.ports() else []
    workload = _workload(context, name, spec, application, pod, config)
    scaling = render_scaling(context, name, spec, application.kind)
    return override([*config, *service, *workload, *scaling], spec.overrides, name)


def render_config(context: Context, name: str, application: Application) -> Manifest:
    """Return the ConfigMap with what is mounted at ``config_path``."""
    return manifest(
        "v1",
        "ConfigMap",
        names.part_config(name),
        namespace=context.namespace,
        labels=context.labels(name, application.kind),
        data=dict(application.config),
    )


def _service(context: Context, name: str, spec: ServiceSpec, application: Application) -> Manifest:
    ports: list[Manifest] = [{"name": n, "port": p, "targetPort": n} for n, p in spec.ports().items()]
    body: Manifest = {"selector": names.selector(name), "ports": ports}
    if spec.node_port:
        ports[0]["nodePort"] = spec.node_port
        body["type"] = "NodePort"
    return manifest(
        "v1",
        "Service",
        name,
        namespace=context.namespace,
        labels=context.labels(name, application.kind),
        annotations=names.SKIP_AWAIT,
        spec=body,
    )


def _workload(
    context: Context,
    name: str,
    spec: ServiceSpec,
    application: Application,
    pod: Manifest,
    config: list[Manifest],
) -> list[Manifest]:
    labels = context.labels(name, application.kind)
    metadata: Manifest = {"labels": labels}
    if config:
        metadata["annotations"] = {names.CHECKSUM_ANNOTATION: checksum([c["data"] for c in config])}
    template = {"metadata": metadata, "spec": pod}
    if application.peers:
        return render_peers(context, name, spec, labels, template)
    deployment = manifest(
        "apps/v1",
        "Deployment",
        name,
        namespace=context.namespace,
        labels=labels,
        spec={
            # An autoscaler's number is not ours to set back.
            **({} if spec.autoscale else {"replicas": spec.replicas}),
            "selector": {"matchLabels": names.selector(name)},
            **_proven(pod),
            "strategy": {"type": "Recreate"} if application.recreate else _rolling_update(spec),
            "template": template,
        },
    )
    return [deployment]


def _proven(pod: Manifest) -> Manifest:
    """Return how long a pod that nobody asks has to run before it counts: one that ends at once was never of use."""
    asked = any("readinessProbe" in container for container in pod["containers"])
    return {} if asked else {"minReadySeconds": PROVEN_AFTER}


def _rolling_update(spec: ServiceSpec) -> Manifest:
    rollout = {"maxSurge": spec.rollout.max_surge, "maxUnavailable": spec.rollout.max_unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": rollout}


def render_pod(
    context: Context,
    name: str,
    spec: ServiceSpec,
    application: Application,
    sidecar: FilebeatSidecar | None = None,
) -> Manifest:
    """Return the ``spec`` of a service's pods."""
    time_mount = [dict(HOST_TIME_MOUNT)] if spec.host_time else []
    containers = list(application.containers) or [_container(context, name, spec, application, time_mount)]
    shared = shared_mounts(context, spec)
    containers = [{**c, "volumeMounts": [*shared, *c["volumeMounts"]]} for c in containers]
    volumes: list[Manifest] = []
    if application.logs_path:
        volumes.append(logs_volume(spec))
    if sidecar:
        containers.append(filebeat.container(context, sidecar, spec.pull_policy, time_mount))
        volumes.append(filebeat.volume(name))
    if spec.log_store:
        containers = [keep_logs(container, context.namespace, name) for container in containers]
    if application.config:
        volumes.append({"name": "config", "configMap": {"name": names.part_config(name)}})
    volumes += [*application.volumes, *shared_volumes(context, spec)]
    if spec.host_time:
        volumes.append(dict(HOST_TIME_VOLUME))
    volumes += _tmp([*application.init_containers, *containers], volumes)
    pod: Manifest = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    pod |= anti_affinity(name, spec.anti_affinity)
    if context.environment.pull_secret:
        pod["imagePullSecrets"] = [{"name": context.environment.pull_secret}]
    pod |= placement(context, spec)
    if application.grace_period is not None:
        pod["terminationGracePeriodSeconds"] = application.grace_period
    if application.init_containers:
        pod["initContainers"] = list(application.init_containers)
    pod |= {**application.pod, "containers": containers, "volumes": volumes}
    security = low_ports(pod)
    if group := spec.fs_group:
        security = {**security, "fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch"}
    return {**pod, "securityContext": security} if security else pod


def _tmp(containers: list[Manifest], volumes: list[Manifest]) -> list[Manifest]:
    """Return the volume for /tmp, where one of the containers has it mounted and there is none yet."""
    mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
    return [tmp_volume()] if TMP in mounted - {volume["name"] for volume in volumes} else []


def _container(
    context: Context, name: str, spec: ServiceSpec, application: Application, time_mount: list[Manifest]
) -> Manifest:
    """Return the container of a pod that has one (beside its sidecar)."""
    mounts = list(application.mounts)
    if application.config:
        mounts.append({"name": "config", "mountPath": application.config_path})
    if application.logs_path:
        mounts.append({"name": "logs", "mountPath": application.logs_path})
    probes = application.probes
    if probes is None:
        probes = tcp_probes(spec.port, spec.probes) if spec.port else {}
    container = Container(
        name=name,
        image=context.service_image(spec.image, application.image_name or name, spec.version),
        pull_policy=spec.pull_policy,
        resources=spec.resources,
        env=variables(context, spec.uses, spec.env, application.env, application.fields),
        command=application.command,
        ports=spec.ports(),
        probes=probes,
        user=spec.runs_as(),
        writable_root=spec.writes_root(),
        mounts=(*mounts, *time_mount),
    )
    return render_container(container)
