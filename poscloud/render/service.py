"""What all services have in common: ConfigMaps, Service, Deployment, sidecar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poscloud.render import filebeat, names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, checksum, manifest, override
from poscloud.render.pod import (
    CONTAINER_SECURITY,
    HOST_TIME_MOUNT,
    HOST_TIME_VOLUME,
    anti_affinity,
    field_env,
    resources,
    secret_env,
    tcp_probe,
)
from poscloud.spec import FilebeatSidecar, ServiceSpec
from poscloud.spec.references import substitute

POD_FIELDS: Mapping[str, str] = {"POD_IP": "status.podIP", "MY_POD_NAMESPACE": "metadata.namespace"}
"""Variables that every service's container gets from its pod."""


@dataclass(frozen=True)
class Application:
    """What one kind of service runs, beside what its spec says.

    Attributes:
        kind: For labels.
        logs_path: Folder of the log files in the container; the sidecar sees the same one.
        env: Variables that its start needs; what the spec uses and sets comes after them and wins.
        command: The container's command; empty: the image's own.
        config: File name → text, mounted at ``config_path``.
        config_path: Folder of the configuration in the container.
        mounts: Further volume mounts of the container.
        volumes: Further volumes of the pod.
        init_containers: Run before the container, one after the other.
        grace_period: Seconds between being asked to stop and being killed; ``None``: Kubernetes' 30.
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


def service_outputs(name: str, environment: str, spec: ServiceSpec) -> dict[str, str]:
    """Return what a service offers to others; nothing without a port."""
    if not spec.port:
        return {}
    host = names.dns_name(name, environment)
    return {"host": host, "port": str(spec.port), "url": f"http://{host}:{spec.port}"}


def render_service(
    context: Context, name: str, spec: ServiceSpec, application: Application
) -> list[Manifest]:
    """Return the manifests of one service, in the order they are made."""
    sidecar = context.environment.filebeat_of(spec)
    config: list[Manifest] = []
    if application.config:
        config.append(
            manifest(
                "v1",
                "ConfigMap",
                names.part_config(name),
                namespace=context.namespace,
                labels=context.labels(name, application.kind),
                data=dict(application.config),
            )
        )
    if sidecar:
        config.append(filebeat.render_config(context, name, application.kind, sidecar))
    pod = _pod(context, name, spec, application, sidecar)
    service = [_service(context, name, spec, application)] if spec.port else []
    deployment = _deployment(context, name, spec, application, pod, config)
    return override([*config, *service, deployment], spec.overrides, name)


def _service(context: Context, name: str, spec: ServiceSpec, application: Application) -> Manifest:
    return manifest(
        "v1",
        "Service",
        name,
        namespace=context.namespace,
        labels=context.labels(name, application.kind),
        annotations=names.SKIP_AWAIT,
        spec={
            "selector": names.selector(name),
            "ports": [{"name": "http", "port": spec.port, "targetPort": "http"}],
        },
    )


def _deployment(
    context: Context,
    name: str,
    spec: ServiceSpec,
    application: Application,
    pod: Manifest,
    config: list[Manifest],
) -> Manifest:
    labels = context.labels(name, application.kind)
    metadata: Manifest = {"labels": labels}
    if config:
        metadata["annotations"] = {names.CHECKSUM_ANNOTATION: checksum([c["data"] for c in config])}
    return manifest(
        "apps/v1",
        "Deployment",
        name,
        namespace=context.namespace,
        labels=labels,
        spec={
            "replicas": spec.replicas,
            "selector": {"matchLabels": names.selector(name)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "maxSurge": spec.rollout.max_surge,
                    "maxUnavailable": spec.rollout.max_unavailable,
                },
            },
            "template": {"metadata": metadata, "spec": pod},
        },
    )


def _pod(
    context: Context, name: str, spec: ServiceSpec, application: Application, sidecar: FilebeatSidecar | None
) -> Manifest:
    time_mount = [dict(HOST_TIME_MOUNT)] if spec.host_time else []
    containers = [_container(context, name, spec, application, time_mount)]
    volumes: list[Manifest] = [{"name": "logs", "emptyDir": {"sizeLimit": spec.log_space}}]
    if sidecar:
        containers.append(filebeat.container(context, sidecar, spec.pull_policy, time_mount))
        volumes.append(filebeat.volume(name))
    if application.config:
        volumes.append({"name": "config", "configMap": {"name": names.part_config(name)}})
    volumes += application.volumes
    if spec.host_time:
        volumes.append(dict(HOST_TIME_VOLUME))
    pod: Manifest = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    pod |= anti_affinity(name, spec.anti_affinity)
    if context.environment.pull_secret:
        pod["imagePullSecrets"] = [{"name": context.environment.pull_secret}]
    if selector := context.node_selector(spec.node_selector):
        pod["nodeSelector"] = selector
    if application.grace_period is not None:
        pod["terminationGracePeriodSeconds"] = application.grace_period
    if application.init_containers:
        pod["initContainers"] = list(application.init_containers)
    return {**pod, "containers": containers, "volumes": volumes}


def _container(
    context: Context, name: str, spec: ServiceSpec, application: Application, time_mount: list[Manifest]
) -> Manifest:
    container: Manifest = {
        "name": name,
        "image": context.service_image(spec.image, name, spec.version),
        "imagePullPolicy": spec.pull_policy,
    }
    if application.command:
        container["command"] = list(application.command)
    if spec.port:
        container["ports"] = [{"name": "http", "containerPort": spec.port}]
    container |= {
        "env": variables(context, spec, application.env),
        "resources": resources(spec.resources),
    }
    if spec.port:
        timing = {
            "initialDelaySeconds": spec.probes.initial_delay,
            "timeoutSeconds": spec.probes.timeout,
            "periodSeconds": spec.probes.period,
            "failureThreshold": spec.probes.failures,
        }
        container |= {
            "readinessProbe": tcp_probe(spec.port, **timing),
            "livenessProbe": tcp_probe(spec.port, **timing),
        }
    mounts = list(application.mounts)
    if application.config:
        mounts.append({"name": "config", "mountPath": application.config_path})
    return {
        **container,
        "securityContext": dict(CONTAINER_SECURITY),
        "volumeMounts": [*mounts, {"name": "logs", "mountPath": application.logs_path}, *time_mount],
    }


def variables(context: Context, spec: ServiceSpec, first: Mapping[str, str]) -> list[Manifest]:
    """Return the variables: ``first``, then the outputs of ``uses``, then the service's own, then the pod's.

    A later one replaces an earlier one of the same name, but for the pod's, which give way.
    """
    entries = {variable: {"name": variable, "value": value} for variable, value in first.items()}
    for used in spec.uses:
        prefix, outputs = names.env_prefix(used), context.outputs[used]
        for output, value in outputs.items():
            variable = f"{prefix}_{output.upper()}"
            if output == names.SECRET_OUTPUT:
                variable = f"{prefix}_PASSWORD"
                entries[variable] = secret_env(variable, value, names.PASSWORD_KEY)
            else:
                entries[variable] = {"name": variable, "value": value}
    for variable, given in spec.env.items():
        if isinstance(given, str):
            entries[variable] = {"name": variable, "value": substitute(given, context.outputs)}
        else:
            entries[variable] = secret_env(variable, given.secret, given.key)
    pod_fields = [field_env(n, path) for n, path in POD_FIELDS.items() if n not in entries]
    return [*entries.values(), *pod_fields]
