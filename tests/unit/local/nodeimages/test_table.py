"""Which image a reference stands for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from poscloud.errors import DeployError
from poscloud.local.nodeimages import project
from poscloud.local.nodeimages.patterns import fits, wrong
from poscloud.local.nodeimages.recipes import built_in
from poscloud.local.nodeimages.table import Name, by_tag, check_table, full, image_for, table, write_table
from poscloud.local.versions import sources

GOLDEN = Path(__file__).parents[3] / "golden"
OWN = (
    "kafka",
    "zookeeper",
    "redis",
    "mongo",
    "mysql",
    "mqtt",
    "jdk",
    "filebeat",
    "git",
    "base_c",
    "nginx",
    "dnsmasq",
)


@pytest.mark.parametrize(
    ("reference", "whole"),
    [
        ("redis", "docker.io/library/redis:latest"),
        ("redis:7", "docker.io/library/redis:7"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("harbor.example.com/wbyh/redis:3.2.12", "harbor.example.com/wbyh/redis:3.2.12"),
        ("127.0.0.1:5000/redis", "127.0.0.1:5000/redis:latest"),
        ("localhost/redis@sha256:00", "localhost/redis@sha256:00"),
    ],
)
def test_a_reference_is_seen_as_a_container_runtime_sees_it(reference: str, whole: str) -> None:
    assert full(reference) == whole


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("redis", "redis"),
        ("harbor.example.com/wbyh/redis:3.2.12", "redis"),
        ("harbor.example.com/public/kafka:3.9.1", "kafka"),
        ("harbor.example.com/public/kafka:4.1.0", "kafka4"),
        ("harbor.example.com/posp/base_c:posp_elk", "c"),
        ("busybox", "base"),
        ("harbor.example.com/wbyh/redis:3.2.12@sha256:00", None),
        ("redis@sha256:00", None),
        ("harbor.example.com/wbyh/not-redis:1", None),
        ("harbor.example.com/wbyh/wbyh-stage-dac-task:v1", None),
    ],
)
def test_poscloud_knows_its_own_programs(reference: str, image: str | None) -> None:
    assert image_for(reference, project.names(None)) == image


def test_every_image_that_poscloud_names_by_itself_is_there() -> None:
    references = set(re.findall(r"image: (\S+)", "".join(f.read_text() for f in GOLDEN.glob("*.yaml"))))
    programs = {r for r in references if r.rpartition("/")[2].partition(":")[0] in OWN}
    assert len(programs) > 20
    assert [r for r in programs if image_for(r, project.names(None)) is None] == []


def test_the_first_line_that_fits_counts_and_a_projects_own_come_first(tmp_path: Path) -> None:
    names = table(built_in(), [Name("*/redis:9*", "base"), Name("*/redis:[78]*", "python")])
    assert [image_for(f"redis:{v}", names) for v in ("9.1", "8.0", "7", "6")] == [
        "base",
        "python",
        "python",
        "redis",
    ]
    write_table(tmp_path / "table.json", names)
    assert json.loads((tmp_path / "table.json").read_text())[0] == {"pattern": "*/redis:9*", "image": "base"}


CASES = json.loads((sources() / "sandbox/testdata/patterns.json").read_text())


@pytest.mark.parametrize(("pattern", "reference", "expected"), CASES["fits"])
def test_a_pattern_means_what_the_nodes_registry_takes_it_for(
    pattern: str, reference: str, expected: bool
) -> None:
    assert wrong(pattern) == ""
    assert fits(pattern, reference) is expected


@pytest.mark.parametrize("pattern", CASES["wrong"])
def test_what_is_no_pattern_is_told_with_what_was_expected(pattern: str) -> None:
    assert "expected" in wrong(pattern)


def test_every_pattern_of_ours_is_one() -> None:
    assert [name.pattern for name in project.names(None) if wrong(name.pattern)] == []


@pytest.mark.parametrize(
    ("reference", "tagged"),
    [
        ("redis:7", None),
        ("redis@sha256:00", "redis:latest"),
        ("127.0.0.1:5000/redis@sha256:00", "127.0.0.1:5000/redis:latest"),
        ("harbor.example.com/redis:7@sha256:00", "harbor.example.com/redis:7"),
    ],
)
def test_a_reference_by_digest_has_one_by_tag(reference: str, tagged: str | None) -> None:
    assert by_tag(reference) == tagged


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no table of images"),
        ('["redis"]', "is no table of images"),
        ('[{"pattern": "*/a:*", "image": "a"}, {"pattern": "*/b:[4", "image": "b"}]', r"entry 2: '\*/b:\[4'"),
        ('[{"pattern": "*/a:*", "image": "a"}, {"pattern": 4, "image": "b"}]', "entry 2: expected"),
        ('[{"pattern": "*/a:*", "image": ""}]', "entry 1: expected"),
    ],
)
def test_a_table_of_somebody_elses_is_read_before_the_nodes_do(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "table.json"
    file.write_text(text)
    with pytest.raises(DeployError, match=said) as caught:
        check_table(file)
    assert "POSCLOUD_NODE_IMAGES" in caught.value.hint
