"""What is asked before anything is changed by hand: production, and how long a change lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.manual.asked import end_of, refuse_production
from poscloud.engine.manual.place import Place
from poscloud.errors import PosCloudError

ROOT = Path(__file__).parents[4]


def place(stack: str, *, local: bool = False) -> Place:
    engine: Any = None
    return Place(ROOT, stack, engine, Target(ROOT / "kubeconfig", "c", "https://h", "", local=local))


@pytest.mark.parametrize("stack", ["prod", "a-stack-nobody-can-read"])
def test_production_is_not_changed_by_mistake(stack: str) -> None:
    with pytest.raises(PosCloudError, match=f"{stack} is production") as caught:
        refuse_production(place(stack), yes=False)
    assert caught.value.hint == "if it is meant: the same command with --yes"
    refuse_production(place(stack), yes=True)


def test_another_environment_and_the_local_cluster_are_no_production() -> None:
    refuse_production(place("wbyh-stage"), yes=False)
    refuse_production(place("prod", local=True), yes=False)


def test_a_change_ends_after_its_time_or_with_the_next_up() -> None:
    end = end_of("2h")
    assert end and timedelta(hours=1, minutes=59) < end - datetime.now(UTC) <= timedelta(hours=2)
    assert end_of("") is None
    with pytest.raises(PosCloudError, match="--for: 'soon' is no duration"):
        end_of("soon")
