"""A Java service: ConfigMap of its sidecar, Service, Deployment."""

from __future__ import annotations

from decimal import ROUND_CEILING

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
    tcp_probe,
)
from poscloud.spec import FilebeatSidecar, JavaServiceSpec
from poscloud.spec.references import substitute
from poscloud.spec.values import parse_quantity

KIND = "java-service"
LOGS_PATH = "/home/deploy/logs"
OPT_DATA_PATH = "/home/deploy"


def render_java_service(context: Context, name: str, spec: JavaServiceSpec) -> list[Manifest]:
    """Return the manifests of one Java service, in the order they are made."""
    sidecar = context.environment.filebeat_of(spec)
    config = [filebeat.render_config(context, name, KIND, sidecar)] if sidecar else []
    manifests = [*config, _service(context, name, spec), _deployment(context, name, spec, sidecar, config)]
    return override(manifests, spec.overrides, name)


def _service(context: Context, name: str, spec: JavaServiceSpec) -> Manifest:
    return manifest(
        "v1",
        "Service",
        name,
        namespace=context.namespace,
        labels=context.labels(name, KIND),
        annotations=names.SKIP_AWAIT,
        spec={
            "selector": names.selector(name),
            "ports": [{"name": "http", "port": spec.port, "targetPort": "http"}],
        },
    )


def _deployment(
    context: Context,
    name: str,
    spec: JavaServiceSpec,
    sidecar: FilebeatSidecar | None,
    config: list[Manifest],
) -> Manifest:
    labels = context.labels(name, KIND)
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
            "template": {"metadata": metadata, "spec": _pod(context, name, spec, sidecar)},
        },
    )


def _pod(context: Context, name: str, spec: JavaServiceSpec, sidecar: FilebeatSidecar | None) -> Manifest:
    time_mount = [dict(HOST_TIME_MOUNT)] if spec.host_time else []
    containers = [_container(context, name, spec, time_mount)]
    volumes: list[Manifest] = [{"name": "logs", "emptyDir": {"sizeLimit": spec.log_space}}]
    if sidecar:
        containers.append(filebeat.container(context, sidecar, spec.pull_policy, time_mount))
        volumes.append(filebeat.volume(name))
    if spec.opt_data:
        volumes.append(
            {"name": "opt-data", "nfs": {"server": spec.opt_data.server, "path": spec.opt_data.path}}
        )
    if spec.host_time:
        volumes.append(dict(HOST_TIME_VOLUME))
    pod: Manifest = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    pod |= anti_affinity(name, spec.anti_affinity)
    if context.environment.pull_secret:
        pod["imagePullSecrets"] = [{"name": context.environment.pull_secret}]
    if selector := context.node_selector(spec.node_selector):
        pod["nodeSelector"] = selector
    return {**pod, "containers": containers, "volumes": volumes}


def _container(context: Context, name: str, spec: JavaServiceSpec, time_mount: list[Manifest]) -> Manifest:
    mounts: list[Manifest] = [{"name": "opt-data", "mountPath": OPT_DATA_PATH}] if spec.opt_data else []
    timing = {
        "initialDelaySeconds": spec.probes.initial_delay,
        "timeoutSeconds": spec.probes.timeout,
        "periodSeconds": spec.probes.period,
        "failureThreshold": spec.probes.failures,
    }
    return {
        "name": name,
        "image": context.service_image(spec.image, name, spec.version),
        "imagePullPolicy": spec.pull_policy,
        "ports": [{"name": "http", "containerPort": spec.port}],
        "env": _env(context, name, spec),
        "resources": resources(spec.resources),
        "readinessProbe": tcp_probe(spec.port, **timing),
        "livenessProbe": tcp_probe(spec.port, **timing),
        "securityContext": dict(CONTAINER_SECURITY),
        "volumeMounts": [*mounts, {"name": "logs", "mountPath": LOGS_PATH}, *time_mount],
    }


def _env(context: Context, name: str, spec: JavaServiceSpec) -> list[Manifest]:
    """Return the variables: what the start script needs, then the outputs of ``uses``, then the service's own.

    A later one replaces an earlier one of the same name.
    """
    values = {"APP": name}
    if options := spec.jvm_options():
        values["JAVA_OPTS"] = options
    if cpu := spec.resources.limits.cpu:
        cores = parse_quantity(cpu).to_integral_value(ROUND_CEILING)
        values["CONTAINER_CORE_LIMIT"] = str(cores)
    for used in spec.uses:
        prefix = names.env_prefix(used)
        values |= {f"{prefix}_{output.upper()}": value for output, value in context.outputs[used].items()}
    values |= {variable: substitute(text, context.outputs) for variable, text in spec.env.items()}
    pod_fields = {"POD_IP": "status.podIP", "MY_POD_NAMESPACE": "metadata.namespace"}
    fixed = [{"name": variable, "value": value} for variable, value in values.items()]
    return [*fixed, *(field_env(n, path) for n, path in pod_fields.items() if n not in values)]
