"""A web application in Tomcat: ConfigMap of its sidecar, Service, Deployment."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import TMP, resources, security
from poscloud.render.service import Application, render_service
from poscloud.spec import Resources, WebAppSpec
from poscloud.spec.values import resources as amounts

HOME = "/usr/local/tomcat"
LOGS_PATH = f"{HOME}/logs"
WEBAPPS_PATH = f"{HOME}/webapps"
LOGS_UMASK = "0022"
"""catalina.sh's own, 0027, makes log files that the sidecar, another user, may not read."""

COPYING: Resources = amounts(cpu=("10m", "500m"), memory=("32Mi", "128Mi"))
"""What copying a web application takes."""


def render_webapp(context: Context, name: str, spec: WebAppSpec) -> list[Manifest]:
    """Return the manifests of one web application, in the order they are made."""
    env = {"APP": name, "UMASK": LOGS_UMASK}
    if options := spec.jvm_options():
        env["CATALINA_OPTS"] = options
    if cores := spec.cores():
        env["CONTAINER_CORE_LIMIT"] = str(cores)
    application = Application(
        kind="webapp",
        logs_path=LOGS_PATH,
        env=env,
        command=("catalina.sh", "run"),
        mounts=(
            *(({"name": "webapps", "mountPath": WEBAPPS_PATH},) if spec.webapps else ()),
            *(() if spec.writes_root() else _own_folders()),
        ),
        volumes=({"name": "webapps", "emptyDir": {"sizeLimit": "2Gi"}},) if spec.webapps else (),
        init_containers=_copies(spec),
    )
    return render_service(context, name, spec, application)


def _own_folders() -> list[Manifest]:
    """Return the mounts of what Tomcat itself writes into: compiled pages, temporary files, contexts."""
    return [
        {"name": TMP, "mountPath": f"{HOME}/{f}", "subPath": f} for f in ("work", "temp", "conf/Catalina")
    ]


def _copies(spec: WebAppSpec) -> tuple[Manifest, ...]:
    """Return the init containers, one for each web application's image, that put it where Tomcat looks."""
    copies: list[Manifest] = []
    for i, (name, archive) in enumerate(spec.webapps.items()):
        war = archive.path.endswith(".war")
        target = f"{WEBAPPS_PATH}/{name}{'.war' if war else ''}"
        copy = f"cp '{archive.path}' '{target}'"
        if not war:  # what a container that was killed left is done again
            copy = f"mkdir -p '{target}' && cp -R '{archive.path}/.' '{target}'"
        copies.append(
            {
                "name": f"webapp-{i}",
                "image": archive.image,
                "imagePullPolicy": spec.pull_policy,
                "command": ["sh", "-c", copy],
                "resources": resources(COPYING),
                "securityContext": security(spec.runs_as()),
                "volumeMounts": [{"name": "webapps", "mountPath": WEBAPPS_PATH}],
            }
        )
    return tuple(copies)
