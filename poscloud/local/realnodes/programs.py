"""The programs that are supervised in the sandboxes: how each is called, and what it waits for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from poscloud.local.components import COMPONENTS, Settings
from poscloud.local.realnodes.layout import (
    CONTAINERD_SOCKET,
    DNS_SERVER,
    REGISTRY,
    NodePlace,
    gate,
    images_folder,
)

BUILT = ("sandbox", "coredns", "kubelet", "kube-proxy")
"""Programs that are built here and that a cluster of simulated nodes does not need."""

ON_EVERY_NODE = ("containerd", "kubelet", "kube-proxy")
"""The others are on the first node only."""

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
GARBAGE = 50
"""Go's GOGC, as for the control plane."""


def programs(settings: Settings, node: NodePlace) -> list[dict[str, Any]]:
    """The programs of a node, as ``toolchain/sandbox/config.go`` has them; the first node has the control plane too."""
    api = f"https://{settings.address}:{settings.port}/readyz"
    runtime = f"unix:{CONTAINERD_SOCKET}"
    found = _control_plane(settings, node, api) if node.number == 1 else []
    found.append(_containerd(node, runtime))
    config = node.config
    found.append(
        _program(
            settings, node, "kubelet",
            f"--config={config / 'kubelet.json'}", f"--kubeconfig={config / 'kubelet.kubeconfig'}",
            f"--hostname-override={node.name}", f"--node-ip={node.address}", "--root-dir=/var/lib/kubelet",
            "--cert-dir=/var/lib/kubelet/pki", f"--node-labels={labels()}",
            needs=[runtime, api], ready="http://127.0.0.1:10248/healthz",
        )
    )  # fmt: skip
    found.append(
        _program(
            settings, node, "kube-proxy", f"--config={config / 'kube-proxy.json'}",
            needs=[api], ready="http://127.0.0.1:10256/livez",
        )
    )  # fmt: skip
    return found


def names(fleet: int) -> list[str]:
    """The names of all programs, as ``poscloud cluster logs`` takes them."""
    control = [entry.name for entry in COMPONENTS if entry.name != "kwok" or fleet]
    return [*control, "registry", "coredns", *ON_EVERY_NODE]


def labels() -> str:
    """What a new node is given at its registration."""
    return "node=public,type=real"


def _control_plane(settings: Settings, node: NodePlace, api: str) -> list[dict[str, Any]]:
    etcd = f"tcp:127.0.0.1:{settings.etcd_port}"
    needs = {"etcd": [], "kube-apiserver": [etcd], "kwok": [api, f"file:{gate(settings.paths)}"]}
    ready = {"etcd": etcd, "kube-apiserver": api}
    found = []
    for entry in COMPONENTS:
        if entry.name == "kwok" and not settings.fleet:
            continue
        found.append(
            {
                "name": entry.name,
                "command": entry.command(settings),
                "env": {**entry.environment(settings), "PATH": PATH},
                "log": str(node.log(entry.name)),
                "needs": needs.get(entry.name, [api]),
                "ready": ready.get(entry.name, ""),
                "last": entry.name == "etcd",
            }
        )
    images = images_folder(settings.paths)
    found.append(
        _program(
            settings, node, "sandbox", "registry", f"--layout={images / 'layout'}",
            f"--table={images / 'table.json'}", f"--listen={REGISTRY}",
            name="registry", ready=f"tcp:{REGISTRY}",
        )
    )  # fmt: skip
    found.append(
        _program(
            settings,
            node,
            "coredns",
            f"-conf={node.config / 'Corefile'}",
            needs=[api, f"file:{gate(settings.paths)}"],
            ready=f"tcp:{DNS_SERVER}:53",
        )
    )
    return found


def _containerd(node: NodePlace, runtime: str) -> dict[str, Any]:
    return {
        "name": "containerd",
        "command": ["/usr/bin/containerd", f"--config={node.config / 'containerd.toml'}", "--log-level=info"],
        "env": {"PATH": PATH},
        "log": str(node.log("containerd")),
        "needs": [],
        "ready": runtime,
    }


def _program(
    settings: Settings,
    node: NodePlace,
    program: str,
    *arguments: str,
    name: str = "",
    ready: str,
    needs: Any = (),
) -> dict[str, Any]:
    return {
        "name": name or program,
        "command": [program_file(settings.bin, program), *arguments],
        "env": {"PATH": PATH, "HOME": "/run", "GOGC": str(GARBAGE)},
        "log": str(node.log(name or program)),
        "needs": list(needs),
        "ready": ready,
    }


def program_file(folder: Path, program: str) -> str:
    """The program itself: its path names its version, so that a new one is started anew.

    One that looks at its own name to know what to be must keep it, so the link's last part stays.
    """
    link = folder / program
    target = os.readlink(link) if link.is_symlink() else str(link)
    return str(folder / target)
