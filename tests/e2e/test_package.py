"""The package as people get it: built, installed into an empty virtual environment, used in an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.local.paths import cache_root
from tests.builder import python
from tests.pages.blocks import of_kind
from tests.pages.lines import logical
from tests.pages.scenarios import not_run
from tests.workspace import ROOT

pytestmark = pytest.mark.e2e

LARGEST = 1_800_000
"""Bytes that a wheel or an sdist may have: something that nobody meant got in, or a limit has to be thought over."""


def tracked(*folders: str) -> set[str]:
    """Return the files that git knows there; those that were removed and not yet committed are left out."""
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders], cwd=ROOT, text=True
    )
    return {name for name in listed.splitlines() if (ROOT / name).is_file()}


def version(package: Path) -> str:
    """Return the version in the name of a wheel or an sdist."""
    return package.name.removesuffix(".tar.gz").split("-")[1]


def build(source: Path, out: Path, target: str) -> Path:
    """Build the ``sdist`` or ``wheel`` of what is in ``source``."""
    command = [str(python()), "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"), "sdist")


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """A wheel built from the sdist alone, where there is neither git nor a checkout."""
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent / "source", filter="data")
    return build(sdist.parent / "source" / f"poscloud-{version(sdist)}", sdist.parent, "wheel")


def test_the_wheel_holds_all_that_poscloud_needs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    placed = {
        "toolchain/": "poscloud/local/toolchain_sources/",
        "templates/": "poscloud/engine/newproject/pipelines/",
    }
    expected = tracked("poscloud")
    for name in tracked(*placed):
        top = name.partition("/")[0] + "/"
        expected.add(placed[top] + name.removeprefix(top))
    described = {
        f"poscloud-{version(wheel)}.dist-info/{name}"
        for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")
    }
    assert names == expected | described
    assert wheel.stat().st_size <= LARGEST


def test_the_sdist_holds_what_the_wheel_is_built_from_and_its_documentation(sdist: Path) -> None:
    top = f"poscloud-{version(sdist)}"
    with tarfile.open(sdist) as archive:
        names = {member.name.removeprefix(f"{top}/") for member in archive if member.isfile()}
    folders = ("poscloud", "toolchain", "templates", "schemas", "docs")
    files = ("README.md", "README.zh.md", "CHANGELOG.md", "requirements.lock", "pyproject.toml", ".gitignore")
    assert names == tracked(*folders) | {*files, "PKG-INFO"}
    assert sdist.stat().st_size <= LARGEST


class Installed:
    """A folder with a virtual environment that holds nothing but the wheel, and an empty folder beside it."""

    def __init__(self, place: Path, wheel: Path) -> None:
        self.programs = place / "python" / "bin"
        self.folder = place / "environments"
        self.folder.mkdir()
        subprocess.run(["python3", "-m", "venv", str(place / "python")], check=True)
        pip = [str(self.programs / "pip"), "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "-c", str(ROOT / "requirements.lock"), str(wheel)], check=True, timeout=420)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment, which no shell has activated."""
        foreign = ("PULUMI_", "VIRTUAL_ENV", "PYTHON", "POSCLOUD_STACK", "KUBECONFIG")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip

    def ok(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command that has to succeed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[Installed]:
    found = Installed(tmp_path_factory.mktemp("installed"), wheel)
    yield found
    if (found.folder / "Pulumi.yaml").is_file():
        found.run("poscloud", "cluster", "down", "--delete")


@pytest.mark.long
def test_init_and_up_work_in_an_empty_folder(installed: Installed, wheel: Path) -> None:
    assert installed.ok("poscloud", "--version").stdout == f"{version(wheel)}\n"
    assert json.loads(installed.ok("poscloud", "schema").stdout) == json.loads(
        (ROOT / "schemas/environment.schema.json").read_text()
    )
    assert "next: poscloud up -s dev" in installed.ok("poscloud", "init").stderr
    installed.ok("poscloud", "validate", "-s", "dev")
    installed.ok("poscloud", "up", "-s", "dev")
    try:
        kubectl = installed.folder / ".poscloud" / "bin" / "kubectl"
        kubeconfig = installed.folder / ".poscloud" / "cluster" / "config" / "admin.kubeconfig"
        get = ["--kubeconfig", str(kubeconfig), "get", "pods", "-n", "dev", "-o", "name"]
        assert len(subprocess.check_output([kubectl, *get], text=True).split()) == 2
        # Whatever it finds on a busy machine: the packages are there, and it names no command of a checkout.
        doctor = json.loads(installed.run("poscloud", "doctor", "--json").stdout)["checks"]
        assert [c["passed"] for c in doctor if c["name"] == "python packages"] == [True]
        assert [c for c in doctor if c["fix"].startswith("make ")] == []
        # Plain pulumi finds the same Python, without a virtual environment in the project.
        plain = ["sh", "-ec", ". .poscloud/activate; pulumi preview -s dev --expect-no-changes"]
        done = subprocess.run(plain, cwd=installed.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        down = installed.run("poscloud", "destroy", "-s", "dev")
    assert (down.returncode, "nothing is left of dev" in down.stderr) == (0, True), down.stdout + down.stderr


@pytest.mark.long
def test_the_page_about_installing(wheel: Path, tmp_path: Path) -> None:
    """Its shell blocks as they stand, by somebody whose home folder is empty; the toolchain is there already."""
    page = "docs/install.md"
    steps = [[li for li in logical(b.text) if not not_run(page, li)] for b in of_kind("sh") if b.page == page]
    home, settings = tmp_path / "home", Path.home() / ".config" / "pip" / "pip.conf"
    home.mkdir()
    shutil.copy(wheel, home)
    foreign = ("PULUMI_", "VIRTUAL_ENV", "PYTHON", "POSCLOUD_", "KUBECONFIG")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    environment |= {
        "HOME": str(home),
        "POSCLOUD_CACHE": str(cache_root()),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    if settings.is_file():
        environment["PIP_CONFIG_FILE"] = str(settings)
    installing, mirrors, *_ = steps
    lines = "\n".join([*installing, "poscloud destroy -s dev", "poscloud cluster down --delete", *mirrors])
    done = subprocess.run(
        ["sh", "-ec", lines],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "nothing is left of dev" in done.stderr
    assert "URL" in (home / ".config" / "pip" / "pip.conf").read_text()
