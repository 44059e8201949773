"""What a command in a simulated container runs as: on this machine, and only where somebody switched it on.

Simulated containers run nothing, so kwok runs such a command beside itself. Its port asks nobody who they are: whoever
can use this machine can then run commands as the cluster's user. Hence it is off by default, and as root it is nobody.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

NOBODY = 65534
"""The user and the group without rights, of every Linux."""


def prepare(folder: str) -> str:
    """Return an empty folder in which the commands begin, and which is theirs; ``folder`` where it is still there."""
    if folder and Path(folder).is_dir():
        return folder
    made = tempfile.mkdtemp(prefix="poscloud-exec-")
    if os.geteuid() == 0:
        os.chown(made, NOBODY, NOBODY)
    return made


def remove(folder: str) -> None:
    """Remove that folder, with what commands have left in it."""
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def configuration(folder: str) -> dict[str, Any]:
    """Return the object that tells kwok to run commands in a folder."""
    local: dict[str, Any] = {"workDir": folder, "envs": [{"name": "HOME", "value": folder}]}
    if os.geteuid() == 0:
        local["securityContext"] = {"runAsUser": NOBODY, "runAsGroup": NOBODY}
    metadata = {"name": "simulated"}
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterExec",
        "metadata": metadata,
        "spec": {"execs": [{"local": local}]},
    }
