"""Images: the file and its mistakes, the order, Dockerfiles, tags of real working copies."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from poscloud.errors import DeployError, InputError, PosCloudError
from poscloud.images.build import build, remember, remembered
from poscloud.images.builder import Builder, find_builder
from poscloud.images.context import write_context
from poscloud.images.plan import Planned, plan
from poscloud.images.revision import revision, tag
from poscloud.load.images import load_images
from poscloud.spec import EnvironmentSpec

ROOT = Path(__file__).parents[3]
CASES = yaml.safe_load((ROOT / "tests" / "cases" / "images.yaml").read_text())
STAGE = EnvironmentSpec(name="wbyh-stage", registry="r.example.com/p")


def planned(folder: Path, text: str, *names: str, environment: EnvironmentSpec = STAGE) -> list[Planned]:
    file = folder / "images.yaml"
    file.write_text(dedent(text))
    return plan(load_images(file, folder), environment, names, folder, lambda _: "t1")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_mistake_is_reported_at_its_place(tmp_path: Path, case: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        planned(tmp_path, case["text"])
    (problem,) = caught.value.problems
    assert (f"{problem.line}:{problem.column}", problem.code) == (case["at"], case["code"])
    assert case["says"] in str(problem)


CHAIN = """\
    images:
      web: {kind: java, base: jdk, jar: a.jar, needs: [lib]}
      lib: {kind: image, base: jdk}
      jdk: {kind: image, base: "centos:7", repository: "{registry}/base/{name}"}
      other: {kind: image, base: scratch}
    """


def test_images_come_after_what_they_are_built_on_and_need(tmp_path: Path) -> None:
    images = planned(tmp_path, CHAIN, "web")
    assert [i.reference for i in images] == [
        "r.example.com/p/base/jdk:t1",
        "r.example.com/p/wbyh-stage-lib:t1",
        "r.example.com/p/wbyh-stage-web:t1",
    ]
    assert images[-1].recipe.dockerfile.startswith("FROM r.example.com/p/base/jdk:t1\n")


def test_each_environment_has_its_base(tmp_path: Path) -> None:
    text = 'images: {a: {kind: image, base: {"*-stage": "{registry}/jdk:v3", "*-dev": "centos:7"}}}'
    (stage,) = planned(tmp_path, text)
    assert stage.recipe.dockerfile == "FROM r.example.com/p/jdk:v3\n"
    with pytest.raises(PosCloudError, match="image 'a' has no base for prod, only for \\*-stage, \\*-dev"):
        planned(tmp_path, text, environment=EnvironmentSpec(name="prod"))


def test_a_java_image_is_the_documents(tmp_path: Path) -> None:
    (image,) = planned(
        tmp_path,
        'images: {dac-task: {kind: java, base: "jdk:8", jar: target/a.jar, start_script: s/x.sh, '
        "labels: {maintainer: ops@example.com}}}",
    )
    assert image.recipe.dockerfile == dedent(
        """\
        FROM jdk:8
        LABEL maintainer="ops@example.com"
        USER root
        COPY ["files/target/a.jar", "/home/deploy/a.jar"]
        COPY ["files/s/x.sh", "/home/deploy/dac-task.sh"]
        COPY docker-entrypoint.sh /docker-entrypoint.sh
        EXPOSE 9090
        RUN chown -R deploy:deploy /home/deploy /docker-entrypoint.sh
        USER deploy
        ENTRYPOINT ["/docker-entrypoint.sh"]
        """
    )
    assert 'exec /home/deploy/dac-task.sh "$@"' in image.recipe.scripts["docker-entrypoint.sh"]


def test_the_context_has_what_is_declared_and_no_history(tmp_path: Path) -> None:
    for name in ("requirements.txt", "app/main.py", ".git/config", ".venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (image,) = planned(tmp_path, 'images: {a: {kind: python, base: "python:3"}}')
    context = tmp_path / "out" / "a"
    context.mkdir(parents=True)
    write_context(image, context)
    found = {str(f.relative_to(context)) for f in context.rglob("*") if f.is_file()}
    assert found == {"Dockerfile", "files/requirements.txt", "files/app/main.py", "files/images.yaml"}


def test_the_example_has_every_kind(tmp_path: Path) -> None:
    file = ROOT / "examples" / "images.yaml"
    images = load_images(file, ROOT)
    assert {i.kind for i in images.images.values()} == {"c", "java", "python", "webapp", "image"}
    for image in images.images.values():
        (tmp_path / image.context).mkdir(exist_ok=True)
    order = [i.name for i in plan(images, STAGE, ("dac-task",), tmp_path, lambda _: "t1")]
    assert order == ["dac-common", "jdk8", "dac-task"]


def test_a_missing_file_is_told_with_what_makes_it(tmp_path: Path) -> None:
    (image,) = planned(tmp_path, 'images: {a: {kind: java, base: "jdk:8", jar: target/a.jar}}')
    with pytest.raises(PosCloudError, match=r"image 'a': target/a\.jar not in") as caught:
        write_context(image, tmp_path / "out")
    assert "`before`" in caught.value.hint


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_tag_is_the_time_and_the_revision_of_git(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    commit = git(tmp_path, "rev-parse", "HEAD")
    now = datetime(2026, 11, 1, 15, 31, tzinfo=UTC)
    assert tag(revision(tmp_path / "web"), now) == f"20261101-1531-g{commit[:7]}"
    (tmp_path / "web" / "a").write_text("2")
    with pytest.raises(
        PosCloudError, match=f"not exactly revision g{commit[:7]}: 1 changed or new files, first web/a"
    ):
        revision(tmp_path / "web")
    assert revision(tmp_path / "web", dirty=True) == f"g{commit[:7]}-dirty"


def test_no_working_copy_asks_for_a_tag(tmp_path: Path) -> None:
    with pytest.raises(PosCloudError, match="no working copy of git or Subversion") as caught:
        revision(tmp_path)
    assert caught.value.hint == "give --tag TAG"


def test_without_a_builder_rendering_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PosCloudError, match="buildah and docker cannot be found") as caught:
        find_builder()
    assert "poscloud image render --out DIR" in caught.value.hint


def builder(folder: Path, script: str) -> Builder:
    """A stand-in that gets the arguments of buildah."""
    program = folder / "builder"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Builder("docker", program)


def test_what_needs_a_failed_image_is_not_built_and_the_rest_is(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_text("")
    images = planned(tmp_path, CHAIN)
    program = builder(
        tmp_path, f'echo "$3" >> {tmp_path}/built; case "$3" in *lib*) echo broken; exit 1;; esac'
    )
    with pytest.raises(
        DeployError, match=r"image 'lib' was not built: docker failed.*\n    broken"
    ) as caught:
        done: list[str] = []
        build(images, program, tmp_path / "logs", 2, lambda _: None, lambda image: done.append(image.name))
    assert sorted(done) == ["jdk", "other"], "what was built before a failure is there to be pushed"
    assert "'web'" not in caught.value.message
    built = [line.split("/")[-1] for line in (tmp_path / "built").read_text().splitlines()]
    assert sorted(built) == ["jdk:t1", "wbyh-stage-lib:t1", "wbyh-stage-other:t1"]


def test_independent_images_are_built_at_the_same_time(tmp_path: Path) -> None:
    text = (
        "images: {a: {kind: image, base: scratch, context: a}, b: {kind: image, base: scratch, context: b}}"
    )
    for name in "ab":
        (tmp_path / name).mkdir()
    # Each waits for the other one's file: one after the other, both would fail.
    wait = f"""echo > {tmp_path}/$(basename "$3"); i=0
        while [ $(ls {tmp_path} | grep -c ':t1$') -lt 2 ]; do i=$((i+1)); [ $i -lt 500 ] || exit 1; sleep 0.02; done"""
    build(planned(tmp_path, text), builder(tmp_path, wait), tmp_path / "logs", 2, lambda _: None)


def test_what_was_built_is_remembered_for_the_push(tmp_path: Path) -> None:
    record = tmp_path / "images" / "stage.json"
    remember(record, planned(tmp_path, CHAIN, "lib"))
    assert remembered(record) == {
        "jdk": "r.example.com/p/base/jdk:t1",
        "lib": "r.example.com/p/wbyh-stage-lib:t1",
    }


def test_a_damaged_record_is_said_to_be_one(tmp_path: Path) -> None:
    record = tmp_path / "stage.json"
    record.write_text('{"jdk": "r.exa')
    with pytest.raises(PosCloudError, match=r"stage\.json, which says what was built, is damaged"):
        remembered(record)


def test_a_files_name_is_one_word_for_the_shell(tmp_path: Path) -> None:
    java, python = planned(
        tmp_path,
        """\
        images:
          app: {kind: java, base: "jdk:8", jar: "target/my app;id.jar"}
          hydra: {kind: python, base: "python:3", requirements: "re qs;touch x.txt"}
        """,
    )
    assert "-jar '/home/deploy/my app;id.jar' " in java.recipe.scripts["docker-entrypoint.sh"]
    assert "-r 're qs;touch x.txt'\n" in python.recipe.dockerfile
