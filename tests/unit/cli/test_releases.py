"""``poscloud release`` and ``poscloud image`` as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.test_commands import run

STACK = """\
services:
  # why
  a: {kind: java, replicas: 5, release: {strategy: canary, next: v2, weight: 20}}
  b: java
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "env.yaml").write_text(STACK)
    return tmp_path


def test_validate_and_status_say_which_release_it_is(project: Path) -> None:
    line = "a: canary v2, 1 of 5 pods (20 %), live v1\n"
    assert run("validate", "-s", "env", cwd=project).stdout.endswith(line)
    assert run("release", "status", "-s", "env", cwd=project).stdout == line + "b: rolling, v1\n"
    printed = json.loads(run("validate", "-s", "env", "--json", cwd=project).stdout)
    assert printed["releases"] == {"a": "canary v2, 1 of 5 pods (20 %), live v1"}


def test_promoting_says_what_it_wrote_and_what_is_next(project: Path) -> None:
    done = run("release", "promote", "-s", "env", "a", cwd=project)
    assert done.stdout == (
        "stacks/env.yaml: services.a.version: v2\n"
        "stacks/env.yaml: services.a.release.next: null\n"
        "a: canary, none beside live v2\n"
    )
    assert done.stderr == "next: poscloud preview -s env, then poscloud up -s env\n"
    assert "  # why\n" in (project / "stacks" / "env.yaml").read_text()
    again = run("release", "promote", "-s", "env", "a", cwd=project)
    assert again.returncode == 1
    assert "nothing runs beside the live version of 'a' in env" in again.stderr
    unknown = run("release", "abort", "-s", "env", "c", cwd=project)
    assert "env has no service 'c'" in unknown.stderr


def test_images_without_a_file_or_with_mistakes(project: Path) -> None:
    done = run("image", "build", "-s", "env", cwd=project)
    assert (done.returncode, "docs/images.md shows one" in done.stderr) == (1, True)
    (project / "images.yaml").write_text("images:\n  a: {kind: java, base: jdk}\n")
    done = run("image", "render", "-s", "env", cwd=project)
    assert done.returncode == 2
    assert "images.yaml:2:3: 'jar' is required" in done.stderr
    assert run("image", "push", "-s", "env", cwd=project).stderr.startswith(
        "error: nothing was built for env"
    )


def test_a_rendered_image_can_be_built_elsewhere(project: Path) -> None:
    (project / "images.yaml").write_text('images:\n  b: {kind: java, base: "jdk:8", jar: b.jar}\n')
    (project / "b.jar").write_text("jar")
    arguments = ("image", "render", "-s", "env", "--tag", "t1", "--out", "out")
    done = run(*arguments, cwd=project)
    assert done.stderr == "out/b: harbor.example.com/wbyh/env-b:t1\n"
    files = {str(f.relative_to(project / "out" / "b")) for f in (project / "out").rglob("*") if f.is_file()}
    assert files == {"Dockerfile", "docker-entrypoint.sh", "files/b.jar"}
    again = run(*arguments, cwd=project)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
