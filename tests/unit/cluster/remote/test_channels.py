"""How a command's end is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poscloud.cluster.remote.channels import exit_code, size_message
from poscloud.errors import DeployError


def status(**fields: Any) -> bytes:
    return json.dumps({"kind": "Status", **fields}).encode()


def test_success_is_zero() -> None:
    assert exit_code(status(status="Success")) == 0


def test_a_kubelet_tells_the_exit_code_as_a_cause() -> None:
    causes = {"causes": [{"reason": "ExitCode", "message": "42"}]}
    told = status(status="Failure", reason="NonZeroExitCode", message="failed", details=causes)
    assert exit_code(told) == 42


def test_a_simulated_node_tells_it_in_words() -> None:
    message = "error executing command in container: cmd wait: sh -c exit 3: exit status 3"
    assert exit_code(status(status="Failure", reason="InternalError", message=message)) == 3


@pytest.mark.parametrize(
    ("told", "message", "hint"),
    [
        (
            status(status="Failure", message='no exec found for container "a"'),
            "no exec found",
            "--run-commands",
        ),
        (
            status(status="Failure", message='exec: "bash": not found'),
            "not found",
            "does not have that program",
        ),
        (status(status="Failure", details=7), "no reason given", ""),
        (b"oops", "is not understood", ""),
        (b"[]", "is not understood", ""),
    ],
)
def test_a_command_that_was_not_run_is_no_exit_code(told: bytes, message: str, hint: str) -> None:
    with pytest.raises(DeployError, match=message) as caught:
        exit_code(told)
    assert hint in caught.value.hint


def test_the_size_of_the_terminal_is_columns_and_rows() -> None:
    assert size_message(120, 40) == b'\x04{"Width": 120, "Height": 40}'
