"""The image for CI, built from the Dockerfile and used as a job uses it: by its user, with no network but its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import builder
from tests.image import machine
from tests.servers.debian import packages
from tests.workspace import ROOT

pytestmark = [pytest.mark.servers, pytest.mark.long]

NAME = "localhost/poscloud"
LARGEST = 750_000_000
"""Bytes of the image without its base."""

JOB = """\
poscloud init dev
poscloud up -s dev
poscloud status -s dev
poscloud destroy -s dev
poscloud cluster down --delete
"""


@dataclass(frozen=True)
class Image:
    """The image, and what is in it.

    Attributes:
        builder: Has it.
        root: Its root file system.
        container: Runs it.
    """

    builder: machine.Builder
    root: Path
    container: str

    def run(self, script: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a job's script: no network but the loopback, and no process outlives it."""
        ip = packages("iproute2").program("ip")
        alone = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec"]
        return self.builder.run(
            *alone, f'{ip} link set lo up && exec "$@"', "sh", "buildah", "run", *options, self.container,
            "--", "sh", "-ec", script,
        )  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    context, home = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("home")
    made = machine.builder(home)
    for name in ("Dockerfile", ".dockerignore", "requirements-dev.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, context / name)
    wheel = [str(builder.python()), "-m", "hatchling", "build", "-t", "wheel", "-d", str(context / "dist")]
    subprocess.run(wheel, cwd=ROOT, check=True, capture_output=True, timeout=120)
    try:
        made.ok(
            "buildah", "build", "--network", "host", *made.mirrors, "-t", NAME, str(context), timeout=2400
        )
        container = made.ok("buildah", "from", NAME)
        yield Image(made, Path(made.ok("buildah", "mount", container)), container)
    finally:
        made.run("buildah", "umount", "--all")
        made.run("buildah", "rm", "--all")
        made.run("buildah", "rmi", "--all", "--force")


def test_it_runs_as_a_user_and_keeps_nothing_of_its_making(image: Image) -> None:
    told = json.loads(image.builder.ok("buildah", "inspect", "--type", "image", NAME))["OCIv1"]
    config = told["config"]
    assert (config["User"], config["WorkingDir"]) == ("1000", "/home/poscloud")
    assert {word.partition("=")[0] for word in config["Env"]} == {"PATH", "POSCLOUD_CACHE"}
    history = json.dumps(told["history"])
    assert "GOPROXY" not in history and "INDEX" not in history
    for made in ("tmp", "root", "var/lib/apt/lists", "home/poscloud"):
        assert [f for f in (image.root / made).rglob("*") if f.is_file() and not f.name.startswith(".")] == []
    foreign = [
        f for f in (image.root / "opt/python").rglob("*") if not f.is_symlink() and f.stat().st_uid != 0
    ]
    assert foreign == [], "a job could change the program that the next one runs"


def test_it_is_no_larger_than_it_has_to_be(image: Image) -> None:
    def size(folder: Path) -> int:
        found = [f.stat() for f in folder.rglob("*") if not f.is_symlink() and f.is_file()]
        return sum({entry.st_ino: entry.st_size for entry in found}.values())  # each hard link once

    assert size(image.root) - size(machine.debian()) <= LARGEST
    assert list((image.root / "opt/poscloud/toolchain").glob("go-*")) == []


def test_its_programs_are_there(image: Image) -> None:
    done = image.run("id -u; echo $HOME; poscloud --version; git --version; poscloud --help")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (wheel,) = [name for name in (image.root / "opt/python").rglob("poscloud-*.dist-info")]
    assert lines[:3] == ["1000", "/home/poscloud", wheel.name.split("-")[1].removesuffix(".dist")]
    assert lines[3].startswith("git version ") and lines[4].startswith("Usage: poscloud ")


@pytest.mark.parametrize("user", ["1000", "4321:0"])
def test_a_job_brings_an_environment_up_without_any_network(image: Image, user: str) -> None:
    folder = f"/tmp/job-{user.partition(':')[0]}"
    done = image.run(f"mkdir {folder}; cd {folder}\n{JOB}", "--user", user)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "2 of 2 services ready" in done.stdout + done.stderr
    assert "nothing is left of dev" in done.stderr
    assert "fetching" not in done.stderr and "building" not in done.stderr


def test_git_reads_a_checkout_that_another_user_made(image: Image) -> None:
    who = "-c user.name=a -c user.email=a@example.com"
    made = f"git init -q /tmp/checkout; git -C /tmp/checkout {who} commit -qm a --allow-empty"
    assert image.run(made, "--user", "0").returncode == 0
    done = image.run("git -C /tmp/checkout log --format=%s")
    assert (done.returncode, done.stdout) == (0, "a\n"), done.stderr
