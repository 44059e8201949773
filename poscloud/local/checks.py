"""What ``poscloud doctor`` looks at in this layer. Each check only looks; none changes anything."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from poscloud.errors import PosCloudError
from poscloud.local import kubeconfig, ports
from poscloud.local.paths import ProjectPaths, cache_root

# Sources, build cache and programs of a build from nothing, measured, with some room.
DISK_BUILD = 6 << 30
DISK_RUN = 1 << 30
_SDK_VERSIONS = "from importlib.metadata import version as v; print(v('pulumi'), v('pulumi-kubernetes'))"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        passed: Whether it is as it should be.
        found: What was found.
        fix: The command that mends it; empty when it passed.
    """

    name: str
    passed: bool
    found: str
    fix: str = ""


def check_python() -> Check:
    """Python is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    passed = sys.version_info >= (3, 11)
    return Check(
        "python", passed, f"{version} ({sys.executable})", "" if passed else "install Python 3.11 or newer"
    )


def check_venv(paths: ProjectPaths) -> Check:
    """The Python that the program runs in has Pulumi's SDK."""
    name = "python packages"
    done = subprocess.run(
        [str(paths.python), "-c", _SDK_VERSIONS], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        fix = f"{paths.python} -m pip install --force-reinstall poscloud"
        return Check(name, False, f"{paths.venv} lacks packages: {last}", fix)
    pulumi, kubernetes = done.stdout.split()
    return Check(name, True, f"{paths.venv}: pulumi {pulumi}, pulumi-kubernetes {kubernetes}")


def check_go() -> Check:
    """There is a Go toolchain, or none is needed."""
    from poscloud.local import golang
    from poscloud.local.versions import pinned

    present = golang.on_path() or golang.cached()
    if present is not None:
        came = "on PATH" if present.way == "path" else "from the Python package index"
        return Check("go", True, f"{present.version} {came} ({present.program})")
    return Check(
        "go", True, f"none >= {pinned('go', 'minimum')}; {pinned('go', 'wheel')} is fetched if it is needed"
    )


def check_toolchain(paths: ProjectPaths) -> list[Check]:
    """Each part of the toolchain is installed; says which way it came."""
    from poscloud.local.toolchain import inspect_toolchain

    ways = {"path": "on PATH", "release": "official release", "build": "built from Go modules"}
    checks = []
    for report in inspect_toolchain(paths):
        name = f"toolchain: {report.name}"
        if report.installed is not None:
            part = report.installed
            place = next(iter(part.programs.values())).parent
            checks.append(Check(name, True, f"{part.version}, {ways[part.way]} ({place})"))
            continue
        state = f"{report.wanted} not installed; {report.reason or 'one on PATH can be used'}"
        if report.available == "cache":
            state += "; in the cache"
        checks.append(Check(name, False, state, "poscloud toolchain install"))
    return checks


def check_pulumi_home(paths: ProjectPaths) -> Check:
    """Pulumi's home holds an executable Kubernetes provider of the version that the SDK asks for."""
    name, wanted = "kubernetes provider", version("pulumi-kubernetes")
    plugins = paths.pulumi_home / "plugins"
    program = plugins / f"resource-kubernetes-v{wanted}" / "pulumi-resource-kubernetes"
    if not program.is_file():
        others = sorted(
            p.parent.name.partition("-v")[2] for p in plugins.glob(f"resource-kubernetes-v*/{program.name}")
        )
        found = f"no {program}: wanted {wanted}, found {', '.join(others) or 'none'}"
        return Check(name, False, found, "poscloud toolchain install")
    if not os.access(program, os.X_OK):
        return Check(name, False, f"{program} is not executable", f"chmod +x {program}")
    kind = "built-in" if _is_script(program) else "official"
    return Check(name, True, f"{wanted} ({kind}) in {plugins}")


def _is_script(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(2) == b"#!"


def check_disk(paths: ProjectPaths) -> Check:
    """There is room for the cache and the cluster."""
    from poscloud.local.toolchain import inspect_toolchain

    installed = all(report.installed is not None or report.available for report in inspect_toolchain(paths))
    needed = DISK_RUN if installed else DISK_BUILD
    tight = []
    seen = []
    for folder in (paths.root, cache_root()):
        existing = folder
        while not existing.exists():
            existing = existing.parent
        free = shutil.disk_usage(existing).free
        seen.append(f"{free / 2**30:.1f} GiB free at {existing}")
        if free < needed:
            tight.append(str(existing))
    found = ", ".join(dict.fromkeys(seen))
    fix = f"export POSCLOUD_CACHE=FOLDER   (one with {needed >> 30} GiB free)" if tight else ""
    return Check("disk space", not tight, found, fix)


def check_port(paths: ProjectPaths) -> Check:
    """The local API server's port is its own, or free."""
    from poscloud.local.controlplane import ControlPlane
    from poscloud.local.record import ClusterRecord

    record = ClusterRecord.load(paths.cluster / "cluster.json")
    if not record.port:
        return Check("port", True, "none chosen yet; the first start takes a free one")
    running = any(
        part.name in ("kube-apiserver", "sandbox") and part.running
        for part in ControlPlane(paths).status().components
    )
    if running:
        return Check("port", True, f"{record.port}, in use by the local API server")
    if ports.is_free(record.port):
        return Check("port", True, f"{record.port}, free")
    holder = ports.owner(record.port) or "another process"
    fix = f"poscloud cluster up --port {ports.free_port()}"
    return Check("port", False, f"{record.port} is taken by {holder}", fix)


def check_cluster(paths: ProjectPaths) -> Check:
    """The local cluster runs, complete."""
    from poscloud.local.controlplane import ControlPlane

    status = ControlPlane(paths).status()
    if status.state == "running":
        memory = sum(part.memory for part in status.components) >> 20
        return Check(
            "local cluster",
            True,
            f"running, {status.nodes_ready} of {status.nodes} nodes ready, {memory} MiB",
        )
    missing = ", ".join(part.name for part in status.components if not part.running)
    found = (
        "stopped"
        if status.state == "stopped"
        else f"not complete; {'missing: ' + missing if missing else 'no answer'}"
    )
    return Check("local cluster", False, found, "poscloud cluster up")


def check_real_nodes(paths: ProjectPaths) -> Check:
    """Nodes with real containers can be had; wrong only where the cluster has such nodes."""
    from poscloud.local.realnodes.requirements import missing
    from poscloud.local.record import ClusterRecord

    chosen = ClusterRecord.load(paths.cluster / "cluster.json").nodes.startswith("real")
    found = missing(paths)
    if not found:
        return Check("real nodes", True, "can be had: poscloud cluster up --nodes real")
    words = "; ".join(entry.what for entry in found)
    fix = "; ".join(entry.fix for entry in found if entry.fix)
    if chosen:
        return Check("real nodes", False, words, fix or "poscloud cluster down --delete")
    return Check(
        "real nodes",
        True,
        f"not here, and simulated ones need nothing: {words}" + (f" ({fix})" if fix else ""),
    )


def check_node_images(paths: ProjectPaths) -> Check:
    """The images of real nodes can be made; wrong only where the cluster has such nodes."""
    from poscloud.local.nodeimages import apt
    from poscloud.local.nodeimages.report import summary
    from poscloud.local.record import ClusterRecord

    name = "node images"
    try:
        found = summary(paths.root)
    except PosCloudError as error:
        return Check(name, False, error.message, "poscloud cluster images")
    reason = apt.unavailable()
    if reason and ClusterRecord.load(paths.cluster / "cluster.json").nodes.startswith("real"):
        return Check(name, False, f"{found}; {reason}", apt.FIX)
    return Check(name, True, f"{found} (poscloud cluster images)" + (f"; {reason}" if reason else ""))


def check_target(paths: ProjectPaths, context: str | None = None, pinned: str = "") -> Check:
    """Which cluster everything is written to: its context, address and uid, and that it is the pinned one."""
    files = kubeconfig.search_path(paths.kubeconfig) if context is not None else [paths.kubeconfig]
    try:
        target = kubeconfig.target(files, context)
    except PosCloudError as error:
        fix = "poscloud cluster up" if context is None else "export KUBECONFIG=FILE"
        return Check("target cluster", False, error.message, fix)
    uid = cluster_uid(paths, target.file, target.context)
    described = f"context {target.context}, {target.server}, uid {uid or 'unknown: it does not answer'} ({target.file})"
    if pinned and uid and uid != pinned:
        found = f"{described}, but the stack belongs to the cluster with uid {pinned}"
        return Check("target cluster", False, found, f"kubectl config get-contexts {context}")
    fix = (
        "poscloud cluster up"
        if context is None
        else f"kubectl --kubeconfig {target.file} --context {context} cluster-info"
    )
    return Check("target cluster", bool(uid), described, "" if uid else fix)


def cluster_uid(paths: ProjectPaths, file: Path, context: str, *, timeout: int = 5) -> str:
    """The uid of the namespace kube-system of a cluster; empty when it does not answer."""
    kubectl = paths.bin / "kubectl"
    if not kubectl.exists():
        return ""
    command = [str(kubectl), f"--kubeconfig={file}", f"--context={context}", f"--request-timeout={timeout}s",
               "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout + 5)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def check_clock(paths: ProjectPaths) -> Check:
    """The clock agrees with the certificates; a machine just restored may live in the past."""
    from poscloud.local.certificates import MARGIN, Pki

    now = datetime.datetime.now(datetime.UTC)
    pki = Pki(paths.cluster / "pki")
    validity = pki.validity()
    if validity is None:
        return Check("clock", True, f"{now:%Y-%m-%d %H:%M} UTC; no certificates yet")
    begins, expires = validity
    if not begins <= now < expires:
        found = f"{now:%Y-%m-%d %H:%M} UTC is outside the certificates' time, which ends {expires:%Y-%m-%d}"
        return Check("clock", False, found, "poscloud cluster up")
    soon = " (renewed at the next start)" if expires < now + MARGIN else ""
    return Check(
        "clock", True, f"{now:%Y-%m-%d %H:%M} UTC; certificates valid until {expires:%Y-%m-%d}{soon}"
    )


def local_checks(paths: ProjectPaths, context: str | None = None, pinned: str = "") -> list[Check]:
    """All checks of this layer, in the order a person wants to read them.

    Args:
        paths: The checkout.
        context: The kubeconfig context chosen instead of the local cluster; its checks are then left out.
        pinned: The uid of the cluster that context has to lead to; empty when it is not pinned.
    """
    single: list[Callable[[], Check]] = [check_python, lambda: check_venv(paths), check_go]
    checks = [look() for look in single]
    checks += check_toolchain(paths)
    checks += [check_pulumi_home(paths), check_disk(paths)]
    if context is None:
        checks += [check_port(paths), check_cluster(paths), check_real_nodes(paths)]
        checks += [check_node_images(paths), check_clock(paths)]
    return [*checks, check_target(paths, context, pinned)]
