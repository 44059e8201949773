"""poscloud check and explain as a person meets them: the line, the caret, exit codes, and what is not shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poscloud.load.codes import known_codes
from tests.unit.cli.test_commands import run

WRONG = """\
services:
  a: {kind: java, env: {DB_PASSWORD: hunter2}, replcas: 2}
  # 支付
  b: {kind: java, env: {"支付": x}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    return tmp_path


def write(project: Path, text: str) -> None:
    (project / "stacks" / "env.yaml").write_text(text)


def test_what_is_right_is_told_in_a_line(project: Path) -> None:
    write(project, "services: {a: java}\n")
    done = run("check", "-s", "env", cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "env: nothing found, 1 components, 5 objects\n",
        "",
    )


def test_a_wrong_description_ends_with_2_and_shows_the_place_without_the_secret(project: Path) -> None:
    write(project, WRONG)
    done = run("check", "-s", "env", cwd=project / "stacks")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "stacks/env.yaml:2:48: 'replcas' is not a field here [unknown-field]",
        "    2 |   a: {kind: java, env: {DB_PASSWORD: *******}, replcas: 2}",
        "      |                                                ^^^^^^^",
        "    did you mean 'replicas'?",
        "stacks/env.yaml:4:25: services.b.env.支付: '支付' is not an environment variable: letters, digits, '_', '.' "
        "and '-' [wrong-value]",
        '    4 |   b: {kind: java, env: {"支付": x}}',
        "      |                         ^^^^^^",
        "error: 2 problems found",
        "  what a word in brackets means: poscloud explain unknown-field",
    ]


def test_what_would_go_wrong_later_ends_with_1(project: Path) -> None:
    write(project, "services:\n  a: {kind: java, env: {DB_PASSWORD: hunter2}}\n")
    done = run("check", "-s", "env", "--json", cwd=project)
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(p["file"], p["line"], p["column"], p["code"]) for p in answer["problems"]] == [
        ("stacks/env.yaml", 2, 38, "secret-in-clear")
    ]
    assert "hunter2" not in done.stdout + done.stderr


def test_an_environment_that_cannot_be_compared_is_a_note(project: Path) -> None:
    write(project, "services: {a: {kind: java, node_port: 30080}}\n")
    (project / "stacks" / "other.yaml").write_text("services: {a: {kind: java, node_port: many}}\n")
    done = run("check", "-s", "env", cwd=project)
    assert done.returncode == 0
    assert done.stderr == (
        "note: environment 'other' could not be compared: 1 problem found (poscloud check -s other)\n"
    )


def test_an_environment_of_another_cluster_is_none_of_its_business(project: Path) -> None:
    for name in ("env", "other"):
        (project / "stacks" / f"{name}.yaml").write_text("services: {a: {kind: java, node_port: 30080}}\n")
    assert run("check", "-s", "env", cwd=project).returncode == 1
    (project / "Pulumi.other.yaml").write_text("config:\n  poscloud:context: prod\n")
    assert run("check", "-s", "env", cwd=project).returncode == 0


@pytest.mark.parametrize(("version", "code"), [("1.22", 1), ("v1.23.4", 0), ("new", 2)])
def test_the_version_of_the_cluster_counts(project: Path, version: str, code: int) -> None:
    write(project, "services: {a: {kind: java, autoscale: {min: 2, max: 4}}}\n")
    done = run("check", "-s", "env", "--kubernetes", version, cwd=project)
    assert done.returncode == code
    assert ("[api-not-served]" in done.stderr) == (version == "1.22")


def test_a_code_is_explained_in_two_ways(project: Path) -> None:
    one, other = run("explain", "no-room"), run("check", "--explain", "no-room")
    assert (one.returncode, one.stdout) == (0, other.stdout)
    assert "A pod fits on no node." in one.stdout
    unknown = run("explain", "no-rooom")
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "error: there is no code 'no-rooom'\n  did you mean 'no-room'?\n",
    )


def test_all_codes_are_listed() -> None:
    assert [line.split()[0] for line in run("explain").stdout.splitlines()] == list(known_codes())
    assert len(json.loads(run("explain", "--json").stdout)["codes"]) == len(list(known_codes()))


def test_without_a_stack_the_option_is_named(project: Path) -> None:
    done = run("check", cwd=project)
    assert done.returncode == 2
    assert "which environment? None is named" in done.stderr
