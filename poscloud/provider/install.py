"""Put the plugin where the Pulumi engine looks for it."""

from __future__ import annotations

import os
import shlex
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from poscloud.errors import DeployError

MARK = "poscloud: the built-in Kubernetes provider"
NAME = "pulumi-resource-kubernetes"
# Linux cuts a #! line after 255 bytes, older kernels after 127.
LONGEST_SHEBANG = 120

_CALL = "from poscloud.provider.start import main; main()"


def sdk_version() -> str:
    """Version of the installed ``pulumi_kubernetes``: the one the engine asks the plugin for."""
    return version("pulumi-kubernetes")


def plugin_path(pulumi_home: Path, sdk_version: str) -> Path:
    """Where the engine looks for the plugin of that version."""
    return pulumi_home / "plugins" / f"resource-kubernetes-v{sdk_version}" / NAME


def installed_kind(pulumi_home: Path, version: str) -> Literal["built-in", "official", "none"]:
    """Which provider the engine would start.

    Args:
        pulumi_home: The engine's PULUMI_HOME.
        version: Version of the SDK.
    """
    path = plugin_path(pulumi_home, version)
    try:
        with path.open("rb") as file:
            return "built-in" if MARK.encode() in file.read(2048) else "official"
    except FileNotFoundError:
        return "none"


def script(python: Path) -> str:
    """The text of the plugin's start script.

    Args:
        python: Absolute path of the interpreter that has poscloud installed.
    """
    if len(str(python)) <= LONGEST_SHEBANG and " " not in str(python):
        return f"#!{python} -I\n# {MARK}\n{_CALL}\n"
    return f'#!/bin/sh\n# {MARK}\nexec {shlex.quote(str(python))} -I -c {shlex.quote(_CALL)} "$@"\n'


def install(pulumi_home: Path, python: Path, sdk_version: str) -> Path:
    """Install the built-in provider; does nothing when it is there already.

    Args:
        pulumi_home: The engine's PULUMI_HOME.
        python: The interpreter that has poscloud installed.
        sdk_version: The version the SDK asks for.

    Returns:
        The plugin's start script.

    Raises:
        DeployError: Another provider is installed there; it is left alone.
    """
    path = plugin_path(pulumi_home, sdk_version)
    if installed_kind(pulumi_home, sdk_version) == "official":
        raise DeployError(
            f"{path} is not poscloud's; it is left as it is",
            hint=f"to use the built-in provider instead, remove the folder {path.parent}",
        )
    text = script(Path(os.path.abspath(python)))
    if path.is_file() and path.read_text() == text and os.access(path, os.X_OK):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent.parent, prefix=".poscloud-")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(temporary).chmod(0o755)
    Path(temporary).replace(path)
    return path
