"""A project of its own whose local cluster has real nodes, and what tests do with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from poscloud.engine import deploy
from poscloud.local import processes
from poscloud.local.nodes import node_kind
from poscloud.local.paths import ProjectPaths
from poscloud.local.processes import wait_until
from poscloud.local.progress import ConsoleReporter
from poscloud.local.realnodes import images
from poscloud.local.realnodes.layout import cluster_id
from poscloud.local.status import ClusterStatus
from tests.workspace import Workspace


class RealCluster(Workspace):
    """A workspace with real nodes.

    Args:
        root: An empty folder.
        given: A folder with the images' layout and table; ``None``: those that poscloud makes.
    """

    def __init__(self, root: Path, given: Path | None = None) -> None:
        super().__init__(root)
        self.given = given
        deploy.install(root, ConsoleReporter(sys.__stderr__))

    def up(self, nodes: str | None = None) -> ClusterStatus:
        """Start it, with nodes of this kind."""
        with self._images():
            return self.control_plane.up(ConsoleReporter(sys.__stderr__), node_kind(nodes) if nodes else None)

    def down(self, *, delete: bool = False) -> None:
        """Stop it."""
        self.control_plane.down(delete=delete)

    def environment(self) -> dict[str, str]:
        """Return the environment of a shell that has sourced .poscloud/activate, with these images."""
        return super().environment() | ({images.CHOICE: str(self.given)} if self.given else {})

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Make objects, as the administrator."""
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        done = self.run("kubectl", "apply", "-f", "-", given=given)
        assert done.returncode == 0, done.stderr

    def ready(self, *pods: str, timeout: int = 90) -> None:
        """Wait until these pods are ready."""
        done = self.run(
            "kubectl", "wait", "--for=condition=Ready", f"--timeout={timeout}s", *(f"pod/{p}" for p in pods)
        )
        assert done.returncode == 0, (
            done.stderr + self.run("kubectl", "describe", "pod", *pods).stdout[-6000:]
        )

    def inside(self, pod: str, *command: str) -> str:
        """Run a command in a pod and return what it printed."""
        return self.ok("kubectl", "exec", pod, "--", *command)

    def until(self, what: str, look: Callable[[], bool], *, timeout: float = 60) -> None:
        """Wait for a condition."""
        assert wait_until(look, timeout=timeout, interval=0.2), (
            f"{what} did not happen within {timeout:.0f} s"
        )

    def container(self, pod: str, field: str = "state") -> dict[str, Any]:
        """Return the state of a pod's first container; empty as long as there is none."""
        statuses = self.get("pod", pod).get("status", {}).get("containerStatuses") or [{}]
        found: dict[str, Any] = statuses[0].get(field) or {}
        return found

    def _images(self) -> _Variable:
        return _Variable(images.CHOICE, str(self.given) if self.given else None)


class _Variable:
    """An environment variable, for a while."""

    def __init__(self, name: str, value: str | None) -> None:
        self.name, self.value = name, value

    def __enter__(self) -> None:
        self.before = os.environ.pop(self.name, None)
        if self.value is not None:
            os.environ[self.name] = self.value

    def __exit__(self, *_: object) -> None:
        os.environ.pop(self.name, None)
        if self.before is not None:
            os.environ[self.name] = self.before


def pod(
    name: str,
    command: str = "sleep 1000000",
    *,
    node: str = "",
    image: str = "harbor.example.com/wbyh/busybox:1.35",
    **container: Any,
) -> dict[str, Any]:
    """Return a pod that runs a shell script; what it needs of its node is what environments ask for."""
    spec: dict[str, Any] = {
        "containers": [{"name": "main", "image": image, "command": ["sh", "-c", command], **container}],
        "nodeSelector": {"kubernetes.io/hostname": node} if node else {"node": "public"},
        "terminationGracePeriodSeconds": 0,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }


def service(name: str, port: int, target: int) -> dict[str, Any]:
    """Return a Service in front of the pod of that name."""
    spec = {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def traces(cluster: ProjectPaths) -> dict[str, list[str]]:
    """What a cluster may leave on this machine: everything that a sandbox has a private one of.

    Args:
        cluster: Whose it may be; other clusters may come and go meanwhile.
    """

    def lines(*command: str) -> list[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()

    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/**/poscloud-{cluster_id(cluster)}-*")]
    return {
        "processes": sorted(_processes(cluster)),
        "mounts": sorted(" ".join(line.split(" ")[3:]) for line in _mounts()),
        "cgroups": sorted(groups),
        "links": [line for line in lines("ip", "-o", "link") if "lo:" not in line],
        "addresses": lines("ip", "-o", "-4", "addr"),
        "routes": lines("ip", "route", "show", "table", "all"),
        "rules": lines("iptables-save") + lines("nft", "list", "ruleset"),
        "namespaces": lines("ip", "netns"),
        "sysctls": [line for line in lines("sysctl", "-a") if not any(word in line for word in RESTLESS)],
        "folders": sorted(
            str(path)
            for parent in ("/var/lib", "/var/log", "/etc", "/run", "/usr/libexec")
            for path in Path(parent).glob("*")
            if any(
                word in path.name
                for word in ("kube", "cni", "containerd", "netns", "xtables", "poscloud", "pods")
            )
        ),
    }


def _processes(cluster: ProjectPaths) -> Iterator[str]:
    """Processes that a cluster is made of, except those that belong to another one for certain."""
    for entry in Path("/proc").glob("[0-9]*"):
        line = processes.command_line(int(entry.name))
        arguments = " ".join(line)
        if not any(
            word in " ".join(line[:3]) for word in PROGRAMS
        ):  # not a compiler that is given such a file
            continue
        try:
            group = (entry / "cgroup").read_text()
        except OSError:
            continue
        others = "/.poscloud/" in arguments and f"{cluster.root}/" not in arguments
        if not others and ("/poscloud-" not in group or cluster_id(cluster) in group):
            yield f"{entry.name} {arguments}"


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


PROGRAMS = (
    "containerd",
    "kubelet",
    "kube-",
    "etcd",
    "coredns",
    "/sandbox",
    "sandbox-node",
    "registry --layout",
    "/bin/sleep 2000000000",
)
# Settings that change by themselves.
RESTLESS = ("random", "-nr", "nr_", "-state", "conntrack_count", "nf_conntrack_buckets", "ns_last_pid", "pty.nr",
            "lockdep", "sched_domain", "cad_pid", "perf_event_max_sample_rate", "loadavg", "fs.quota")  # fmt: skip
