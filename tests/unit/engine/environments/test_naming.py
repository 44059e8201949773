"""Any branch's name becomes a valid, readable name of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poscloud.engine.environments.naming import MAX_LENGTH, environment_name
from poscloud.spec.base import check_name


@pytest.mark.parametrize("name", ["demo", "wbyh-stage", "a" * MAX_LENGTH])
def test_a_valid_name_stays(name: str) -> None:
    assert environment_name(name) == name


@pytest.mark.parametrize(
    ("branch", "begins"),
    [
        ("feature/PAY-12", "feature-pay-12-"),
        ("123", "e-123-"),
        ("支付", "e-"),
        ("-x-", "x-"),
        ("a" * 60, "a" * 33),
    ],
)
def test_anything_else_stays_readable(branch: str, begins: str) -> None:
    assert environment_name(branch).startswith(begins)


@given(st.text(min_size=1).filter(str.strip))
def test_every_name_is_valid(text: str) -> None:
    name = environment_name(text)
    assert check_name(name) == name and len(name) <= MAX_LENGTH


def test_two_branches_have_two_names() -> None:
    branches = ["feature/a", "feature-a", "Feature-a", "feature_a", "a" * 60, "a" * 61]
    assert len({environment_name(branch) for branch in branches}) == len(branches)


def test_nothing_is_no_name() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        environment_name(" ")
