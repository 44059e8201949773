"""The commands that change something by hand: their help, and a shell without a terminal."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from poscloud.cli.app import app


@pytest.mark.parametrize("command", ["scale", "restart", "push-jar", "rollback", "history", "exec", "shell"])
def test_each_has_help_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
    assert f"Example: poscloud {command} " in " ".join(shown.split())


@pytest.mark.parametrize(("alias", "command"), [("push_jar", "push-jar"), ("login", "shell")])
def test_the_verbs_of_k8s_mean_the_same(alias: str, command: str) -> None:
    both = [
        CliRunner().invoke(app, [name, "--help"]).output.partition("\n\n")[2] for name in (alias, command)
    ]
    assert both[0] == both[1] and both[0]
