"""The kubeconfig of a team: one cluster, one namespace, one token."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.local.paths import private_directory, write_private
from poscloud.provider.config import Access

_TAKEN = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")


def kubeconfig(access: Access, namespace: str, user: str, token: str) -> str:
    """Return a kubeconfig that needs no other file.

    Args:
        access: How whoever makes it reaches the cluster; its context keeps its name, by which stacks know it.
        namespace: The environment's.
        user: What the kubeconfig calls the user.
        token: The user's.
    """
    cluster: dict[str, Any] = {key: access.cluster[key] for key in _TAKEN if key in access.cluster}
    if authority := access.data("certificate-authority"):
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    name = access.context
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user, "namespace": namespace}}],
        "current-context": name,
    }
    return json.dumps(content, indent=2) + "\n"  # JSON is YAML


def write(file: Path, text: str) -> None:
    """Write a kubeconfig for its owner alone (0600), in the place of what was there.

    Raises:
        PosCloudError: It cannot be written.
    """
    try:
        if not file.parent.exists():
            private_directory(file.parent)
        write_private(file, text)
    except OSError as error:
        raise PosCloudError(
            f"cannot write {file}: {error.strerror}",
            hint=f"run: ls -ld {file.parent}; or --kubeconfig ANOTHER",
        ) from None
