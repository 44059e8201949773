from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from poscloud.errors import DeployError, InputError
from poscloud.local import build, found, golang, releases, toolchain
from poscloud.local.parts import CONTROL_PLANE, Part, parts
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import SilentReporter
from poscloud.local.toolchain import ensure_toolchain, inspect_toolchain

from .conftest import Recorder

PULUMI, KUBERNETES, KWOK = parts()
Program = Callable[..., Path]


def fake_all(program: Program) -> Path:
    for name in CONTROL_PLANE:
        program(name, "Version: 3.6.9" if name == "etcd" else "Kubernetes v1.36.1")
    program("kwok", "kwok version v0.8.1")
    program("pulumi-language-python", "")
    program("pulumi-language-python-exec", "")
    return program("pulumi", "v3.300.1").parent


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No release can be reached, nothing can be built."""
    monkeypatch.setattr(releases, "unreachable", lambda parts: {part.name: "no such host" for part in parts})

    def no_go(*_: object) -> None:
        raise DeployError("no Go and no package index")

    monkeypatch.setattr(golang, "ensure_go", no_go)


@pytest.mark.parametrize(
    ("words", "usable"),
    [("v3.250.0", True), ("v3.999.9", True), ("v3.249.9", False), ("v4.0.0", False), ("hello", False)],
)
def test_which_engine_on_path_is_used(program: Program, words: str, usable: bool) -> None:
    folder = fake_all(program)
    program("pulumi", words)
    assert (found.on_path(PULUMI, str(folder)).reason == "") is usable


def test_an_engine_without_its_language_host_is_not_used(program: Program) -> None:
    folder = fake_all(program)
    (folder / "pulumi-language-python").unlink()
    assert "no pulumi-language-python beside it" in found.on_path(PULUMI, str(folder)).reason


def test_the_language_host_may_lie_where_the_link_leads(program: Program, tmp_path: Path) -> None:
    folder = fake_all(program)
    links = tmp_path / "links"
    links.mkdir()
    (links / "pulumi").symlink_to(folder / "pulumi")
    looked = found.on_path(PULUMI, str(links))
    assert looked.reason == ""
    assert looked.programs["pulumi-language-python"] == folder / "pulumi-language-python"


@pytest.mark.parametrize(
    ("words", "usable"), [("v1.35.9", True), ("v1.37.0", True), ("v1.34.0", False), ("v1.38.0", False)]
)
def test_kubectl_is_used_within_one_minor_version(program: Program, words: str, usable: bool) -> None:
    folder = fake_all(program)
    program("kubectl", f"Client Version: {words}")
    assert (found.on_path(KUBERNETES, str(folder)).reason == "") is usable


def test_a_program_that_fails_is_not_used(program: Program) -> None:
    folder = fake_all(program)
    program("kwok", "kwok version v0.8.0", code=1)
    assert "does not tell its version" in found.on_path(KWOK, str(folder)).reason


def test_our_own_links_are_not_something_installed(
    monkeypatch: pytest.MonkeyPatch, paths: ProjectPaths
) -> None:
    cache = os.environ["POSCLOUD_CACHE"]
    monkeypatch.setenv("PATH", f"{paths.bin}:{cache}/toolchain/kwok-1:/usr/bin::/other/.poscloud/bin")
    assert found.foreign_path() == "/usr/bin"


def test_what_is_on_path_is_linked(
    paths: ProjectPaths, program: Program, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    folder = fake_all(program)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    chosen = ensure_toolchain(paths, recorder)
    assert {part.way for part in chosen.parts} == {"path"}
    assert chosen.part("pulumi").version == "3.300.1"
    assert chosen.path == (paths.venv / "bin", paths.bin)
    assert (paths.bin / "kube-apiserver").readlink() == folder / "kube-apiserver"
    assert (paths.bin / "pulumi-language-python-exec").exists()


def test_the_second_time_nothing_is_run(
    paths: ProjectPaths, program: Program, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    folder = fake_all(program)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    first = ensure_toolchain(paths, recorder)
    monkeypatch.setattr(found, "on_path", lambda *_: pytest.fail("looked again"))
    assert ensure_toolchain(paths, recorder) == first


def test_a_program_replaced_since_is_looked_at_again(
    paths: ProjectPaths, program: Program, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    folder = fake_all(program)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    ensure_toolchain(paths, recorder)
    program("pulumi", "v3.0.0-too-old")
    with pytest.raises(DeployError, match=r"pulumi is 3\.0\.0, needed is >= 3\.250\.0"):
        ensure_toolchain(paths, recorder)


def test_where_nothing_works_every_way_and_a_command_is_named(
    paths: ProjectPaths, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DeployError) as caught:
        ensure_toolchain(paths, recorder)
    for part in parts():
        section = caught.value.message.partition(f"{part.name} {part.version} could be had")[2]
        for words in ("path: no ", "release: no such host", "build: no Go and no package index"):
            assert words in section
    assert caught.value.message.count("to make it work:") == 9


def built(part: Part) -> None:
    for entry in part.builds:
        for name in entry.programs:
            file = build.location(entry) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("#!/bin/sh\n")
            file.chmod(0o755)
    build.assemble(part, SilentReporter())


def released(part: Part) -> None:
    for name in part.programs:
        file = releases.location(part) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")


def test_path_comes_before_the_cache(
    paths: ProjectPaths, program: Program, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    folder = fake_all(program)
    (folder / "kwok").unlink()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    for part in parts():
        built(part)
    chosen = ensure_toolchain(paths, recorder)
    assert [part.way for part in chosen.parts] == ["path", "path", "build"]


@pytest.mark.parametrize(("forced", "way"), [("", "release"), ("release", "release"), ("build", "build")])
def test_the_order_can_be_forced(
    forced: str,
    way: str,
    paths: ProjectPaths,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    offline: None,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("POSCLOUD_TOOLCHAIN", forced)
    for part in parts():
        built(part)
        released(part)
    assert {part.way for part in ensure_toolchain(paths, recorder).parts} == {way}


def test_a_forced_way_that_does_not_work_tries_no_other(
    paths: ProjectPaths, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    monkeypatch.setenv("POSCLOUD_TOOLCHAIN", "release")
    for part in parts():
        built(part)
    with pytest.raises(DeployError) as caught:
        ensure_toolchain(paths, recorder)
    assert "build:" not in caught.value.message


def test_an_unknown_way_is_refused(
    paths: ProjectPaths, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSCLOUD_TOOLCHAIN", "docker")
    with pytest.raises(InputError, match="path, release, build"):
        ensure_toolchain(paths, recorder)


def test_looking_changes_nothing(paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    reports = inspect_toolchain(paths)
    assert [report.name for report in reports] == ["pulumi", "kubernetes", "kwok"]
    assert all(report.installed is None and report.available == "" for report in reports)
    assert not paths.owned.exists()
    assert not Path(os.environ["POSCLOUD_CACHE"]).exists()


def test_a_real_build_that_fails_shows_the_compilers_words(
    paths: ProjectPaths, recorder: Recorder, program: Program
) -> None:
    fake = program("go", "")
    fake.write_text("#!/bin/sh\necho 'go: module lookup disabled by test' >&2\nexit 1\n")
    with pytest.raises(DeployError, match="module lookup disabled by test") as caught:
        build.make(KWOK.builds[0], golang.Go(fake, "1.26.0", "path"), recorder, paths.logs / "log")
    assert str(paths.logs / "log") in caught.value.hint
    assert not build.is_built(KWOK.builds[0])


def test_toolchain_remembers_per_forced_way(
    paths: ProjectPaths, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    for part in parts():
        built(part)
        released(part)
    monkeypatch.setenv("PATH", "/nonexistent")
    ensure_toolchain(paths, recorder)
    monkeypatch.setenv("POSCLOUD_TOOLCHAIN", "build")
    assert {part.way for part in toolchain.ensure_toolchain(paths, recorder).parts} == {"build"}


def test_the_engine_and_its_language_host_really_lie_side_by_side(
    paths: ProjectPaths, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    for part in parts():
        built(part)
    monkeypatch.setenv("PATH", "/nonexistent")
    ensure_toolchain(paths, recorder)
    real = {name: (paths.bin / name).resolve().parent for name in PULUMI.programs}
    assert len(set(real.values())) == 1
