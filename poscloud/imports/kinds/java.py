"""Java services: image or jar, options of the JVM, Eureka."""

from __future__ import annotations

import re
from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.pods import given, nfs
from poscloud.imports.source import Workload, texts, variables

_GC_LOG = {
    "jdk8": re.compile(r" ?-Xloggc:/home/deploy/logs/gc\.txt .*$"),
    "jdk9+": re.compile(r" ?-Xlog:gc\*:file=/home/deploy/logs/gc\.txt:.*$"),
}
_PEER = re.compile(r"https?://[^./]+-0\.(?P<server>[^./]+)-peers\.")
_SIGNS = ("JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")


def is_java(workload: Workload) -> bool:
    """Whether a workload is a JVM's by its variables or its image."""
    image = workload.main.get("image", "")
    known = any(name in workload.env for name in _SIGNS) or "SPRING_PROFILES_ACTIVE" in workload.env
    return len(workload.containers) == 1 and (known or bool(re.search(r"\b(jdk|jre|java|openjdk)\b", image)))


def java_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a Java service."""
    env = texts(workload.env)
    fields = given(opt_data=nfs(workload.volumes.get("opt-data")))
    if options := env.get("JAVA_OPTS"):
        for kind, pattern in _GC_LOG.items():
            if pattern.search(options):
                fields["gc_log"] = kind
                options = pattern.sub("", options)
        fields["java_opts"] = options
    if found := _PEER.match(env.get("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE", "")):
        fields["eureka"] = found["server"]
    return fields | _jar(workload)


def _jar(workload: Workload) -> dict[str, Any]:
    container = workload.init("fetch-jar")
    if container is None:
        return {}
    env, jdk = texts(variables(container)), workload.main["image"]
    version = env.get("JAR_VERSION", "")
    url = env.get("JAR_URL", "").replace(version, "{version}").replace(workload.name, "{service}")
    volume = (workload.volumes.get("jar-credentials") or {}).get("secret") or {}
    jar = given(
        url=url,
        jdk=jdk,
        fetcher=container["image"] if container["image"] != jdk else None,
        sha256=env.get("JAR_SHA256"),
        credentials=volume.get("secretName"),
    )
    return {"jar": jar, "version": version, "image": None}
