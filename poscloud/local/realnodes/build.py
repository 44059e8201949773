"""The programs that only real nodes need: built here, when they are first asked for."""

from __future__ import annotations

import os

from poscloud.errors import DeployError
from poscloud.local import build, golang
from poscloud.local.parts import Build, node_builds, parts
from poscloud.local.paths import ProjectPaths, private_directory
from poscloud.local.progress import Reporter
from poscloud.local.realnodes.programs import BUILT


def wanted(paths: ProjectPaths) -> list[Build]:
    """What has to be built: kubelet and kube-proxy too, where the control plane came from elsewhere."""
    found = list(node_builds())
    if not all((paths.bin / name).exists() for name in ("kubelet", "kube-proxy")):
        found += [entry for part in parts() if part.name == "kubernetes" for entry in part.builds]
    return found


def ensure(paths: ProjectPaths, reporter: Reporter) -> None:
    """Have all programs of real nodes in the checkout's ``bin``.

    Raises:
        DeployError: One cannot be built.
    """
    builds = wanted(paths)
    pending = [entry for entry in builds if not build.is_built(entry)]
    if pending:
        log = paths.logs / "toolchain.log"
        go = golang.ensure_go(reporter, log)
        reporter.plan(len(pending))
        with build.modules_ahead(pending, go):
            for entry in pending:
                build.make(entry, go, reporter, log)
        reporter.plan(0)
    private_directory(paths.bin)
    for entry in builds:
        for name in entry.programs:
            if name in BUILT:
                _link(paths, name, entry)
    absent = [name for name in BUILT if not (paths.bin / name).exists()]
    if absent:
        raise DeployError(
            f"programs missing in {paths.bin}: {', '.join(absent)}", hint="poscloud toolchain install"
        )


def _link(paths: ProjectPaths, name: str, entry: Build) -> None:
    target = build.location(entry) / name
    link = paths.bin / name
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    temporary = paths.bin / f".{name}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, link)
