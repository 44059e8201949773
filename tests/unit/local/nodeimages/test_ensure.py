"""The layout: what it holds is what the index says, it grows and shrinks with the project's images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poscloud.errors import DeployError, InputError, UsageError
from poscloud.local.nodeimages import ensure_images, project
from poscloud.local.nodeimages.oci import REF_NAME
from poscloud.local.nodeimages.report import report, summary
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import SilentReporter

Write = Callable[..., Path]


@pytest.fixture
def image(paths: ProjectPaths) -> Write:
    """Describe an image of the project that needs no package."""
    (paths.root / "cluster-images.toml").write_text('folders = ["apps/*"]\n')

    def write(name: str, lines: str = "", content: str = "echo") -> Path:
        folder = paths.root / "apps" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.sh").write_text(f"#!/bin/sh\n{content} {name}\n")
        text = f'name = "{name}"\n{lines}\ntree = {{"run.sh" = "/{name}.sh"}}\n'
        (folder / "image.toml").write_text(text)
        return folder

    return write


def read(layout: Path, digest: str) -> Any:
    data = (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
    return data


def index(layout: Path) -> dict[str, dict[str, Any]]:
    manifests = json.loads((layout / "index.json").read_text())["manifests"]
    return {entry["annotations"][REF_NAME]: entry for entry in manifests}


def test_a_file_that_is_not_there_is_told(paths: ProjectPaths, image: Write) -> None:
    (image("app", 'base = ""') / "run.sh").unlink()
    with pytest.raises(DeployError, match=r"image 'app': there is no run\.sh in "):
        ensure_images(SilentReporter(), ["app"], root=paths.root)


def test_every_digest_and_size_is_that_of_its_blob(paths: ProjectPaths, image: Write) -> None:
    image("below", 'base = ""\nenv = {A = "1", B = "2"}\ncmd = ["sh"]\nuser = "1000"')
    image("above", 'base = "below"\nenv = {B = "3"}\nentrypoint = ["/above.sh"]\nworkdir = "/data"')
    layout = ensure_images(SilentReporter(), ["above", "below"], root=paths.root).layout
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert list(index(layout)) == ["above", "below"]
    entry = index(layout)["above"]
    data = read(layout, entry["digest"])
    manifest = json.loads(data)
    assert entry["size"] == len(data) and manifest["mediaType"] == entry["mediaType"]
    config = json.loads(read(layout, manifest["config"]["digest"]))
    for layer, diff in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        assert layer["size"] == len(read(layout, layer["digest"])) and layer["digest"] == diff
    assert config["config"] == {
        "Entrypoint": ["/above.sh"], "User": "1000", "WorkingDir": "/data", "Env": ["A=1", "B=3"],
    }  # fmt: skip
    below = json.loads(read(layout, index(layout)["below"]["digest"]))
    assert manifest["layers"][0] == below["layers"][0]


def test_what_changed_is_made_anew_and_what_is_gone_is_forgotten(paths: ProjectPaths, image: Write) -> None:
    image("one", 'base = ""')
    two = image("two", 'base = ""')
    layout = ensure_images(SilentReporter(), ["one", "two"], root=paths.root).layout
    before, blobs = index(layout), set((layout / "blobs/sha256").iterdir())
    assert ensure_images(SilentReporter(), ["one"], root=paths.root).layout == layout
    assert index(layout) == before, "what was there is still there"
    image("one", 'base = ""', "printf")
    (two / "image.toml").unlink()
    ensure_images(SilentReporter(), ["one"], root=paths.root)
    after = index(layout)
    assert list(after) == ["one"] and after["one"]["digest"] != before["one"]["digest"]
    assert len(set((layout / "blobs/sha256").iterdir()) & blobs) == 0


def test_an_unknown_image_is_told_with_those_there_are(paths: ProjectPaths) -> None:
    with pytest.raises(UsageError, match="there is no image 'rdis'; known: pause, base, redis"):
        ensure_images(SilentReporter(), ["rdis"], root=paths.root)


def test_the_table_has_the_projects_images_and_lines(paths: ProjectPaths, image: Write) -> None:
    image("plain")
    image("named", 'names = ["*/wbyh-*-named:*"]')
    with (paths.root / "cluster-images.toml").open("a") as file:
        file.write('[names]\n"*/hydra:*" = "plain"\n')
    lines = {line.pattern: line.image for line in project.names(paths.root)}
    assert next(iter(lines)) == "*/hydra:*"
    assert (lines["*/plain:*"], lines["*/wbyh-*-named:*"], lines["*/redis:*"]) == ("plain", "named", "redis")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("folders = [", "toml-syntax", "this is no TOML"),
        ("folder = []", "unknown-field", "unknown field 'folder'; known: folders, names"),
        ("folders = 'apps'", "wrong-type", "folders: expected a list"),
        ("folders = ['none/*']", "unknown-reference", "folders: there is no none/*/image.toml"),
        ("[names]\n'*/a:*' = 'reddis'", "unknown-reference", "names: 'reddis' is no image; known: pause"),
        (
            "[names]\n'*/a:[^4]*' = 'redis'",
            "wrong-value",
            "names: '*/a:[^4]*': [^4] is not known; expected [!4]",
        ),
        (
            "[names]\n'*/a@sha256:*' = 'redis'",
            "wrong-value",
            "names: '*/a@sha256:*' names a digest; expected",
        ),
    ],
)
def test_a_mistake_in_the_projects_file_is_told(
    paths: ProjectPaths, text: str, code: str, words: str
) -> None:
    file = paths.root / "cluster-images.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        project.names(paths.root)
    (problem,) = caught.value.problems
    assert (problem.file, problem.code) == (file, code) and problem.message.startswith(words)


def test_a_wrong_line_is_told_with_its_place(paths: ProjectPaths, image: Write) -> None:
    image("app", 'names = [\n  "*/app:*",\n  "*/app-[9-0]:*",\n]')
    with pytest.raises(InputError) as caught:
        project.recipes(paths.root)
    assert [(p.line, p.column) for p in caught.value.problems] == [(4, 3)]
    image("app")
    file = paths.root / "cluster-images.toml"
    file.write_text('[names]\n# "*/b:[" was\n"*/a:*" = "redis"\n  "*/b:[" = "redis"\n"*/c:*" = "reddis"\n')
    with pytest.raises(InputError) as caught:
        project.names(paths.root)
    assert [(p.line, p.column) for p in caught.value.problems] == [(4, 3)]
    file.write_text(file.read_text().replace('"*/b:["', '"*/b:*"'))
    with pytest.raises(InputError) as caught:
        project.names(paths.root)
    assert [(p.line, p.column) for p in caught.value.problems] == [(5, 1)]
    file.write_text("folders = []\nnames = {a b}\n")
    with pytest.raises(InputError) as caught:
        project.names(paths.root)
    assert [p.line for p in caught.value.problems] == [2]


def test_a_projects_image_may_not_be_called_like_another(paths: ProjectPaths, image: Write) -> None:
    image("redis")
    with pytest.raises(InputError, match="there is another image 'redis' already"):
        project.recipes(paths.root)


def test_the_report_tells_what_is_made(paths: ProjectPaths, image: Write) -> None:
    image("one", 'base = ""\nversion = "5"')
    image("two", 'base = "one"')
    ensure_images(SilentReporter(), ["one"], root=paths.root)
    found = {entry.name: entry for entry in report(paths.root)}
    assert found["one"].built and found["one"].version == "5" and found["one"].names == ("*/one:*",)
    assert not found["two"].built and not found["redis"].built
    assert found["redis"].version.startswith("5:7.0")
    assert summary(paths.root).startswith(f"1 of {len(found)} images made, 0 MB; the table has ")
