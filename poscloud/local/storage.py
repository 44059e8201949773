"""Dynamic volumes of the local cluster: folders on this machine, made by the controller-manager."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from poscloud.local.api import LocalApi

STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"

STANDARD: dict[str, Any] = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "kubernetes.io/host-path",
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "Immediate",
}

# Kubernetes' own provisioner knows no other place.
VOLUMES = Path("/tmp/hostpath_pv")
_NAME = re.compile(rb"/tmp/hostpath_pv/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def prepare(api: LocalApi, names: Iterable[str] = (), *, here: bool = True) -> None:
    """Make the default storage class, and one of each of these names, where there is none.

    Args:
        api: The cluster.
        names: Of further classes.
        here: Volumes are made in this machine's place for them; real nodes have the cluster's ``own``.
    """
    if here:
        share()
    if api.get(f"{STORAGE_CLASSES}/standard") is None:
        api.create(STORAGE_CLASSES, STANDARD)
    for name in names:
        if api.get(f"{STORAGE_CLASSES}/{name}") is None:
            api.create(STORAGE_CLASSES, {**STANDARD, "metadata": {"name": name}})


def share() -> None:
    """Let every user of this machine make volumes in the one place that there is; whose it is has to say so."""
    with suppress(FileExistsError):
        VOLUMES.mkdir(mode=0o700)
    found = VOLUMES.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():  # not a link that another user put there
        VOLUMES.chmod(0o1777)


def volumes(etcd_data: Path) -> list[Path]:
    """The folders of all volumes the cluster ever made and that still exist.

    The names are random, and they are read from the cluster's own database file, so that it need not run, and
    that no other cluster's volume can be among them.
    """
    names: set[str] = set()
    for file in sorted(etcd_data.rglob("*")):
        if file.is_file() and file.stat().st_size:
            with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                names.update(match.group(1).decode() for match in _NAME.finditer(content))
    return [VOLUMES / name for name in sorted(names) if (VOLUMES / name).is_dir()]


def own(cluster: Path) -> Path:
    """The cluster's own folder of volumes, which real nodes see in the place of the provisioner's."""
    return cluster / "hostpath_pv"


def remove(etcd_data: Path) -> int:
    """Remove the folders of all volumes of the cluster; returns how many."""
    found = [*volumes(etcd_data), *own(etcd_data.parent).glob("*")]
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(found)
