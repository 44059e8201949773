"""The layout of the images made for real nodes, read by a program that knows the format: skopeo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from poscloud.local.nodeimages import ensure_images
from poscloud.local.progress import ConsoleReporter
from tests.servers.debian import packages

pytestmark = pytest.mark.servers

LIMIT = 45_000_000
"""Bytes that Redis may have, base and layer."""


@pytest.fixture(scope="module")
def layout() -> Path:
    return ensure_images(ConsoleReporter(sys.__stderr__), ["pause", "redis", "python"]).layout


def skopeo(*arguments: str) -> str:
    debian = packages("skopeo")
    done = subprocess.run(
        [debian.program("skopeo"), "--insecure-policy", *arguments],
        env=debian.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_says_of_each_image_how_it_is_started(layout: Path) -> None:
    told = json.loads(skopeo("inspect", "--config", f"oci:{layout}:redis"))
    assert (told["config"]["Cmd"], told["config"]["User"]) == (["redis-server"], "999:999")
    assert len(told["rootfs"]["diff_ids"]) == 2
    manifest = json.loads(skopeo("inspect", "--raw", f"oci:{layout}:redis"))
    assert sum(layer["size"] for layer in manifest["layers"]) <= LIMIT


@pytest.mark.parametrize("image", ["pause", "redis", "python"])
def test_it_copies_every_layer_and_finds_them_to_be_what_they_are_said_to_be(
    layout: Path, tmp_path: Path, image: str
) -> None:
    skopeo("copy", f"oci:{layout}:{image}", f"docker-archive:{tmp_path}/image.tar:local/{image}:1")
    assert (tmp_path / "image.tar").stat().st_size > 1_000_000
