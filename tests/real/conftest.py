"""One cluster with two real nodes for the session; what Debian lacks is installed where we are root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.local.paths import ProjectPaths
from poscloud.local.realnodes import requirements
from tests.real import layout, shop
from tests.real.cluster import RealCluster

PACKAGES = sorted({*requirements.PACKAGES.values(), "busybox-static"})


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What real nodes need of Debian."""
    lacking = requirements.missing(ProjectPaths(tmp_path_factory.mktemp("nothing")))
    if os.geteuid() == 0 and shutil.which("apt-get") and (lacking or not layout.BUSYBOX.exists()):
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
        lacking = requirements.missing(ProjectPaths(tmp_path_factory.mktemp("nothing")))
    assert not lacking, lacking


@pytest.fixture(scope="session")
def tiny_images(packages: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Busybox and pause, nothing else."""
    return layout.write(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def real(tiny_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster with two real nodes and three simulated ones, in a folder of its own; removed at the end."""
    cluster = RealCluster(tmp_path_factory.mktemp("real"), tiny_images)
    try:
        cluster.up("real=2,kwok=3")
        yield cluster
    finally:
        cluster.down(delete=True)


@pytest.fixture(scope="session")
def three_nodes(packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A project with the sample applications, and a cluster with three real nodes and poscloud's own images."""
    cluster = RealCluster(tmp_path_factory.mktemp("shop"))
    shop.add_project(cluster.root)
    try:
        cluster.up("real=3")
        yield cluster
    finally:
        cluster.down(delete=True)
