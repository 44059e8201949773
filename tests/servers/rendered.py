"""What poscloud renders for an environment, as files that a real program can be given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from poscloud.render import Manifest, render_environment
from poscloud.spec import EnvironmentSpec


def manifest(spec: EnvironmentSpec, kind: str, name: str) -> Manifest:
    """Return one rendered object."""
    found = [m for part in render_environment(spec) for m in part.manifests]
    return next(m for m in found if m["kind"] == kind and m["metadata"]["name"] == name)


def write_config(spec: EnvironmentSpec, config_map: str, folder: Path, replace: dict[str, str]) -> Path:
    """Write a rendered ConfigMap's files into ``folder``, as a container would see them mounted.

    Args:
        spec: The environment.
        config_map: Name of the ConfigMap.
        folder: Where the files go.
        replace: Text → text: what the container has and this machine has not, such as a path or an address.
            Each must occur, so that the test says truly what it changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data: dict[str, str] = manifest(spec, "ConfigMap", config_map)["data"]
    for old in replace:
        assert any(old in text for text in data.values()), f"{config_map} has no '{old}'"
    for name, text in data.items():
        for old, new in replace.items():
            text = text.replace(old, new)
        (folder / name).write_text(text)
    return folder


@dataclass(frozen=True)
class Program:
    """What a rendered container runs.

    Attributes:
        command: Its command.
        env: Its variables that are text, and nothing else but PATH.
        container: The container itself, as rendered.
    """

    command: list[str]
    env: dict[str, str]
    container: Manifest


def program(
    spec: EnvironmentSpec,
    service: str,
    replace: dict[str, str],
    container: str = "",
    kind: str = "Deployment",
) -> Program:
    """Return the command and the variables of a service's container.

    Args:
        spec: The environment.
        service: Name of the service.
        replace: Text → text, in the command and the variables; each must occur.
        container: Name of the container; by default the first one.
        kind: The kind of the object with the pod.
    """
    containers = manifest(spec, kind, service)["spec"]["template"]["spec"]["containers"]
    found = next(c for c in containers if not container or c["name"] == container)
    texts = {e["name"]: e["value"] for e in found["env"] if "value" in e}
    command = list(found.get("command", []))
    for old, new in replace.items():
        assert any(old in text for text in (*command, *texts.values())), f"{service} has no '{old}'"
        command = [word.replace(old, new) for word in command]
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    return Program(command, {"PATH": os.environ["PATH"], **texts}, found)
