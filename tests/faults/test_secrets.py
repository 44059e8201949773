"""Secrets: a wrong passphrase is told before anything changes."""

from __future__ import annotations

import pytest

from tests.faults.arena import DESCRIPTION, STACK, Arena, says

pytestmark = [pytest.mark.faults, pytest.mark.fault(24)]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("poscloud", "up", "--yes"), f"wrong passphrase for stack {STACK} (PULUMI_CONFIG_PASSPHRASE or …_FILE)"),
        (("poscloud", "destroy", "--yes"), f"wrong passphrase for stack {STACK} (PULUMI_CONFIG_PASSPHRASE or …_FILE)"),
        (("pulumi", "up", "--yes", "--skip-preview"), "incorrect passphrase"),
    ],
)  # fmt: skip
def test_a_wrong_passphrase_is_told_before_anything_changes(
    present: Arena, command: tuple[str, ...], said: str
) -> None:
    before = present.proxy.writes()
    present.describe(DESCRIPTION.replace("a: {kind: java,", "a: {kind: java, replicas: 2,"))
    settings = present.settings.read_text()
    wrong = present.workspace.root / "wrong-passphrase"
    wrong.write_text("not it")
    done = present.run(*command, PULUMI_CONFIG_PASSPHRASE_FILE=str(wrong))
    assert done.code > 0
    assert present.proxy.writes() == before
    assert present.settings.read_text() == settings
    says(done, said)
