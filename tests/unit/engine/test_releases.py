"""Promote and abort: what they write into a stack's file."""

from __future__ import annotations

import pytest

from poscloud.engine.releases import abort, promote, set_version
from poscloud.errors import PosCloudError
from tests.unit.conftest import Project


def write(project: Project, service: str) -> None:
    project.write("env.yaml", f"services:\n  # why\n  a: {service} # kept\n")


def read(project: Project) -> str:
    text = (project.root / "stacks" / "env.yaml").read_text()
    assert text.startswith("services:\n  # why\n  a: ")
    assert text.endswith(" # kept\n")
    return text.removeprefix("services:\n  # why\n  a: ").removesuffix(" # kept\n")


def test_promoting_blue_green_twice_goes_back(project: Project) -> None:
    first = "{kind: java, version: v1, release: {strategy: blue-green, next: v2, live: blue}}"
    write(project, first)
    edit = promote(project.root, "env", "a")
    assert (
        read(project) == "{kind: java, version: v2, release: {strategy: blue-green, next: v1, live: green}}"
    )
    assert [line.split(".", 2)[2] for line in edit.lines] == [
        "version: v2",
        "release.next: v1",
        "release.live: green",
    ]
    promote(project.root, "env", "a")
    assert read(project) == first


def test_promoting_fields_swaps_them(project: Project) -> None:
    first = (
        "{kind: java, java_opts: -Xmx1g, env: {X: a}, release: "
        "{strategy: blue-green, next: {java_opts: null, env: {X: b, Y: c}}}}"
    )
    write(project, first)
    promote(project.root, "env", "a")
    back = "next: {java_opts: -Xmx1g, env: {X: a, Y: null}}, live: green"
    assert read(project) == (
        f"{{kind: java, java_opts: null, env: {{X: b, Y: c}}, release: {{strategy: blue-green, {back}}}}}"
    )


def test_of_a_promoted_canary_nothing_is_left_beside_the_live_version(project: Project) -> None:
    write(project, "{kind: java, replicas: 2, release: {strategy: canary, next: v2}}")
    promote(project.root, "env", "a")
    assert read(project) == "{kind: java, replicas: 2, release: {strategy: canary, next: null}, version: v2}"
    with pytest.raises(PosCloudError, match="nothing runs beside the live version of 'a'"):
        promote(project.root, "env", "a")


@pytest.mark.parametrize(
    ("live", "following", "back"),
    [
        ("", "env: {X: a}", "env: {X: null}"),
        ("env: {X: a, Y: b}, ", "env: {X: null}", "env: {X: a}"),
        ("env: {X: {secret: a, key: b}}, ", "env: {X: plain}", "env: {X: {secret: a, key: b}}"),
        ("env: {X: plain}, ", "env: {X: {secret: a, key: b}}", "env: {X: plain}"),
        ("", "opt_data: {server: nfs, path: /a}", "opt_data: null"),
    ],
)
def test_a_promoted_release_is_taken_back_and_promoted_again(
    project: Project, live: str, following: str, back: str
) -> None:
    write(project, f"{{kind: java, {live}release: {{strategy: blue-green, next: {{{following}}}}}}}")
    before = project.load((project.root / "stacks" / "env.yaml").read_text()).services["a"]
    promote(project.root, "env", "a")
    assert f"next: {{{back}}}, live: green" in read(project)
    taken_back = promote(project.root, "env", "a").service
    unreleased = {"release": None}
    assert taken_back.model_copy(update=unreleased) == before.model_copy(update=unreleased)
    promote(project.root, "env", "a")
    assert f"next: {{{back}}}, live: green" in read(project)


def test_a_promoted_canary_loses_a_variable(project: Project) -> None:
    write(
        project,
        "{kind: java, replicas: 2, env: {A: a, B: b}, release: {strategy: canary, next: {env: {A: null}}}}",
    )
    edit = promote(project.root, "env", "a")
    assert read(project) == "{kind: java, replicas: 2, env: {B: b}, release: {strategy: canary, next: null}}"
    assert edit.lines[0] == "services.a.env.A: (remove)"


def test_what_a_base_has_is_taken_away_by_null(project: Project) -> None:
    base = "services: {a: {kind: java, replicas: 2, env: {A: a}}}\n"
    project.write("base/b.yaml", base)
    file = project.write(
        "env.yaml",
        "extends: base/b.yaml\nservices:\n  a: {release: {strategy: canary, next: {env: {A: null}}}}\n",
    )
    assert promote(project.root, "env", "a").service.env == {}
    assert "env: {A: null}" in file.read_text()


def test_aborting_takes_the_next_version_out(project: Project) -> None:
    write(project, "{kind: java, replicas: 2, release: {strategy: canary, next: v2}}")
    abort(project.root, "env", "a")
    assert read(project) == "{kind: java, replicas: 2, release: {strategy: canary, next: null}}"


def test_a_new_version_becomes_the_next_one_of_a_release(project: Project) -> None:
    write(project, "java")
    set_version(project.root, "env", "a", "1.10")
    assert read(project) == '{kind: java, version: "1.10"}'
    write(project, "{kind: java, release: {strategy: blue-green}}")
    set_version(project.root, "env", "a", "v2")
    assert read(project) == "{kind: java, release: {strategy: blue-green, next: v2}}"


def test_a_base_is_left_and_a_program_is_told_line_by_line(project: Project) -> None:
    release = "{strategy: blue-green, next: {version: v2}}"
    project.write("base/b.yaml", f"services: {{a: {{kind: java, release: {release}}}}}\n")
    own = "extends: base/b.yaml\nservices:\n  b: java\n"
    file = project.write("env.yaml", own)
    promote(project.root, "env", "a")
    changed = "  a: {version: v2, release: {next: {version: v1}, live: green}}\n"
    assert file.read_text() == own + changed

    python = project.root / "stacks" / "other.py"
    python.write_text(
        "from poscloud.spec import EnvironmentSpec, JavaServiceSpec, Release\n"
        'canary = Release(strategy="canary", next="v2")\n'
        "service = JavaServiceSpec(replicas=2, release=canary)\n"
        'environment = EnvironmentSpec(name="other", services={"a": service})\n'
    )
    with pytest.raises(PosCloudError, match=r"stacks/other\.py is a program") as caught:
        promote(project.root, "other", "a")
    assert caught.value.hint == (
        "set by hand:\n    services.a.version: v2\n    services.a.release.next: null"
    )
