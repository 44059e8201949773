"""passwd: what is described, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine import unpacking
from poscloud.errors import DeployError
from poscloud.local.progress import ConsoleReporter


def test_a_password_that_cannot_be_stored_is_not_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "stacks" / "dev.yaml"
    file.parent.mkdir()
    file.write_text("services: {}\n")

    def refuse(*_: object) -> None:
        raise DeployError("no toolchain")

    monkeypatch.setattr(unpacking, "install", refuse)
    with pytest.raises(DeployError, match="no toolchain"):
        unpacking.passwd(tmp_path, "dev", ConsoleReporter(), new=False)
    assert file.read_text() == "services: {}\n"
