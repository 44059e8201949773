"""Recipes: what a file may say, and what a layer depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from poscloud.errors import InputError
from poscloud.local.nodeimages.project import names
from poscloud.local.nodeimages.recipes import Recipe, built_in, chain, digests, from_table
from poscloud.local.versions import sources


def test_every_image_of_ours_is_based_on_one_before_it_and_pinned() -> None:
    seen: set[str] = set()
    for recipe in built_in().values():
        assert recipe.base in seen or not recipe.base
        seen.add(recipe.name)
        assert recipe.about and recipe.names
        assert all(recipe.debian.values()), f"{recipe.name} takes any version"
        assert all((sources() / folder / "go.mod").is_file() for folder in recipe.go)
    locked = (Path(recipe.source) / "python.lock").read_text().split()
    assert all("==" in line for line in locked)


def test_a_version_is_that_of_what_is_fetched() -> None:
    for recipe in built_in().values():
        files = [sources() / folder / "go.mod" for folder in recipe.go if folder != "pause"]
        files += [sources() / recipe.pom] if recipe.pom else []
        for file in files:
            assert recipe.version in file.read_text(), f"{recipe.name}: {file}"


def test_an_image_of_others_is_refused_for_what_it_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "image.toml"
    with pytest.raises(InputError) as caught:
        from_table({"nmae": "a", "cmd": "run", "users": {"a": "1"}, "tree": {"a": 1}}, file)
    assert [(p.code, p.message.split(";")[0]) for p in caught.value.problems] == [
        ("missing-field", "an image needs a name"),
        ("unknown-field", "unknown field 'nmae'"),
        ("wrong-type", "cmd is 'run'"),
        ("wrong-type", "users is {'a': '1'}"),
        ("wrong-type", "tree is {'a': 1}"),
    ]


def test_a_digest_changes_with_what_goes_in_and_with_what_is_below(tmp_path: Path) -> None:
    program = tmp_path / "app.sh"
    program.write_text("echo one")
    program.chmod(0o644)
    below = Recipe("below", base="")
    above = Recipe("above", base="below", tree={"app.sh": "/app.sh"}, source=tmp_path)
    images = {"below": below, "above": above}
    before = digests(images)
    program.write_text("echo two")
    assert digests(images)["above"] != before["above"] and digests(images)["below"] == before["below"]
    program.write_text("echo one")
    assert digests(images) == before
    program.chmod(0o755)
    assert digests(images)["above"] != before["above"]
    program.chmod(0o644)
    assert digests({**images, "below": replace(below, env={"A": "b"})})["above"] != before["above"]
    assert digests({**images, "above": replace(above, names=("*/a:*",))}) == before


def test_a_base_that_is_unknown_or_itself_is_told() -> None:
    images = {"a": Recipe("a", base="b"), "b": Recipe("b", base="a"), "c": Recipe("c", base="nothing")}
    with pytest.raises(InputError, match="base 'nothing' is no known image; known: a, b, c"):
        chain("c", images)
    with pytest.raises(InputError, match="image 'a' is based on itself"):
        chain("a", images)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "../../escaped"}, "name is '../../escaped'"),
        ({"name": ""}, "name is ''"),
        ({"name": "a", "users": {"a:x:0:0": 5}}, "users: 'a:x:0:0' is no user's name"),
        ({"name": "a", "folders": {"/data": "1000"}}, "folders: /data is '1000'"),
    ],
)
def test_an_image_that_cannot_be_made_is_refused_before_anything_is(
    tmp_path: Path, given: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        from_table(given, tmp_path / "image.toml")
    assert [problem.message[: len(said)] for problem in caught.value.problems] == [said]


@pytest.mark.parametrize(
    "text", ["folders = [1]", 'folders = ["/etc"]', 'folders = [""]', '[names]\n"a" = ["b"]', "folders = 'é"]
)
def test_a_list_of_images_that_says_what_it_cannot_is_no_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster-images.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError):
        names(tmp_path)
