"""A web application in Tomcat: ConfigMap of its sidecar, Service, Deployment."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.service import Application, render_service
from poscloud.spec import WebAppSpec

LOGS_PATH = "/usr/local/tomcat/logs"


def render_webapp(context: Context, name: str, spec: WebAppSpec) -> list[Manifest]:
    """Return the manifests of one web application, in the order they are made."""
    env = {"APP": name}
    if options := spec.jvm_options():
        env["CATALINA_OPTS"] = options
    application = Application(kind="webapp", logs_path=LOGS_PATH, env=env, command=("catalina.sh", "run"))
    return render_service(context, name, spec, application)
