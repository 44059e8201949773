"""A subsystem: ConfigMap of its sidecar, Service with the ports of all containers, Deployment."""

from __future__ import annotations

from poscloud.render.container import Container, render_container, tcp_probes, variables
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import HOST_TIME_MOUNT
from poscloud.render.python import (
    GRACE_PERIOD,
    WORKER_GRACE_PERIOD,
    run_command,
    run_variables,
    worker_probes,
)
from poscloud.render.service import Application, render_service
from poscloud.spec import ContainerSpec, SubsystemSpec


def render_subsystem(context: Context, name: str, spec: SubsystemSpec) -> list[Manifest]:
    """Return the manifests of one subsystem, in the order they are made."""
    runs = [item.python for item in spec.containers.values() if item.python]
    grace_period = WORKER_GRACE_PERIOD if any(run.celery for run in runs) else GRACE_PERIOD
    logged = any(item.logs_path for item in spec.containers.values()) or context.environment.filebeat_of(spec)
    application = Application(
        kind="subsystem",
        logs_path="/" if logged else "",  # each container sees its own folder
        log_files=("/mnt/*/*.log",),
        containers=tuple(_container(context, spec, *item) for item in spec.ordered().items()),
        grace_period=grace_period if spec.grace_period is None else spec.grace_period,
        recreate=any(run.beat for run in runs),
    )
    return render_service(context, name, spec, application)


def _container(context: Context, spec: SubsystemSpec, name: str, item: ContainerSpec) -> Manifest:
    run, port = item.python, next(iter(item.ports.values()), None)
    resources = item.resources if "resources" in item.model_fields_set else spec.resources
    probes = spec.probes if item.probes is None else item.probes
    first = run_variables(name, run, port, resources.limits.cores()) if run else {}
    if item.logs_path:
        first["LOG_DIR"] = item.logs_path
    asked = worker_probes(name, run) if run else {}
    if probed := item.probe_port():
        asked = tcp_probes(probed, probes)
    image = context.service_image(
        item.image or spec.image, run.repository(name) if run else name, item.version or spec.version
    )
    container = Container(
        name=name,
        image=image,
        pull_policy=spec.pull_policy,
        resources=resources,
        env=variables(
            context,
            (*spec.uses, *item.uses),
            {**spec.env, **item.env},
            first,
        ),
        command=run_command(run) if run else item.command,
        ports=item.ports,
        probes=asked,
        user=spec.runs_as(),
        writable_root=spec.writes_root(),
        mounts=(*_log_mount(name, item), *([dict(HOST_TIME_MOUNT)] if spec.host_time else [])),
    )
    return render_container(container)


def _log_mount(name: str, item: ContainerSpec) -> list[Manifest]:
    """Return where a container sees its own log files, or everybody's."""
    if not item.logs_path:
        return []
    folder = {} if item.all_logs else {"subPath": name}
    return [{"name": "logs", "mountPath": item.logs_path, **folder}]
