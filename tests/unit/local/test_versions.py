from __future__ import annotations

import re

import pytest

from poscloud.local.parts import parts
from poscloud.local.versions import Version, parse, pinned, sources


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("v3.250.0", (3, 250, 0)),
        ("Client Version: v1.36.3\nKustomize Version: v5.8.1", (1, 36, 3)),
        ("etcd Version: 3.6.8\nGit SHA: none", (3, 6, 8)),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)", (0, 8, 0)),
        ("go1.26.6 linux/amd64", (1, 26, 6)),
        ("go1.26 linux/amd64", (1, 26, 0)),
        ("Client Version: v1.32.4-dispatcher", (1, 32, 4)),
        ("Kubernetes v1.36.3", (1, 36, 3)),
        ("command not found", None),
        ("", None),
    ],
)
def test_parse(words: str, expected: Version | None) -> None:
    assert parse(words) == expected


@pytest.mark.parametrize(
    ("module", "requirement", "version"),
    [
        ("pulumi", "github.com/pulumi/pulumi/pkg/v3", pinned("pulumi")),
        ("pulumi", "github.com/pulumi/pulumi/sdk/v3", pinned("pulumi-language-python", "exec")),
        ("pulumi-language-python", "github.com/pulumi/pulumi/sdk/v3", pinned("pulumi-language-python")),
        ("kubernetes", "k8s.io/kubernetes", pinned("kubernetes")),
        ("kubernetes", "go.etcd.io/etcd/server/v3", pinned("etcd")),
        ("kwok", "sigs.k8s.io/kwok", pinned("kwok")),
        ("coredns", "github.com/coredns/coredns", pinned("coredns")),
    ],
)
def test_the_pins_are_those_of_the_modules(module: str, requirement: str, version: str) -> None:
    text = (sources() / module / "go.mod").read_text()
    assert re.search(
        rf"^\s*(?:require )?{re.escape(requirement)} v{re.escape(version)}(?: // indirect)?$", text, re.M
    )


def test_no_module_asks_for_a_newer_go_than_pinned() -> None:
    minimum = parse(pinned("go", "minimum"))
    for file in sources().glob("*/go.mod"):
        asked = re.search(r"^go (\S+)$", file.read_text(), re.M)
        assert asked and minimum and (parse(asked[1]) or ()) <= minimum, file


def test_the_key_of_a_build_changes_with_what_it_is_built_from() -> None:
    keys = [build.key for part in parts() for build in part.builds]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z-]+-\d+\.\d+\.\d+-[0-9a-f]{12}", key) for key in keys)
