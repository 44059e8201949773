"""A share of the kill points; ``make kill-points`` does all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.killpoints import Lane, Mode, Operation
from tests.workspace import Workspace

pytestmark = [pytest.mark.faults, pytest.mark.fault(1)]

ROUND: list[tuple[Operation, str, int]] = [
    ("up", "engine", 40),
    ("update", "provider", 25),
    ("destroy", "engine", 9),
]
"""One after the other on one stack."""


@pytest.fixture(params=[pytest.param("checkpoints", marks=pytest.mark.long), "short-lived"])
def lane(request: pytest.FixtureRequest, workspace: Workspace, tmp_path: Path) -> Iterator[Lane]:
    mode: Mode = request.param
    with Lane(workspace, tmp_path, f"kill-{mode[0]}", mode) as found:
        found.open(1)
        yield found
        found.forget()


def test_a_run_that_was_killed_is_gone_on_with(lane: Lane) -> None:
    for operation, victim, number in ROUND:
        lane.describe(number)
        point = lane.point(operation, victim, number, preview=operation == "update")
        assert point.fired, f"{operation}: no {victim} at request {number}"
        assert not point.wrong, "\n".join(point.wrong)
