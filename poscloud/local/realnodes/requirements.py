"""What a machine has to have for real nodes, beyond what simulated ones need. Looks only, changes nothing."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths, cache_root

DISK = 5 << 30
"""Bytes for images, containers and volumes, with room to live."""

DISK_RUN = 1 << 30
"""Bytes to go on with where they are there already."""

# Program or file → Debian's package.
PACKAGES = {
    "/usr/bin/containerd": "containerd",
    "/usr/bin/containerd-shim-runc-v2": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/conntrack": "conntrack",
}
OWN_FOLDERS = ("/run", "/dev/shm")
"""A node's own are empty: what the machine has there, it does not see."""

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids")
# Rights of root that a container's root may lack, and their bits.
CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_NET_ADMIN": 12}
NAMESPACES = ("mnt", "net", "pid", "uts", "ipc", "cgroup")


@dataclass(frozen=True)
class Missing:
    """One thing that a machine lacks.

    Attributes:
        what: What there is instead, in words.
        fix: The command or step that mends it; empty when this machine cannot have it.
    """

    what: str
    fix: str = ""


@dataclass(frozen=True)
class Machine:
    """Where to look; another root for tests.

    Attributes:
        root: The file system.
        user: The user's number.
        system: As ``sys.platform``.
    """

    root: Path = Path("/")
    user: int = -1
    system: str = sys.platform

    def at(self, path: str) -> Path:
        """A file of the machine."""
        return self.root / path.lstrip("/")


def missing(paths: ProjectPaths, machine: Machine | None = None) -> list[Missing]:
    """Everything that is missing, in the order to mend it."""
    seen = machine or Machine(user=os.geteuid())
    if seen.system != "linux":
        return [Missing(f"real nodes need Linux; this is {seen.system}")]
    found = []
    if seen.user != 0:
        found.append(
            Missing(
                "you are not root; a node's mounts, networks and cgroups need it",
                'sudo -E "$(command -v poscloud)" cluster up --nodes real',
            )
        )
    else:
        found += _rights(seen)
    lacking = [name for name in NAMESPACES if not seen.at(f"/proc/self/ns/{name}").exists()]
    if lacking:
        found.append(Missing(f"the kernel has no namespaces of kind {', '.join(lacking)}"))
    found += _cgroups(seen)
    packages = sorted({package for file, package in PACKAGES.items() if not seen.at(file).exists()})
    if packages:
        command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
        found.append(Missing(f"packages missing: {', '.join(packages)}", command))
    return found + _places(paths) + _disk(paths)


def _places(paths: ProjectPaths) -> list[Missing]:
    found = []
    for folder, fix in ((paths.root, "move the project"), (cache_root(), "export POSCLOUD_CACHE=FOLDER")):
        hidden = [own for own in OWN_FOLDERS if folder.resolve().is_relative_to(own)]
        if hidden:
            found.append(Missing(f"{folder} is in {hidden[0]}, of which a node has its own", fix))
    return found


def _rights(machine: Machine) -> list[Missing]:
    try:
        lines = machine.at("/proc/self/status").read_text().splitlines()
    except OSError:
        lines = []
    held = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
    lacking = [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]
    if not lacking:
        return []
    return [
        Missing(
            f"root lacks {', '.join(lacking)} here, as in a container without privileges",
            "docker run --privileged …",
        )
    ]


def _cgroups(machine: Machine) -> list[Missing]:
    try:
        lines = machine.at("/proc/self/mounts").read_text().splitlines()
    except OSError:
        lines = []
    mounts = [line.split() for line in lines]
    first = {option for fields in mounts if fields[2] == "cgroup" for option in fields[3].split(",")}
    lacking = [name for name in CONTROLLERS if name not in first]
    if not lacking:
        return []
    if not first and any(fields[2] == "cgroup2" for fields in mounts):
        words = "this machine has cgroup version 2 only; real nodes were made for version 1"
        return [Missing(words, "boot with systemd.unified_cgroup_hierarchy=0")]
    return [
        Missing(
            f"no cgroup version 1 mounted for {', '.join(lacking)}", "mount -t cgroup -o NAME cgroup FOLDER"
        )
    ]


def _disk(paths: ProjectPaths) -> list[Missing]:
    found = []
    needed = DISK_RUN if (paths.cluster / "nodes").exists() else DISK
    prune = "poscloud cluster images --prune"
    for folder, fix in (
        (paths.root, f"free some, or {prune}"),
        (cache_root(), f"{prune}, or export POSCLOUD_CACHE=FOLDER"),
    ):
        existing = folder
        while not existing.exists():
            existing = existing.parent
        free = shutil.disk_usage(existing).free
        if free < needed:
            short = f"{free / 2**30:.1f} GiB free at {existing}, {needed >> 30} GiB are needed"
            found.append(Missing(short, fix))
    return list(dict.fromkeys(found))


def require(paths: ProjectPaths, machine: Machine | None = None) -> None:
    """Refuse to begin where something is missing.

    Raises:
        DeployError: Says everything that is missing at once, and the way back.
    """
    found = missing(paths, machine)
    if found:
        lines = [
            f"  {entry.what}" + (f"\n    to mend it: {entry.fix}" if entry.fix else "") for entry in found
        ]
        raise DeployError(
            "nodes of kind 'real' cannot run here:\n" + "\n".join(lines),
            hint="mend that, or take simulated nodes, which need none of it: poscloud cluster up --nodes kwok",
        )
