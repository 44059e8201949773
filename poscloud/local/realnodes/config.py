"""What the program ``sandbox`` is given to run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from poscloud.local import storage
from poscloud.local.components import Component, Settings
from poscloud.local.paths import private_directory, write_private
from poscloud.local.ports import LOOPBACK
from poscloud.local.realnodes import files
from poscloud.local.realnodes.layout import NodePlace, cluster_id, config_file, nodes, run_folder
from poscloud.local.realnodes.programs import programs


def configuration(settings: Settings) -> dict[str, Any]:
    """The whole configuration; its shape is that of ``toolchain/sandbox/config.go``."""
    paths, pki = settings.paths, settings.pki
    port = f"{LOOPBACK}:{settings.port}"
    places = nodes(paths, settings.real)
    return {
        "id": cluster_id(paths),
        "folder": str(run_folder(paths)),
        "keep": str(paths.cluster),
        "listen": port,
        "forward": port,
        "authority": str(pki.certificate("ca")),
        "certificate": str(pki.certificate("admin")),
        "key": str(pki.key("admin")),
        "nodes": [_node(settings, node, places) for node in places],
    }


def _node(settings: Settings, node: NodePlace, places: list[NodePlace]) -> dict[str, Any]:
    return {
        "name": node.name,
        "address": f"{node.address}/24",
        "routes": [{"to": other.pods, "via": other.address} for other in places if other != node],
        # At their usual places, wherever the project is: sockets in them have names of limited length.
        "binds": [
            {"from": str(node.data / "containerd"), "to": "/var/lib/containerd"},
            {"from": str(node.data / "kubelet"), "to": "/var/lib/kubelet", "shared": True},
            {"from": str(node.data / "pods"), "to": "/var/log/pods"},
            # The same for all nodes: a pod finds its data wherever it goes.
            {"from": str(storage.own(settings.paths.cluster)), "to": str(storage.VOLUMES)},
        ],
        "components": programs(settings, node),
    }


def digest(settings: Settings) -> str:
    """Changes when the sandboxes have to be made anew."""
    seen = [
        configuration(settings),
        [files.texts(settings, node) for node in nodes(settings.paths, settings.real)],
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def write(settings: Settings) -> None:
    """Write the configuration and the files that it names, and make the folder of the volumes."""
    private_directory(storage.own(settings.paths.cluster))
    files.write(settings)
    write_private(config_file(settings.paths), json.dumps(configuration(settings), indent=1) + "\n")


def _arguments(settings: Settings) -> list[str]:
    return ["run", f"--config={config_file(settings.paths)}", f"--digest={digest(settings)}"]


SANDBOX = Component("sandbox", _arguments, garbage=100, grace=8.0)
"""The only program that is started on the machine itself."""
