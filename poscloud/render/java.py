"""A Java service: ConfigMaps, Service, Deployment; of a Eureka server, a StatefulSet."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.eureka import eureka_env, eureka_fields
from poscloud.render.jar import CONFIG_PATH, SCRIPT, fetch_container, jar_file, jar_mounts, jar_volumes
from poscloud.render.manifest import Manifest
from poscloud.render.pod import nfs_volume
from poscloud.render.rotation import gc_options, log_variables
from poscloud.render.service import Application, render_service
from poscloud.spec import JavaServiceSpec

LOGS_PATH = "/home/deploy/logs"
OPT_DATA_PATH = "/home/deploy"


def render_java_service(context: Context, name: str, spec: JavaServiceSpec) -> list[Manifest]:
    """Return the manifests of one Java service, in the order they are made."""
    env = {"APP": name}
    if options := " ".join(filter(None, [spec.jvm_options(), gc_options(spec, LOGS_PATH)])):
        env["JAVA_OPTS"] = options
    if cores := spec.cores():
        env["CONTAINER_CORE_LIMIT"] = str(cores)
    env |= log_variables(spec.log_space)
    mounts: list[Manifest] = []
    volumes: list[Manifest] = []
    if spec.opt_data:
        mounts.append({"name": "opt-data", "mountPath": OPT_DATA_PATH})
        volumes.append(nfs_volume("opt-data", spec.opt_data))
    jar = spec.jar
    if jar:
        mounts += jar_mounts()
        volumes += jar_volumes(jar)
        env["LOGGING_FILE_NAME"] = f"{LOGS_PATH}/{name}.log"
        spec = spec.model_copy(update={"image": jar.jdk})
    application = Application(
        kind="java-service",
        logs_path=LOGS_PATH,
        env=env | eureka_env(context, name, spec),
        fields=eureka_fields(name, spec),
        command=("sh", "-c", f"exec java $JAVA_OPTS -jar {jar_file(name)}") if jar else (),
        config={"fetch-jar.sh": SCRIPT} if jar else {},
        config_path=CONFIG_PATH,
        mounts=tuple(mounts),
        volumes=tuple(volumes),
        init_containers=(fetch_container(context, name, spec, jar),) if jar else (),
        peers=spec.eureka == name,
    )
    return render_service(context, name, spec, application)
