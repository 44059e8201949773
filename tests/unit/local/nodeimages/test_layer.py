"""A layer has what it was given, as an image's root has it."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from poscloud.errors import DeployError
from poscloud.local.nodeimages.layer import Layer
from poscloud.local.nodeimages.oci import sha256


@pytest.fixture
def deb(tmp_path: Path) -> Path:
    """A Debian package as they are: folders outside of /usr, a second name, documentation, a set-user-id program."""
    root = tmp_path / "deb"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.com>\nDescription: a\n"
    )
    for name in ("bin/tool", "usr/share/doc/a/page", "usr/lib/a/left-out", "lib/x/lib.so.1"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "bin/tool").chmod(0o4755)
    (root / "bin/second").hardlink_to(root / "bin/tool")
    (root / "lib/x/lib.so").symlink_to("lib.so.1")
    archive = tmp_path / "a.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", root, archive], check=True, capture_output=True
    )
    return archive


def entries(file: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(file) as opened:
        return {entry.name: entry for entry in opened}


def test_a_package_goes_below_usr_without_its_documentation_and_without_rights(
    deb: Path, tmp_path: Path
) -> None:
    with Layer(tmp_path / "layer.tar") as layer:
        layer.link("/bin", "usr/bin")
        layer.package(deb, ["usr/lib/a/*"])
    found = entries(tmp_path / "layer.tar")
    assert {n for n, entry in found.items() if not entry.isdir()} == {
        "bin", "usr/bin/tool", "usr/bin/second", "usr/lib/x/lib.so", "usr/lib/x/lib.so.1",
    }  # fmt: skip
    first, second = sorted((found["usr/bin/tool"], found["usr/bin/second"]), key=tarfile.TarInfo.islnk)
    assert first.mode == 0o755 and second.linkname == first.name
    assert found["usr/lib/x/lib.so"].linkname == "lib.so.1"
    assert {entry.uid for entry in found.values()} == {0}


def test_what_is_there_first_stays_and_folders_get_their_owner(deb: Path, tmp_path: Path) -> None:
    with Layer(tmp_path / "layer.tar") as layer:
        layer.link("/bin/tool", "ours")
        layer.folder("/data/log", 1000, 0o750)
        layer.script("/opt/run.sh", b"#!/bin/sh\n")
        layer.script("/opt/settings", b"a = b\n")
        layer.package(deb)
    found = entries(tmp_path / "layer.tar")
    assert found["usr/bin/tool"].linkname == "ours"
    assert (found["data/log"].uid, found["data/log"].gid, found["data/log"].mode) == (1000, 1000, 0o750)
    assert (found["data"].uid, found["data"].mode) == (0, 0o755)
    assert (found["opt/run.sh"].mode, found["opt/settings"].mode) == (0o755, 0o644)


def test_the_same_contents_make_the_same_layer(deb: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("b", "a"):
        (tree / name).write_text(name)
    for name in ("one", "two"):
        with Layer(tmp_path / name) as layer:
            layer.tree(tree, "/opt/tree")
            layer.package(deb)
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")
    assert [n for n in entries(tmp_path / "one") if n.startswith("opt/")] == [
        "opt/tree",
        "opt/tree/a",
        "opt/tree/b",
    ]


def test_a_broken_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.deb").write_text("nothing")
    with (
        pytest.raises(DeployError, match=r"broken\.deb cannot be unpacked"),
        Layer(tmp_path / "layer.tar") as layer,
    ):
        layer.package(tmp_path / "broken.deb")
