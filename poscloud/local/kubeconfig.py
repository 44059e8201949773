"""Kubeconfig files: writing those of the local cluster, reading which cluster one leads to."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.errors import DeployError
from poscloud.local.certificates import Pki
from poscloud.local.paths import USER_KUBECONFIG, write_private

CONTEXT = "poscloud"


def write(path: Path, *, server: str, pki: Pki, user: str, context: str = CONTEXT) -> None:
    """Write a self-contained kubeconfig, readable by its owner only.

    JSON is YAML; written so that no YAML library is needed to start a cluster.
    """

    def data(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    write_private(
        path,
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": context,
                        "cluster": {
                            "server": server,
                            "certificate-authority-data": data(pki.certificate("ca")),
                        },
                    }
                ],
                "users": [
                    {
                        "name": f"{context}-{user}",
                        "user": {
                            "client-certificate-data": data(pki.certificate(user)),
                            "client-key-data": data(pki.key(user)),
                        },
                    }
                ],
                "contexts": [{"name": context, "context": {"cluster": context, "user": f"{context}-{user}"}}],
                "current-context": context,
            },
            indent=2,
        )
        + "\n",
    )


@dataclass(frozen=True)
class Target:
    """The cluster a context leads to.

    Attributes:
        context: The context's name.
        server: Its API server.
        file: The kubeconfig that defines it.
    """

    context: str
    server: str
    file: Path


def search_path(own: Path) -> list[Path]:
    """The user's kubeconfig files, in kubectl's order: those of KUBECONFIG, else the one in the home folder.

    In an activated shell KUBECONFIG is the local cluster's; what the user had is kept in POSCLOUD_USER_KUBECONFIG.

    Args:
        own: The local cluster's file, which is none of them.
    """
    chosen = os.environ.get(USER_KUBECONFIG, os.environ.get("KUBECONFIG", ""))
    files = [Path(part).expanduser() for part in chosen.split(os.pathsep) if part]
    return [file for file in files if file != own] or [Path.home() / ".kube" / "config"]


def target(files: list[Path], context: str | None = None) -> Target:
    """Find which cluster a context leads to.

    Args:
        files: Kubeconfig files; the first that defines a name wins, as for kubectl.
        context: The context; the files' current one when ``None``.

    Raises:
        DeployError: There is no such file, context or cluster.
    """
    documents = [(file, _read(file)) for file in files if file.is_file()]
    where = ", ".join(map(str, files))
    if not documents:
        raise DeployError(
            f"no kubeconfig found: {where}", hint="start the local cluster: poscloud cluster up"
        )
    name = context or next((str(d["current-context"]) for _, d in documents if d.get("current-context")), "")
    if not name:
        raise DeployError(f"no current context in {where}", hint="kubectl config use-context NAME")
    file, entry = _named(documents, "contexts", "context", name, where)
    _, cluster = _named(documents, "clusters", "cluster", str(entry.get("cluster", "")), where)
    return Target(name, str(cluster.get("server", "")), file)


def _read(file: Path) -> dict[str, Any]:
    text = file.read_text()
    try:
        document = json.loads(text)
    except ValueError:
        import yaml

        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise DeployError(f"{file} is not a kubeconfig: {error}", hint="kubectl config view") from error
    if not isinstance(document, dict):
        raise DeployError(f"{file} is not a kubeconfig: expected a mapping", hint="kubectl config view")
    return document


def _named(
    documents: list[tuple[Path, dict[str, Any]]], collection: str, kind: str, name: str, where: str
) -> tuple[Path, dict[str, Any]]:
    known = []
    for file, document in documents:
        for entry in document.get(collection) or []:
            if entry.get("name") == name:
                return file, entry.get(kind) or {}
            known.append(str(entry.get("name")))
    raise DeployError(
        f"no {kind} {name!r} in {where}; known: {', '.join(sorted(known)) or 'none'}",
        hint="kubectl config get-contexts",
    )
