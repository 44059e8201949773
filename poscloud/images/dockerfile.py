"""The Dockerfile of each kind of image. Pure: text from a description."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from poscloud.spec.image import (
    CImageSpec,
    ImageSpec,
    JavaImageSpec,
    PlainImageSpec,
    PythonImageSpec,
    WebAppImageSpec,
)

FILES = "files"
"""Folder of the build context with the project's files, under the paths they have there."""

ENTRYPOINT = "docker-entrypoint.sh"

_INSTALL = {
    "yum": ("yum -y install {}", "yum clean all && rm -rf /var/cache/yum"),
    "dnf": ("dnf -y install {}", "dnf clean all"),
    "apt": (
        "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -y install --no-install-recommends {}",
        "rm -rf /var/lib/apt/lists/*",
    ),
    "apk": ("apk add --no-cache {}", ""),
}

_C_ENV = {
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": "$LD_LIBRARY_PATH:/data/lib:/data/oracle/lib",
    "NLS_LANG": "AMERICAN_AMERICA.AL32UTF8",
    "TNS_ADMIN": "/data/oracle/network/admin",
}
"""Document 000; what the description sets comes after it and wins."""

_JAVA_ENTRYPOINT = """\
#!/bin/sh
# Starts {start}; `exec`, so that SIGTERM reaches it.
set -eu
cd /home/deploy
exec {command} "$@"
"""


@dataclass(frozen=True)
class Recipe:
    """What an image is built from, beside the project's files.

    Attributes:
        dockerfile: Its text.
        scripts: File of the context → text; executable.
    """

    dockerfile: str
    scripts: dict[str, str] = field(default_factory=dict)


def render(name: str, spec: ImageSpec, base: str) -> Recipe:
    """Return the recipe of one image.

    Args:
        name: The image's name; a Java service's start script is called by it.
        spec: Its description.
        base: The image it is built on, with its tag.
    """
    first, last, scripts = _KINDS[type(spec)](name, spec)
    lines = [f"FROM {base}", *(f"LABEL {_pair(k, v)}" for k, v in spec.labels.items())]
    if spec.user:
        lines.append("USER root")
    env = {**(_C_ENV if isinstance(spec, CImageSpec) else {}), **spec.env}
    lines += [f"ENV {_pair(k, v)}" for k, v in env.items()]
    if spec.packages:
        install, clean = _INSTALL[spec.package_manager]
        lines.append("RUN " + " && ".join(c for c in (install.format(" ".join(spec.packages)), clean) if c))
    if spec.timezone:
        lines.append(f"RUN ln -sf /usr/share/zoneinfo/{spec.timezone} /etc/localtime")
    lines += first
    lines += [_add(source, target) for source, target in spec.add.items()]
    lines += [f"RUN {line}" for line in spec.run]
    ports = [p for p in (getattr(spec, "port", None), *spec.expose) if p]
    lines += [f"EXPOSE {port}" for port in dict.fromkeys(ports)]
    if isinstance(spec, JavaImageSpec) and spec.user:
        owner = spec.user if ":" in spec.user else f"{spec.user}:{spec.user}"
        lines.append(f"RUN chown -R {owner} /home/deploy /{ENTRYPOINT}")
    lines += [f"USER {spec.user}"] if spec.user else []
    return Recipe("\n".join([*lines, *last]) + "\n", scripts)


_Parts = tuple[list[str], list[str], dict[str, str]]
"""Lines before what the description adds, lines at the end, scripts."""


def _c(name: str, spec: CImageSpec) -> _Parts:
    first = ["RUN mkdir -p /data/bin /data/etc /data/log"]
    if spec.libraries:
        first.append(_add(spec.libraries, "/data/"))
    if spec.start_script:
        first.append(_copy(spec.start_script, "/data/bin/start.sh"))
    return first, ["WORKDIR /data/bin/", _exec("CMD", ["/bin/bash", "/data/bin/start.sh"])], {}


def _java(name: str, spec: JavaImageSpec) -> _Parts:
    jar = f"/home/deploy/{spec.jar.rsplit('/', 1)[-1]}"
    first, start, command = (
        [_copy(spec.jar, jar)],
        "the jar",
        f"java ${{JAVA_OPTS:-}} -jar {shlex.quote(jar)}",
    )
    if spec.start_script:
        start = command = f"/home/deploy/{name}.sh"
        first.append(_copy(spec.start_script, start))
    first.append(f"COPY {ENTRYPOINT} /{ENTRYPOINT}")
    script = _JAVA_ENTRYPOINT.format(start=start, command=command)
    return first, [_exec("ENTRYPOINT", [f"/{ENTRYPOINT}"])], {ENTRYPOINT: script}


def _python(name: str, spec: PythonImageSpec) -> _Parts:
    home = f"/data/home/work/{name}"
    source = "" if spec.source == "." else f"/{spec.source}"
    first = [
        f"WORKDIR {home}",
        f"RUN {spec.python} -m venv .venv",
        _copy(spec.requirements, f"{home}/"),
        f"RUN .venv/bin/pip install --no-cache-dir -r {shlex.quote(spec.requirements.rsplit('/', 1)[-1])}",
        f'ENV PATH="{home}/.venv/bin:$PATH" GIT_REPO_NAME="{name}"',
        _exec("COPY", [f"{FILES}{source}/", f"{home}/"]),
    ]
    return first, [_exec("ENTRYPOINT", [f"{home}/{spec.entrypoint}"])] if spec.entrypoint else [], {}


def _webapp(name: str, spec: WebAppImageSpec) -> _Parts:
    first = [_copy(spec.war, f"{spec.tomcat}/webapps/{spec.path}.war")]
    return first, [_exec("CMD", [f"{spec.tomcat}/bin/catalina.sh", "run"])], {}


def _plain(name: str, spec: PlainImageSpec) -> _Parts:
    last = [f"WORKDIR {spec.workdir}"] if spec.workdir else []
    last += [_exec("ENTRYPOINT", spec.entrypoint)] if spec.entrypoint else []
    return [], last + ([_exec("CMD", spec.command)] if spec.command else []), {}


_KINDS: dict[type[ImageSpec], Callable[[str, Any], _Parts]] = {
    CImageSpec: _c,
    JavaImageSpec: _java,
    PythonImageSpec: _python,
    WebAppImageSpec: _webapp,
    PlainImageSpec: _plain,
}


def _exec(instruction: str, words: Sequence[str]) -> str:
    return f"{instruction} {json.dumps(list(words), ensure_ascii=False)}"


def _add(source: str, target: str) -> str:
    return _exec("ADD", [f"{FILES}/{source}", target])


def _copy(source: str, target: str) -> str:
    return _exec("COPY", [f"{FILES}/{source}", target])


def _pair(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'
