"""The environment that is meant where a command names none."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine.chosen import default_environment, is_production
from poscloud.errors import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    for name in ("dev", "stage", "prod"):
        (tmp_path / "stacks" / f"{name}.yaml").write_text("services: {a: java}\n")
    return tmp_path


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """The variables of somebody with a file of his own, which says `stage`."""
    file = tmp_path / "home" / "poscloud" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("environments: {shop: stage, other: dev}\n")
    return {"XDG_CONFIG_HOME": str(tmp_path / "home")}


def test_the_nearest_word_counts(root: Path, own: dict[str, str]) -> None:
    (root / "poscloud.yaml").write_text("environment: dev\n")
    assert default_environment(root, {"XDG_CONFIG_HOME": str(root / "none")}).name == "dev"
    assert default_environment(root, own).name == "stage"
    found = default_environment(root, {**own, "POSCLOUD_STACK": "mine"})
    assert (found.name, found.source) == ("mine", "POSCLOUD_STACK")


def test_without_any_word_the_message_has_the_option(root: Path) -> None:
    with pytest.raises(UsageError, match="None is named") as caught:
        default_environment(root, {"XDG_CONFIG_HOME": str(root / "none")})
    assert caught.value.exit_code == 2
    assert "-e dev" in caught.value.hint


def test_production_has_to_be_named(root: Path) -> None:
    (root / "poscloud.yaml").write_text("environment: prod\n")
    with pytest.raises(UsageError, match="prod is production, which is never the default"):
        default_environment(root, {"XDG_CONFIG_HOME": str(root / "none")})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("prod", "services: {}", True),
        ("shop-prod", "services: {}", True),
        ("shop-prod", "production: false", False),
        ("live", "services: {}", False),
        ("live", "production: true", True),
        ("live", "extends: base/live.yaml", True),
        ("live", "extends: [base/plain.yaml, base/live.yaml]", True),
        ("live", "extends: base/live.yaml\nproduction: false", False),
        ("live", "extends: live.yaml", False),
        ("live", "{", False),
    ],
)
def test_production_is_told_by_name_or_description(root: Path, name: str, text: str, expected: bool) -> None:
    (root / "stacks" / "base").mkdir()
    (root / "stacks" / "base" / "live.yaml").write_text("production: true\n")
    (root / "stacks" / "base" / "plain.yaml").write_text("services: {}\n")
    (root / "stacks" / f"{name}.yaml").write_text(text)
    assert is_production(root, name) is expected


@pytest.mark.parametrize("text", ["- dev\n", "environment: [\n"])
def test_a_file_of_another_form_is_named(root: Path, text: str) -> None:
    (root / "poscloud.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"poscloud\.yaml"):
        default_environment(root, {"XDG_CONFIG_HOME": str(root / "none")})
