"""Pruning the cache: what nobody needs goes, what anybody has stays, and never while somebody makes images."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from poscloud.cli.cluster_images import images
from poscloud.errors import DeployError, UsageError, WaitTimeoutError
from poscloud.local.nodeimages import ensure_images
from poscloud.local.nodeimages import prune as pruning
from poscloud.local.nodeimages.ensure import in_use
from poscloud.local.nodeimages.prune import prune
from poscloud.local.paths import ProjectPaths, cache_root
from poscloud.local.progress import SilentReporter


@pytest.fixture
def project(paths: ProjectPaths) -> Path:
    """A project with an image that needs no package, made once."""
    (paths.root / "cluster-images.toml").write_text('folders = ["app"]\n')
    (paths.root / "app").mkdir()
    change(paths.root, "one")
    ensure_images(SilentReporter(), ["app"], root=paths.root)
    return paths.root


def change(root: Path, content: str) -> None:
    (root / "app" / "file").write_text(content)
    (root / "app" / "image.toml").write_text('name = "app"\nbase = ""\ntree = {file = "/file"}\n')


def entries() -> list[str]:
    return sorted(entry.name for entry in (cache_root() / "images").glob("app-*"))


def test_a_layer_goes_when_its_recipe_and_the_layouts_have_another(project: Path) -> None:
    (first,) = entries()
    change(project, "two")
    assert prune(project, SilentReporter()).names == (), "the project's layout still has it"
    ensure_images(SilentReporter(), ["app"], root=project)
    size = (cache_root() / "images" / first / "layer.tar").stat().st_size
    gone = prune(project, SilentReporter())
    assert (gone.names, gone.size) == ((first,), size)
    assert len(entries()) == 1 and first not in entries()


def test_another_projects_layer_stays_as_long_as_its_layout(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert prune(other, SilentReporter()).names == ()
    layout = ProjectPaths(project).owned / "images"
    for blob in (layout / "layout" / "blobs" / "sha256").iterdir():
        blob.unlink()
    assert [name.split("-")[0] for name in prune(other, SilentReporter()).names] == ["app"]


def test_nothing_goes_while_images_are_made(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "WAIT", 0.0)
    before = entries()
    making = os.open(in_use(), os.O_RDWR)
    fcntl.flock(making, fcntl.LOCK_SH)
    with pytest.raises(WaitTimeoutError, match="nothing was removed") as caught:
        prune(None, SilentReporter())
    assert caught.value.hint.endswith("poscloud cluster images --prune")
    ensure_images(SilentReporter(), ["app"], root=project)  # several may make images at once
    os.close(making)
    assert entries() == before


def test_what_a_killed_one_left_goes(project: Path) -> None:
    for name in (".app-0.partial-1", ".app-0.gone-1"):
        (cache_root() / "images" / name).mkdir()
    prune(project, SilentReporter())
    assert not [entry for entry in (cache_root() / "images").iterdir() if entry.name.startswith(".app-0.")]


def test_pruning_takes_no_names_as_it_would_not_keep_to_them(project: Path) -> None:
    change(project, "two")
    ensure_images(SilentReporter(), ["app"], root=project)
    before = entries()
    with pytest.raises(UsageError, match="--prune looks at all layers, and redis was named"):
        images(["redis"], prune=True)
    assert len(before) == 2 and entries() == before


def test_a_cache_that_cannot_be_changed_is_told(project: Path) -> None:
    in_use().unlink()
    in_use().mkdir()
    with pytest.raises(DeployError, match="the images' cache cannot be pruned") as caught:
        prune(project, SilentReporter())
    assert caught.value.hint == f"run: ls -la {cache_root() / 'images'}"
