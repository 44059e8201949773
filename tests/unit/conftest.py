"""Helpers of the unit tests: a project folder with stacks written on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from poscloud.errors import InputError, Problem
from poscloud.load import load_environment
from poscloud.spec import EnvironmentSpec


class Project:
    """A project folder in a temporary place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "stacks" / "base").mkdir(parents=True)

    def write(self, name: str, text: str) -> Path:
        file = self.root / "stacks" / name
        file.write_text(dedent(text))
        return file

    def load(self, text: str, name: str = "env") -> EnvironmentSpec:
        self.write(f"{name}.yaml", text)
        return load_environment(self.root, name)

    def problems(self, text: str, name: str = "env") -> list[Problem]:
        with pytest.raises(InputError) as caught:
            self.load(text, name)
        return caught.value.problems


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def services(project: Project) -> Callable[[str], EnvironmentSpec]:
    """Load an environment with a Kafka and the given lines below ``services:``."""

    def load(lines: str) -> EnvironmentSpec:
        return project.load("backing: {zookeeper: {}, kafka: {}, redis: {}}\nservices:\n" + lines)

    return load
