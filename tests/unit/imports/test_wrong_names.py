"""A name that no environment can have is told at once, with what is next."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.errors import PosCloudError
from poscloud.imports.command import Wanted, bring
from poscloud.imports.settle import settled
from tests.unit.imports.test_sources import BASE, HERE

LIST = Path("list.conf")
NAMELESS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.mark.parametrize("name", ["Shop", "my_env", "2024-shop", "a.b"])
def test_a_name_that_is_given(name: str, tmp_path: Path) -> None:
    for wanted in (Wanted(files=(HERE / "chart.yaml",), stack=name), Wanted(namespace=name)):
        with pytest.raises(PosCloudError, match=f"'{name}' is not a DNS name") as caught:
            bring(tmp_path, wanted)
        assert "-s NAME" in caught.value.hint


def test_the_name_of_the_old_scripts_file(tmp_path: Path) -> None:
    base, apps = tmp_path / "dac_test-base.yml", tmp_path / LIST
    base.write_text(BASE)
    apps.write_text("dac-task\n")
    with pytest.raises(PosCloudError, match="'dac_test' is not a DNS name") as caught:
        bring(tmp_path, Wanted(files=(base,), app_list=apps))
    assert "-s NAME" in caught.value.hint


def test_the_namespace_of_manifests(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(NAMELESS.replace("name: a", "name: a, namespace: My_Shop"))
    with pytest.raises(PosCloudError, match="'My_Shop' is not a DNS name"):
        bring(tmp_path, Wanted(files=(file,)))


def test_what_cannot_be_left_out_is_an_error() -> None:
    with pytest.raises(PosCloudError, match="cannot be described: name"):
        settled({"name": "My_Shop", "registry": "registry.example.com/a"}, [])
