"""What poscloud renders for an environment, as files that a real program can be given."""

from __future__ import annotations

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
