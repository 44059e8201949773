"""``poscloud init``: what it writes is right, and what is there stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from poscloud import __version__
from poscloud.engine.newproject.pipeline import FORGES, pipeline
from tests.unit.cli.test_commands import run


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "My environments"
    folder.mkdir()
    return folder


def everything(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): f.read_text() for f in folder.rglob("*") if f.is_file()}


def test_a_new_project_is_valid_and_says_the_next_command(empty: Path) -> None:
    done = run("init", cwd=empty)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "next: poscloud up -s dev"
    assert sorted(everything(empty)) == [
        ".gitignore",
        "Pulumi.yaml",
        "__main__.py",
        "requirements.txt",
        "schemas/environment.schema.json",
        "stacks/base/shared.yaml",
        "stacks/dev.yaml",
    ]
    checked = run("validate", "-s", "dev", cwd=empty)
    assert (checked.returncode, checked.stdout) == (0, "dev: valid, 2 components, 8 objects\n")


def test_without_a_project_the_next_command_is_init(empty: Path) -> None:
    done = run("up", "-s", "dev", cwd=empty)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: no Pulumi.yaml in {empty} or above it\n"
        "  make a project in an empty folder: poscloud init dev   or go into the folder of one\n"
    )


def test_the_requirements_say_where_poscloud_comes_from(empty: Path) -> None:
    run("init", cwd=empty)
    *comments, pinned = (empty / "requirements.txt").read_text().splitlines()
    assert pinned == f"poscloud=={__version__}"
    assert all(line.startswith("#") for line in comments)
    assert "`make dist`" in comments[0] and "PIP_INDEX_URL" in comments[0]


def test_each_description_names_the_schema_that_is_there(empty: Path) -> None:
    run("init", cwd=empty)
    for file in (empty / "stacks").rglob("*.yaml"):
        key, _, schema = file.read_text().splitlines()[0].partition("$schema=")
        assert key == "# yaml-language-server: "
        assert (file.parent / schema).resolve() == empty / "schemas/environment.schema.json"
    schema = json.loads((empty / "schemas/environment.schema.json").read_text())
    assert schema == json.loads(run("schema").stdout)


def test_in_a_project_it_adds_an_environment(empty: Path) -> None:
    run("init", cwd=empty)
    before = everything(empty)
    done = run("init", "test", cwd=empty / "stacks")
    assert f"in the project {empty}:" in done.stderr
    after = everything(empty)
    assert {name for name in after if name not in before} == {"stacks/test.yaml"}
    assert {name: after[name] for name in before} == before
    assert run("validate", "-s", "test", cwd=empty).returncode == 0


def test_without_a_shared_base_the_environment_stands_alone(empty: Path) -> None:
    (empty / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (empty / "stacks").mkdir()
    run("init", "test", cwd=empty)
    assert "extends" not in (empty / "stacks/test.yaml").read_text()
    assert run("validate", "-s", "test", cwd=empty).returncode == 0


def test_an_environment_that_is_there_is_left_alone(empty: Path) -> None:
    run("init", cwd=empty)
    (empty / "stacks/dev.yaml").write_text("services: {mine: java}\n")
    before = everything(empty)
    done = run("init", cwd=empty)
    assert (done.returncode, "there is an environment dev already" in done.stderr) == (1, True)
    assert everything(empty) == before


@pytest.mark.parametrize("file", ["Pulumi.yaml", "__main__.py"])
def test_another_program_is_left_alone(empty: Path, file: str) -> None:
    (empty / file).write_text("name: theirs\n")
    done = run("init", cwd=empty)
    assert (done.returncode, "poscloud init" in done.stderr) == (1, True)
    assert everything(empty) == {file: "name: theirs\n"}


def test_other_files_that_are_there_are_kept_and_named(empty: Path) -> None:
    (empty / ".gitignore").write_text("mine\n")
    done = run("init", cwd=empty)
    assert "kept  .gitignore" in done.stderr
    assert (empty / ".gitignore").read_text() == "mine\n"


def test_a_schema_of_another_version_is_told(empty: Path) -> None:
    run("init", cwd=empty)
    (empty / "schemas/environment.schema.json").write_text("{}\n")
    answer = json.loads(run("init", "test", "--json", cwd=empty).stdout)
    assert answer["schema_outdated"] and answer["kept"] == ["schemas/environment.schema.json"]


@pytest.mark.parametrize("name", ["Test", "a_b", "../up", "a" * 64, "-"])
def test_a_name_that_no_namespace_can_have_is_refused(empty: Path, name: str) -> None:
    done = run("init", "--", name, cwd=empty)
    assert (done.returncode, "poscloud init dev" in done.stderr) == (2, True)
    assert everything(empty) == {}


@pytest.mark.parametrize("forge", FORGES)
def test_a_pipeline_installs_the_package_and_needs_no_checkout_of_poscloud(forge: str) -> None:
    files = pipeline(forge, "test")
    for text in files.values():
        assert not [word for word in (".lock", " -e ", "toolchain/", "make") if word in text]
        for document in yaml.safe_load_all(text):
            assert document
    text = "".join(files.values())
    assert "pip install --quiet -r requirements.txt 'poscloud[forge,postgresql,s3]'" in text
    assert "requirements.txt says where poscloud comes from" in text
    assert "STACK: test" in text or "inputs: {stack: test}" in text
