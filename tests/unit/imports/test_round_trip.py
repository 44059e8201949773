"""Every stack and example of this repository: rendered, imported, loaded, rendered again; 0 differences."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from poscloud.imports.difference import differences
from poscloud.imports.fieldtypes import wrong_type
from poscloud.imports.importing import Choices, Imported, imported
from poscloud.imports.normal import IGNORED_ANNOTATIONS, normal
from poscloud.imports.prove import prove
from poscloud.imports.reading import source_of
from poscloud.imports.source import Source
from poscloud.load import known_stacks, load_environment, load_file
from poscloud.render import Manifest, render_environment
from tests.write_golden import ROOT

NOT_RECOGNISED: set[str] = set()
"""What an import lists as having no component (docs/import.md)."""

EXAMPLES = sorted({f.stem for f in (ROOT / "examples").glob("*.yaml")} - {"images"} - NOT_RECOGNISED)
OURS = re.compile(r"(app\.kubernetes\.io|pulumi\.com|poscloud\.io)/(?!secret-source|track)")


def unlabelled(value: Any) -> Any:
    """Return manifests as somebody else would have them: without any label or annotation that says what they are."""
    if isinstance(value, dict):
        return {k: unlabelled(v) for k, v in value.items() if not OURS.match(str(k))}
    return [unlabelled(v) for v in value] if isinstance(value, list) else value


@cache
def source(name: str) -> Source:
    stack = name in known_stacks(ROOT)
    spec = load_environment(ROOT, name) if stack else load_file(ROOT / "examples" / f"{name}.yaml", ROOT)
    return source_of([unlabelled(m) for part in render_environment(spec) for m in part.manifests], None)


def brought(name: str, root: Path) -> Imported:
    return imported(source(name), root, "a test", Choices())


@pytest.mark.parametrize("name", [*known_stacks(ROOT), *EXAMPLES])
def test_a_stack_comes_back_without_a_difference(name: str, tmp_path: Path) -> None:
    result = brought(name, tmp_path)
    assert result.proof.fields == []
    assert (result.proof.only_source, result.proof.only_rendered, result.notes) == ([], [], [])
    assert result.proof.compared == len(source(name).items)
    assert list(tmp_path.iterdir()) == []  # nothing is written before somebody says so


@pytest.mark.parametrize("name", [*known_stacks(ROOT), *EXAMPLES])
def test_what_is_rendered_has_fields_of_the_types_that_an_import_expects(name: str) -> None:
    assert [why for item in source(name).items if (why := wrong_type(item))] == []


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in steps:
        yield from leaves(below, (*path, step))
    if not isinstance(value, dict | list):
        yield path


def otherwise(item: Manifest, path: tuple[Any, ...]) -> Manifest:
    """Return an object with another value at ``path``."""
    changed = copy.deepcopy(item)
    place = changed
    for step in path[:-1]:
        place = place[step]
    was = place[path[-1]]
    place[path[-1]] = (not was) if isinstance(was, bool) else was + 1 if isinstance(was, int) else f"{was}x"
    return changed


def counts(item: Manifest, path: tuple[Any, ...]) -> bool:
    """Whether docs/import.md says that a field counts."""
    if "labels" in path and "nodeSelector" not in path:
        return False
    if "annotations" in path:
        return not IGNORED_ANNOTATIONS.fullmatch(str(path[-1]))
    return path[:2] != ("metadata", "namespace") and not (
        item["kind"] == "Secret" and path[0] == "stringData"
    )


@pytest.mark.parametrize("name", ["environment", "janitor", "mysql", "subsystem"])
def test_no_field_that_counts_can_change_unnoticed(name: str) -> None:
    unnoticed = [
        (item["kind"], path)
        for item in source(name).items
        for path in leaves(item)
        if path[0] not in ("kind",) and path != ("metadata", "name") and counts(item, path)
        if not differences(item, otherwise(item, path))
    ]
    assert unnoticed == []


def test_what_the_server_adds_is_no_difference() -> None:
    item = next(i for i in source("environment").items if i["kind"] == "Deployment")
    live = copy.deepcopy(item)
    live["status"] = {"replicas": 1}
    live["metadata"] |= {"uid": "1", "generation": 3, "managedFields": [{}], "annotations": {}}
    live["spec"] |= {"progressDeadlineSeconds": 600, "revisionHistoryLimit": 10}
    container = live["spec"]["template"]["spec"]["containers"][0]
    container |= {"terminationMessagePath": "/dev/termination-log", "env": container["env"][::-1]}
    container["resources"]["limits"] = {"cpu": "4", "memory": "4Gi"}
    assert differences(item, live) == []
    assert normal(item) == normal(live)


def test_what_the_server_adds_to_a_job_is_no_difference() -> None:
    item = next(i for i in source("wbyh-stage").items if i["kind"] == "Job")
    live = copy.deepcopy(item)
    live["spec"] |= {"podReplacementPolicy": "Failed", "suspend": False}
    assert "podFailurePolicy" in item["spec"]
    assert differences(item, live) == []


def test_how_many_pods_an_autoscaler_chose_is_no_difference(tmp_path: Path) -> None:
    whole = source("environment")
    items = [copy.deepcopy(item) for item in whole.items]
    next(i for i in items if i["kind"] == "Deployment" and "replicas" not in i["spec"])["spec"][
        "replicas"
    ] = 4
    assert imported(Source(whole.name, items), tmp_path, "a test", Choices()).proof.equal


def test_a_component_that_is_missing_in_the_source_is_found(tmp_path: Path) -> None:
    whole = source("redis")
    spec = brought("redis", tmp_path).spec
    fewer = Source(whole.name, [i for i in whole.items if i["kind"] != "StatefulSet"])
    assert prove(fewer, spec).only_rendered == [("StatefulSet", "redis")]
    more = Source(
        whole.name, [*whole.items, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}]
    )
    assert prove(more, spec).only_source == [("ConfigMap", "other")]


BASES = {
    "wbyh-stage": ("base/spring-cloud.yaml",),
    "prod": ("base/spring-cloud.yaml",),
    "public-test": ("base/public.yaml", "base/development.yaml"),
    "posp-pre": ("base/posp.yaml",),
    "hydra-test": ("base/spring-cloud.yaml",),  # has hardly anything of it
}


@pytest.mark.parametrize("name", BASES)
def test_over_its_bases_a_stack_is_short_and_still_the_same(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "stacks" / "base", tmp_path / "stacks" / "base")
    alone = imported(source(name), tmp_path, "a test", Choices())
    over = imported(source(name), tmp_path, "a test", Choices(extends=BASES[name]))
    assert over.proof.equal
    assert f"extends: [{', '.join(BASES[name])}]\n" in over.text
    assert len(over.text) < len(alone.text) or name == "hydra-test"
    assert sorted(f.name for f in (tmp_path / "stacks").iterdir()) == ["base"]
