"""A Java service: ConfigMap of its sidecar, Service, Deployment."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import nfs_volume
from poscloud.render.service import Application, render_service
from poscloud.spec import JavaServiceSpec

LOGS_PATH = "/home/deploy/logs"
OPT_DATA_PATH = "/home/deploy"


def render_java_service(context: Context, name: str, spec: JavaServiceSpec) -> list[Manifest]:
    """Return the manifests of one Java service, in the order they are made."""
    env = {"APP": name}
    if options := spec.jvm_options():
        env["JAVA_OPTS"] = options
    if cores := spec.cores():
        env["CONTAINER_CORE_LIMIT"] = str(cores)
    mounts: list[Manifest] = []
    volumes: list[Manifest] = []
    if spec.opt_data:
        mounts.append({"name": "opt-data", "mountPath": OPT_DATA_PATH})
        volumes.append(nfs_volume("opt-data", spec.opt_data))
    application = Application(
        kind="java-service",
        logs_path=LOGS_PATH,
        env=env,
        mounts=tuple(mounts),
        volumes=tuple(volumes),
    )
    return render_service(context, name, spec, application)
