from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from poscloud.errors import DeployError
from poscloud.provider.install import install, installed_kind, plugin_path, script, sdk_version

PYTHON = Path(sys.executable)


def test_the_version_is_the_installed_sdk_s() -> None:
    assert sdk_version().split(".")[0] == "4"
    code = "import sys; from poscloud.provider.install import sdk_version; sdk_version();"
    code += "print('pulumi' in sys.modules)"
    assert subprocess.check_output([PYTHON, "-c", code], text=True).strip() == "False"


def test_installing_twice_changes_nothing(tmp_path: Path) -> None:
    assert installed_kind(tmp_path, "4.1.0") == "none"
    path = install(tmp_path, PYTHON, "4.1.0")
    before = path.stat()
    assert path == tmp_path / "plugins" / "resource-kubernetes-v4.1.0" / "pulumi-resource-kubernetes"
    assert os.access(path, os.X_OK)
    assert install(tmp_path, PYTHON, "4.1.0").stat().st_ino == before.st_ino
    assert installed_kind(tmp_path, "4.1.0") == "built-in"
    assert [entry.name for entry in (tmp_path / "plugins").iterdir()] == ["resource-kubernetes-v4.1.0"]


def test_another_interpreter_replaces_the_script(tmp_path: Path) -> None:
    install(tmp_path, Path("/elsewhere/python"), "4.1.0")
    assert str(PYTHON) in install(tmp_path, PYTHON, "4.1.0").read_text()


def test_the_official_plugin_is_left_alone(tmp_path: Path) -> None:
    path = plugin_path(tmp_path, "4.1.0")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x7fELF official")
    assert installed_kind(tmp_path, "4.1.0") == "official"
    with pytest.raises(DeployError, match="is not poscloud's"):
        install(tmp_path, PYTHON, "4.1.0")
    assert path.read_bytes() == b"\x7fELF official"


@pytest.mark.parametrize("python", [Path("/" + "x" * 200 + "/python"), Path("/with space/python")])
def test_long_paths_go_through_sh(python: Path) -> None:
    assert script(python).startswith("#!/bin/sh\n")
    assert " exec " in script(python).replace("\n", " ")


def test_the_script_prints_its_port_and_ends_with_its_parent(tmp_path: Path) -> None:
    path = install(tmp_path, PYTHON, "4.1.0")
    start = (
        f"import subprocess, sys; p = subprocess.Popen([{str(path)!r}], stdout=subprocess.PIPE, text=True);"
    )
    code = start + "print(p.stdout.readline().strip(), p.pid)"
    port, pid = subprocess.check_output([PYTHON, "-c", code], text=True, timeout=20).split()
    assert int(port) > 0
    os.set_blocking(handle := os.pidfd_open(int(pid)), True)
    import select

    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(10_000), "the plugin outlives its engine"
    os.close(handle)
