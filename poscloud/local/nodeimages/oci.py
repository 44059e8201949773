"""An OCI image layout: configuration and manifest of each image, the index, and the blobs they name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.local.nodeimages.recipes import Recipe
from poscloud.local.nodes import architecture
from poscloud.local.paths import write_private

REF_NAME = "org.opencontainers.image.ref.name"
LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CREATED = "2023-11-14T22:13:20Z"
"""The same for all: an image made twice is the same twice."""


@dataclass(frozen=True)
class Blob:
    """A layer's archive in the cache.

    Attributes:
        file: The archive.
        digest: Its SHA-256 in hexadecimal; that of the contents too, because it is not compressed.
        size: Its bytes.
    """

    file: Path
    digest: str
    size: int


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_image(layout: Path, recipes: Sequence[Recipe], layers: Sequence[Blob]) -> dict[str, Any]:
    """Put one image's blobs into a layout, and return what the index says of it.

    Args:
        layout: The layout's folder.
        recipes: The image and all below it, the lowest first.
        layers: Their layers, in the same order.
    """
    top, config = recipes[-1], _config(recipes)
    for layer in layers:
        _link(layer.file, _blob(layout, layer.digest))
    described = {
        "created": CREATED,
        "architecture": architecture(),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
        "history": [{"created": CREATED, "created_by": f"poscloud: {recipe.name}"} for recipe in recipes],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _write(layout, CONFIG, described),
        "layers": [
            {"mediaType": LAYER, "digest": f"sha256:{layer.digest}", "size": layer.size} for layer in layers
        ],
    }
    annotations = {REF_NAME: top.name}
    platform = {"architecture": architecture(), "os": "linux"}
    return {**_write(layout, MANIFEST, manifest), "platform": platform, "annotations": annotations}


def write_index(layout: Path, images: Mapping[str, dict[str, Any]]) -> None:
    """Write the index, completely or not at all; the images are sorted by name."""
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}\n')
    manifests = [images[name] for name in sorted(images)]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    write_private(layout / "index.json", json.dumps(index, indent=1) + "\n")


def read_index(layout: Path) -> dict[str, dict[str, Any]]:
    """Return what a layout's index says of each image, by name; nothing where there is no layout."""
    try:
        manifests = json.loads((layout / "index.json").read_text())["manifests"]
    except (OSError, ValueError, KeyError):
        return {}
    return {entry["annotations"][REF_NAME]: entry for entry in manifests}


def remove_unused(layout: Path) -> None:
    """Remove the blobs that no image of the index needs any more."""
    used = set()
    for entry in read_index(layout).values():
        manifest = json.loads(_blob(layout, entry["digest"].removeprefix("sha256:")).read_text())
        used |= {entry["digest"], manifest["config"]["digest"], *(x["digest"] for x in manifest["layers"])}
    for file in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{file.name}" not in used:
            file.unlink()


def _config(recipes: Sequence[Recipe]) -> dict[str, Any]:
    """Return how containers are started; what an image does not say, the one below says."""
    config: dict[str, Any] = {}
    env: dict[str, str] = {}
    for recipe in recipes:
        env |= recipe.env
        if recipe.entrypoint or recipe.cmd:  # arguments of the image below are not for this one's program
            config |= {"Entrypoint": list(recipe.entrypoint) or None, "Cmd": list(recipe.cmd) or None}
        if recipe.user:
            config["User"] = recipe.user
        if recipe.workdir:
            config["WorkingDir"] = recipe.workdir
    config["Env"] = [f"{name}={value}" for name, value in env.items()]
    return {key: value for key, value in config.items() if value is not None}


def _write(layout: Path, media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
    data = json.dumps(content, indent=1, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    target = _blob(layout, digest)
    if not target.exists():
        write_private(target, data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def _blob(layout: Path, digest: str) -> Path:
    folder = layout / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / digest


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; a copy where the two are on different disks."""
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(source, partial)
        os.replace(partial, target)
