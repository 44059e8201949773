"""Web applications in Tomcat."""

from __future__ import annotations

import shlex
from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.source import Workload, texts

_WEBAPPS = "/usr/local/tomcat/webapps/"


def is_webapp(workload: Workload) -> bool:
    """Whether a workload runs Tomcat."""
    command = workload.main.get("command") or []
    image = workload.main.get("image", "").rpartition("/")[2]
    return command[:1] == ["catalina.sh"] or "CATALINA_OPTS" in workload.env or image.startswith("tomcat:")


def webapp_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a web application."""
    fields: dict[str, Any] = {}
    if options := texts(workload.env).get("CATALINA_OPTS"):
        fields["java_opts"] = options
    webapps = {}
    for container in workload.pod.get("initContainers") or []:
        words = shlex.split((container.get("command") or [""])[-1])
        if not words or not words[-1].startswith(_WEBAPPS):
            continue
        path = words[-2].removesuffix("/.")
        name = words[-1].removeprefix(_WEBAPPS).removesuffix(".war")
        webapps[name] = {"image": container["image"], "path": path}
    if webapps:
        fields["webapps"] = webapps
    return fields
